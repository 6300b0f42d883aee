"""Join of files of one market: trades, quotes and books of different origin become one recording on one clock.

Each file is read as `feed import` does, and their rows are merged by the clock that is asked for. Within a file the
order stays as it is: where its clock falls back, the highest time so far counts. A stream of one file keeps its
numbers, one of several is numbered anew from where the second begins. A trade without a quote gets the last one
before it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.data.columns import QUOTES
from feed.errors import FeedError, UsageError
from feed.importing.options import Options
from feed.importing.running import FileImport, Report, check_target
from feed.tape.layout import SCHEMA, RecordingInfo, words_of
from feed.tape.parquet import RecordingFile
from feed.version import __version__

__all__ = ["Clock", "join_files"]

Clock = Literal["received", "time"]
"""The clock by which rows are merged: the recorders', or the exchange's."""

Ints = NDArray[np.int64]
Key = tuple[str, str, str]

STEP_ROWS = 8192
"""The number of rows of a piece that is merged at a time."""


@dataclass(slots=True)
class _Reading:
    """A file that is being read: rows with the times by which they are merged, which never fall."""

    run: FileImport
    clock: Clock
    symbol: str | None
    _tables: Iterator[pa.Table] = field(init=False)
    rows: pa.Table | None = None
    times: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    _last: int = -(2**63)

    def __post_init__(self) -> None:
        self._tables = (piece for table in self.run.tables() for piece in _pieces(table))
        self.advance()

    def advance(self) -> None:
        """Read the next rows, once all of those before were taken."""
        while (self.rows is None or not len(self.rows)) and (table := next(self._tables, None)) is not None:
            self.rows = self._named(table)
            self.times = np.maximum(np.maximum.accumulate(self._clock_of(table)), self._last)
            self._last = int(self.times[-1])

    def take(self, until: int) -> pa.Table:
        """Return the rows up to and including a time, of those that were read, and read on."""
        assert self.rows is not None
        count = int(np.searchsorted(self.times, until, side="right"))
        taken, self.rows, self.times = self.rows.slice(0, count), self.rows.slice(count), self.times[count:]
        self.advance()
        return taken

    @property
    def is_over(self) -> bool:
        """Tell whether all rows were taken."""
        return self.rows is None or not len(self.rows)

    def _clock_of(self, table: pa.Table) -> Ints:
        other = "time" if self.clock == "received" else "received"
        found: Ints = pc.coalesce(table[self.clock], table[other]).to_numpy().astype(np.int64)
        return found

    def _named(self, table: pa.Table) -> pa.Table:
        """Return the rows under the name of the joined market."""
        if self.symbol is None:
            return table
        kind = SCHEMA.field("symbol").type
        names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(table), np.int16)), pa.array([self.symbol]))
        return table.set_column(SCHEMA.names.index("symbol"), "symbol", names.cast(kind))


class _Numbers:
    """Rows as those of one recording: numbered by stream, and each trade with the quote before it."""

    def __init__(self) -> None:
        self._seqs: dict[Key, int] = {}
        self._owners: dict[Key, int] = {}
        self.shared: set[Key] = set()
        self._quotes: dict[str, tuple[float, ...]] = {}
        self.quoted = 0

    def told(self, table: pa.Table, origin: Ints) -> pa.Table:
        """Return the rows with their numbers and quotes; `origin` is the index of each row's file."""
        table = self._numbered(table, origin)
        channels, channel = words_of(table["channel"])
        quotes = np.isin(channel, [code for code, name in enumerate(channels) if name == "quote"])
        trades = np.isin(channel, [code for code, name in enumerate(channels) if name == "trading"])
        if not quotes.any() and not self._quotes:
            return table
        return self._with_quotes(table, quotes, trades)

    def _numbered(self, table: pa.Table, origin: Ints) -> pa.Table:
        words, code = [], np.zeros(len(table), np.int64)
        for name in ("channel", "symbol", "interval"):
            known, codes = words_of(table[name])
            words.append(known)
            code = code * max(1, len(known)) + codes
        seq = pc.fill_null(table["seq"], 0).to_numpy().astype(np.int64)
        for each in np.unique(code).tolist():
            rest, third = divmod(each, max(1, len(words[2])))
            first, second = divmod(rest, max(1, len(words[1])))
            key = (words[0][first], words[1][second], words[2][third])
            rows = np.flatnonzero(code == each)
            seq[rows] = self._counted(key, seq[rows], origin[rows])
        return table.set_column(SCHEMA.names.index("seq"), "seq", pa.array(seq, mask=table["seq"].is_null().to_numpy()))

    def _counted(self, key: Key, own: Ints, origin: Ints) -> Ints:
        """Return the numbers of a stream's next rows: their own, or counted on, once it comes from a second file."""
        owner = self._owners.setdefault(key, int(origin[0]))
        before = self._seqs.get(key, 0)
        if key not in self.shared and (origin != owner).any():
            self.shared.add(key)
        made = np.arange(before + 1, before + 1 + len(own)) if key in self.shared else own
        self._seqs[key] = max(before, int(made.max()))
        return made

    def _with_quotes(self, table: pa.Table, quotes: Any, trades: Any) -> pa.Table:
        symbols, code = words_of(table["symbol"])
        columns = {name: table[name].to_numpy().astype(np.float64) for name in (*QUOTES, "price")}
        for each in np.unique(code[quotes | trades]).tolist():
            mine = code == each
            told = np.flatnonzero(quotes & mine)
            bare = np.flatnonzero(trades & mine & np.isnan(columns["bid"]))
            self._fill(symbols[each], columns, told, bare)
        for name in QUOTES:
            made = pa.array(columns[name], pa.float64(), from_pandas=True)
            table = table.set_column(SCHEMA.names.index(name), name, made)
        return table

    def _fill(self, symbol: str, columns: dict[str, Any], told: Ints, bare: Ints) -> None:
        """Give each trade without a quote the last one before it, if its price lies within."""
        before = np.searchsorted(told, bare) - 1
        known = self._quotes.get(symbol, (np.nan,) * len(QUOTES))
        held = {
            name: np.where(
                before >= 0, columns[name][told[np.maximum(before, 0)]] if len(told) else np.nan, known[place]
            )
            for place, name in enumerate(QUOTES)
        }
        price = columns["price"][bare]
        fits = (held["bid"] <= price) & (price <= held["ask"]) & (held["bid"] < held["ask"])
        self.quoted += int(fits.sum())
        for name in QUOTES:
            columns[name][bare[fits]] = held[name][fits]
        if len(told):
            self._quotes[symbol] = tuple(float(columns[name][told[-1]]) for name in QUOTES)


