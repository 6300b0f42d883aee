"""The `websockets` library as it comes: its `broadcast`, the textbook loop, or a server that publishes nothing.

A client is a subscriber once it has sent anything. Run with `MODE LENGTH RATE DEFLATE`, where a rate of 0 means as
fast as the sockets take it; prints `PORT n` and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

__all__ = ["main"]

SENT_BASE = 10**18
FULL = 1 << 20

Publish = Callable[[], Awaitable[None]]


class Publisher:
    """Makes messages of one length and hands them to all subscribers."""

    def __init__(self, mode: str, length: int) -> None:
        self.subscribers: set[ServerConnection] = set()
        self._seq = 10**9
        self._pad = ""
        self._pad = "x" * max(0, length - len(json.dumps(self._message(), separators=(",", ":"))))
        self.publish: Publish = self._textbook if mode == "textbook" else self._broadcast

    async def handle(self, connection: ServerConnection) -> None:
        """One connection, from its handshake to its end."""
        try:
            async for _ in connection:
                self.subscribers.add(connection)
        except ConnectionClosed:
            pass
        finally:
            self.subscribers.discard(connection)

    def full(self) -> bool:
        """Whether a subscriber's buffer has grown so far that a publisher without a rate should wait."""
        return any(c.transport.get_write_buffer_size() > FULL for c in self.subscribers)

    def _message(self) -> dict[str, object]:
        """About what the product sends, with the clock in place of two of its keys."""
        self._seq += 1
        price = 67_000 + self._seq * 7919 % 1000 / 10
        return {
            "event": "data",
            "channel": "trading",
            "symbol": "BTC/USD",
            "type": "update",
            "seq": self._seq,
            "sent": SENT_BASE + time.monotonic_ns(),
            "data": {
                "symbol": "BTC/USD",
                "price": price,
                "size": (self._seq * 104_729 % 10_000) / 10_000,
                "side": "buy" if self._seq % 3 else "sell",
                "bid": price - 0.5,
                "bid_size": (self._seq * 7907 % 10_000) / 10_000,
                "ask": price + 0.5,
                "ask_size": (self._seq * 6151 % 10_000) / 10_000,
                "timestamp": 1_704_067_200_000 + self._seq,
                "pad": self._pad,
            },
        }

    async def _broadcast(self) -> None:
        broadcast(self.subscribers, json.dumps(self._message(), separators=(",", ":")))

    async def _textbook(self) -> None:
        message = self._message()
        for connection in list(self.subscribers):
            try:
                await connection.send(json.dumps(message, separators=(",", ":")))
            except ConnectionClosed:
                self.subscribers.discard(connection)


async def rush(publisher: Publisher) -> None:
    """Publish without a rate, giving the loop a turn after each message."""
    while True:
        await asyncio.sleep(0.001 if not publisher.subscribers or publisher.full() else 0)
        if publisher.subscribers:
            await publisher.publish()


async def pace(publisher: Publisher, rate: float) -> None:
    """Publish at a rate; a publisher that is far behind skips what it missed."""
    due = time.monotonic()
    while True:
        now = time.monotonic()
        if not publisher.subscribers or now - due > 0.2:
            due = now
        while publisher.subscribers and due <= now:
            await publisher.publish()
            due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()) if publisher.subscribers else 0.005)


async def main(mode: str, length: int, rate: float, deflate: bool) -> None:
    """Serve until the standard input ends."""
    publisher = Publisher(mode, length)
    compression = "deflate" if deflate else None
    async with serve(publisher.handle, "127.0.0.1", 0, compression=compression, backlog=4096) as server:
        print("PORT", server.sockets[0].getsockname()[1], flush=True)
        tasks = []
        if mode != "idle":
            tasks.append(asyncio.create_task(pace(publisher, rate) if rate else rush(publisher)))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in tasks:
            task.cancel()
        for connection in server.connections:
            connection.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "1"))
