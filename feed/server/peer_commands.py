"""Commands of one client to its market, and their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from feed.dialects.base import Form
from feed.market.commands import CommandError
from feed.market.hosted import HostedMarket
from feed.protocol.effects import Act
from feed.protocol.events import CommandDone, ErrorEvent, Event
from feed.protocol.requests import Expect, RequestId
from feed.server.oracle import answer_of

__all__ = ["PeerCommands"]


class PeerCommands:
    """Passes a client's commands to its market, and informs the client when they are done.

    Args:
        hosted: the market.
        name: the client's name, for the log of commands.
        form: the form in which the client gets data.
        send: function that sends the client an event.
    """

    __slots__ = ("_form", "_hosted", "_name", "_send", "_tasks")

    def __init__(self, hosted: HostedMarket, name: str, form: Form, send: Callable[[Event], None]) -> None:
        self._hosted = hosted
        self._name = name
        self._form = form
        self._send = send
        # Kept, so that none is collected before it has happened.
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, act: Act) -> None:
        """Carry out a command; the client is answered once it is done, or gets the reason for its refusal."""
        self._start(self._carry_out(act))

    def consult(self, request: Expect) -> None:
        """Answer what a correct client shows after a message."""
        self._start(self._answer(request))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Expect) -> None:
        try:
            state = await answer_of(self._hosted.market, self, request, self._form.options)
        except CommandError as error:
            self._refuse(error, request.id)
            return
        self._send(state)

    async def _carry_out(self, act: Act) -> None:
        try:
            done = await self._hosted.control.act(act.action, act.keys, self._name)
        except CommandError as error:
            self._refuse(error, act.id)
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

    def _refuse(self, error: CommandError, request_id: RequestId | None) -> None:
        self._send(ErrorEvent(message=str(error), code=error.code, id=request_id, field=error.field, hint=error.hint))
