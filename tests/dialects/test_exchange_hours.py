"""Hours of market at full speed in every dialect, read by our own parsers: rows equal, no gap, every checksum right."""

from __future__ import annotations

import json

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from feed.dialects.bitfinex.names import CHECKSUMS, BitfinexChannel
from feed.dialects.bitfinex.names import joins_of as bitfinex_joins
from feed.engine.source import EngineSource
from feed.protocol.effects import Join, Stream
from feed.scenario.load import scenario_from
from feed.units import HOUR, MINUTE, SECOND
from feed.venues.binance import Binance
from feed.venues.bitfinex import Bitfinex
from feed.venues.coinbase import Coinbase
from feed.venues.coinbase_advanced import CoinbaseAdvanced
from feed.venues.kraken_v2 import KrakenV2
from tests.dialects.exchanges import SYMBOL, Listener, play
from tests.dialects.test_exchange_books import assert_read, binance
from tests.support.market import make_market

QUIET = {
    "name": "quiet-hours",
    "market": {"orders_per_second": 0.05},
    "phases": [
        {"name": "before", "for": "20m"},
        {"name": "halted", "for": "10m", "status": "halted", "reason": "drill"},
    ],
    "events": [{"kind": "flash-crash", "at": "5m", "size": "-5%", "fall": "1m", "recovery": "2m"}],
}
"""Hours with a crash and a halt, in which so little happens that they are soon over."""


def counted(texts: list[str]) -> list[str]:
    """Messages of Advanced Trade with the numbers of a connection."""
    return [text.replace('"sequence_num":0', f'"sequence_num":{number}') for number, text in enumerate(texts)]


@pytest.mark.slow
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**31), st.integers(0, 23))
def test_hours_by_our_parsers(seed: int, hour: int) -> None:
    """Whatever the seed and the time of day, everything is read and nothing is missed."""
    read_for(2 * HOUR, seed, hour)


@settings(max_examples=1, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**31), st.integers(0, 23))
def test_minutes_by_our_parsers(seed: int, hour: int) -> None:
    """The same through a crash."""
    read_for(7 * MINUTE, seed, hour)


def read_for(length: int, seed: int, hour: int) -> None:
    """Play so long to a reader of each dialect, and read what each of them got."""
    source = EngineSource(scenario_from({**QUIET, "start": f"2025-01-06T{hour:02d}:30:00Z"}, "hours"), seed)
    market = make_market(source, begins=source.start + 10 * SECOND)
    trades, book = Join(Stream("trading", SYMBOL)), Join(Stream("book", SYMBOL, "100"), snapshot=1)
    channel = BitfinexChannel("book", SYMBOL, "P0", "F0", "100")
    told = BitfinexChannel("trades", SYMBOL)
    of_bitfinex = [*bitfinex_joins(channel), Join(Stream("trading", SYMBOL), view=(("channel", told.text),))]
    listeners = {
        "binance": Listener(market, "binance", binance(market, "btcusd@trade")),
        "kraken": Listener(market, "kraken", [trades, Join(Stream("book", SYMBOL, "10"), snapshot=1)]),
        "coinbase": Listener(market, "coinbase", [trades, book]),
        "coinbase-advanced": Listener(
            market, "coinbase-advanced", [Join(Stream("gathered_trades", SYMBOL, "250ms")), book]
        ),
        "bitfinex": Listener(market, "bitfinex", of_bitfinex, (("flags", str(CHECKSUMS)),)),
    }
    while market.published < source.start + length:
        play(market, MINUTE / SECOND)
    subscribed = {"event": "subscribed", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "100"}
    opening = [{**subscribed, "channel": "book", "chanId": channel.number}]
    opening += [{**subscribed, "channel": "trades", "chanId": told.number}]
    texts = {name: listener.texts for name, listener in listeners.items()}
    assert_read(KrakenV2(), texts["kraken"], market, 10)
    assert_read(Coinbase(), texts["coinbase"], market)
    assert_read(CoinbaseAdvanced(), counted(texts["coinbase-advanced"]), market)
    assert_read(Bitfinex(), [*map(json.dumps, opening), *texts["bitfinex"]], market)
    assert_read(Binance(), texts["binance"], market, 0)