def join_files(
    paths: Sequence[Path],
    out: Path,
    *,
    clock: Clock | None = None,
    symbol: str | None = None,
    force: bool = False,
    on_rows: Callable[[int], None] | None = None,
) -> Report:
    """Make one recording of several files of one market: of any format that is found by itself, or recordings.

    Args:
        clock: the clock of the merge; else `received` where every file has it, and otherwise `time`.
        symbol: the name of the market, for files that call it differently or do not name it.
        force: replace a recording that is there.
        on_rows: called with the number of rows so far.

    Raises:
        UsageError: names do not fit, or the files are of different markets.
        RecordingError: names file, row and column of the first mistake.
        FeedError: the recording cannot be written.
    """
    if len(paths) < 2:
        raise UsageError("name two files or more to join; feed import makes a recording of one")
    check_target(paths, out, force)
    chosen = clock or _common_clock(paths, symbol)
    file = RecordingFile(out)
    with contextlib.ExitStack() as stack:
        stack.callback(file.discard)
        runs = [FileImport("auto", [path], Options(symbol=None, usual_symbol=symbol)) for path in paths]
        readings = [_Reading(run, chosen, symbol) for run in runs]
        numbers = _Numbers()
        try:
            for table, origin in _merged(readings):
                file.write(numbers.told(table, origin))
                if on_rows is not None:
                    on_rows(file.rows)
            info = _info(paths, runs, chosen, numbers, symbol)
            file.finish(info)
        except OSError as error:
            raise FeedError(f"{out} cannot be written: {error.strerror or error}") from error
        stack.pop_all()
    begin, end = min(run.begin for run in runs), max(run.end for run in runs)
    return Report("join", file.rows, file.streams, begin, end, info.instruments, info.gaps, info.notes)


