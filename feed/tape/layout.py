"""Layout of a recording: the columns of its rows, and the facts in its metadata.

A row is a message, in the order in which messages were sent. The columns of a trade are columns of the file, so that
DuckDB, polars and pandas read them as they are; every other channel keeps its object as JSON text in `data`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "CLOCKS",
    "CLOCKS_COLUMN",
    "COUNTS",
    "ENDED",
    "FILE_SCHEMA",
    "FORMAT_VERSION",
    "INFO_KEY",
    "INSTRUMENTS_KEY",
    "NAMES",
    "OUTSIDE",
    "PAST",
    "SCHEMA",
    "RecordingGap",
    "RecordingInfo",
    "StreamInfo",
    "words_of",
]

FORMAT_VERSION = 1
"""Format version; it changes with any change that an older reader would misread."""

INFO_KEY = b"feed.recording"
"""Metadata key of the schema for the `RecordingInfo`, as JSON."""

INSTRUMENTS_KEY = b"feed.instruments"
"""Metadata key for `{symbol: [tick size, lot size]}`, as JSON, for reading the columns with another tool."""

_NAME = pa.dictionary(pa.int16(), pa.string())
_FEW = pa.dictionary(pa.int8(), pa.string())

SCHEMA = pa.schema(
    [
        # Both clocks, ns UTC: the time of publication or arrival (null where it was not noted), and the time
        # given by the market or the exchange.
        ("received", pa.int64()),
        ("time", pa.int64()),
        ("channel", _FEW),
        ("symbol", _NAME),
        # The interval of candles, the depth of a book, else empty.
        ("interval", _FEW),
        # "snapshot" or "update", or one of the words below; of an event its name.
        ("type", _FEW),
        ("seq", pa.int64()),
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("side", _FEW),
        # The best bid and ask of a quote. Of a trade, in a market of ours the ones that it leaves behind, in a
        # recording of a venue the last ones before it; null where none were recorded.
        ("bid", pa.float64()),
        ("bid_size", pa.float64()),
        ("ask", pa.float64()),
        ("ask_size", pa.float64()),
        ("volume", pa.float64()),
        ("trade_id", pa.int64()),
        # The `data` object of a message whose channel has no columns; of an event the whole frame. A venue's book has
        # its numbers of the first and the last change, `first_id` and `last_id`, a quote its `update_id`.
        ("data", pa.string()),
    ]
)

OUTSIDE = "outside"
"""Type of a book's update that changes no known book: before the first snapshot, after an end, or already in it."""

ENDED = "ended"
"""Type of a book's row from which on the book is unknown, until its next snapshot: updates are missing."""

PAST = "past"
"""Type of a trade from before the session, which the venue repeats at its beginning. A replay leaves it out."""

CLOCKS = ("none", "time", "received", "both")
"""Words of the column `clocks` of a file: the clocks that the source of a row gave."""

CLOCKS_COLUMN = "clocks"

_TIMESTAMP = pa.timestamp("ns", "UTC")

FILE_SCHEMA = pa.schema(
    [
        pa.field(field.name, _TIMESTAMP, nullable=False) if field.name in ("received", "time") else field
        for field in SCHEMA
    ]
    + [pa.field(CLOCKS_COLUMN, _FEW, nullable=False)]
)
"""The columns of a file: those of `SCHEMA` with both clocks as timestamps, and `clocks`; see `feed.tape.clocks`."""

NAMES = ("channel", "symbol", "interval", "type", "side")
"""Columns with few distinct texts."""

COUNTS = ("received", "time", "seq", "trade_id")
"""Columns of integers that increase in small steps."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="ignore")


class StreamInfo(_Facts):
    """Summary of one stream of a recording: the number of messages, and the first and the last seq."""

    rows: int = 0
    first_seq: int | None = None
    last_seq: int | None = None


class RecordingGap(_Facts):
    """Lost messages: after seq `after` and before seq `before`, noticed at `time` (ns UTC).

    Attributes:
        count: the number of lost messages, where the numbers do not tell it: a recording of a venue numbers its own
            rows, which go on without a hole. None if nobody knows.
        reason: the reason, such as the venue's own numbers on both sides.
    """

    stream: str
    after: int
    before: int
    time: int
    count: int | None = None
    reason: str = ""

    @property
    def lost(self) -> int | None:
        """The number of lost messages; None if nobody knows."""
        if self.count is not None:
            return self.count
        return self.before - self.after - 1 or None


class RecordingInfo(_Facts):
    """Metadata of a recording.

    Attributes:
        source: the recorded source: a market's name, a URL, or the format and files of an import.
        instruments: `{symbol: (tick size, lot size)}`, exact decimals as text.
        shift: ns between the source's own market time and the market time sent to clients (the anchor).
        started, ended: the recorder's clock, ns UTC.
        begins, ends: the market time covered, ns UTC, where that is more than from its first row to its last.
        streams: by `channel:symbol`, with `:interval` where there is one.
        complete: False where the recorder was cut off and its journal was recovered.
        notes: inferred, omitted or repaired data, one sentence each.
    """

    format: int = FORMAT_VERSION
    version: str
    source: str
    scenario: str | None = None
    seed: int | None = None
    epoch: str | None = None
    digest: str | None = None
    shift: int = 0
    started: int | None = None
    ended: int | None = None
    begins: int | None = None
    ends: int | None = None
    instruments: dict[str, tuple[str, str]] = Field(default_factory=dict)
    streams: dict[str, StreamInfo] = Field(default_factory=dict)
    gaps: list[RecordingGap] = Field(default_factory=list)
    complete: bool = True
    notes: list[str] = Field(default_factory=list)


def words_of(column: pa.Array | pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Encode a column of few texts as the distinct texts and each row's index; a null text becomes empty."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    words = [word or "" for word in column.dictionary.to_pylist()]
    codes = column.indices
    if column.null_count:
        words.append("")
        codes = pc.fill_null(codes.cast(pa.int64()), len(words) - 1)
    return words, codes.to_numpy(zero_copy_only=False).astype(np.int64)
