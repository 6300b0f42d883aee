"""Trades written by hand in the scenario, merged into the generated ones."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from feed.data.ticks import BUY, SELL, TickBlock
from feed.engine.fill import trade_ids
from feed.scenario.events import HandTick
from feed.scenario.model import Scenario

__all__ = ["with_ticks", "written_lots"]


def with_ticks(ticks: TickBlock, scenario: Scenario, index: int, start: int, length: int) -> TickBlock:
    """Return the block with the written trades of that time merged in; `volume` counts from the block's start.

    A written trade comes after the other trades of its time; its quotes are the previous ones, moved as far as its
    price requires.
    """
    written = _written(scenario, index, start, start + length)
    if not written:
        return ticks
    instrument = scenario.symbols[index].instrument
    time = np.array([scenario.start + tick.at for tick in written], np.int64)
    price = np.array([int(tick.price / instrument.tick_size) for tick in written], np.int64)
    size = np.array([int(tick.size / instrument.lot_size) for tick in written], np.int64)
    side = np.array([BUY if tick.side == "buy" else SELL for tick in written], np.int64)
    place = np.searchsorted(ticks.time, time, side="right")
    columns = {column.name: getattr(ticks, column.name) for column in fields(ticks)}
    last = np.maximum(place - 1, 0)
    quotes = {
        key: columns[key][last] if len(ticks) else value
        for key, value in (("bid", price - 1), ("ask", price + 1), ("bid_size", size), ("ask_size", size))
    }
    # A buy trades at the ask, a sell at the bid, and the quote is never crossed.
    bid = np.where(side == BUY, np.minimum(quotes["bid"], price - 1), price)
    ask = np.where(side == BUY, price, np.maximum(quotes["ask"], price + 1))
    own = {"time": time, "price": price, "size": size, "side": side, **quotes, "bid": bid, "ask": ask}
    merged = {key: np.insert(columns[key], place, values) for key, values in own.items()}
    return TickBlock(**merged, volume=np.cumsum(merged["size"]), trade_id=trade_ids(merged["time"]))


def written_lots(scenario: Scenario, index: int, start: int, length: int) -> int:
    """The number of lots in the written trades of that time."""
    lot = scenario.symbols[index].lot_size
    return sum(int(tick.size / lot) for tick in _written(scenario, index, start, start + length))


def _written(scenario: Scenario, index: int, start: int, end: int) -> list[HandTick]:
    symbol = scenario.symbols[index].symbol
    first = scenario.symbols[0].symbol
    found = [
        tick for tick in scenario.ticks if start <= scenario.start + tick.at < end and (tick.symbol or first) == symbol
    ]
    return sorted(found, key=lambda tick: tick.at)
