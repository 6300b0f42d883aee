"""Readers that do not keep up: found, told, dropped and freed, while everybody else misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import replace

import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from feed.delivery.outbox import OutboxLimits
from feed.units import MAX_SPEED, MILLISECOND, SECOND
from tests.server.conftest import LIMITS, Serve, receive_event, send
from tests.support.market import TRADING
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE, becomes

COUNT = 60_000
"""Messages that are far more than five buffers hold."""

TIGHT = replace(LIMITS, peer=replace(LIMITS.peer, outbox=OutboxLimits(256 * 1024, 500 * MILLISECOND)))


async def test_reader_that_never_reads_is_dropped(serve: Serve) -> None:
    """Its buffer stays bounded, it is gone within seconds, and a healthy subscriber has every seq."""
    source = MetronomeSource(every=MILLISECOND // 5, count=20_000)
    async with serve(source, TIGHT, speed=1.0) as running:
        stuck = await running.subscriber()
        stuck.transport.pause_reading()
        healthy = await running.subscriber(resume={"epoch": running.market.epoch, "seq": 0})
        last = 0
        while last < 20_000:
            message = await receive_event(healthy, "data")
            assert message["seq"] == last + 1
            last = message["seq"]
        assert running.server.counters.slow == 1
        await becomes(lambda: running.server.open_connections == 1)
        assert healthy.state is State.OPEN
        gc.collect()
        assert len(running.market.hub.topics[TRADING]) == 1
        assert running.market.hub.backlog == 0


async def test_slow_reader_is_told_why(serve: Serve) -> None:
    """One that reads again in time sees 4409 and that it may come back."""
    async with serve(MetronomeSource(every=MILLISECOND // 10), TIGHT) as running:
        slow = await running.subscriber()
        slow.transport.pause_reading()
        await becomes(lambda: running.server.counters.slow)
        slow.transport.resume_reading()
        closing = await receive_event(slow, "closing")
        assert (closing["code"], closing["reconnect"]) == (4409, "back_off")
        with pytest.raises(ConnectionClosed) as closed:
            await slow.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409


async def test_full_speed_drops_nobody_who_reads(serve: Serve) -> None:
    """At full speed the market goes as fast as its readers, and every one of them gets everything."""
    async with serve(MetronomeSource(count=COUNT), speed=MAX_SPEED) as running:
        running.player._wait_for = 5
        clients = [await running.subscriber() for _ in range(5)]

        async def read(number: int) -> list[int]:
            seqs: list[int] = []
            while len(seqs) < COUNT:
                seqs.append((await receive_event(clients[number], "data"))["seq"])
                if number == 0 and len(seqs) % 5000 == 0:
                    await asyncio.sleep(0.02)
            return seqs

        for seqs in await asyncio.gather(*(read(number) for number in range(5))):
            assert seqs == list(range(1, COUNT + 1))
        assert running.server.counters.slow == 0


async def test_long_resume_does_not_look_like_slowness(serve: Serve) -> None:
    """Thousands of missed messages are paged: more than an outbox holds, in order, joined to the live stream."""
    tight = replace(LIMITS, peer=replace(LIMITS.peer, outbox=OutboxLimits(300_000, 10 * SECOND)))
    async with serve(MetronomeSource(every=MILLISECOND), tight) as running:
        first = await running.subscriber()
        while running.market.seq(TRADING) < 3000:
            await asyncio.sleep(0.05)
        late = await running.client()
        await send(late, {"event": "subscribe", "channel": "trading", "symbol": "BTC/USD",
                          "resume": {"epoch": running.market.epoch, "seq": 0}})  # fmt: skip
        subscribed = await receive_event(late, "subscribed")
        assert subscribed["recovered"] is True
        late.transport.pause_reading()
        await asyncio.sleep(0.2)
        late.transport.resume_reading()
        for seq in range(1, subscribed["seq"] + 500):
            assert (await receive_event(late, "data"))["seq"] == seq
        assert running.server.counters.slow == 0
        assert (await receive_event(first, "data"))["seq"] == 1


async def test_unsubscribe_stops_a_resume(serve: Serve) -> None:
    """Leaving while the past is still coming ends that too; a later subscription begins anew."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        await running.subscriber()
        while running.market.seq(TRADING) < 1500:
            await asyncio.sleep(0.05)
        client = await running.client()
        pair = {"channel": "trading", "symbol": "BTC/USD"}
        await send(client, {"event": "subscribe", **pair, "history": 1500})
        await send(client, {"event": "unsubscribe", **pair})
        await send(client, {"event": "ping", "timestamp": 1})
        await receive_event(client, "pong")
        await asyncio.sleep(0.05)
        await send(client, {"event": "ping", "timestamp": 2})
        assert (await receive_event(client, "pong", "data"))["event"] == "pong"


async def test_drain_says_goodbye_and_never_hangs(serve: Serve) -> None:
    """Everyone is told before they are closed; one that does not read cannot hold up the end."""
    limits = replace(LIMITS, drain_spread=200 * MILLISECOND, drain_timeout=SECOND)
    async with serve(MetronomeSource(every=MILLISECOND), limits) as running:
        from feed.protocol import codes

        clients = [await running.subscriber() for _ in range(10)]
        clients[0].transport.pause_reading()
        draining = asyncio.create_task(running.server.drain(codes.RESTART, "the server restarts"))
        for client in clients[1:]:
            closing = await receive_event(client, "closing")
            assert (closing["code"], closing["reconnect"]) == (1012, "back_off")
            assert closing["in_ms"] <= 200
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await client.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "the server restarts")
        # Without the bound it would wait for the one that does not read, for ever.
        await asyncio.wait_for(draining, PATIENCE)
        await becomes(lambda: running.server.open_connections == 0)


