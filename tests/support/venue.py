"""A venue that plays a captured session over a real socket: with cuts, skips and bursts, and snapshots of its books.

It keeps the books of its messages itself, and so knows what a recorder should have.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

__all__ = ["Act", "Book", "FakeVenue"]

Act = Literal["skip", "cut", "wait"]
"""What happens at a message: it is never sent, the connection breaks in front of it, or a snapshot is waited for."""

MISSED = 7
"""Messages that go by while nobody is connected after a cut."""

Book = tuple[dict[str, str], dict[str, str]]


class FakeVenue:
    """A venue like Binance.

    Args:
        messages: of the session, with streams' names.
        acts: what happens at which message.
    """

    def __init__(self, messages: Sequence[Mapping[str, Any]], acts: Mapping[int, Act]) -> None:
        self.messages = messages
        self.sent: list[Mapping[str, Any]] = []
        self.lost: list[Mapping[str, Any]] = []
        self.books: dict[int, Book] = {}
        self.snapshots = 0
        self.connections = 0
        self.requests: list[dict[str, Any]] = []
        self.over = asyncio.Event()
        self._acts = acts
        self._next = 0
        self._book: Book = ({}, {})
        self._last = 0
        self._fetched = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[str, str]]:
        """Serve; the URL of the stream and that of the snapshots."""
        async with serve(
            self._play, "127.0.0.1", 0, process_request=self._answer, ping_interval=None, close_timeout=0.1
        ) as server:
            host, port = server.sockets[0].getsockname()[:2]
            yield f"ws://{host}:{port}/stream", f"http://{host}:{port}"

    async def _play(self, connection: ServerConnection) -> None:
        self.connections += 1
        self.requests.append(json.loads(await connection.recv()))
        await connection.send('{"result":null,"id":1}')
        while self._next < len(self.messages):
            message, act = self.messages[self._next], self._acts.get(self._next)
            if act == "cut":
                for missed in self.messages[self._next : self._next + MISSED]:
                    self._happen(missed, self.lost)
                self._next += MISSED
                connection.transport.abort()
                return
            self._next += 1
            if act == "wait":
                self._fetched.clear()
            self._happen(message, self.lost if act == "skip" else self.sent)
            if act != "skip":
                await connection.send(json.dumps(message))
            if act == "wait":
                await self._fetched.wait()
        self.over.set()
        await connection.wait_closed()

    def _happen(self, message: Mapping[str, Any], where: list[Mapping[str, Any]]) -> None:
        where.append(message)
        data = message["data"]
        if data.get("e") != "depthUpdate":
            return
        self._last = data["u"]
        for side, changes in zip(self._book, (data["b"], data["a"]), strict=True):
            for price, size in changes:
                if float(size):
                    side[price] = size
                else:
                    side.pop(price, None)
        self.books[self._last] = (dict(self._book[0]), dict(self._book[1]))

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if parts.path != "/api/v3/depth":
            return None
        assert parse_qs(parts.query)["symbol"] == ["BTCUSDT"]
        self.snapshots += 1
        self._fetched.set()
        sides = [[list(level) for level in side.items()] for side in self._book]
        answer = {"lastUpdateId": self._last, "bids": sides[0], "asks": sides[1]}
        return connection.respond(HTTPStatus.OK, json.dumps(answer))
