"""A client and a real server: typed messages, coming back, and nothing lost on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import FrozenInstanceError
from itertools import pairwise

import orjson
import pytest
from websockets.asyncio.server import ServerConnection, serve

from feed.client.client import Client, connect
from feed.client.happenings import Connected, Disconnected
from feed.client.link import ClientLink
from feed.client.messages import Candle, Data, Message, Other, SymbolStatus, Tick, Ticker
from feed.client.progress import Gap
from feed.errors import ConnectError, SubscriptionError, UsageError
from feed.protocol import codes
from feed.protocol.codes import CloseCode
from feed.protocol.events import Heartbeat, PingEvent, Subscribed
from feed.units import MILLISECOND, SECOND
from tests.client.conftest import market_of, quick
from tests.server.conftest import serving
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE


@contextlib.asynccontextmanager
async def lively() -> AsyncIterator[Client]:
    """A client of a thousand ticks a second that does not wait long before it comes back."""
    async with (
        serving(MetronomeSource(every=MILLISECOND)) as running,
        connect(running.url, back_off=quick()) as client,
    ):
        yield client


async def take(client: Client, count: int) -> list[Tick]:
    """So many ticks."""
    ticks: list[Tick] = []
    async with asyncio.timeout(PATIENCE):
        async for tick in client.ticks():
            ticks.append(tick)
            if len(ticks) == count:
                break
    return ticks


async def until(client: Client, wanted: Callable[[Message], bool]) -> list[Message]:
    """Messages up to the one that is wanted, which is the last."""
    messages: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            messages.append(message)
            if wanted(message):
                return messages
    raise AssertionError(f"it ended without: {messages[-3:]}")


def seqs(messages: list[Message]) -> list[int]:
    """Of the ticks."""
    return [message.seq for message in messages if isinstance(message, Tick)]


async def test_subscribe_and_read() -> None:
    """Typed, frozen, in order, with the market's own words about itself."""
    async with market_of("flash-crash", seed=7) as running, connect(running.url) as client:
        assert client.status is not None
        assert client.status.scenario == "metronome", "the kit's name of every market"
        standing = await client.subscribe("trading", "BTC/USD")
        assert [(one.channel, one.symbol) for one in standing] == [("trading", "BTC/USD")]
        ticks = await take(client, 500)
        assert [tick.seq for tick in ticks] == list(range(1, 501))
        assert all(tick.side in ("buy", "sell") and tick.bid < tick.ask for tick in ticks)
        assert all(one.received <= other.received for one, other in pairwise(ticks))
        assert client.seq("trading", "BTC/USD") == 500
        assert (client.lost, client.reconnects) == (0, 0)
        with pytest.raises(FrozenInstanceError):
            ticks[0].price = 1.0  # type: ignore[misc]


async def test_every_channel_has_its_type() -> None:
    """Ticks, status and the rest; history is marked as such."""
    async with serving(MetronomeSource()) as running, connect(running.url) as client:
        await client.subscribe("*", "BTC/USD")
        missing: set[type] = {Tick, SymbolStatus, Ticker, Candle, Subscribed}

        def is_last(message: Message) -> bool:
            missing.discard(type(message))
            return not missing

        seen = await until(client, is_last)
        assert not any(isinstance(message, Other) for message in seen)
        status = next(message for message in seen if isinstance(message, SymbolStatus))
        assert (status.status, status.snapshot) == ("online", True)
        async with connect(running.url) as late:
            await late.subscribe("trading", "BTC/USD", history=1)
            ticks = await take(late, 3)
            assert [tick.snapshot for tick in ticks] == [True, False, False]
            assert [tick.seq - ticks[0].seq for tick in ticks] == [0, 1, 2]
            assert late.lost == 0


async def test_a_refused_subscription_raises() -> None:
    """With the server's hint; what stood before stands."""
    async with serving() as running, connect(running.url) as client:
        await client.subscribe("trading", "BTC/USD")
        with pytest.raises(SubscriptionError, match=r'UNKNOWN_CHANNEL.*did you mean "trading"'):
            await client.subscribe("tradin", "BTC/USD")
        with pytest.raises(SubscriptionError, match="NOT_SUBSCRIBED"):
            await client.unsubscribe("status", "BTC/USD")
        assert len(await take(client, 3)) == 3
        await client.unsubscribe("trading", "BTC/USD")
        assert client.seq("trading", "BTC/USD") is None
        assert 0 < await client.ping() < PATIENCE * SECOND


