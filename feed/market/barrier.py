"""Barrier of a market: waits until every client has answered a ping frame that was sent behind all data so far."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from feed.market.commands import CommandError
from feed.protocol.codes import ErrorCode
from feed.units import MILLISECOND, SECOND

__all__ = ["Attendant", "Barrier", "Settling", "read_settling"]

USUAL_PATIENCE = 1000 * MILLISECOND

MAX_PATIENCE = 60 * SECOND
"""The longest time (ns) that a command may wait for the answers of clients."""

FLAGS = {True: True, "true": True, "1": True, False: False, "false": False, "0": False}


class Attendant(Protocol):
    """Connection in a market."""

    @property
    def name(self) -> str:
        """The name of the connection."""

    def ask(self, number: int) -> None:
        """Send the client a ping frame with this number, behind everything sent so far."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Request to wait for the clients of a market, at most for `patience` ns."""

    patience: int = USUAL_PATIENCE


def read_settling(given: Mapping[str, object]) -> tuple[Settling | None, dict[str, object]]:
    """Take the keys `settle` and `settle_ms` out of a command's keys; return what they ask for, and the other keys."""
    rest = dict(given)
    wanted, patience = rest.pop("settle", None), rest.pop("settle_ms", None)
    if wanted is not None and (not isinstance(wanted, str | bool) or wanted not in FLAGS):
        hint = "true or false"
        raise CommandError(ErrorCode.INVALID_REQUEST, "settle is neither", field="settle", hint=hint)
    if wanted is None and patience is None:
        return None, rest
    settling = Settling() if patience is None else Settling(_read_patience(patience))
    return (settling if wanted is None or FLAGS[wanted] else None), rest


def _read_patience(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9 else value
    most = MAX_PATIENCE // MILLISECOND
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
        message = f"settle_ms: {str(value)[:40]!r} is no number of milliseconds"
        raise CommandError(
            ErrorCode.INVALID_REQUEST, message, field="settle_ms", hint=f"a whole number from 1 to {most}"
        )
    return number * MILLISECOND


class Barrier:
    """Connections of one market, and the rounds of pings that wait for their answers."""

    def __init__(self) -> None:
        self._attendants: dict[Attendant, None] = {}
        self._numbers = itertools.count(1)
        self._rounds: dict[int, tuple[dict[Attendant, None], asyncio.Future[None]]] = {}

    def enter(self, attendant: Attendant) -> None:
        """Count on a connection's answers from now on."""
        self._attendants[attendant] = None

    def leave(self, attendant: Attendant) -> None:
        """Stop waiting for a connection, which is closing or gone."""
        self._attendants.pop(attendant, None)
        self.hear(attendant, next(self._numbers))

    def hear(self, attendant: Attendant, number: int) -> None:
        """Note a client's answer to a ping, which also answers the pings before it."""
        for asked, (waiting, done) in self._rounds.items():
            if asked <= number:
                waiting.pop(attendant, None)
                if not waiting and not done.done():
                    done.set_result(None)

    async def settle(self, settling: Settling) -> dict[str, Any]:
        """Ask all clients, and wait for them; return `settled`, and the names of those that did not answer in time."""
        waiting = dict(self._attendants)
        if waiting:
            number = next(self._numbers)
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._rounds[number] = waiting, done
            try:
                for attendant in list(waiting):
                    attendant.ask(number)
                await asyncio.wait({done}, timeout=settling.patience / SECOND)
            finally:
                del self._rounds[number]
        left = tuple(attendant.name for attendant in waiting)
        return {"settled": not left, "unsettled": left} if left else {"settled": True}
