"""Slices of a recording: the rows of a range of market time and of some symbols, at the cost of what is in them.

Row groups outside of the range are not read. A slice begins with what was in force before it: the book of each symbol
as its changes had made it by then, and the last status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.errors import UsageError
from feed.hints import nearest
from feed.tape.layout import ENDED, OUTSIDE, PAST, SCHEMA, RecordingInfo, words_of
from feed.tape.reader import RecordingReader
from feed.units import format_time

__all__ = ["Slice", "info_of_slice", "rows_of_slice", "span_of", "symbols_of", "trades_of_slice"]

STATES = ("book", "status")
"""Channels whose messages hold until the next one."""

Mask = NDArray[np.bool_]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Slice:
    """Chosen rows: market time from `begin` up to, not including, `end` (ns UTC), and symbols; None means all."""

    begin: int | None = None
    end: int | None = None
    symbols: tuple[str, ...] | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is left out."""
        return self.begin is None and self.end is None and self.symbols is None


def span_of(reader: RecordingReader) -> tuple[int, int]:
    """Return the market time that a recording covers: its first time, and the one just after its last, ns UTC."""
    spans = reader.spans
    first = reader.info.begins if reader.info.begins is not None else min((low for low, _ in spans), default=0)
    last = reader.info.ends if reader.info.ends is not None else max((high + 1 for _, high in spans), default=0)
    return first, last


def info_of_slice(reader: RecordingReader, chosen: Slice) -> RecordingInfo:
    """Return the metadata with the bounds of a slice.

    Raises:
        UsageError: nothing was recorded in that time, or of that symbol.
    """
    info = reader.info
    known = list(info.instruments)
    for symbol in chosen.symbols or ():
        if symbol not in known:
            near = nearest(symbol, known)
            hint = f"did you mean {near}?" if near else f"there is {', '.join(known) or 'none'}"
            raise UsageError(f"{reader.path} has no {symbol}; {hint}")
    first, last = span_of(reader)
    begin = first if chosen.begin is None else max(first, chosen.begin)
    end = last if chosen.end is None else min(last, chosen.end)
    if begin >= end:
        raise UsageError(
            f"nothing was recorded in that time: {reader.path} has {format_time(first)} to {format_time(last)}"
        )
    bounds = {} if chosen.begin is None and chosen.end is None else {"begins": begin, "ends": end}
    return info.model_copy(update=bounds)


def rows_of_slice(reader: RecordingReader, chosen: Slice) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a slice, after what was in force before them."""
    if chosen.begin is not None and any(name.split(":")[0] in STATES for name in reader.info.streams):
        yield from _Opening(reader, chosen).batches()
    for batch in reader.batches(groups=_groups(reader, chosen)):
        rows = batch.filter(_within(batch, chosen))
        if len(rows):
            yield rows


def trades_of_slice(
    reader: RecordingReader, chosen: Slice, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the trades of a slice, with some columns or all; without those from before the session."""
    needed = None if columns is None else [*columns, "channel", "symbol", "time", "type"]
    for batch in reader.batches(needed, groups=_groups(reader, chosen)):
        trades = _named(batch, "channel", "trading") & ~_named(batch, "type", PAST)
        if not chosen.is_whole:
            trades &= _within(batch, chosen).to_numpy(zero_copy_only=False)
        rows = batch if trades.all() else batch.filter(pa.array(trades))
        if len(rows):
            yield rows if columns is None else rows.select(columns)


def _named(batch: pa.RecordBatch, name: str, word: str) -> Mask:
    words, codes = words_of(batch.column(name))
    found: Mask = codes == (words.index(word) if word in words else -1)
    return found


def _groups(reader: RecordingReader, chosen: Slice) -> list[int]:
    """Return the row groups that may have rows of a slice."""
    low = -(2**63) if chosen.begin is None else chosen.begin
    high = 2**63 - 1 if chosen.end is None else chosen.end
    return [group for group, (first, last) in enumerate(reader.spans) if last >= low and first < high]


