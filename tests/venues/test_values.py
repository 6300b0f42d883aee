"""Values as venues write them, and the venues by name."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.errors import UsageError
from feed.venues.events import Note
from feed.venues.registry import VENUES, parser, venue_of
from feed.venues.values import decimal_text, iso_time, number_time, pair, seconds_time


@pytest.mark.parametrize(
    ("symbol", "told"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("btcusd", "BTC/USD"),
        ("usdtusd", "USDT/USD"),
        ("usdceur", "USDC/EUR"),
        ("TUSDUSDT", "TUSD/USDT"),
        ("ETHBTC", "ETH/BTC"),
        ("BTC-USD", "BTC/USD"),
        ("XBT/USD", "XBT/USD"),
        ("btc_usdt", "BTC/USDT"),
        ("XYZ", "XYZ"),
        ("USDT", "USDT"),
        ("DOTXYZ", "DOTXYZ"),
    ],
)
def test_pair(symbol: str, told: str) -> None:
    """Split where a well-known currency is behind, else left as it is."""
    assert pair(symbol) == told


@given(st.decimals(min_value=0, max_value=10**12, places=8))
def test_decimal_text_keeps_digits(value: Decimal) -> None:
    """What is written plainly comes back as it is; anything else as the same number."""
    assert decimal_text(f"{value:f}") == f"{value:f}"
    assert Decimal(decimal_text(f"{value:e}")) == value


@pytest.mark.parametrize("value", ["", "abc", "-1", "nan", "inf", None, True, [], "1.2.3", "١"])
def test_decimal_text_refuses(value: object) -> None:
    """Nothing else is a price."""
    with pytest.raises(ValueError, match=r"is no|is not"):
        decimal_text(value)


@given(st.integers(10**18, 4 * 10**18))
def test_times_in_any_spelling(time: int) -> None:
    """All spellings of an instant are the same instant."""
    assert number_time(time) == time
    assert number_time(time // 1000) == time // 1000 * 1000
    assert number_time(time // 10**6) == time // 10**6 * 10**6
    assert seconds_time(f"{time // 10**9}.{time % 10**9:09d}") == time


def test_iso_times() -> None:
    """With and without decimals and offsets."""
    assert iso_time("2023-10-06T17:35:55Z") == 1_696_613_755_000_000_000
    assert iso_time("2023-10-06T17:35:55.123456789Z") == 1_696_613_755_123_456_789
    assert iso_time("2023-10-06T19:35:55.1+02:00") == 1_696_613_755_100_000_000
    assert iso_time("2023-10-06T17:35:55.5") == 1_696_613_755_500_000_000


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_can_be_heard(venue: str) -> None:
    """A parser, an address, and what to ask there."""
    heard = venue_of(venue)
    assert heard.url.startswith("wss://")
    assert all(heard.subscribe_messages(["trading", "quote", "book"], ["BTC/USD"]))
    (note,) = parser(venue).parse("no JSON", 0)
    assert isinstance(note, Note)


KEYS = [*"estpqTmUubaBAE", "event", "channel", "data", "id", "bids", "asks", "type", "symbol", "price"]
Json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | st.just("1.5"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        "trade",
        "depthUpdate",
        "aggTrade",
        "bookTicker",
        "data",
        "match",
        "l2update",
        "snapshot",
        "update",
        "ticker",
        "book",
    ]
)


@given(st.sampled_from(list(VENUES)), Json, KINDS)
def test_nothing_breaks_a_parser(venue: str, message: object, kind: str) -> None:
    """Whatever JSON comes over the socket, events or notes come out."""
    following = parser(venue)
    texts = [json.dumps(message), json.dumps([0, message, kind, "A/B"])]
    if isinstance(message, dict):
        texts += [json.dumps({**message, key: kind}) for key in ("e", "event", "type", "channel")]
    for text in texts:
        assert all(isinstance(event.symbol, str) for event in following.parse(text, 0))


@pytest.mark.parametrize("venue", VENUES)
def test_deep_nesting_is_no_message(venue: str) -> None:
    """Nor does it break the parser."""
    (note,) = parser(venue).parse("[" * 100_000, 0)
    assert isinstance(note, Note)
    assert note.kind == "malformed"


def test_unknown_venue() -> None:
    """The nearest name is told."""
    with pytest.raises(UsageError, match="did you mean 'kraken'"):
        parser("krakken")
