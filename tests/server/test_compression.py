"""permessage-deflate: one compressed copy for all, the same text as without, bounded both ways."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from feed.delivery.deflate import deflated
from feed.delivery.framing import deflated_frame, payload_of, text_frame
from feed.units import MILLISECOND
from tests.server.conftest import LIMITS, SUBSCRIBE, Serve, receive, receive_event, send
from tests.support.sources import MetronomeSource

COMPRESSED = replace(LIMITS, compression=True)


def extension_of(client: Any) -> PerMessageDeflate | None:
    """What was negotiated."""
    return next(iter(client.protocol.extensions), None)


async def test_compressed_and_plain_subscribers_get_the_same_text(serve: Serve) -> None:
    """History, snapshots and live messages alike; the compressed ones are fewer bytes."""
    async with serve(MetronomeSource(every=MILLISECOND), COMPRESSED) as running:
        clients = [await running.client(), await running.client(compression=None)]
        assert [extension_of(client) is not None for client in clients] == [True, False]
        seen: list[dict[int, dict[str, Any]]] = []
        for client in clients:
            await send(client, SUBSCRIBE | {"history": 5})
            await send(client, {"event": "subscribe", "channel": "status", "symbol": "BTC/USD"})
        for client in clients:
            messages: dict[int, dict[str, Any]] = {}
            while len(messages) < 300:
                message = await receive_event(client, "data")
                if message["channel"] == "trading":
                    messages[message["seq"]] = message
            seen.append(messages)
        common = [seq for seq in seen[0] if seq in seen[1] and seen[0][seq]["type"] == seen[1][seq]["type"]]
        assert len(common) > 100
        assert all(seen[0][seq] == seen[1][seq] for seq in common)


async def test_no_context_is_kept_on_either_side(serve: Serve) -> None:
    """A connection has no compressor and no decompressor of its own between two messages."""
    async with serve(MetronomeSource(every=MILLISECOND), COMPRESSED) as running:
        client = await running.subscriber()
        await receive_event(client, "data")
        extension = extension_of(client)
        assert extension is not None
        assert (extension.remote_no_context_takeover, extension.local_no_context_takeover) == (True, True)
        [peer] = running.server._peers
        [ours] = peer._connection.protocol.extensions
        assert isinstance(ours, PerMessageDeflate)
        assert not hasattr(ours, "encoder")
        assert not hasattr(ours, "decoder")


@pytest.mark.parametrize("bits", [9, 12, 15])
async def test_every_window_that_a_client_may_ask_for(serve: Serve, bits: int) -> None:
    """Its decompressor keeps no more than it asked for, and reads everything."""
    offer = ClientPerMessageDeflateFactory(server_max_window_bits=bits)
    async with serve(MetronomeSource(every=MILLISECOND), COMPRESSED) as running:
        client = await running.client(compression=None, extensions=[offer])
        assert extension_of(client) is not None
        await send(client, SUBSCRIBE)
        for _ in range(50):
            await receive_event(client, "data")


async def test_without_the_setting_nothing_is_negotiated(serve: Serve) -> None:
    """The default is off."""
    async with serve() as running:
        client = await running.client()
        assert extension_of(client) is None


async def test_decompression_bomb_is_bounded(serve: Serve) -> None:
    """A message that is small on the wire and too big behind it is closed with 1009."""
    async with serve(limits=COMPRESSED) as running:
        client = await connect(running.url)
        await receive(client)
        await client.send(b" " * 5_000_000, text=True)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(_exhaust(client), 60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def _exhaust(client: Any) -> None:
    while True:
        await client.recv()


async def test_skipped_is_told_under_compression_too(serve: Serve) -> None:
    """A bounded subscription's frames are this subscriber's own."""
    async with serve(MetronomeSource(every=MILLISECOND), COMPRESSED) as running:
        client = await running.client()
        await send(client, SUBSCRIBE | {"max_rate": 50})
        seq = (await receive_event(client, "subscribed"))["seq"]
        skipped = 0
        while not skipped:
            message = await receive_event(client, "data")
            skipped = message.get("skipped", 0)
            assert message["seq"] == seq + skipped + 1
            seq = message["seq"]


def test_compressed_frame_is_one_message() -> None:
    """RSV1 is set, and the payload with an empty block behind it is the text; what would grow stays as it is."""
    frame = deflated_frame(text_frame(b'{"seq":1,"data":{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}}'))
    assert frame[0] == 0xC1
    inflated = zlib.decompressobj(wbits=-9).decompress(payload_of(frame) + b"\x00\x00\xff\xff")
    assert inflated == b'{"seq":1,"data":{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}}'
    assert deflated(b"abc") is None
    assert deflated_frame(text_frame(b"abc")) == text_frame(b"abc")
