"""Import of feed's own files: recordings, and ticks as `feed generate` exports them or wrote them before recordings.

They give the steps of their symbols, and all of their numbers are kept: a replay of their import equals the original.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from feed.errors import UsageError, failure
from feed.importing.columns import Chunk, Meter, Wanted, read_columns
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format, Reader
from feed.importing.options import Options
from feed.importing.ordering import check_order
from feed.importing.rows import constant, row_table
from feed.tape.layout import INSTRUMENTS_KEY, RecordingInfo
from feed.tape.reader import RecordingReader, is_recording, open_recording
from feed.tape.tickcsv import COLUMNS
from feed.units import parse_step

__all__ = ["RECORDING", "TICKS"]

_KEPT = ("scenario", "seed", "epoch", "digest", "shift", "started", "ended", "begins", "ends", "complete")
"""Fields of `RecordingInfo` that an import of a recording takes over."""


@dataclass(slots=True)
class OwnRecording(Reader):
    """Reader of a recording, unchanged."""

    path: Path
    findings: Findings
    meter: Meter
    _recording: RecordingReader = field(init=False)

    def __post_init__(self) -> None:
        self._recording = open_recording(self.path)

    @property
    def info(self) -> RecordingInfo:
        """The recording's description of itself."""
        return self._recording.info

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol that the recording describes."""
        return {name: (parse_step(tick), parse_step(lot)) for name, (tick, lot) in self.info.instruments.items()}

    @property
    def facts(self) -> Mapping[str, Any]:
        """The facts about its origin."""
        told = self.info.model_dump()
        return {name: told[name] for name in _KEPT}

    def tables(self) -> Iterator[pa.Table]:
        """Yield its rows. Raises RecordingError for the first damaged place."""
        size, rows = self.path.stat().st_size, 0
        with self._recording as recording:
            for batch in recording.batches():
                rows += len(batch)
                self.meter.here = size * rows // max(1, recording.rows)
                yield pa.Table.from_batches([batch])
        self.meter.next_file(size)
        self.findings.gaps += self.info.gaps
        for note in self.info.notes:
            self.findings.say(note)


@dataclass(slots=True)
class OwnTicks(Reader):
    """Reader of a market's ticks, one row per fill, with every column that a recording has for a trade."""

    paths: Sequence[Path]
    findings: Findings
    meter: Meter
    _steps: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    _seqs: dict[str, int] = field(default_factory=dict)
    _last: int = -(2**62)

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol: as given in Parquet, or one unit of the last decimal in a CSV."""
        return {name: steps for name, steps in self._steps.items() if name in self._seqs}

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order. Raises RecordingError for the first mistake."""
        # As text: a CSV is written with the decimals of its symbols.
        wanted = Wanted({f"{name} as text": name for name in COLUMNS}, header=True)
        for path in self.paths:
            self._steps |= _told_steps(path)
            row = 1
            for chunk in read_columns(path, wanted, self.meter):
                yield self._table(path, row, {name: chunk[f"{name} as text"] for name in COLUMNS})
                row += len(chunk["time as text"])

    def _table(self, path: Path, row: int, chunk: Chunk) -> pa.Table:
        rows = len(chunk["time"])
        try:
            columns = {name: chunk[name].cast(pa.float64()) for name in COLUMNS if name not in _OTHERS}
            columns |= {name: chunk[name].cast(pa.int64()) for name in ("time", "trade_id")}
        except pa.ArrowException as error:
            raise failure(path, f"row {row} and after", f"cannot be read: {str(error).splitlines()[0][:200]}") from None
        self._last = check_order(path, row, columns["time"].to_numpy(), self._last)
        symbols = chunk["symbol"].cast(pa.string()).dictionary_encode()
        columns["seq"] = self._numbered(chunk, symbols)
        columns["symbol"] = pa.DictionaryArray.from_arrays(symbols.indices.cast(pa.int16()), symbols.dictionary)
        sides = chunk["side"].cast(pa.string()).dictionary_encode()
        columns["side"] = pa.DictionaryArray.from_arrays(sides.indices.cast(pa.int8()), sides.dictionary)
        for name, value in (("channel", "trading"), ("type", "update")):
            columns[name] = constant(name, value, rows)
        return row_table(rows, columns)

    def _numbered(self, chunk: Chunk, symbols: pa.DictionaryArray) -> pa.Array:
        """Return the number of each row among the rows of its symbol."""
        codes = symbols.indices.to_numpy(zero_copy_only=False)
        seq = np.zeros(len(codes), np.int64)
        for code, name in enumerate(symbols.dictionary.to_pylist()):
            rows = np.flatnonzero(codes == code)
            before = self._seqs.get(name, 0)
            seq[rows] = np.arange(before + 1, before + 1 + len(rows))
            self._seqs[name] = before + len(rows)
            if name not in self._steps:
                first = int(rows[0])
                self._steps[name] = _written_step(chunk["price"][first]), _written_step(chunk["size"][first])
        return pa.array(seq)


_OTHERS = ("time", "symbol", "side", "trade_id")


def _told_steps(path: Path) -> dict[str, tuple[Decimal, Decimal]]:
    metadata = _metadata(path)
    told: dict[str, list[str]] = orjson.loads(metadata[INSTRUMENTS_KEY]) if INSTRUMENTS_KEY in metadata else {}
    return {name: (parse_step(tick), parse_step(lot)) for name, (tick, lot) in told.items()}


def _written_step(cell: pa.Scalar) -> Decimal:
    return Decimal(1).scaleb(-len(str(cell.as_py()).partition(".")[2]))


def _metadata(path: Path) -> Mapping[bytes, bytes]:
    """Return the metadata of a Parquet file; empty for other files."""
    try:
        return pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return {}


def _recordings(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> OwnRecording:
    options.only("a recording, which is kept as it is")
    if len(paths) > 1:
        raise UsageError("recordings are imported one by one; [replay] of a scenario plays several as one")
    return OwnRecording(paths[0], findings, meter)


def _ticks(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> OwnTicks:
    options.only("ticks of feed generate, which are kept as they are")
    return OwnTicks(paths, findings, meter)


def _is_recording(beginning: Beginning) -> str | None:
    return "it says that it is one" if is_recording(beginning.path) else None


def _is_ticks(beginning: Beginning) -> str | None:
    if beginning.has_lines or tuple(beginning.head.cells) != COLUMNS:
        return None
    if beginning.head.parquet and INSTRUMENTS_KEY not in _metadata(beginning.path):
        return None
    return "it has the columns of feed generate"


RECORDING = Format("recording", "a recording of feed", _recordings, _is_recording, tells_steps=True)

TICKS = Format(
    "ticks",
    "ticks of feed generate, CSV or Parquet",
    _ticks,
    _is_ticks,
    {name: name for name in COLUMNS},
    tells_steps=True,
)
