"""A small market spoken by exchanges, without sockets, and readers that keep books by the exchanges' own rules."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import orjson

from feed.data.rows import BookRows
from feed.dialects.base import Form
from feed.dialects.registry import DIALECTS
from feed.engine.source import EngineSource
from feed.market.market import Market
from feed.protocol.effects import Join, Stream, View
from feed.scenario.load import scenario_from
from feed.units import MILLISECOND, SECOND
from tests.support.market import Reader, make_market

SYMBOL = "BTC/USD"
BOOK = Stream("book", SYMBOL, "100")
STEP = 100 * MILLISECOND


def wild(orders: int = 6) -> EngineSource:
    """A market in which much happens."""
    return EngineSource(scenario_from({"name": "wild", "market": {"orders_per_second": orders}}, "wild"), 5)


def opened(began: int = 0, orders: int = 6) -> Market:
    """A market that has begun so many seconds into its scenario."""
    source = wild(orders)
    return make_market(source, begins=source.start + began * SECOND)


def play(market: Market, seconds: float) -> int:
    """Publish everything up to the end of a step of market time; return that time."""
    until = (market.published + round(seconds * SECOND)) // STEP * STEP + STEP - 1
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, 512)
    return until


class Listener:
    """A reader of several streams of one dialect; `stuck` makes it a slow one."""

    def __init__(self, market: Market, dialect: str, joins: Iterable[Join], options: View = ()) -> None:
        self.reader = Reader(market, limit=2**26)
        self.opening: list[bytes] = []
        for join in joins:
            form = Form(DIALECTS[dialect], (*options, *join.view))
            market.listen(join.stream)
            state = market.state_of(join.stream, join.snapshot, form) if join.snapshot else None
            if state:
                self.reader.data += state
            market.join(self.reader.subscriber, join.stream, form)

    @property
    def messages(self) -> list[Any]:
        """Every message so far."""
        return [orjson.loads(payload) for payload in self.reader.payloads]

    @property
    def texts(self) -> list[str]:
        """Every message so far, as text."""
        return [payload.decode() for payload in self.reader.payloads]


def native_book(market: Market, depth: int = 100) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The native book now: prices and sizes as decimal text."""
    rows = market.state_rows(BOOK, 1)
    assert isinstance(rows, BookRows)
    each, ladder = rows.instrument, rows.ladders[0].cut(depth)
    sides = [[(plain(p * each.tick_size), plain(s * each.lot_size)) for p, s in side] for side in ladder]
    return sides[0], sides[1]


def plain(value: Any) -> str:
    """A decimal without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class KeptLevels:
    """A book kept from levels with a price and a size as text."""

    def __init__(self) -> None:
        self.sides: tuple[dict[float, tuple[str, str]], dict[float, tuple[str, str]]] = ({}, {})

    def apply(self, side: int, levels: Iterable[Any]) -> None:
        """Set each level, or remove it where its size is 0."""
        for price, size in levels:
            if float(size) == 0:
                self.sides[side].pop(float(price), None)
            else:
                self.sides[side][float(price)] = (plain_text(price), plain_text(size))

    def best(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Both sides, the best first."""
        bids, asks = self.sides
        return [bids[p] for p in sorted(bids, reverse=True)], [asks[p] for p in sorted(asks)]

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is not below the best ask."""
        bids, asks = self.sides
        return bool(bids and asks) and max(bids) >= min(asks)


def plain_text(value: Any) -> str:
    """A number of a message without trailing zeros."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def script(value: float) -> str:
    """A number as JavaScript prints it."""
    text = repr(value)
    return text.removesuffix(".0").replace("e-0", "e-")


def bitfinex_checksum(book: KeptLevels) -> int:
    """The exchange's checksum of the best 25 levels, as its clients compute it."""
    bids, asks = book.best()
    parts: list[str] = []
    for row in range(25):
        if row < len(bids):
            parts += [script(float(bids[row][0])), script(float(bids[row][1]))]
        if row < len(asks):
            parts += [script(float(asks[row][0])), script(-float(asks[row][1]))]
    number = zlib.crc32(":".join(parts).encode())
    return number - 2**32 if number >= 2**31 else number


def trades_of(market: Market) -> list[tuple[int, str, str, int, int]]:
    """All trades of the epoch so far: number, price, size, side, and time in microseconds."""
    number = market.catalog.number(Stream("trading", SYMBOL))
    rows = market.history.trades(number, 0, market.seq(Stream("trading", SYMBOL)))
    if rows is None:
        return []
    ticks, each = rows.ticks, rows.instrument
    columns = zip(ticks.price.tolist(), ticks.size.tolist(), ticks.side.tolist(), ticks.time.tolist(), strict=True)
    return [
        (10**9 + row, plain(price * each.tick_size), plain(size * each.lot_size), side, time // 1000)
        for row, (price, size, side, time) in enumerate(columns, 1)
    ]
