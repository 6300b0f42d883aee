"""Who joins gets the day before, and whoever is there already notices nothing of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from feed.data.ticks import TickBlock
from feed.engine.source import EngineSource
from feed.market.memory import BarMemory
from feed.market.segment import Segment
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.units import MAX_SPEED, MILLISECOND, MINUTE, SECOND
from tests.server.conftest import LIMITS, Serve, receive_event, send
from tests.server.test_history import get
from tests.support.waiting import PATIENCE

WEEK = "/markets/main/candles?symbol=S0/USD&interval=1h&limit=168"


def source_of(symbols: int) -> EngineSource:
    """A market of so many symbols."""
    names = [{"symbol": f"S{number}/USD", "orders_per_second": 0.5} for number in range(symbols)]
    return EngineSource(scenario_from({"name": "any", "symbols": names}, "test"))


class Gate:
    """Holds up what is made of the past, step by step, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self.steps = 0
        self.symbols: set[int] = set()
        making = BarMemory.making

        def held(memory: BarMemory, start: int, end: int) -> Iterator[None]:
            while memory._index in self.symbols and not self._open.wait(0.001):
                self.steps += 1
                yield
            yield from making(memory, start, end)

        monkeypatch.setattr(BarMemory, "making", held)

    def hold(self, *symbols: int) -> None:
        """From now on these symbols have no past."""
        self.symbols |= set(symbols)

    def open(self) -> None:
        """Let everything go on."""
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate that is open in the end."""
    gate = Gate(monkeypatch)
    yield gate
    gate.open()


async def blocks_for_all_tickers(serve: Serve, symbols: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many blocks of trades are made until the ticker of every symbol has come."""
    made: list[int] = []
    make = EngineSource._make

    def counted(self: EngineSource, index: int, number: int) -> TickBlock:
        made.append(number)
        return make(self, index, number)

    monkeypatch.setattr(EngineSource, "_make", counted)
    # So slow that no block of trades becomes due meanwhile, however long it takes on a busy machine.
    async with serve(source_of(symbols), past=source_of(symbols), speed=0.001) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": "ticker", "symbol": "*"})
        seen: set[str] = set()
        while len(seen) < symbols:
            seen.add((await receive_event(client, "data"))["symbol"])
    monkeypatch.undo()
    return len(made)


async def test_tickers_cost_as_much_as_there_are_symbols(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five times the symbols are five times the work, and a day before the start is not made of trades."""
    few, many = [await blocks_for_all_tickers(serve, count, monkeypatch) for count in (2, 10)]
    assert many == 5 * few
    assert few <= 2 * 8


async def test_the_past_is_made_beside_the_loop(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one block of trades from before the start is made by the thread that serves, nor twice by another."""
    made: list[tuple[str, int]] = []
    make = EngineSource._make

    def counted(self: EngineSource, index: int, number: int) -> TickBlock:
        if number * self._minutes * MINUTE < self.start:
            made.append((threading.current_thread().name, index))
        return make(self, index, number)

    monkeypatch.setattr(EngineSource, "_make", counted)
    async with serve(source_of(4), past=source_of(4)) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": "ticker", "symbol": "*"})
        updated: set[str] = set()
        while len(updated) < 4:
            message = await receive_event(client, "data")
            if message["type"] == "update":
                updated.add(message["symbol"])
    assert sorted(made) == [("past", index) for index in range(4)]


async def test_subscriptions_are_put_in_order_together(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that subscribes to everything orders what is to come a few times, not once for each stream."""
    merged: list[int] = []
    merge = Segment.merge

    def counted(self: Segment) -> None:
        merged.append(len(self.active))
        merge(self)

    async with serve(source_of(10), past=source_of(10)) as running:
        monkeypatch.setattr(Segment, "merge", counted)
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": ["trading", "book", "ticker"], "symbol": "*"})
        for _ in range(30):
            await receive_event(client, "subscribed")
        assert len(merged) <= 10


@pytest.mark.parametrize("speed", [1.0, MAX_SPEED])
async def test_nobody_waits_for_the_history_of_others(serve: Serve, gate: Gate, speed: float) -> None:
    """While one waits for its first ticker, ticks go on, others get their tickers, and all of it is in order."""
    async with serve(source_of(2), past=source_of(2), speed=speed) as running:
        running.player._pauses.patience = 50 * MILLISECOND
        trader = await running.client()
        await send(trader, {"event": "subscribe", "channel": "trading", "symbol": "*"})
        await receive_event(trader, "data")
        gate.hold(0)
        waiting = await running.client()
        await send(waiting, {"event": "subscribe", "channel": "ticker", "symbol": "S0/USD"})
        told = await receive_event(waiting, "subscribed")
        other = await running.client()
        await send(other, {"event": "subscribe", "channel": "ticker", "symbol": "S1/USD"})
        assert (await receive_event(other, "data"))["type"] == "snapshot"
        await receive_event(other, "data")
        for _ in range(3):
            await receive_event(trader, "data")
        assert gate.steps > 0
        gate.open()
        snapshot = await receive_event(waiting, "data")
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", told["seq"])
        seq = told["seq"]
        for _ in range(2):
            update = await receive_event(waiting, "data")
            # On a busy machine a newer ticker may come in place of older ones, which it counts.
            assert (update["type"], update["seq"]) == ("update", seq + update.get("skipped", 0) + 1)
            seq = update["seq"]


async def test_a_state_does_not_depend_on_how_long_it_takes(serve: Serve, gate: Gate) -> None:
    """The snapshot is that of the moment at which it was asked for, byte for byte."""
    async with serve(source_of(1), past=source_of(1), speed=10.0) as running:
        gate.hold(0)
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": "trading", "symbol": "*"})
        await receive_event(client, "data")
        late = await running.client()
        await send(late, {"event": "subscribe", "channel": "ticker", "symbol": "*"})
        told = await receive_event(late, "subscribed")
        for _ in range(20):
            await receive_event(client, "data")
        assert running.market.seq(Stream("ticker", "S0/USD")) > told["seq"]
        gate.open()
        snapshot = (await receive_event(late, "data"))["data"]
        update = (await receive_event(late, "data"))["data"]
        # It is of the second that the first update ends, though that is long past.
        assert snapshot["timestamp"] // 1000 == update["timestamp"] // 1000
        assert told["seq"] == snapshot["timestamp"] // 1000 - running.market.source.start // SECOND


async def test_who_leaves_gets_nothing_of_what_it_waited_for(serve: Serve, gate: Gate) -> None:
    """Unsubscribed in time, and subscribed again: one snapshot, one stream."""
    async with serve(source_of(2), past=source_of(2)) as running:
        client = await running.client()
        gate.hold(0)
        pair = {"channel": "ticker", "symbol": "S0/USD"}
        for event in ("subscribe", "unsubscribe", "subscribe"):
            await send(client, {"event": event, **pair})
            await receive_event(client, f"{event}d")
        gate.open()
        messages = [await receive_event(client, "data") for _ in range(3)]
        assert [message["type"] for message in messages] == ["snapshot", "update", "update"]
        assert running.market.put_off == 0


async def test_a_cold_week_makes_hardly_any_trades(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """168 hourly candles cost a few blocks of trades, and those again cost none."""
    made: list[int] = []
    make = EngineSource._make

    def counted(self: EngineSource, index: int, number: int) -> TickBlock:
        made.append(number)
        return make(self, index, number)

    monkeypatch.setattr(EngineSource, "_make", counted)
    async with serve(source_of(3), past=source_of(3)) as running:
        before = len(made)
        status, week = await get(running, WEEK)
        assert (status, len(week["candles"])) == (200, 168)
        assert len(made) - before <= 8
        before = len(made)
        assert (await get(running, WEEK))[1]["candles"] == week["candles"]
        assert len(made) - before <= 2


async def test_history_that_takes_too_long(serve: Serve, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    """It has a time-out of its own: 503, a line in the log, ticks meanwhile, and the answer for who asks again."""
    limits = replace(LIMITS, history_timeout=200 * MILLISECOND)
    async with serve(source_of(2), limits, past=source_of(2)) as running:
        client = await running.client()
        await send(client, {"event": "subscribe", "channel": "trading", "symbol": "*"})
        gate.hold(0)
        asked = asyncio.create_task(raw(running.address, WEEK))
        await receive_event(client, "data")
        answer = await asked
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert b'"code":"UNAVAILABLE"' in answer
        assert "history is not ready in time" in capsys.readouterr().out
        gate.open()
        async with asyncio.timeout(PATIENCE):
            while not (answer := await raw(running.address, WEEK)).startswith(b"HTTP/1.1 200 "):
                assert answer.startswith(b"HTTP/1.1 503 ")


async def test_history_may_take_longer_than_a_handshake(serve: Serve, gate: Gate) -> None:
    """What bounds a handshake is not what bounds an answer."""
    limits = replace(LIMITS, handshake_timeout=100 * MILLISECOND)
    async with serve(source_of(1), limits, past=source_of(1)) as running:
        gate.hold(0)
        asked = asyncio.create_task(raw(running.address, WEEK))
        await asyncio.sleep(0.4)
        gate.open()
        assert (await asked).startswith(b"HTTP/1.1 200 ")


async def raw(address: Any, path: str) -> bytes:
    """An answer with its head."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return answer
