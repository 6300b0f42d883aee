"""Alarms ring once, in time, a few at a time, and share the bytes of what is the same for all."""

from __future__ import annotations

import asyncio
import itertools

import orjson

from feed.clock import Clock, Now
from feed.dialects.registry import NATIVE
from feed.protocol.events import Heartbeat
from feed.server.alarms import ALARMS_A_TURN, SLOT_LENGTH, Alarms
from feed.units import MILLISECOND, SECOND
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually


class Sleeper:
    """Remembers when it was woken."""

    def __init__(self, clock: Clock) -> None:
        self.alarm = 0
        self.woken: list[int] = []
        self._begin = clock.now()

    def wake(self, now: Now) -> None:
        """The wheel's side."""
        self.woken.append(now.monotonic - self._begin)


def test_rings_after_the_time_and_at_most_a_slot_late() -> None:
    """Every alarm rings once; an earlier one takes the place of a later one, a later one changes nothing."""
    loop = VirtualLoop()
    clock = LoopClock(loop)

    async def main() -> None:
        alarms = Alarms(clock)
        begin = clock.now()
        plain, sooner, later, gone = (Sleeper(clock) for _ in range(4))
        alarms.set(plain, begin + 123 * MILLISECOND)
        alarms.set(sooner, begin + SECOND)
        alarms.set(sooner, begin + 55 * MILLISECOND)
        alarms.set(later, begin + 55 * MILLISECOND)
        alarms.set(later, begin + SECOND)
        alarms.set(gone, begin + 55 * MILLISECOND)
        alarms.forget(gone)
        await asyncio.sleep(3)
        for sleeper, due in ((plain, 123), (sooner, 55), (later, 55)):
            [woken] = sleeper.woken
            assert due * MILLISECOND <= woken <= due * MILLISECOND + SLOT_LENGTH + MILLISECOND
        assert not gone.woken
        alarms.set(plain, clock.now())
        await asyncio.sleep(1)
        assert len(plain.woken) == 2

    run_virtually(main(), loop)


def test_a_crowd_does_not_hold_up_the_loop() -> None:
    """Between two turns of the wheel everybody else gets one."""
    loop = VirtualLoop()
    clock = LoopClock(loop)

    async def main() -> list[int]:
        alarms = Alarms(clock)
        crowd = [Sleeper(clock) for _ in range(ALARMS_A_TURN * 5)]
        for sleeper in crowd:
            alarms.set(sleeper, clock.now() + SECOND)
        await asyncio.sleep(0.99)
        seen = []
        while not all(sleeper.woken for sleeper in crowd):
            seen.append(sum(len(sleeper.woken) for sleeper in crowd))
            await asyncio.sleep(0 if any(sleeper.woken for sleeper in crowd) else 0.001)
        return seen

    seen = run_virtually(main(), loop)
    assert all(after - before <= 2 * ALARMS_A_TURN for before, after in itertools.pairwise(seen))
    assert len(set(seen)) > 2


def test_the_same_heartbeat_is_made_once() -> None:
    """Equal events share one object; another time or another `last` has its own."""
    loop = VirtualLoop()

    async def main() -> None:
        alarms = Alarms(LoopClock(loop))
        last = {"trading:BTC/USD": 7}
        one = alarms.heartbeat(Heartbeat(timestamp=5, last=last), NATIVE)
        assert alarms.heartbeat(Heartbeat(timestamp=5, last=dict(last)), NATIVE) is one
        assert orjson.loads(one[2:]) == {"event": "heartbeat", "timestamp": 5, "last": last}
        assert alarms.heartbeat(Heartbeat(timestamp=5, last={}), NATIVE) != one
        assert alarms.heartbeat(Heartbeat(timestamp=6, last=last), NATIVE) != one

    run_virtually(main(), loop)
