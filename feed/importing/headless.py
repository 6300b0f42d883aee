"""Bars and trades without names of columns: what a column is follows from its numbers.

Bars are five prices and sizes behind a time, whose high is the highest and whose low is the lowest in every row that is
seen; trades are a time, a price and a size. What was found is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feed.errors import UsageError
from feed.importing.bars import BarFiles
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format
from feed.importing.options import Options
from feed.importing.presets import bar_files, trade_files
from feed.importing.times import unit_of
from feed.importing.trades import TradeFiles

__all__ = ["HEADLESS_BARS", "HEADLESS_TRADES"]

USUAL = (("open", "high", "low", "close"), ("open", "close", "high", "low"), ("low", "high", "open", "close"))
"""Orders that writers use: most of them, Bitfinex, Coinbase."""

LEAST_ROWS = 2
"""The number of rows whose highs and lows must hold."""

TRADES = (("time", "price", "size"), ("time", "price", "size", "side"), ("trade_id", "price", "size", "time", "side"))
"""Orders of the columns of trades."""


def _numbers(row: Sequence[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in row]
    except ValueError:
        return None


def _bar_order(beginning: Beginning) -> tuple[str, ...] | None:
    """Return the order of the four prices behind the time; None if these are no bars."""
    rows = [row for row in beginning.rows if len(row) >= 6]
    if len(rows) < LEAST_ROWS or unit_of(rows[0][0]) is None:
        return None
    found = [numbers for row in rows if (numbers := _numbers(row[1:6])) is not None]
    if len(found) < len(rows) - 1 or len(found) < LEAST_ROWS:
        return None
    return next((order for order in USUAL if all(_holds(order, row) for row in found)), None)


def _holds(order: Sequence[str], row: Sequence[float]) -> bool:
    told = dict(zip(order, row, strict=False))
    inside = all(told["low"] <= told[name] <= told["high"] for name in ("open", "close"))
    # Sizes are no prices: five prices of one scale would be something else.
    return inside and told["low"] > 0 and row[4] >= 0 and told["high"] < 2 * told["low"]


def _detect_bars(beginning: Beginning) -> str | None:
    if not beginning.cells:
        return None
    order = _bar_order(beginning)
    return (
        None if order is None else f"columns without names: a time, {', '.join(order)} and a volume, by their numbers"
    )


def _trade_order(beginning: Beginning) -> tuple[str, ...] | None:
    """Return the columns of trades; None if these are none."""
    cells = beginning.cells
    for order in TRADES:
        told = dict(zip(order, cells, strict=False))
        if len(cells) == len(order) and unit_of(told["time"]) and _numbers((told["price"], told["size"])) is not None:
            return order
    return None


def _detect_trades(beginning: Beginning) -> str | None:
    order = _trade_order(beginning)
    return None if order is None else f"columns without names: taken as {', '.join(order)}"


def _bars(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> BarFiles:
    order = _bar_order(Beginning(paths[0]))
    if order is None:
        raise UsageError(
            f"{paths[0]}: its columns cannot be told by their numbers; use bars, such as --time 0 --open 1"
        )
    if order != USUAL[0]:
        findings.say(f"the prices come as {', '.join(order)}, by their numbers")
    columns = {"time": 0, **{name: place for place, name in enumerate(order, 1)}, "volume": 5}
    return bar_files("headless-bars", columns, paths, options, findings, meter)


def _trades(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> TradeFiles:
    names = _trade_order(Beginning(paths[0]))
    if names is None:
        raise UsageError(
            f"{paths[0]}: its columns cannot be told by their numbers; use trades, with --time 0 --price 1"
        )
    columns = {name: place for place, name in enumerate(names)}
    return trade_files("headless-trades", columns, paths, options, findings, meter)


HEADLESS_BARS = Format("headless-bars", "bars without names of columns, by their numbers", _bars, _detect_bars)
HEADLESS_TRADES = Format("headless-trades", "trades without names: time, price, size", _trades, _detect_trades)