def _within(batch: pa.RecordBatch, chosen: Slice) -> pa.Array:
    time = batch.column("time")
    mask = pa.array(np.ones(len(batch), np.bool_))
    if chosen.begin is not None:
        mask = pc.and_(mask, pc.fill_null(pc.greater_equal(time, chosen.begin), False))
    if chosen.end is not None:
        mask = pc.and_(mask, pc.fill_null(pc.less(time, chosen.end), False))
    if chosen.symbols is not None:
        # A status without a symbol holds for all.
        mask = pc.and_(mask, pc.is_in(batch.column("symbol").cast(pa.string()), pa.array([*chosen.symbols, ""])))
    return mask


@dataclass(slots=True)
class _Book:
    """Levels of one book by price, as written."""

    time: int = 0
    seq: int | None = None
    had_snapshot: bool = False
    is_known: bool = False
    sides: dict[str, dict[str, tuple[object, object]]] = field(default_factory=lambda: {"bids": {}, "asks": {}})

    def apply(self, kind: str, data: str) -> None:
        """Apply a message that belongs to the book, as `feed.tape.book` does."""
        told = orjson.loads(data)
        if kind in ("snapshot", ENDED):
            self.is_known = kind == "snapshot"
            self.had_snapshot |= self.is_known
        elif self.had_snapshot and (kind == OUTSIDE or not self.is_known):
            return
        for name, levels in self.sides.items():
            if kind in ("snapshot", ENDED):
                levels.clear()
            for price, size in told.get(name, ()):
                if float(size):
                    levels[str(float(price))] = (price, size)
                else:
                    levels.pop(str(float(price)), None)

    def text(self) -> str:
        """Return the book as the `data` of a snapshot, the best levels first."""
        told = {}
        for name, levels in self.sides.items():
            sign = -1 if name == "bids" else 1
            told[name] = [levels[key] for key in sorted(levels, key=lambda key: sign * float(key))]
        return orjson.dumps(told).decode()


class _Opening:
    """State before a slice: the rows that tell it, as snapshots."""

    def __init__(self, reader: RecordingReader, chosen: Slice) -> None:
        assert chosen.begin is not None
        self._reader = reader
        self._begin = chosen.begin
        self._chosen = Slice(None, chosen.begin, chosen.symbols)
        self._books: dict[Key, _Book] = {}
        self._rows: dict[Key, dict[str, object]] = {}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the state as one batch of snapshots; nothing where there is none."""
        within = self._reader.groups_with("channel", STATES)
        groups = [
            group for group, (first, _) in enumerate(self._reader.spans) if first < self._begin and group in within
        ]
        names = ["received", "time", "channel", "symbol", "interval", "type", "seq", "data"]
        for batch in self._reader.batches(names, groups=groups):
            state = pc.is_in(batch.column("channel").cast(pa.string()), pa.array(STATES))
            for row in batch.filter(pc.and_(state, _within(batch, self._chosen))).to_pylist():
                self._note((row["channel"], row["symbol"], row["interval"]), row)
        rows = [self._told(key, row) for key, row in self._rows.items()]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, SCHEMA)

    def _note(self, key: Key, row: dict[str, object]) -> None:
        self._rows[key] = row
        if key[0] == "book":
            self._books.setdefault(key, _Book()).apply(str(row["type"]), str(row["data"]))

    def _told(self, key: Key, row: dict[str, object]) -> dict[str, object]:
        told = {**dict.fromkeys(SCHEMA.names), **row, "type": "snapshot"}
        if key in self._books:
            book = self._books[key]
            # Changes alone are no whole book: those that follow belong to it without a snapshot, too.
            told |= {"data": book.text(), "type": "snapshot" if book.had_snapshot else "update"}
        return told


def symbols_of(symbol: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the chosen symbols; None and `*` mean all."""
    if symbol is None or symbol == "*":
        return None
    return (symbol,) if isinstance(symbol, str) else tuple(symbol)