async def test_a_broken_connection_costs_nothing() -> None:
    """Dropped three times in the middle: the seqs go on as if nothing had been."""
    async with lively() as client:
        await client.subscribe("trading", "BTC/USD")
        ticks = []
        for reconnects in range(1, 5):
            ticks += await take(client, 100)
            client.drop()
            # Ticks that have come before the drop are read before it is noticed.
            while client.reconnects < reconnects:
                ticks += await take(client, 1)
    assert [tick.seq for tick in ticks] == list(range(1, len(ticks) + 1))
    assert (client.lost, client.reconnects) == (0, 4)


async def test_a_cancelled_reconnect_costs_nothing() -> None:
    """Whoever looks in only for a moment at a time gets every tick all the same."""
    seen: list[int] = []
    moment = 0.005
    async with lively() as client:
        await client.subscribe("trading", "BTC/USD")
        async with asyncio.timeout(PATIENCE):
            while len(seen) < 400 or client.reconnects < 4:
                # After each drop too short at first for a wait and a handshake: attempts are cut off at every point.
                moment += 0.004
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(moment):
                        async for tick in client.ticks():
                            seen.append(tick.seq)
                            if len(seen) % 80 == 0:
                                client.drop()
                                moment = 0.005
    assert seen == list(range(1, len(seen) + 1))


async def test_subscriptions_come_back_with_the_connection() -> None:
    """All of them, each from where it stood; what was ended stays ended."""
    async with lively() as client:
        await client.subscribe("trading", "BTC/USD")
        await client.subscribe("status")
        await client.subscribe("ticker")
        await client.unsubscribe("ticker", "BTC/USD")
        client.drop()
        seen = await until(client, lambda message: isinstance(message, Connected))
        assert isinstance(seen[-2], Disconnected)
        await take(client, 1)
        answers = await client.subscribe("trading", "BTC/USD")
        assert len(answers) == 1
        assert client.seq("status", "BTC/USD") is not None
        assert answers[0].seq > 0
        assert client.seq("ticker", "BTC/USD") is None


@pytest.mark.parametrize("code", [codes.SILENT, codes.RESTART, codes.INTERNAL, codes.TOO_SLOW])
async def test_the_close_table_says_come_back(code: CloseCode) -> None:
    """At once or after a while, and without a loss."""
    async with serving(MetronomeSource(every=MILLISECOND)) as running, connect(running.url, back_off=quick()) as client:
        await client.subscribe("trading", "BTC/USD")
        first = await take(client, 20)
        running.server.close_all(code, "as a test")
        seen = await until(client, lambda message: isinstance(message, Tick) and client.reconnects == 1)
        lost = next(message for message in seen if isinstance(message, Disconnected))
        assert (lost.code, lost.reason) == (code.number, "as a test")
        assert (lost.retry_in == 0) == (code.reconnect == "now")
        came = seqs([*first, *seen])
        assert came == list(range(1, len(came) + 1))


@pytest.mark.parametrize("code", [codes.MARKET_GONE, codes.FORBIDDEN, codes.TOO_BIG])
async def test_the_close_table_says_stay_away(code: CloseCode) -> None:
    """Iterating ends, and says why."""
    async with serving() as running, connect(running.url) as client:
        await client.subscribe("trading", "BTC/USD")
        running.server.close_all(code, "over")
        messages = [message async for message in client]
        assert messages[-1] == Disconnected(code.number, "over", None)


async def test_nobody_there() -> None:
    """The first attempt fails at once; a wrong URL is a wrong use."""
    with pytest.raises(ConnectError, match="nobody listens there"):
        await connect("ws://127.0.0.1:9").__aenter__()
    with pytest.raises(UsageError, match="no WebSocket URL"):
        await connect("127.0.0.1:8765").__aenter__()
    async with serving() as running:
        with pytest.raises(UsageError, match=r"HTTP 400.*unknown key"):
            await connect(running.url + "/?speeed=3").__aenter__()


