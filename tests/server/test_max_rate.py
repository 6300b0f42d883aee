"""Subscriptions that want few messages: the newest alone, and the rest counted."""

from __future__ import annotations

import asyncio

import pytest

from feed.units import MAX_SPEED, MILLISECOND, SECOND
from tests.server.conftest import Serve, receive_event, send
from tests.support.market import TRADING
from tests.support.sources import MetronomeSource

PAIR = {"channel": "trading", "symbol": "BTC/USD"}


async def test_max_rate_bounds_the_messages_and_counts_the_rest(serve: Serve) -> None:
    """No two are nearer than the rate allows, each says how many it stands for, and the last one is the newest."""
    async with serve(MetronomeSource(every=MILLISECOND, count=1000)) as running:
        everything = await running.client()
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 10})
        subscribed = await receive_event(client, "subscribed")
        assert subscribed["max_rate"] == 10
        await send(everything, {"event": "subscribe", **PAIR})
        clock, seq, times = asyncio.get_running_loop(), subscribed["seq"], []
        messages = []
        while seq < 1000:
            message = await receive_event(client, "data")
            times.append(clock.time())
            assert message["seq"] == seq + message.get("skipped", 0) + 1
            seq = message["seq"]
            messages.append(message)
        # The client's own clock is what sees them; it may be late but not early, so only the mean is bounded.
        assert len(messages) <= 12 + (times[-1] - times[0]) * 10
        plain: dict[int, dict[str, object]] = {}
        while len(plain) < 990:
            message = await receive_event(everything, "data")
            assert "skipped" not in message
            plain[message["seq"]] = message
        for message in messages:
            message.pop("skipped", None)
            assert plain.get(message["seq"], message) == message
        assert running.server.counters.slow == 0


async def test_quiet_stream_is_sent_at_once(serve: Serve) -> None:
    """A stream that is slower than the bound is not conflated."""
    async with serve(MetronomeSource(every=50 * MILLISECOND)) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 1000})
        messages = [(await receive_event(client, "data")) for _ in range(20)]
        last = 0
        for message in messages:
            assert message["seq"] == last + 1 + message.get("skipped", 0)
            last = message["seq"]
        # A machine that stands still for longer than a message takes makes several due at once.
        assert sum("skipped" not in message for message in messages) >= 16


@pytest.mark.parametrize("request_", [{"event": "unsubscribe", **PAIR}, {"event": "subscribe", **PAIR}])
async def test_bound_ends_with_its_subscription(serve: Serve, request_: dict[str, str]) -> None:
    """Nothing is left of it after an unsubscribe, and a plain subscription gets every message again."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 20})
        await receive_event(client, "data")
        await send(client, request_)
        answer = await receive_event(client, "subscribed", "unsubscribed")
        hub = running.market.hub
        assert hub.sampled == 0
        assert not hub.topics[TRADING].listening
        if answer["event"] == "subscribed":
            answer = await receive_event(client, "subscribed") if "max_rate" in answer else answer
            for seq in range(answer["seq"] + 1, answer["seq"] + 50):
                message = await receive_event(client, "data")
                assert (message["seq"], "skipped" in message) == (seq, False)


async def test_silence_between_two_messages_is_filled_with_heartbeats(serve: Serve) -> None:
    """The stream is busy, but nothing was sent to this client."""
    session = {"heartbeat_interval": 100 * MILLISECOND}
    async with serve(MetronomeSource(every=MILLISECOND), session=session) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 0.1})
        await receive_event(client, "data")
        events = [(await receive_event(client, "heartbeat", "data"))["event"] for _ in range(2)]
        assert events == ["heartbeat", "heartbeat"]


async def test_full_speed_waits_for_one_who_samples(serve: Serve) -> None:
    """It counts as a listener: without it the market would stand still."""
    async with serve(MetronomeSource(every=SECOND, count=5000), speed=MAX_SPEED) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 100})
        seq = 0
        while seq < 5000:
            message = await receive_event(client, "data")
            assert message["seq"] == seq + message.get("skipped", 0) + 1
            seq = message["seq"]


async def test_gone_client_leaves_nothing(serve: Serve) -> None:
    """No timer and no entry is left of a connection that was dropped."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", **PAIR, "max_rate": 5})
        await receive_event(client, "data")
        client.transport.abort()
        while running.server.open_connections:
            await asyncio.sleep(0.01)
        assert running.market.hub.sampled == 0
        assert not running.market.hub.topics[TRADING].listening
