"""Background thread for work too long for the event loop: done in small steps, in turn for each caller."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["Chore", "Chores", "exhausted"]

T = TypeVar("T")

Chore = Generator[None, None, T]
"""Generator that does a step of some milliseconds at most between two `yield`s, and returns its result."""

MAX_TURN_SECONDS = 0.0005
"""The longest time (s) that the thread may keep running while the event loop waits, as at each write of the loop."""


def exhausted(chore: Chore[T]) -> T:
    """Do a chore at once, and return its result."""
    while True:
        try:
            next(chore)
        except StopIteration as end:
            result: T = end.value
            return result


class Chores:
    """Thread for the past of one market.

    Callers get one step each in turn, and the chores of one caller are done in order: so no caller waits until another
    caller's chores are all done.
    """

    def __init__(self) -> None:
        self._asked: OrderedDict[object, deque[tuple[Chore[Any], Future[Any]]]] = OrderedDict()
        self._lock = threading.Lock()
        self._usual: float | None = None

    @property
    def askers(self) -> int:
        """The number of callers that wait for a chore."""
        return len(self._asked)

    def start(self, who: object, chore: Chore[T]) -> Future[T]:
        """Start a chore for the caller `who`; it runs to its end, even if nobody waits for it any more."""
        future: Future[T] = Future()
        # From here on it can't be cancelled: its result is kept for the next caller.
        future.set_running_or_notify_cancel()
        with self._lock:
            self._asked.setdefault(who, deque()).append((chore, future))
            if self._usual is None:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(MAX_TURN_SECONDS, self._usual))
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
            except BaseException as error:  # It belongs to the caller.
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
