"""Commands of one client to its market, and their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from feed.market.commands import CommandError
from feed.market.control import MarketControl
from feed.protocol.effects import Act
from feed.protocol.events import CommandDone, ErrorEvent, Event

__all__ = ["PeerCommands"]


class PeerCommands:
    """Passes a client's commands to its market, and informs the client when they are done.

    Args:
        control: the control of the market.
        name: the client's name, for the log of commands.
        send: function that sends the client an event.
    """

    __slots__ = ("_control", "_name", "_send", "_tasks")

    def __init__(self, control: MarketControl, name: str, send: Callable[[Event], None]) -> None:
        self._control = control
        self._name = name
        self._send = send
        # Kept, so that none is collected before it has happened.
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, act: Act) -> None:
        """Carry out a command; the client is answered once it is done, or gets the reason for its refusal."""
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
                **done.facts,
                id=act.id,
            )
        )
