"""Reading of what a connection still holds when a recorder stops: it was sent before, and so is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

__all__ = ["MAX_PONG_SECONDS", "drained"]

MAX_PONG_SECONDS = 10.0
"""Most seconds to wait for the answer to a ping, behind which nothing is that was sent before it."""


async def drained(connection: ClientConnection, patience: float = MAX_PONG_SECONDS) -> AsyncIterator[bytes]:
    """Yield the messages that the server sent before it answers a ping, and after a while those that are there."""
    try:
        answered = asyncio.ensure_future(await connection.ping())
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while not answered.done() and loop.time() < end:
            receiving = asyncio.ensure_future(connection.recv(decode=False))
            await asyncio.wait({receiving, answered}, timeout=end - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                # It loses nothing: a message that is there is never taken from the queue by then.
                receiving.cancel()
                await asyncio.wait({receiving})
            if not receiving.cancelled():
                yield receiving.result()
        while True:
            async with asyncio.timeout(0):
                message = await connection.recv(decode=False)
            yield message
    except (ConnectionClosed, TimeoutError):
        return