async def test_a_token_is_shown() -> None:
    """And a wrong one ends it for good."""
    async with serving(token="secret", session={"auth_timeout": 300 * MILLISECOND}) as running:
        async with connect(running.url, token="secret") as client:
            await client.subscribe("trading", "BTC/USD")
            assert len(await take(client, 3)) == 3
        async with connect(running.url, token="guessed") as client:
            with pytest.raises(SubscriptionError, match="UNAUTHORIZED"):
                await client.subscribe("trading", "BTC/USD")
            seen = await until(client, lambda message: isinstance(message, Disconnected))
            lost = seen[-1]
            assert isinstance(lost, Disconnected)
            assert (lost.code, lost.retry_in) == (codes.NOT_AUTHENTICATED.number, None)


async def test_strict_heartbeats_are_answered() -> None:
    """Who connects with `heartbeat=strict` is asked, answers, and stays."""
    session = {"ping_interval": 50 * MILLISECOND, "ping_timeout": SECOND}
    async with serving(session=session) as running, connect(running.url + "/?heartbeat=strict") as client:
        await client.subscribe("trading", "BTC/USD")
        asked = 0
        async with asyncio.timeout(PATIENCE):
            async for message in client:
                asked += isinstance(message, PingEvent)
                if asked == 10:
                    break
        assert (client.reconnects, client.lost) == (0, 0)


@contextlib.asynccontextmanager
async def scripted(
    *frames: dict[str, object], deaf: bool = False, symbols: Sequence[object] = ()
) -> AsyncIterator[str]:
    """A server that greets, sends these frames and answers pings; a deaf one stops reading after them."""

    async def handle(connection: ServerConnection) -> None:
        greeting = {"event": "status", "scenario": "script", "epoch": "a-1", "symbols": list(symbols)}
        for frame in (greeting, *frames):
            await connection.send(orjson.dumps(frame).decode())
        if deaf:
            connection.transport.pause_reading()
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"ws://{host}:{port}"


def tick(seq: int) -> dict[str, object]:
    """A tick on the wire."""
    numbers = dict.fromkeys(("price", "size", "bid", "bid_size", "ask", "ask_size", "volume"), "1.5")
    body = {"symbol": "BTC/USD", "side": "buy", "trade_id": seq, "timestamp": 0} | numbers
    return {"event": "data", "channel": "trading", "symbol": "BTC/USD", "type": "update", "seq": seq, "data": body}


async def frames_of(link: ClientLink, count: int) -> list[object]:
    """So many things that happen."""
    async with asyncio.timeout(PATIENCE):
        return [await link.pull() for _ in range(count)]


async def test_losses_come_before_what_shows_them() -> None:
    """By seq in the middle and by heartbeat at the end; strings are numbers, what is unknown is no error."""
    heartbeat: dict[str, object] = {"event": "heartbeat", "timestamp": 1, "last": {"trading:BTC/USD": 9}}
    strange: dict[str, object] = {"event": "surprise", "x": 1}
    later: dict[str, object] = tick(1) | {"channel": "depth", "data": {"bids": []}}
    async with scripted(strange, later, tick(1), tick(4), heartbeat) as url:
        link = ClientLink(url)
        client = Client(link, link._clock)
        seen = await until(client, lambda message: isinstance(message, Heartbeat))
        await client.close()
    kinds = [type(message) for message in seen if not isinstance(message, Connected)]
    assert kinds == [Other, Other, Data, Tick, Gap, Tick, Gap, Heartbeat]
    assert [message.count for message in seen if isinstance(message, Gap)] == [2, 5]
    assert client.lost == 7
    assert next(message.price for message in seen if isinstance(message, Tick)) == 1.5


async def test_silence_is_noticed() -> None:
    """A server that sends nothing and answers nothing is gone; one that answers pings is only quiet."""
    async with scripted(deaf=True) as url:
        link = ClientLink(url, back_off=quick(), silence=100 * MILLISECOND)
        happened = await frames_of(link, 4)
        await link.close()
    assert [type(each).__name__ for each in happened] == ["Connected", "Frame", "Disconnected", "Connected"]
    async with scripted() as url:
        link = ClientLink(url, back_off=quick(), silence=250 * MILLISECOND)
        await frames_of(link, 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await link.pull()
        assert link.attempts == 1
        await link.close()
