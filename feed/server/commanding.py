"""The commands of one client to its market, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from feed.market.commands import CommandError
from feed.market.control import Control
from feed.protocol.effects import Act
from feed.protocol.events import CommandDone, ErrorEvent, Event

__all__ = ["PeerCommands"]


class PeerCommands:
    """Gives a client's commands to its market, and tells it when they have happened.

    Args:
        control: the market's.
        name: the client's, for the log of commands.
        send: sends it an event.
    """

    __slots__ = ("_control", "_name", "_send", "_tasks")

    def __init__(self, control: Control, name: str, send: Callable[[Event], None]) -> None:
        self._control = control
        self._name = name
        self._send = send
        # Kept, so that none is collected before it has happened.
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, act: Act) -> None:
        """Have a command carried out; the client is answered once that has happened, or told why it cannot be."""
        task = asyncio.get_running_loop().create_task(self._carry_out(act))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, act: Act) -> None:
        try:
            done = await self._control.act(act.action, act.keys, self._name)
        except CommandError as error:
            self._send(ErrorEvent(message=str(error), code=error.code, id=act.id, field=error.field, hint=error.hint))
            return
        self._send(
            CommandDone(
                action=done.action,
                log=done.log,
                epoch=done.epoch,
                virtual_time=done.virtual_time,
                state=done.state,
                seq=done.seq,
                trades=done.facts.get("trades"),
                id=act.id,
            )
        )
