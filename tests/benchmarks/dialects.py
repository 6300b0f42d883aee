"""`python -m tests.benchmarks.dialects`: what a message of each exchange's dialect costs, against a native one.

Each contender plays the same minutes of the same market to one reader of one kind of data, and the time of its writing
is taken while it plays, with caches as they are then. The contenders of a round take turns in one process. Where a
message gathers several trades or changes of a book, each of these counts.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import cast

from feed.clock import ManualClock
from feed.delivery.outbox import Outbox, OutboxLimits
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Dialect, Form
from feed.dialects.binance.streams import joins_of, name_of
from feed.dialects.bitfinex.names import BitfinexChannel
from feed.dialects.bitfinex.names import joins_of as bitfinex_joins
from feed.dialects.registry import DIALECTS
from feed.engine.source import EngineSource
from feed.market.history import ResumeWindow
from feed.market.market import Market, MarketIdentity
from feed.market.shared import SharedSource
from feed.protocol.effects import Join, Stream
from feed.scenario.load import scenario_from
from feed.units import SECOND
from tests.support.market import opening_state

__all__ = ["main"]

SYMBOL = "BTC/USD"

BUSY = {"name": "busy", "market": {"orders_per_second": 20}}

STEP = 100_000_000

ALL_TOLD = ("trades", "books")
"""Kinds of data of which every dialect tells the same rows, though some gather them in fewer messages."""


class Sink:
    """A socket that takes everything."""

    def write(self, data: bytes) -> None:
        """The outbox's side."""

    def waiting(self) -> int:
        """The outbox's side."""
        return 0


def native(channel: str, part: str = "") -> tuple[str, tuple[Join, ...]]:
    """A stream of the native dialect."""
    return "native", (Join(Stream(channel, SYMBOL, part)),)


def binance(market: Market, name: str) -> tuple[str, tuple[Join, ...]]:
    """A stream of Binance."""
    known = name_of(name)
    assert known is not None
    return "binance", tuple(joins_of(known, market.instruments))


def contenders(market: Market) -> dict[str, dict[str, tuple[str, tuple[Join, ...]]]]:
    """Every kind of data, with the streams of each dialect for it; the native one comes first."""

    def of(dialect: str, channel: str, part: str = "", **view: str) -> tuple[str, tuple[Join, ...]]:
        return dialect, (Join(Stream(channel, SYMBOL, part), view=tuple(view.items())),)

    def bitfinex(kind: str, *more: str) -> tuple[str, tuple[Join, ...]]:
        return "bitfinex", tuple(bitfinex_joins(BitfinexChannel(kind, SYMBOL, *more)))

    return {
        "trades": {
            "native": native("trading"),
            "binance": binance(market, "btcusd@trade"),
            "kraken": of("kraken", "trading"),
            "coinbase": of("coinbase", "trading"),
            "coinbase-advanced": of("coinbase-advanced", "gathered_trades", "250ms"),
            "bitfinex": bitfinex("trades"),
        },
        "books": {
            "native": native("book", "100"),
            "binance": binance(market, "btcusd@depth@100ms"),
            "kraken": of("kraken", "book", "100"),
            "coinbase": of("coinbase", "book", "100"),
            "coinbase-advanced": of("coinbase-advanced", "book", "100"),
            "bitfinex": bitfinex("book", "P0", "F0", "100"),
        },
        "candles": {
            "native": native("candles", "1m"),
            "binance": binance(market, "btcusd@kline_1m"),
            "kraken": of("kraken", "trade_candles", "1m"),
            "coinbase-advanced": of("coinbase-advanced", "candles", "5m"),
            "bitfinex": ("bitfinex", tuple(bitfinex_joins(BitfinexChannel("candles", SYMBOL, interval="1m")))),
        },
        "tickers": {
            "native": native("ticker"),
            "binance": binance(market, "btcusd@ticker"),
            "kraken": of("kraken", "trade_ticker"),
            "coinbase": of("coinbase", "trade_ticker"),
            "coinbase-advanced": of("coinbase-advanced", "trade_ticker"),
            "bitfinex": bitfinex("ticker"),
        },
    }


def make_market() -> Market:
    """A busy market that nobody paces."""
    source = EngineSource(scenario_from(BUSY, "busy"), 1)
    window = ResumeWindow(10_000, 300 * SECOND)
    return Market(
        MarketIdentity("m", "x"), SharedSource(source), opening_state(source), window=window, clock=ManualClock()
    )


class Watch:
    """The time that a dialect writes; everything else goes on as it is."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._write: Callable[..., list[bytes]] = dialect.write
        self.spent = 0
        self.messages = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._dialect, name)

    def write(self, *given: object) -> list[bytes]:
        """Write as the dialect does, with an eye on the clock."""
        began = time.thread_time_ns()
        payloads = self._write(*given)
        self.spent += time.thread_time_ns() - began
        self.messages += sum(payload.count(b"\n") + 1 for payload in payloads if payload)
        return payloads


def played(seconds: int, dialect: str, joins: Sequence[Join]) -> Watch:
    """So much of the market to one reader; what its dialect took for it."""
    market, watch = make_market(), Watch(DIALECTS[dialect])
    reader = Subscriber(Outbox(Sink(), OutboxLimits(2**30, SECOND), lambda _: None), None)
    for join in joins:
        market.listen(join.stream)
        market.join(reader, join.stream, Form(cast(Dialect, watch), join.view))
    gc.collect()
    until = market.published // STEP * STEP + STEP - 1
    for _ in range(seconds * 10):
        until += STEP
        while (due := market.next_time()) is not None and due <= until:
            market.publish_due(until, 512)
    return watch


def main(arguments: list[str] | None = None) -> int:
    """Print one table of ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.dialects", description=__doc__)
    parser.add_argument("kind", nargs="*", help="which kinds of data (all)")
    parser.add_argument("--seconds", type=int, default=40, help="market time of a trial (40)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (3)")
    parser.add_argument("--most", type=float, help="end with 1 if a ratio is above this")
    options = parser.parse_args(arguments)
    known = contenders(make_market())
    print("| data | dialect | messages | µs a row | to the native one |")
    print("| --- | --- | --- | --- | --- |")
    worst = 0.0
    for kind in options.kind or known:
        costs: dict[str, list[float]] = {}
        counts: dict[str, int] = {}
        for _ in range(options.rounds):
            for name, (dialect, joins) in known[kind].items():
                watch = played(options.seconds, dialect, joins)
                counts[name] = watch.messages
                # Of trades and books, every contender tells all that the native one does.
                told = max(watch.messages, counts["native"] if kind in ALL_TOLD else 1)
                costs.setdefault(name, []).append(watch.spent / 1000 / told)
        for name, times in costs.items():
            ratio = median(each / own for each, own in zip(times, costs["native"], strict=True))
            worst = max(worst, ratio)
            print(f"| {kind} | {name} | {counts[name]} | {min(times):.1f} | {ratio:.2f} |")
    return int(options.most is not None and worst > options.most)


if __name__ == "__main__":
    raise SystemExit(main())