def _merged(readings: list[_Reading]) -> Iterator[tuple[pa.Table, Ints]]:
    """Yield all rows by their times, with the index of their file; at equal times in the order of the files."""
    while left := [each for each in readings if not each.is_over]:
        # Every file has been read up to here; rows of this very time may still follow.
        until = min(int(each.times[-1]) for each in left)
        chosen = [(each, until - 1) for each in left if each.times[0] < until]
        if not chosen:
            chosen = [next((each, until) for each in left if each.times[0] == until)]
        parts, times, origin = [], [], []
        for each, bound in chosen:
            count = int(np.searchsorted(each.times, bound, side="right"))
            times.append(each.times[:count])
            origin.append(np.full(count, readings.index(each), np.int64))
            parts.append(each.take(bound))
        table = pa.concat_tables(parts).unify_dictionaries()
        order = np.argsort(np.concatenate(times), kind="stable")
        yield table.take(pa.array(order)), np.concatenate(origin)[order]


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    for first in range(0, len(table), STEP_ROWS):
        yield table.slice(first, STEP_ROWS)


def _common_clock(paths: Sequence[Path], symbol: str | None) -> Clock:
    """Return the clock that all files have: the recorders', or else the exchange's."""
    for path in paths:
        run = FileImport("auto", [path], Options(usual_symbol=symbol))
        if next(run.tables())["received"].null_count:
            return "time"
    return "received"


def _info(
    paths: Sequence[Path], runs: Sequence[FileImport], clock: Clock, numbers: _Numbers, symbol: str | None
) -> RecordingInfo:
    infos = [run.info() for run in runs]
    steps: dict[str, tuple[str, str]] = {}
    for info in infos:
        for name, (tick, lot) in info.instruments.items():
            known = steps.setdefault(symbol or name, (tick, lot))
            steps[symbol or name] = min(known[0], tick, key=float), min(known[1], lot, key=float)
    _check_symbols(paths, infos, symbol)
    notes = [f"{path.name}: {note}" for path, info in zip(paths, infos, strict=True) for note in info.notes]
    what = "the recorders' clock" if clock == "received" else "the exchange's clock"
    notes.append(f"{len(paths)} files are merged by {what}")
    shared = {":".join(filter(None, key)) for key in numbers.shared}
    if shared:
        notes.append(f"numbered anew, as it comes from several files: {', '.join(sorted(shared))}")
    if numbers.quoted:
        notes.append(f"{numbers.quoted} trades without a quote got the last one before them")
    started = [info.started for info in infos if info.started is not None]
    ended = [info.ended for info in infos if info.ended is not None]
    return RecordingInfo(
        version=__version__,
        source=f"feed join {', '.join(path.name for path in paths)}: {'; '.join(info.source for info in infos)}",
        started=min(started, default=None),
        ended=max(ended, default=None),
        instruments=steps,
        gaps=[gap for info in infos for gap in info.gaps if gap.stream not in shared],
        notes=notes,
    )


def _check_symbols(paths: Sequence[Path], infos: Sequence[RecordingInfo], symbol: str | None) -> None:
    """Refuse files of different markets. Raises UsageError, which names the two."""
    first = set(infos[0].instruments)
    for path, info in zip(paths, infos, strict=True):
        own = set(info.instruments)
        if symbol is None and not own & first:
            theirs, ours = ", ".join(sorted(own)), ", ".join(sorted(first))
            hint = "--symbol gives both one name, if they are of one market"
            raise UsageError(f"{path.name} is of {theirs}, and {paths[0].name} of {ours}; {hint}")
