"""Events for hftbacktest: an npz with one array `data`, in the order that both of its clocks need.

Its backtest reads events twice, by the exchange's clock and by the receiver's. Where the orders differ, an event stands
there twice, once for each clock; see "Data" in its documentation, from which flags and fields are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.columns import QUOTES
from feed.exporting.rows import BookMessage, ExportRows, clock_column
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.tape.layout import words_of
from feed.units import MILLISECOND

__all__ = ["EVENT", "HFTBACKTEST"]

EVENT = np.dtype(
    [("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"), ("order_id", "<u8"),
     ("ival", "<i8"), ("fval", "<f8")],
    align=True,
)  # fmt: skip
"""An event of 64 bytes."""

DEPTH, TRADE, CLEAR, SNAPSHOT, BBO = 1, 2, 3, 4, 5
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28

Events = NDArray[np.void]


def _write(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    del options
    symbol = rows.only_symbol("hftbacktest").symbol
    done = Written()
    # At equal times trades go first: a change of the book that a trade made must not be taken for a second one.
    parts = [*_trades(rows, done), *_book(rows, symbol, done)]
    events = np.concatenate(parts) if parts else np.empty(0, EVENT)
    events = _ordered(_with_latency(events, done))
    with out.open("wb") as file:
        np.savez_compressed(file, data=events)
    done.count("events", len(events))
    return done


def _trades(rows: ExportRows, done: Written) -> Iterator[Events]:
    for table in rows.tables("trading"):
        sides, code = words_of(table["side"])
        flags = np.array([{"buy": BUY, "sell": SELL}.get(side, 0) for side in sides], np.uint64)
        events = _events(table, (flags[code] | np.uint64(TRADE)).astype(np.uint64))
        events["px"], events["qty"] = table["price"].to_numpy(), table["size"].to_numpy()
        done.count("trades", len(events))
        yield events


def _book(rows: ExportRows, symbol: str, done: Written) -> Iterator[Events]:
    """Yield the book: its changes where they were recorded, else the best levels by the quotes."""
    if any(name.startswith(f"book:{symbol}") for name in rows.info.streams):
        found = [event for message in rows.books() for event in _changes(message)]
        done.count("book", len(found))
        yield np.array(found, EVENT)
        return
    if "quote" not in rows.channels:
        done.say("there is no book and no quote in it: the backtest has trades alone")
        return
    done.say("there is no book in it: its best levels are those of the quotes")
    for table in rows.tables("quote"):
        bid, bid_size, ask, ask_size = (table[name].to_numpy() for name in QUOTES)
        both = np.empty(2 * len(table), EVENT)
        for first, side, price, size in ((0, BUY, bid, bid_size), (1, SELL, ask, ask_size)):
            events = _events(table, np.full(len(table), BBO | side, np.uint64))
            events["px"], events["qty"] = price, size
            both[first::2] = events
        done.count("quotes", len(table))
        yield both


def _events(table: pa.Table, flags: NDArray[np.uint64]) -> Events:
    events = np.zeros(len(table), EVENT)
    events["ev"] = flags
    events["exch_ts"], events["local_ts"] = clock_column(table, "time"), clock_column(table, "received")
    return events


def _changes(message: BookMessage) -> Iterator[tuple[int, int, int, float, float, int, int, float]]:
    for side, levels in ((BUY, message.bids), (SELL, message.asks)):
        if message.whole and levels:
            # What lies between the best price and this one is cleared, and then set anew.
            yield CLEAR | side, message.time, message.received, float(levels[-1][0]), 0.0, 0, 0, 0.0
        kind = SNAPSHOT if message.whole else DEPTH
        for price, size in levels:
            yield kind | side, message.time, message.received, float(price), float(size), 0, 0, 0.0


def _with_latency(events: Events, done: Written) -> Events:
    """Move the receiver's clock where it is behind the exchange's: nothing arrives before it was sent."""
    behind = int((events["exch_ts"] - events["local_ts"]).max()) if len(events) else 0
    if behind > 0:
        events["local_ts"] += behind
        done.say(f"the receive clock is {behind / MILLISECOND:.3f} ms behind the exchange's: it was moved by that")
    return events


def _ordered(events: Events) -> Events:
    """Return the events in the order of both clocks; one whose places differ stands there once for each clock."""
    by_exchange = np.argsort(events["exch_ts"], kind="stable")
    by_local = np.argsort(events["local_ts"], kind="stable")
    exchange, local = events[by_exchange], events[by_local]
    made = np.empty(2 * len(events), EVENT)
    count = first = second = 0
    while first < len(events) or second < len(events):
        if first < len(events) and second < len(events) and by_exchange[first] == by_local[second]:
            run = _equal_run(by_exchange, by_local, first, second)
            made[count : count + run] = exchange[first : first + run]
            made["ev"][count : count + run] |= np.uint64(EXCHANGE | LOCAL)
            first, second, count = first + run, second + run, count + run
        elif second >= len(events) or (first < len(events) and _before(exchange[first], local[second])):
            made[count] = exchange[first]
            made["ev"][count] |= np.uint64(EXCHANGE)
            first, count = first + 1, count + 1
        else:
            made[count] = local[second]
            made["ev"][count] |= np.uint64(LOCAL)
            second, count = second + 1, count + 1
    return made[:count]


def _equal_run(one: NDArray[np.int64], other: NDArray[np.int64], first: int, second: int) -> int:
    """Return how many events follow each other alike from here in both orders."""
    length = min(len(one) - first, len(other) - second)
    step = 64
    done = 0
    while done < length:
        size = min(step, length - done)
        differs = np.flatnonzero(one[first + done : first + done + size] != other[second + done : second + done + size])
        if len(differs):
            return done + int(differs[0])
        done, step = done + size, step * 4
    return length


def _before(exchange: np.void, local: np.void) -> bool:
    """Tell whether the exchange's next event goes before the receiver's next one."""
    one, other = int(exchange["exch_ts"]), int(local["exch_ts"])
    return one < other or (one == other and int(exchange["local_ts"]) < int(local["local_ts"]))


HFTBACKTEST = ExportTarget(
    "hftbacktest",
    "events of one symbol for hftbacktest: trades with the book, or with the quotes where there is none",
    _write,
    (".npz",),
)
