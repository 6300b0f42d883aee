"""Work that takes longer than an event loop may stand still: done in a thread, a small step at a time, in turn."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["Chore", "Chores"]

T = TypeVar("T")

Chore = Generator[None, None, T]
"""Does a step, of some milliseconds at most, from one `yield` to the next; returns what comes of it."""

TURN = 0.0005
"""So long, in seconds, the thread may go on while the event loop wants to: each write of the loop gives way to it."""


class Chores:
    """One thread for the past of one market.

    Those who ask get a step each in turn, whatever they have asked for, and what one of them asks for is done in order:
    so nobody waits until somebody else has everything.
    """

    def __init__(self) -> None:
        self._asked: OrderedDict[object, deque[tuple[Chore[Any], Future[Any]]]] = OrderedDict()
        self._lock = threading.Lock()
        self._usual: float | None = None

    @property
    def askers(self) -> int:
        """How many wait for something."""
        return len(self._asked)

    def start(self, who: object, chore: Chore[T]) -> Future[T]:
        """Begin one for somebody; it goes on to its end, even if nobody waits for it any more."""
        future: Future[T] = Future()
        # From here on it can't be cancelled: what it makes is kept for whoever asks next.
        future.set_running_or_notify_cancel()
        with self._lock:
            self._asked.setdefault(who, deque()).append((chore, future))
            if self._usual is None:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(TURN, self._usual))
                threading.Thread(target=self._work, name="past", daemon=True).start()
        return future

    def _work(self) -> None:
        while (who := self._next()) is not None:
            chore, future = self._asked[who][0]
            try:
                next(chore)
            except StopIteration as end:
                self._finish(who)
                future.set_result(end.value)
            except BaseException as error:  # It belongs to whoever asked.
                self._finish(who)
                future.set_exception(error)

    def _next(self) -> object | None:
        with self._lock:
            if not self._asked:
                assert self._usual is not None
                sys.setswitchinterval(self._usual)
                self._usual = None
                return None
            who: object = next(iter(self._asked))
            self._asked.move_to_end(who)
            return who

    def _finish(self, who: object) -> None:
        with self._lock:
            waiting = self._asked[who]
            waiting.popleft()
            if not waiting:
                del self._asked[who]
