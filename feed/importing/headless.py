"""Bars and trades without names of columns: what a column is follows from its numbers.

Bars are prices and a size behind a time, whose high is the highest and whose low is the lowest in every row that is
seen; trades are a time, a price and a size. What was found is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from feed.errors import UsageError
from feed.importing.bars import BarFiles
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format
from feed.importing.options import Options
from feed.importing.presets import Preset, bar_files, trade_files
from feed.importing.times import unit_of
from feed.importing.timetexts import is_clock
from feed.importing.trades import TradeFiles

__all__ = ["HEADLESS_BARS", "HEADLESS_TRADES"]

USUAL = (("open", "high", "low", "close"), ("open", "close", "high", "low"), ("low", "high", "open", "close"))
"""Orders that writers use: most of them, Bitfinex, Coinbase."""

LEAST_ROWS = 2
"""The number of rows whose highs and lows must hold."""

TRADES = (
    ("time", "price", "size"),
    ("time", "price", "size", "side"),
    ("trade_id", "price", "size", "time", "side"),
    ("trade_id", "time", "price", "size", "side"),
    ("time", "trade_id", "price", "size", "side"),
    ("trade_id", "time", "size", "price"),
    ("price", "size", "time", "side", "", "", "trade_id"),
    ("time", "price", "bid", "ask", "size"),
)
"""Orders of the columns of trades: Huobi, Gate, Bitfinex, Kraken and NinjaTrader have the last five."""

SIGNED = ("trade_id", "time", "size", "price")

NUMBERED_SIDES = {"1", "2"}
"""Sides of Gate, of which 2 is a buy."""

SIDES = ("buy", "sell", "b", "s", "bid", "ask", "true", "false", "1", "2", "-1")

NEAR_SHARE = 0.05
"""Share of a price within which a bid, an ask and a price are."""


class _Bars(NamedTuple):
    """Columns of bars: the order of prices, where they begin, and where the volume is."""

    order: tuple[str, ...]
    first: int
    volume: int


def _numbers(row: Sequence[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in row]
    except ValueError:
        return None


def _bars_of(beginning: Beginning) -> _Bars | None:
    """Return the columns of bars; None if these are no bars."""
    rows = [row for row in beginning.rows if len(row) >= 6]
    if len(rows) < LEAST_ROWS or unit_of(rows[0][0]) is None:
        return None
    first = 2 if is_clock(rows[0][1]) and ":" in rows[0][1] else 1
    found = [numbers for row in rows if (numbers := _numbers(row[first : first + 6])) is not None]
    if len(found) < len(rows) - 1 or len(found) < LEAST_ROWS or any(len(row) < 5 for row in found):
        return None
    # Kraken has the average price between the close and the volume.
    averaged = all(len(row) > 5 and min(row[:4]) <= row[4] <= max(row[:4]) for row in found)
    order = next((order for order in USUAL if all(_holds(order, row, averaged) for row in found)), None)
    return None if order is None else _Bars(order, first, first + 4 + averaged)


def _holds(order: Sequence[str], row: Sequence[float], averaged: bool) -> bool:
    told = dict(zip(order, row, strict=False))
    inside = all(told["low"] <= told[name] <= told["high"] for name in ("open", "close"))
    # Sizes are no prices: five prices of one scale would be something else.
    return inside and told["low"] > 0 and row[4 + averaged] >= 0 and told["high"] < 2 * told["low"]


def _detect_bars(beginning: Beginning) -> str | None:
    if not beginning.cells:
        return None
    found = _bars_of(beginning)
    if found is None:
        return None
    return f"columns without names: a time, {', '.join(found.order)} and a volume, by their numbers"


def _is_time(cells: Sequence[str]) -> bool:
    return all(unit_of(cell) is not None for cell in cells)


def _is_side(cells: Sequence[str]) -> bool:
    return all(cell.lower() in SIDES for cell in cells)


def _is_id(cells: Sequence[str]) -> bool:
    return all(cell.isdigit() for cell in cells)


def _is_number(cells: Sequence[str]) -> bool:
    return _numbers(cells) is not None


CHECKS: dict[str, Callable[[Sequence[str]], bool]] = {
    "time": _is_time, "side": _is_side, "trade_id": _is_id, "": lambda _: True,
}  # fmt: skip
"""Checks of a column's cells by its purpose; all others are numbers."""


def _trade_order(beginning: Beginning) -> tuple[str, ...] | None:
    """Return the columns of trades; None if these are none."""
    rows = [row for row in beginning.rows if len(row) == len(beginning.cells)]
    for order in TRADES if rows else ():
        columns = dict(zip(order, zip(*rows, strict=True), strict=False))
        if len(rows[0]) != len(order) or not all(CHECKS.get(key, _is_number)(cells) for key, cells in columns.items()):
            continue
        price, size = _numbers(columns["price"]), _numbers(columns["size"])
        if price and size and min(price) > 0 and _go_together(order, columns, price, size):
            return order
    return None


def _go_together(
    order: Sequence[str], columns: dict[str, tuple[str, ...]], price: Sequence[float], size: Sequence[float]
) -> bool:
    """Tell whether prices and sizes are such, and not the bid and the ask, or the other way round."""
    if "bid" in order:
        sides = [_numbers(columns[key]) or [] for key in ("bid", "ask")]
        return all(_near(side, price) for side in sides)
    if order == TRADES[0] and _near(size, price) and all(one != other for one, other in zip(size, price, strict=True)):
        return False
    # Bitfinex's amounts have signs, and tell which of the two numbers is the price.
    return order != SIGNED or min(size) < 0


def _near(values: Sequence[float], price: Sequence[float]) -> bool:
    return all(abs(value - each) <= NEAR_SHARE * each for value, each in zip(values, price, strict=True))


def _detect_trades(beginning: Beginning) -> str | None:
    order = _trade_order(beginning)
    return None if order is None else f"columns without names: taken as {', '.join(filter(None, order))}"


def _bars(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> BarFiles:
    found = _bars_of(Beginning(paths[0]))
    if found is None:
        raise UsageError(
            f"{paths[0]}: its columns cannot be told by their numbers; use bars, such as --time 0 --open 1"
        )
    if found.order != USUAL[0]:
        findings.say(f"the prices come as {', '.join(found.order)}, by their numbers")
    days = {"day": 0} if found.first == 2 else {}
    prices = {name: place for place, name in enumerate(found.order, found.first)}
    columns = {"time": found.first - 1, **days, **prices, "volume": found.volume}
    return bar_files("headless-bars", columns, paths, options, findings, meter)


def _trades(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> TradeFiles:
    beginning = Beginning(paths[0])
    names = _trade_order(beginning)
    if names is None:
        raise UsageError(
            f"{paths[0]}: its columns cannot be told by their numbers; use trades, with --time 0 --price 1"
        )
    columns = {name: place for place, name in enumerate(names) if name}
    preset = Preset(columns, others=("buy", "side_means"))
    if "side" in columns and options.buy is None and {row[columns["side"]] for row in beginning.rows} <= NUMBERED_SIDES:
        findings.say("the side 2 is taken as a buy")
        options = replace(options, buy="2")
    return trade_files("headless-trades", preset, paths, options, findings, meter)


HEADLESS_BARS = Format("headless-bars", "bars without names of columns, by their numbers", _bars, _detect_bars)
HEADLESS_TRADES = Format("headless-trades", "trades without names: time, price, size", _trades, _detect_trades)
