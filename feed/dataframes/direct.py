"""Ticks of a recording read straight from its columns, where nothing in it has to be inferred, moved or left out.

Most recordings are so: every trade has its side, its number and its quote, and times that never fall. Of any other one
the replay makes the ticks, which knows all cases and names every mistake; what is read here is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.columns import DECIMALS, QUOTES
from feed.data.ticks import Instrument
from feed.dataframes.ticks import TickColumns
from feed.tape.layout import words_of
from feed.tape.reader import RecordingReader
from feed.tape.slices import Slice, trades_of_slice
from feed.tape.steps import EXACT_BELOW, StepReader
from feed.units import MILLISECOND

__all__ = ["direct_columns"]

Ints = NDArray[np.int64]

ALWAYS = ("time", "symbol", "side", "seq")
"""Columns by which it is seen that nothing has to be inferred."""


class _OddError(Exception):
    """Error for a recording of which the replay has to make the ticks."""


class _Refusing:
    """Location of mistakes, which are not told here: the replay finds them again."""

    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> NoReturn:
        raise _OddError


def direct_columns(
    reader: RecordingReader, chosen: Slice, instruments: Mapping[str, Instrument], steps: Sequence[str], ids: bool
) -> tuple[TickColumns, list[Instrument]] | None:
    """Return the ticks of a recording and their symbols; None if the replay has to make them.

    Args:
        reader: the recording.
        chosen: the part of it.
        instruments: the steps of its symbols.
        steps: the columns of prices and sizes.
        ids: whether the ids of the trades are wanted.
    """
    quoted = {key.split(":")[1] for key in reader.info.streams if key.startswith("quote:")}
    needs_quotes = bool(set(steps) & set(QUOTES))
    names = [*ALWAYS, *dict.fromkeys([*steps, *((*QUOTES, "price", "size") if needs_quotes else ())])]
    found = {name: _Symbol(each, name in quoted, steps, ids) for name, each in instruments.items()}
    ranks = {name: rank for rank, name in enumerate(instruments)}
    last = (0, 0)
    try:
        for batch in trades_of_slice(reader, chosen, [*names, *(["trade_id"] if ids else [])]):
            time = _whole(batch, "time")
            symbols, code = words_of(batch.column("symbol"))
            present = np.flatnonzero(np.bincount(code)).tolist()
            if not {symbols[place] for place in present} <= ranks.keys():
                return None
            rank = np.array([ranks.get(name, 0) for name in symbols], np.int64)[code]
            if not _in_order(time, rank, last):
                return None
            last = int(time[-1]), int(rank[-1])
            for place in present:
                rows = np.flatnonzero(code == place)
                part = batch if len(rows) == len(batch) else batch.take(pa.array(rows))
                found[symbols[place]].add(part, time[rows])
    except _OddError:
        return None
    if not any(each.parts["time"] for each in found.values()):
        return None
    there = {key.split(":")[1] for key in reader.info.streams if ":" in key}
    kept = [
        each for name, each in found.items() if name in there and (chosen.symbols is None or name in chosen.symbols)
    ]
    return _merged(kept, steps), [each.instrument for each in kept]


def _in_order(time: Ints, rank: Ints, last: tuple[int, int]) -> bool:
    """Tell whether trades come as a market sends them: by time, and of the same time the earlier symbol first."""
    steps, ranks = np.diff(time, prepend=last[0]), np.diff(rank, prepend=last[1])
    return not ((steps < 0) | ((steps == 0) & (ranks < 0))).any()


class _Symbol:
    """Columns of one symbol's trades, batch after batch."""

    def __init__(self, instrument: Instrument, quoted: bool, steps: Collection[str], ids: bool) -> None:
        self.instrument = instrument
        names = ("time", "seq", "buy", *(["trade_id"] if ids else []), *steps)
        self.parts: dict[str, list[Ints]] = {name: [] for name in names}
        self._quoted = quoted
        self._steps = steps
        self._ids = ids
        self._reader = StepReader(_Refusing(), instrument)
        self._seq = -1

    def add(self, batch: pa.RecordBatch, time: Ints) -> None:
        """Add the next trades. Raises _OddError if something has to be inferred."""
        seq = _whole(batch, "seq")
        if int(seq[0]) <= self._seq or (np.diff(seq) <= 0).any():
            raise _OddError
        self._seq = int(seq[-1])
        words, code = words_of(batch.column("side"))
        if not {words[place] for place in np.flatnonzero(np.bincount(code)).tolist()} <= {"buy", "sell"}:
            raise _OddError
        rows = np.arange(len(batch))
        made = {name: self._reader.steps(batch, name, rows) for name in batch.schema.names if name in DECIMALS}
        if "bid" in made:
            self._check_quotes(made)
        if "volume" in made and int(made["volume"].max()) > EXACT_BELOW:
            raise _OddError
        made |= {"time": time, "seq": seq, "buy": (np.array(words) == "buy")[code]}
        if self._ids:
            made["trade_id"] = _whole(batch, "trade_id")
        for name, parts in self.parts.items():
            parts.append(made[name])

    def _check_quotes(self, made: dict[str, Ints]) -> None:
        """Refuse trades without a quote, or outside of one that is only told with them; a size of 0 is the trade's."""
        bid, ask, price = made["bid"], made["ask"], made["price"]
        if int(bid.min()) < 1 or int(ask.min()) < 1:
            raise _OddError
        if not self._quoted and ((bid >= ask) | (price < bid) | (price > ask)).any():
            raise _OddError
        for name in ("bid_size", "ask_size"):
            made[name] = np.where(made[name] >= 1, made[name], made["size"])


def _whole(batch: pa.RecordBatch, name: str) -> Ints:
    column = batch.column(name)
    if column.null_count:
        raise _OddError
    numbers: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return numbers


def _merged(symbols: Sequence[_Symbol], steps: Sequence[str]) -> TickColumns:
    """Return all ticks in order of time; at the same time the earlier symbol goes first, as on the wire."""
    time = _taken(symbols, "time", None)
    counts = [sum(map(len, each.parts["seq"])) for each in symbols]
    order = np.argsort(time, kind="stable") if sum(count > 0 for count in counts) > 1 else None
    code = np.repeat(np.arange(len(symbols), dtype=np.int16), counts)
    ids = "trade_id" in symbols[0].parts
    return TickColumns(
        timestamp=(time if order is None else time[order]) // MILLISECOND,
        seq=_taken(symbols, "seq", order),
        code=code if order is None else code[order],
        buy=_taken(symbols, "buy", order).astype(bool),
        steps={name: _taken(symbols, name, order) for name in steps},
        trade_id=_taken(symbols, "trade_id", order) if ids else np.empty(0, np.int64),
    )


def _taken(symbols: Sequence[_Symbol], name: str, order: Ints | None) -> Ints:
    """Return a column of all symbols, and forget its parts."""
    parts = [part for each in symbols for part in each.parts.pop(name) or ()]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole if order is None else whole[order]
