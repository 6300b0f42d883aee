"""A URL that subscribes by itself, for tools in a terminal that can only listen."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from feed import connect
from feed.errors import UsageError
from tests.server.conftest import Running, Serve, receive, receive_event


async def subscribed(running: Running, query: str, count: int) -> list[str]:
    """What the server says that a client who says nothing has subscribed to."""
    client = await running.client("/?" + query)
    rows = [await receive_event(client, "subscribed", "error") for _ in range(count)]
    return [":".join(str(row[key]) for key in ("channel", "symbol", "interval", "depth") if key in row) for row in rows]


@pytest.mark.parametrize(
    ("query", "streams"),
    [
        ("subscribe=trading:BTC/USD", ["trading:BTC/USD"]),
        ("subscribe=trading%3ABTC%2FUSD", ["trading:BTC/USD"]),
        ("subscribe=trading:BTC/USD,ticker:BTC/USD", ["trading:BTC/USD", "ticker:BTC/USD"]),
        ("subscribe=trading:BTC/USD&numbers=string&subscribe=status:*", ["trading:BTC/USD", "status:BTC/USD"]),
        ("subscribe=candles:BTC/USD:5s,book:BTC/USD:25", ["candles:BTC/USD:5s", "book:BTC/USD:25"]),
        ("subscribe=candles:BTC/USD,book:BTC/USD", ["candles:BTC/USD:1m", "book:BTC/USD:10"]),
        ("subscribe=book:*:*", ["book:BTC/USD:10", "book:BTC/USD:25", "book:BTC/USD:100"]),
        ("subscribe=*", ["book:BTC/USD:10", "candles:BTC/USD:1m", "status:BTC/USD", "ticker:BTC/USD",
                         "trading:BTC/USD"]),
        ("subscribe=*:BTC/USD", ["book:BTC/USD:10", "candles:BTC/USD:1m", "status:BTC/USD", "ticker:BTC/USD",
                                 "trading:BTC/USD"]),
    ],
)  # fmt: skip
async def test_url_subscribes(serve: Serve, query: str, streams: list[str]) -> None:
    """One answer for each stream, as for requests."""
    async with serve() as running:
        assert await subscribed(running, query, len(streams)) == streams


async def test_the_ticks_follow(serve: Serve) -> None:
    """A client that says nothing sees the market from its first tick."""
    async with serve() as running:
        client = await running.client("/ws?subscribe=trading:BTC/USD")
        assert (await receive_event(client, "data"))["seq"] == 1
        assert (await receive_event(client, "data"))["seq"] == 2


async def refusal(running: Running, query: str) -> Any:
    """Why the handshake is refused."""
    with pytest.raises(InvalidStatus) as refused:
        await running.client("/?" + query)
    assert refused.value.response.status_code == 400
    return orjson.loads(refused.value.response.body)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("trading:BTC/USDT", 'did you mean "trading:BTC/USD"?'),
        ("traiding:BTC/USD", 'did you mean "trading:BTC/USD"?'),
        ("Trading:btc/usd", 'did you mean "trading:BTC/USD"?'),
        ("trading", 'did you mean "trading:BTC/USD"?'),
        ("trading:", 'did you mean "trading:BTC/USD"?'),
        ("trading:BTC/USD:1m", 'did you mean "trading:BTC/USD"?'),
        ("*:BTC/USD:1m", 'did you mean "*:BTC/USD"?'),
        ("candles:BTC/USD:1min", 'did you mean "candles:BTC/USD:1m"?'),
        ("candle:btc/usd:1M", 'did you mean "candles:BTC/USD:1m"?'),
        ("book:BTC/USD:24", 'did you mean "book:BTC/USD:25"?'),
        ("book:BTC/USD:" + "9" * 400, 'did you mean "book:BTC/USD:100"?'),
        ("book:BTC/USD:ten", "the depth is one of 10, 25, 100, or *"),
        ("trading:XRP", "the symbol is one of BTC/USD, or *"),
        ("xyz:BTC/USD", "the channel is one of book, candles, status, ticker, trading, or *"),
        ("trading:BTC/USD,", "the channel is one of book, candles, status, ticker, trading, or *"),
        ("", "the channel is one of book, candles, status, ticker, trading, or *"),
        (":::", "the channel is one of book, candles, status, ticker, trading, or *"),
    ],
)
async def test_a_stream_that_is_not_there(serve: Serve, value: str, hint: str) -> None:
    """The handshake is refused, and names the nearest right one."""
    async with serve() as running:
        answer = await refusal(running, f"subscribe={value}")
        assert answer["field"] == "subscribe"
        assert answer["hint"] == hint


async def test_bounds(serve: Serve) -> None:
    """A long list of names is refused; repeating one is nothing; too many streams are told as for a request."""
    async with serve(session={"max_subscriptions": 2}) as running:
        names = ",".join(f"trading:{number}" for number in range(201))
        assert "at most 200" in (await refusal(running, f"subscribe={names}"))["hint"]
        client = await running.client("/?subscribe=" + ",".join(["trading:BTC/USD"] * 201))
        assert (await receive(client))["event"] == "subscribed"
        client = await running.client("/?subscribe=*")
        assert (await receive(client))["code"] == "LIMIT_EXCEEDED"


async def test_a_misspelt_key(serve: Serve) -> None:
    """The key is one of those that a hint can name."""
    async with serve() as running:
        assert (await refusal(running, "subscibe=trading:BTC/USD"))["hint"] == 'did you mean "subscribe"?'


async def test_our_own_client_passes_the_hint_on(serve: Serve) -> None:
    """Who uses `feed.connect` reads the nearest right one as well."""
    async with serve() as running:
        with pytest.raises(UsageError, match='did you mean "trading:BTC/USD"'):
            await connect(running.url + "/?subscribe=tradin:BTC/USD").__aenter__()
