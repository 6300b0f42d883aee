"""Binance's public data: trades, aggregated trades and klines, with and without a header."""

from __future__ import annotations

from feed.importing.format import Beginning
from feed.importing.presets import Preset, bar_preset, trade_preset
from feed.importing.times import unit_of

__all__ = ["BINANCE"]


ANSWER = ("id", "price", "qty", "quoteQty", "time", "isBuyerMaker")
AGG_ANSWER = ("a", "p", "q", "f", "l", "T", "m")
"""Keys of the rows of an answer of REST, in their order."""


def _flags(cells: tuple[str, ...]) -> list[bool]:
    return [cell.lower() in ("true", "false") for cell in cells]


def _trades(beginning: Beginning) -> str | None:
    if {"quote_qty", "is_buyer_maker", "qty"} <= beginning.names:
        return "it has the columns quote_qty and is_buyer_maker"
    if beginning.names and beginning.head.cells[: len(ANSWER)] == ANSWER:
        return "rows have the keys quoteQty and isBuyerMaker, as answers of its REST have"
    cells = beginning.cells
    if len(cells) == 7 and _flags(cells)[5:] == [True, True] and unit_of(cells[4]):
        return "seven columns without names, a time in the fifth and two flags at the end"
    return None


def _agg_trades(beginning: Beginning) -> str | None:
    if {"agg_trade_id", "is_buyer_maker"} <= beginning.names:
        return "it has the columns agg_trade_id and is_buyer_maker"
    if beginning.names and beginning.head.cells[: len(AGG_ANSWER)] == AGG_ANSWER:
        return "rows have the keys a, p, q, f, l, T and m, as answers of its REST have"
    cells = beginning.cells
    if len(cells) in (7, 8) and _flags(cells)[6] and unit_of(cells[5]):
        return "columns without names, a time in the sixth and a flag in the seventh"
    return None


def _klines(beginning: Beginning) -> str | None:
    cells = beginning.cells
    if len(cells) == 12 and unit_of(cells[0]) and unit_of(cells[6]):
        return "twelve columns without names, times in the first and the seventh"
    return None


# Times are in ms, and in us in files of 2025 and later: the number of digits decides.
BINANCE = (
    trade_preset(
        "binance-trades",
        "Binance's public data: trades",
        Preset({"trade_id": 0, "price": 1, "size": 2, "time": 4, "side": 5}, width=6, side_means="buyer-is-maker"),
        _trades,
    ),
    trade_preset(
        "binance-agg-trades",
        "Binance's public data: aggTrades",
        Preset({"trade_id": 0, "price": 1, "size": 2, "time": 5, "side": 6}, width=7, side_means="buyer-is-maker"),
        _agg_trades,
    ),
    bar_preset(
        "binance-klines",
        "Binance's public data: klines",
        Preset({"time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "trades": 8}, width=11),
        _klines,
    ),
)
