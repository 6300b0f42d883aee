"""What tests do with real clients."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.waiting import PATIENCE


async def closed_with(client: ClientConnection, patience: float = PATIENCE) -> tuple[int, str]:
    """The code and reason that a client is closed with, after all that comes before it."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(client.recv(), patience)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason
