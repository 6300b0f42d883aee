"""`run_until`: where a market is to stand is known before it moves, and it stands exactly there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from feed.market.commands import CommandError, Done
from feed.market.control import MarketControl
from feed.market.player import Player
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Stream
from feed.units import MILLISECOND, SECOND
from tests.support.market import Reader, make_market
from tests.support.sources import BTC, ETH, MetronomeSource
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually

SOURCE = MetronomeSource((BTC, ETH), every=20 * MILLISECOND, count=400, batch=37, halt_at=150)


class Stage:
    """A market of a source in virtual time, with a reader of everything."""

    def __init__(self, source: MetronomeSource = SOURCE, *, moving: bool = False) -> None:
        self.loop = VirtualLoop()
        self.market = make_market(source, LoopClock(self.loop), waits=False)
        self.reader = Reader(self.market, *(it for it in self.market.streams if it.part in ("", "1s", "10")))
        player = Player(self.market, LoopClock(self.loop), wait_for=0, gather=0, patience=SECOND)
        self.control = MarketControl(self.market, player, LoopClock(self.loop))
        self._player = player
        self._moving = moving

    def play(self, story: Callable[[Stage], Awaitable[None]]) -> None:
        """Play the market while a story is told."""

        async def live() -> None:
            playing = self.loop.create_task(self._player.run())
            await asyncio.sleep(0)
            if self._moving:
                await self.control.act("resume", {}, "test")
            await story(self)
            playing.cancel()

        run_virtually(live(), self.loop)

    async def until(self, **keys: Any) -> Done:
        """Give the command."""
        return await self.control.act("run_until", keys, "test")

    async def refused(self, code: ErrorCode, **keys: Any) -> CommandError:
        """Give the command, and return why it was refused; nothing has happened then."""
        before, told = self.market.state, len(self.reader.data)
        with pytest.raises(CommandError) as refusal:
            await self.until(**keys)
        assert refusal.value.code == code
        assert refusal.value.hint
        assert self.control.log == ()
        assert (self.market.state, len(self.reader.data)) == (before, told)
        return refusal.value

    def last(self, channel: str, symbol: str = "BTC/USD") -> int:
        """The last number that came of a channel."""
        return max(
            (m["seq"] for m in self.reader.messages if (m["channel"], m["symbol"]) == (channel, symbol)), default=0
        )


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ({"time": "2s"}, 2 * SECOND),
        ({"time": "+1500ms"}, 1500 * MILLISECOND - 1),
        ({"time": "2025-01-06T00:00:03Z"}, 3 * SECOND),
        ({"seq": 51, "channel": "trading", "symbol": "ETH/USD"}, SECOND),
        ({"seq": 51, "symbol": "ETH/USD"}, SECOND),
        ({"seq": 3, "channel": "ticker", "symbol": "BTC/USD"}, 3 * SECOND - 1),
        ({"seq": 2, "channel": "candles", "symbol": "BTC/USD", "interval": "5s"}, 2 * SECOND - 1),
        ({"seq": 1, "channel": "status", "symbol": "BTC/USD"}, 3 * SECOND),
    ],
)
@pytest.mark.parametrize("moving", [False, True])
def test_it_stands_at_the_instant(keys: dict[str, Any], at: int, moving: bool) -> None:
    """All that is due there has come, and nothing later."""

    async def story(stage: Stage) -> None:
        done = await stage.until(**keys)
        assert (done.state, done.facts) == ("paused", {"reached": True})
        # A market that stands before its first message is a nanosecond behind the beginning.
        assert stage.market.state.at == SOURCE.start + at + (moving and keys.get("time") == "+1500ms")
        if "seq" in keys:
            assert stage.last(keys.get("channel", "trading"), keys["symbol"]) == keys["seq"]
        told = len(stage.reader.data)
        await asyncio.sleep(2)
        assert len(stage.reader.data) == told

    Stage(moving=moving).play(story)


def test_a_message_of_a_book() -> None:
    """Its changes come between the trades as well; the message that is named is the last one."""

    async def story(stage: Stage) -> None:
        for seq in (1, 2, 40, 41, 300):
            await stage.until(seq=seq, channel="book", symbol="ETH/USD", depth=10)
            at = stage.market.state.at
            books = [m for m in stage.reader.messages if (m["channel"], m["symbol"]) == ("book", "ETH/USD")]
            assert books[-1]["seq"] >= seq, "those of one instant come together"
            assert stage.market.time_of(Stream("book", "ETH/USD", "10"), seq) in (at, None)
            assert [m["seq"] for m in books] == list(range(1, books[-1]["seq"] + 1))

    Stage().play(story)


def test_a_price_is_reached_or_passed() -> None:
    """The first trade at the price or on the other side of it, from above and from below."""
    prices = [int(price) for block in SOURCE.ticks(0, SOURCE.start, SOURCE.end or 0) for price in block.price]

    def sides(wanted: int) -> list[int]:
        return [(price > wanted) - (price < wanted) for price in prices]

    async def story(stage: Stage) -> None:
        place = 0
        await stage.until(seq=1, symbol="BTC/USD")
        for wanted in (prices[3], max(prices), min(prices[200:])):
            side = sides(wanted)
            place = next(n for n in range(place + 1, len(prices)) if side[n] == 0 or side[n] == -side[place])
            done = await stage.until(price=f"{wanted / 100:.2f}", symbol="BTC/USD")
            assert done.seq["trading:BTC/USD"] == place + 1

    Stage().play(story)


def test_at_a_speed_of_its_own() -> None:
    """It takes its time to get there, and the market has its own speed again afterwards."""

    async def story(stage: Stage) -> None:
        before = stage.loop.time()
        done = await stage.until(time="5s", speed=10)
        assert round(stage.loop.time() - before, 3) == 0.5
        assert (done.facts, stage.market.speed) == ({"reached": True}, 1.0)

    Stage().play(story)


def test_it_is_told_when_another_command_came_first() -> None:
    """Who waits for the end of the run is answered that it was not reached."""

    async def story(stage: Stage) -> None:
        running = asyncio.create_task(stage.until(time="5s", speed=1))
        await asyncio.sleep(1)
        await stage.control.act("pause", {}, "test")
        done = await running
        assert (done.facts, done.state) == ({"reached": False}, "paused")
        assert stage.market.state.at < SOURCE.start + 2 * SECOND

    Stage().play(story)


@pytest.mark.parametrize(
    ("code", "keys", "field"),
    [
        (ErrorCode.NOT_REACHED, {"time": "9s"}, "time"),
        (ErrorCode.NOT_REACHED, {"time": "5s", "limit": "2s"}, "time"),
        (ErrorCode.NOT_REACHED, {"time": "-1s"}, "time"),
        (ErrorCode.NOT_REACHED, {"seq": 401}, "seq"),
        (ErrorCode.NOT_REACHED, {"seq": 9, "channel": "ticker"}, "seq"),
        (ErrorCode.NOT_REACHED, {"price": 1}, "price"),
        (ErrorCode.NOT_REACHED, {"phase": "crash"}, "phase"),
        (ErrorCode.NOT_REACHED, {"event": "flash-crash ends"}, "event"),
        (ErrorCode.NOT_REACHED, {"scenario_event": "flash-crash"}, "scenario_event"),
        (ErrorCode.UNKNOWN_SYMBOL, {"seq": 4, "symbol": "XRP/USD"}, "symbol"),
        (ErrorCode.UNKNOWN_CHANNEL, {"seq": 4, "channel": "trades"}, "channel"),
        (ErrorCode.INVALID_REQUEST, {"seq": 4, "channel": "book", "depth": 11}, "interval"),
        (ErrorCode.INVALID_REQUEST, {"time": "4s", "price": 5}, "price"),
        (ErrorCode.INVALID_REQUEST, {"time": "4s", "depth": 5}, "depth"),
        (ErrorCode.INVALID_REQUEST, {"price": "5", "channel": "trading"}, "channel"),
        (ErrorCode.INVALID_REQUEST, {"limit": "4s"}, "time"),
        (ErrorCode.INVALID_REQUEST, {"tim": "4s"}, "tim"),
        (ErrorCode.INVALID_REQUEST, {"seq": 0}, "seq"),
        (ErrorCode.INVALID_REQUEST, {"price": "many"}, "price"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_happens(code: ErrorCode, keys: dict[str, Any], field: str) -> None:
    """It names the key, and what could be done."""
    source = MetronomeSource(every=20 * MILLISECOND, count=400, batch=37)
    full = {"symbol": "BTC/USD"} | keys if {"seq", "price"} & keys.keys() else keys

    async def story(stage: Stage) -> None:
        error = await stage.refused(code, **full)
        assert error.field == field, (error, error.hint)

    Stage(source).play(story)


def test_two_symbols_need_a_name() -> None:
    """A price without a symbol could be of either."""

    async def story(stage: Stage) -> None:
        assert (await stage.refused(ErrorCode.INVALID_REQUEST, price=65000)).field == "symbol"

    Stage().play(story)


def test_answers_are_json() -> None:
    """Whatever the action tells goes into its answer."""

    async def story(stage: Stage) -> None:
        document = (await stage.until(time="1s")).document()
        assert orjson.loads(orjson.dumps(document))["reached"] is True

    Stage().play(story)
