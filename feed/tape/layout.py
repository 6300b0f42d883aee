"""What a recording looks like: the columns of its rows, and what the file tells of itself.

A row is a message, in the order in which messages went by. The columns of a trade are columns of the file, so that
DuckDB, polars and pandas read them as they are; every other channel keeps its object as JSON text in `data`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "COUNTS",
    "FORMAT",
    "INFO_KEY",
    "INSTRUMENTS_KEY",
    "NAMES",
    "SCHEMA",
    "RecordingGap",
    "RecordingInfo",
    "StreamInfo",
    "words_of",
]

FORMAT = 1
"""Changes with anything that an older reader would misread."""

INFO_KEY = b"feed.recording"
"""Where the schema's metadata has the `RecordingInfo`, as JSON."""

INSTRUMENTS_KEY = b"feed.instruments"
"""Where it has `{symbol: [tick size, lot size]}`, as JSON, for whoever reads the columns with another tool."""

_NAME = pa.dictionary(pa.int16(), pa.string())
_FEW = pa.dictionary(pa.int8(), pa.string())

SCHEMA = pa.schema(
    [
        # Both clocks, ns UTC: when the message was published or came in (null where nobody noted it), and the time
        # that the market or the exchange gives it.
        ("received", pa.int64()),
        ("time", pa.int64()),
        ("channel", _FEW),
        ("symbol", _NAME),
        # Of candles their length, of a book its depth, else empty.
        ("interval", _FEW),
        # "snapshot" or "update"; of an event its name.
        ("type", _FEW),
        ("seq", pa.int64()),
        ("price", pa.float64()),
        ("size", pa.float64()),
        ("side", _FEW),
        # The touch: of a trade the one that stands behind it; null where the recording has none.
        ("bid", pa.float64()),
        ("bid_size", pa.float64()),
        ("ask", pa.float64()),
        ("ask_size", pa.float64()),
        ("volume", pa.float64()),
        ("trade_id", pa.int64()),
        # The `data` object of a message whose channel has no columns; of an event the whole frame.
        ("data", pa.string()),
    ]
)

NAMES = ("channel", "symbol", "interval", "type", "side")
"""Columns of few words."""

COUNTS = ("received", "time", "seq", "trade_id")
"""Columns of whole numbers that grow by little."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="ignore")


class StreamInfo(_Facts):
    """One stream of a recording: how many messages, and the numbers of the first and the last."""

    rows: int = 0
    first_seq: int | None = None
    last_seq: int | None = None


class RecordingGap(_Facts):
    """Messages that never came: behind `after` and before `before` (seq), noticed at `time` (ns UTC)."""

    stream: str
    after: int
    before: int
    time: int


class RecordingInfo(_Facts):
    """What a recording tells of itself.

    Attributes:
        source: what was recorded: a market's name, a URL, or the format and files of an import.
        instruments: `{symbol: (tick size, lot size)}`, exact decimals as text.
        shift: ns between the source's own market time and what clients saw of it (the anchor).
        started, ended: the recorder's clock, ns UTC.
        begins, ends: the market time that it covers, ns UTC, where that is more than from its first row to its last.
        streams: by `channel:symbol`, with `:interval` where there is one.
        complete: False where the recorder was cut off and what it had written was recovered.
        notes: what was inferred, left out or repaired, one sentence each.
    """

    format: int = FORMAT
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
    """A column of few words, as the words and the number of each row's; a word that is not there is empty."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    words = [word or "" for word in column.dictionary.to_pylist()]
    codes = column.indices
    if column.null_count:
        words.append("")
        codes = pc.fill_null(codes.cast(pa.int64()), len(words) - 1)
    return words, codes.to_numpy(zero_copy_only=False).astype(np.int64)
