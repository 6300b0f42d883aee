"""Ticks as DataFrames; the package docstring describes their columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feed.data.columns import DECIMALS, PRICES
from feed.data.ticks import BUY, Batch, Instrument, Source, TickBlock, batches_between
from feed.errors import UsageError
from feed.hints import nearest
from feed.scenario.activity import with_activity
from feed.scenario.find import find_scenario
from feed.sources.opening import open_source
from feed.units import MILLISECOND, parse_duration

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "COLUMNS",
    "INTEGERS",
    "TickColumns",
    "chosen_columns",
    "frame_digest",
    "generate",
    "polars_frame",
    "source_frame",
    "tick_frame",
]

INTEGERS = {
    "price": "price_ticks",
    "size": "size_lots",
    "bid": "bid_ticks",
    "bid_size": "bid_lots",
    "ask": "ask_ticks",
    "ask_size": "ask_lots",
    "volume": "volume_lots",
}
"""Decimal columns, each with its column of exact steps."""

SIDES = pd.Index(["buy", "sell"], dtype="str")

COLUMNS = ["timestamp", "seq", "symbol", "side", *DECIMALS, *INTEGERS.values(), "trade_id"]
"""Every column, in order."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TickColumns:
    """Rows of a frame as arrays of one length; `code` is an index into the frame's instruments, `steps` by column."""

    timestamp: Ints
    seq: Ints
    code: NDArray[np.signedinteger[Any]]
    buy: NDArray[np.bool_]
    steps: Mapping[str, Ints]
    trade_id: Ints


def generate(
    scenario: str,
    *,
    seed: int | None = None,
    activity: float = 1.0,
    until: str | float | None = None,
    at: str | float = 0,
    symbol: str | None = None,
    scenarios: str | Path | None = None,
) -> pd.DataFrame:
    """Generate the ticks of a scenario, without a server: the rows that a server would send from its beginning.

    Args:
        scenario: a name, or the path of a file.
        seed: replaces the scenario's own.
        activity: multiple of the rate of orders.
        until: how far into the scenario, such as `1h` (seconds if a bare number); else to its end.
        at: begin at this time into it; `seq` counts from there, as on a server that begins there.
        symbol: only this symbol; else all, in order of time.
        scenarios: a folder that replaces the bundled scenarios.

    Raises:
        ScenarioError: there is no such scenario, or it has mistakes.
        UsageError: it never ends and `until` is not given, has no such symbol, or has ended by `at`.
    """
    found, path = find_scenario(str(scenario), None if scenarios is None else Path(scenarios))
    source = open_source(with_activity(found, activity), path, seed)
    begin, end = _span(source, parse_duration(at), None if until is None else parse_duration(until))
    wanted = _wanted(source.instruments, symbol)
    frame = source_frame(source, begin, end, wanted)
    frame.attrs |= {"scenario": found.name, "seed": found.seed if seed is None else seed}
    return frame


def source_frame(
    source: Source,
    begin: int,
    end: int,
    wanted: Sequence[int],
    seqs: Sequence[Ints] | None = None,
    columns: Sequence[str] = COLUMNS,
) -> pd.DataFrame:
    """Return the ticks of a source from market time `begin` up to, not including, `end` (ns UTC).

    Args:
        wanted: the indices of the symbols.
        seqs: for each of them the `seq` of its rows; where there are none they are counted from 1.
        columns: the columns of the frame; only these, and what they are made of, take memory.
    """
    steps = [name for name in DECIMALS if name in columns or INTEGERS[name] in columns]
    parts = _Parts([name for name in _PLAIN if name not in _OPTIONAL or name in columns], steps)
    counts = [0] * len(wanted)
    for batch in batches_between(source, begin, end):
        parts.add(_batch_columns(batch, list(wanted), counts, steps))
    whole = parts.joined()
    for code, numbers in enumerate(seqs or ()):
        if len(numbers) and "seq" in columns:
            whole.seq[whole.code == code] = numbers
    return tick_frame(whole, [source.instruments[index] for index in wanted], columns)


