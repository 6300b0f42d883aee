"""Candles of the exchanges equal the aggregation of the trades; the bytes of every dialect are the same each time."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from feed.data.ticks import BUY
from feed.dialects.binance.streams import joins_of, name_of
from feed.dialects.bitfinex.names import BitfinexChannel
from feed.dialects.bitfinex.names import joins_of as bitfinex_joins
from feed.protocol.effects import Join, Stream
from feed.units import HOUR, MILLISECOND, MINUTE, SECOND
from tests.dialects.exchanges import SYMBOL, Listener, opened, plain, plain_text, play, trades_of, wild
from tests.support.market import make_market


def binance(market: Any, *names: str) -> list[Join]:
    """The streams behind names of Binance."""
    return [join for name in names for join in joins_of(name_of(name), market.instruments)]  # type: ignore[arg-type]


def test_klines_are_the_trades() -> None:
    """Each second's candle is closed once, with what takers bought and the numbers of its trades."""
    market = opened(0)
    listener = Listener(market, "binance", binance(market, "btcusd@kline_1s"))
    play(market, 8)
    closed = {it["k"]["t"]: it["k"] for it in listener.messages if it["k"]["x"]}
    trades = trades_of(market)
    seconds = sorted({time // 10**6 for *_, time in trades})[:-1]
    assert len(seconds) > 3
    for second in seconds:
        its = [trade for trade in trades if trade[-1] // 10**6 == second]
        candle = closed[second * 1000]
        assert (candle["f"], candle["L"], candle["n"]) == (its[0][0], its[-1][0], len(its))
        assert (plain_text(candle["o"]), plain_text(candle["c"])) == (its[0][1], its[-1][1])
        volumes = [sum(float(size) for _, _, size, side, _ in its if side == BUY or not only) for only in (False, True)]
        assert [float(candle["v"]), float(candle["V"])] == pytest.approx(volumes)


def test_candles_at_each_trade() -> None:
    """The open candle after each trade has that trade's price as its close; the volume grows with it."""
    market = opened(0)
    listener = Listener(market, "bitfinex", bitfinex_joins(BitfinexChannel("candles", SYMBOL, interval="1m"))[:1])
    play(market, 3)
    rows = [data for _, data in listener.messages if not isinstance(data[0], list)]
    trades = trades_of(market)
    assert [plain(row[2]) if isinstance(row[2], int) else plain_text(row[2]) for row in rows] == [
        it[1] for it in trades
    ]
    assert rows[-1][5] == pytest.approx(sum(float(size) for _, _, size, _, _ in trades))


def test_candles_begin_on_time_in_a_moved_market() -> None:
    """With dates of another day, candles begin at whole hours as clients see them."""
    source = wild()
    market = make_market(source, begins=source.start, shift=37 * MINUTE)
    for channel in ("klines", "trade_candles"):
        rows = market.state_rows(Stream(channel, SYMBOL, "1h"), 2)
        assert [it.begin % HOUR for it in rows.candles] == [0, 0]  # type: ignore[union-attr]


GOLDEN = {
    "binance": "9faab2d3c1d19bbf",
    "kraken": "127f754c1840de1d",
    "coinbase": "d45047669947fa65",
    "coinbase-advanced": "55f133be5b4f6441",
    "bitfinex": "c241c1758ccefe64",
}
"""Hashes of ten seconds of every channel, by dialect."""


def channels_of(name: str, market: Any) -> list[Join]:
    """Most of the channels of a dialect."""
    if name == "binance":
        names = (
            "trade",
            "aggTrade",
            "depth@100ms",
            "depth5",
            "bookTicker",
            "kline_1m",
            "ticker",
            "miniTicker",
            "avgPrice",
        )
        return binance(market, *(f"btcusd@{each}" for each in names))
    if name == "bitfinex":
        kinds = [BitfinexChannel("book", SYMBOL, "P0", "F0", "25"), BitfinexChannel("ticker", SYMBOL)]
        kinds += [BitfinexChannel("trades", SYMBOL), BitfinexChannel("candles", SYMBOL, interval="1m")]
        return [join for kind in kinds for join in bitfinex_joins(kind)]
    streams = {
        "kraken": [
            ("book", "10"),
            ("trading", ""),
            ("trade_ticker", ""),
            ("quote_ticker", ""),
            ("trade_candles", "1m"),
        ],
        "coinbase": [("trading", ""), ("trade_ticker", ""), ("windows", "1d"), ("gathered_book", "50ms")],
        "coinbase-advanced": [("gathered_trades", "250ms"), ("book", "100"), ("trade_ticker", ""), ("candles", "5m")],
    }[name]
    return [Join(Stream(channel, SYMBOL, part), snapshot=int(channel != "trading")) for channel, part in streams]


@pytest.mark.parametrize("name", GOLDEN)
def test_bytes_are_the_same(name: str) -> None:
    """The same scenario gives the same messages, in whatever slices they are published."""
    hashes = []
    for slices in (1, 4):
        market = opened(5, orders=3)
        listener = Listener(market, name, channels_of(name, market))
        for _ in range(slices):
            play(market, 4 / slices - 0.1 * (slices > 1))
        play(market, max(0.0, 4 - (market.published - market.state.begins) / SECOND))
        until = market.state.begins + 5 * SECOND
        while (due := market.next_time()) is not None and due <= until - MILLISECOND:
            market.publish_due(until - MILLISECOND, 512)
        hashes.append(hashlib.sha256(b"\n".join(sorted(listener.reader.payloads))).hexdigest()[:16])
    assert hashes[0] == hashes[1]
    assert hashes[0] == GOLDEN[name]
