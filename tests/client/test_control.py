"""Control of a market from Python: each method is a request, answered once it has happened; refusals are exceptions."""

from __future__ import annotations

import asyncio
import inspect
import socket
from datetime import timedelta

import pytest

import feed
from feed.client.exchange import ServerAddress, key_texts
from feed.errors import UsageError
from feed.market.actions.registry import ACTIONS
from tests.client.conftest import market_of


async def test_commands_of_a_market_of_its_own() -> None:
    """It is made, commanded and ended; each outcome tells what the market has published."""
    async with market_of("flash-crash", speed=1) as running:
        async with feed.open_market(running.url, "mine", paused=True) as market:
            outcome = await market.step(5)
            assert outcome.facts["trades"] >= 5
            assert outcome.seq["trading:BTC/USD"] == outcome.facts["trades"]
            assert (outcome.action, outcome.log, outcome.state) == ("step", 1, "paused")
            assert (await market.step(length=timedelta(milliseconds=250))).virtual_time == outcome.virtual_time + 250
            assert (await market.seek("00:05:00")).epoch.endswith("-2")
            assert (await market.speed("max")).state == "paused"
            assert (await market.describe())["speed"] == "max"
            assert [line["command"]["action"] for line in await market.log()] == ["step", "step", "seek", "speed"]
            assert market.url == f"{running.url}/?market=mine"
        with pytest.raises(feed.UnknownMarketError):
            await market.describe()


async def test_refusals_are_exceptions_with_code_field_and_hint() -> None:
    """Each frequent kind has a class of its own."""
    async with market_of("flash-crash", speed=1) as running, feed.open_market(running.url, "mine") as market:
        with pytest.raises(feed.RefusedError) as refused:
            await market.act("paus")
        assert (refused.value.code, refused.value.field, refused.value.status) == ("INVALID_REQUEST", "action", 400)
        assert refused.value.hint == 'did you mean "pause"?'
        assert "did you mean" in str(refused.value)
        await market.resume()
        with pytest.raises(feed.NotPossibleError, match="pause it first"):
            await market.step()
        with pytest.raises(feed.NotReachedError):
            await market.seek("-5m")
        with pytest.raises(feed.MarketExistsError) as exists:
            await market.open(seed=99)
        assert exists.value.field == "seed"


async def test_without_await() -> None:
    """The same methods block, with the same outcomes and refusals."""

    def command(url: str) -> list[object]:
        with feed.open_market_sync(url, "mine", paused=True) as market:
            first = market.step(3)
            assert market.pause().state == "paused"
            with pytest.raises(feed.NotReachedError):
                market.seek("-5m")
            return [first.facts["trades"] >= 3, market.describe()["log"], market.url]

    async with market_of("flash-crash", speed=1) as running:
        assert await asyncio.to_thread(command, running.url) == [True, 2, f"{running.url}/?market=mine"]


def test_both_have_the_same_methods() -> None:
    """With the same arguments and the same documentation."""

    def public(kind: type) -> dict[str, object]:
        members = inspect.getmembers(kind, lambda member: inspect.isfunction(member) or isinstance(member, property))
        return {name: member.__doc__ for name, member in members if not name.startswith("_") and name != "name"}

    assert public(feed.RemoteMarketSync) == public(feed.RemoteMarket)


def test_every_action_has_a_method() -> None:
    """Whoever adds an action gives it a name in Python."""
    assert [name for name in ACTIONS if not hasattr(feed.RemoteMarket, name)] == []


async def test_nobody_answers() -> None:
    """The error says so, from a closed port, from a server of another kind, and from one that is silent."""
    with pytest.raises(feed.ConnectError, match="nobody listens there"):
        await feed.RemoteMarket("ws://127.0.0.1:1").pause()
    with pytest.raises(feed.ConnectError, match="nobody listens there"):
        feed.RemoteMarketSync("ws://127.0.0.1:1").pause()

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope")
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(feed.ConnectError, match="is no feed server"):
            await feed.RemoteMarket(f"http://127.0.0.1:{port}").pause()
        with pytest.raises(feed.ConnectError, match="is no feed server"):
            await asyncio.to_thread(feed.RemoteMarketSync(f"http://127.0.0.1:{port}").pause)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(feed.ConnectError, match=r"within 0\.1 s"):
            await feed.RemoteMarket(url, patience=0.1).pause()
        with pytest.raises(feed.ConnectError, match=r"within 0\.1 s"):
            feed.RemoteMarketSync(url, patience=0.1).pause()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "ws://", "ws://host:port", "ws://[::1"])
def test_bad_addresses(url: str) -> None:
    """They are named, with a good one."""
    with pytest.raises(UsageError, match=r"write it like ws://127\.0\.0\.1:8765"):
        feed.RemoteMarket(url)


def test_addresses() -> None:
    """Pages and sockets have theirs; a bare host and port is enough."""
    assert ServerAddress.of("127.0.0.1:9000").socket == "ws://127.0.0.1:9000"
    assert ServerAddress.of("https://lab.example/").page == "https://lab.example:443"
    assert ServerAddress.of("ws://[::1]:9000/?market=x").page == "http://[::1]:9000"


def test_keys_of_a_request() -> None:
    """As a URL has them: missing ones left out, flags in JSON's words, and lists as JSON."""
    keys = key_texts({"paused": True, "seed": None, "for_": timedelta(seconds=2), "faults": [{"kind": "drop"}], "n": 3})
    assert keys == {"paused": "true", "for": "2.000000s", "faults": '[{"kind": "drop"}]', "n": "3"}