def tick_frame(rows: TickColumns, instruments: Sequence[Instrument], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Build the frame of these rows, whose `code` is an index into `instruments`."""
    # A copy: a frame whose column is changed in place must keep its index.
    index = pd.DatetimeIndex(np.array(rows.timestamp, np.int64).view("datetime64[ms]"), tz="UTC", name="time")
    lots = {told: name for name, told in INTEGERS.items()}
    data: dict[str, Any] = {}
    for name in columns:
        if name in INTEGERS:
            data[name] = _decimals(name, rows, instruments)
        elif name in lots:
            data[name] = rows.steps[lots[name]]
        elif name == "symbol":
            data[name] = _symbols(rows.code, [instrument.symbol for instrument in instruments])
        elif name == "side":
            data[name] = pd.Categorical.from_codes(np.where(rows.buy, 0, 1).astype(np.int8), categories=SIDES)
        else:
            data[name] = getattr(rows, name)
    # Without a copy: each column is an array of its own, made for this frame.
    frame = pd.DataFrame(data, index=index, columns=list(columns), copy=False)
    frame.attrs["instruments"] = {each.symbol: [f"{each.tick_size:f}", f"{each.lot_size:f}"] for each in instruments}
    return frame


def chosen_columns(columns: Sequence[str] | None) -> list[str]:
    """Return the chosen columns in the usual order; all if None. Raises UsageError for one that does not exist."""
    if columns is None:
        return COLUMNS
    for name in columns:
        if name not in COLUMNS:
            near = nearest(name, COLUMNS)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(COLUMNS)}"
            raise UsageError(f"there is no column {name!r}; {hint}")
    return [name for name in COLUMNS if name in columns]


def polars_frame(frame: pd.DataFrame) -> pl.DataFrame:
    """Convert the frame for polars, with the index as the column `time`. Raises UsageError where polars is missing."""
    try:
        import polars
    except ImportError as error:
        raise UsageError("polars is not there: pip install polars") from error
    return polars.from_pandas(frame.reset_index())


def frame_digest(frame: pd.DataFrame) -> str:
    """Return the sha256 of a frame's ticks: the same for the same rows from any origin.

    Covers the exact columns: `timestamp`, `seq`, `symbol`, `side`, all steps and `trade_id`; little-endian.
    """
    digest = hashlib.sha256(f"{len(frame)}\n".encode())
    for name in ("timestamp", "seq", *INTEGERS.values(), "trade_id"):
        digest.update(frame[name].to_numpy().astype("<i8").tobytes())
    for name in ("symbol", "side"):
        digest.update("\n".join([*frame[name].astype(str), ""]).encode())
    return digest.hexdigest()


def _span(source: Source, at: int, until: int | None) -> tuple[int, int]:
    ends = [time for time in (source.end, None if until is None else source.start + until) if time is not None]
    if not ends:
        raise UsageError('this scenario never ends: say how much of it, such as until="1h"')
    if source.start + at >= min(ends):
        raise UsageError("there is nothing in this span: at lies behind its end")
    return source.start + at, min(ends)


def _wanted(instruments: Sequence[Instrument], symbol: str | None) -> list[int]:
    names = [instrument.symbol for instrument in instruments]
    if symbol in (None, "*"):
        return list(range(len(names)))
    if symbol not in names:
        near = nearest(symbol, names)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(names)}"
        raise UsageError(f"there is no {symbol}; {hint}")
    return [names.index(symbol)]


def _batch_columns(batch: Batch, wanted: list[int], counts: list[int], steps: Sequence[str]) -> TickColumns:
    """Build the rows of a batch, symbols merged in order of time; `counts` is updated."""
    blocks = [batch.ticks[index] for index in wanted]
    seqs = [np.arange(count + 1, count + 1 + len(block)) for count, block in zip(counts, blocks, strict=True)]
    counts[:] = [count + len(block) for count, block in zip(counts, blocks, strict=True)]
    codes = [np.full(len(block), code, np.int16) for code, block in enumerate(blocks)]
    # Stable: at the same time the earlier symbol goes first, as on the wire.
    order = np.argsort(_column(blocks, "time"), kind="stable") if len(blocks) > 1 else slice(None)
    return TickColumns(
        timestamp=_column(blocks, "time")[order] // MILLISECOND,
        seq=np.concatenate(seqs)[order],
        code=np.concatenate(codes)[order],
        buy=_column(blocks, "side")[order] == BUY,
        steps={name: _column(blocks, name)[order] for name in steps},
        trade_id=_column(blocks, "trade_id")[order],
    )


def _column(blocks: Sequence[TickBlock], name: str) -> Ints:
    result: Ints = np.concatenate([getattr(block, name) for block in blocks])
    return result


_PLAIN = ("timestamp", "seq", "code", "buy", "trade_id")
"""Columns of `TickColumns` beside the steps."""

_OPTIONAL = ("seq", "trade_id")
"""Columns that no other column of a frame is made of."""


class _Parts:
    """Rows gathered column by column, so that joining them needs the memory of one column more, and not of all."""

    def __init__(self, plain: Sequence[str], steps: Sequence[str]) -> None:
        self._plain: dict[str, list[Any]] = {name: [] for name in plain}
        self._steps: dict[str, list[Any]] = {name: [] for name in steps}

    def add(self, rows: TickColumns) -> None:
        """Add the next rows."""
        for name, parts in self._plain.items():
            parts.append(getattr(rows, name))
        for name, parts in self._steps.items():
            parts.append(rows.steps[name])

    def joined(self) -> TickColumns:
        """Return all rows, and forget them; a column that was not gathered is empty."""
        plain = {name: _whole(self._plain.pop(name, [])) for name in _PLAIN}
        return TickColumns(**plain, steps={name: _whole(self._steps.pop(name)) for name in list(self._steps)})


def _whole(parts: list[Any]) -> Any:
    if not parts:
        return np.empty(0, np.int64)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _decimals(name: str, columns: TickColumns, instruments: Sequence[Instrument]) -> NDArray[np.float64]:
    # An exact integer through an exact power of ten: the float that is nearest to the decimal, as a parser reads it.
    price = name in PRICES
    units = [each.tick_units if price else each.lot_units for each in instruments]
    powers = [10.0 ** (each.price_decimals if price else each.size_decimals) for each in instruments]
    if len(instruments) == 1:
        return columns.steps[name] * units[0] / powers[0]
    scaled = columns.steps[name] * np.array(units, np.int64)[columns.code]
    result: NDArray[np.float64] = scaled / np.array(powers)[columns.code]
    return result


def _symbols(code: NDArray[np.signedinteger[Any]], names: Sequence[str]) -> pd.Categorical:
    present = np.unique(code)
    categories = sorted(names[index] for index in present)
    places = np.zeros(len(names), np.int16)
    for index in present:
        places[index] = categories.index(names[index])
    codes = places[code]
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories, dtype="str"))