@pytest.mark.parametrize("channel", ["ticker", "candles"])
async def test_conflated_reader_is_told_what_it_missed(serve: Serve, channel: str) -> None:
    """A reader that pauses keeps its connection, then gets the newest, and each skipped one is counted."""
    async with serve(MetronomeSource(every=SECOND), speed=1000.0) as running:
        slow = await running.client()
        interval = {"interval": "1s"} if channel == "candles" else {}
        await send(slow, {"event": "subscribe", "channel": channel, "symbol": "BTC/USD", **interval})
        seq = (await receive_event(slow, "data"))["seq"]
        [peer] = running.server._peers
        reader = peer._outlet.subscriber
        while not reader.is_measured or reader.is_new:
            # One that has never answered a ping is not measured: it would be found by full buffers alone.
            seq = (await receive_event(slow, "data"))["seq"]
        slow.transport.pause_reading()
        counters = running.market.hub.counters
        while not running.market.hub.backlog:
            await asyncio.sleep(0.01)
        blocked_at = counters.published
        while counters.published < blocked_at + 300:
            await asyncio.sleep(0.01)
        slow.transport.resume_reading()
        skipped = 0
        while not skipped:
            message = await receive_event(slow, "data")
            assert message["type"] == "update"
            assert message["seq"] == seq + message.get("skipped", 0) + 1
            assert list(message)[5:] == (["skipped", "data"] if "skipped" in message else ["data"])
            seq, skipped = message["seq"], skipped + message.get("skipped", 0)
        assert skipped <= counters.skipped
        assert running.server.counters.slow == 0


class RawReader:
    """A client that reads one frame at a time from its socket, and answers a ping when it comes to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        self._reader, self._writer, self._answers = reader, writer, answers
        self.pings = 0

    async def frame(self) -> bytes:
        """The payload of the next text frame."""
        while True:
            head = await self._reader.readexactly(2)
            length = head[1]
            if length == 126:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
            payload = await self._reader.readexactly(length)
            if head[0] == 0x89:
                self.pings += 1
                if self._answers:
                    self._write(0x8A, payload)
            else:
                return payload

    def send(self, message: object) -> None:
        """Send an object."""
        self._write(0x81, orjson.dumps(message))

    def _write(self, opcode: int, payload: bytes) -> None:
        self._writer.write(bytes((opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload)

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()


async def raw_reader(host: str, port: int, *, answers: bool = True) -> RawReader:
    """Connect, with hardly a buffer in the process: what waits, waits in the kernel."""
    reader, writer = await asyncio.open_connection(host, port, limit=64)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" % port
    )
    while await reader.readline() != b"\r\n":
        pass
    return RawReader(reader, writer, answers=answers)


@pytest.mark.parametrize("answers", [True, False])
async def test_what_lies_in_a_readers_buffers_is_not_old(serve: Serve, answers: bool) -> None:
    """At a tenth of the rate, one that answers pings sees what is new; of the other nobody knows how far it is."""
    async with serve(MetronomeSource(every=4 * MILLISECOND)) as running:
        reader = await raw_reader(*running.address, answers=answers)
        reader.send({"event": "subscribe", "channel": "book", "symbol": "BTC/USD"})
        behind: list[int] = []
        skipped, late = 0, 0.0
        loop = asyncio.get_running_loop()
        begun: float | None = None
        with contextlib.closing(reader):
            async with asyncio.timeout(PATIENCE):
                while begun is None or loop.time() < begun + 3 or (answers and skipped <= 300):
                    message = orjson.loads(await reader.frame())
                    if message["event"] != "data":
                        continue
                    begun = loop.time() if begun is None else begun
                    skipped += message.get("skipped", 0)
                    # How late the market itself is says something about the machine alone.
                    behind.append(running.market.run.published // MILLISECOND - message["data"]["timestamp"])
                    slept = loop.time()
                    await asyncio.sleep(0.02)
                    late = max(late, (loop.time() - slept - 0.02) * 1000)
        assert reader.pings
        if answers:
            # What the machine itself stands still is nobody's fault; a question there and back needs a few turns.
            assert sorted(behind)[len(behind) * 9 // 10] < 1000 + 10 * late
            assert behind[-1] < 1500 + 10 * late
        else:
            assert skipped == 0
            assert behind[-1] > 1500
        assert running.server.counters.slow == 0


@pytest.mark.parametrize(
    "keys",
    [
        {"channel": "trading", "max_rate": 50},
        {"channel": "book", "max_rate": 50},
        {"channel": "book", "resume": True},
        {"channel": "book"},
    ],
)
async def test_who_never_answers_pings_is_served_on(serve: Serve, keys: dict[str, object]) -> None:
    """After a moment in which an answer is waited for, its messages come as to anybody."""
    async with serve(MetronomeSource(every=4 * MILLISECOND)) as running:
        await running.subscriber()
        if "resume" in keys:
            keys = keys | {"resume": {"epoch": running.market.epoch, "seq": 0}}
        with contextlib.closing(await raw_reader(*running.address, answers=False)) as reader:
            reader.send({"event": "subscribe", "symbol": "BTC/USD"} | keys)
            seen = 0
            async with asyncio.timeout(PATIENCE):
                while seen < 40:
                    seen += orjson.loads(await reader.frame())["event"] == "data"
