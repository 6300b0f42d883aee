"""Everything that a client can do wrong is answered as written, and a healthy subscriber misses nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from feed.units import MILLISECOND, SECOND
from tests.server.conftest import LIMITS, SUBSCRIBE, Running, Serve, receive, receive_event, send
from tests.support.clients import closed_with
from tests.support.waiting import PATIENCE, becomes


@pytest_asyncio.fixture
async def busy(serve: Serve) -> AsyncIterator[Running]:
    """A server with a healthy subscriber that is checked for gaps at the end."""
    async with serve() as running:
        healthy = await running.subscriber()
        yield running
        await asyncio.sleep(0.05)
        seqs: list[int] = []
        while len(seqs) < 2 or seqs[-1] < running.market.seq(running.market.streams[-1]) - 20:
            message = await receive_event(healthy, "data")
            seqs.append(message["seq"])
        assert seqs == list(range(1, len(seqs) + 1)), "the healthy subscriber missed something"


def masked(payload: bytes, opcode: int, *, fin: bool = True, mask: bool = True, length: int | None = None) -> bytes:
    """A client's frame, right or wrong."""
    size = len(payload) if length is None else length
    head = bytes((opcode | (0x80 if fin else 0),))
    bit = 0x80 if mask else 0
    if size < 126:
        head += bytes((bit | size,))
    elif size < 65536:
        head += bytes((bit | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((bit | 127,)) + size.to_bytes(8, "big")
    key = b"\x01\x02\x03\x04" if mask else b""
    body = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload)) if mask else payload
    return head + key + body


async def write_raw(client: ClientConnection, data: bytes) -> None:
    """Bytes past the client library, which would not send them."""
    client.transport.write(data)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ("{", "INVALID_JSON", None),
        ("[" * 60_000, "INVALID_JSON", None),
        ("9" * 5000, "INVALID_JSON", None),
        ('{"event":NaN}', "INVALID_JSON", None),
        ('{"event":"ping","timestamp":"\\ud800"}', "INVALID_JSON", None),
        ("[]", "INVALID_REQUEST", None),
        ('"subscribe"', "INVALID_REQUEST", None),
        ("{}", "INVALID_REQUEST", "event"),
        ('{"event":["subscribe"]}', "INVALID_REQUEST", "event"),
        ('{"event":"subscribes"}', "UNKNOWN_EVENT", "event"),
        ('{"event":"buy","action":"pause"}', "UNKNOWN_EVENT", "event"),
        ('{"event":"control"}', "INVALID_REQUEST", "action"),
        ('{"event":"control","action":"paus"}', "INVALID_REQUEST", "action"),
        ('{"event":"control","action":"step","cont":3}', "INVALID_REQUEST", "cont"),
        ('{"event":"control","action":"speed","value":"fast"}', "INVALID_REQUEST", "value"),
        ('{"event":"expectation","channel":"trading","symbol":"BTC/USD","seq":1}', "UNKNOWN_EVENT", "event"),
        ('{"event":"subscribe"}', "INVALID_REQUEST", "channel"),
        ('{"event":"subscribe","channel":["trading",[]],"symbol":"BTC/USD"}', "INVALID_REQUEST", "channel"),
        ('{"event":"subscribe","channel":"trading","symbol":{}}', "INVALID_REQUEST", "symbol"),
        ('{"event":"subscribe","channel":"level2","symbol":"BTC/USD"}', "UNKNOWN_CHANNEL", "channel"),
        ('{"event":"subscribe","channel":"trading","symbol":"BTC-USD"}', "UNKNOWN_SYMBOL", "symbol"),
        ('{"event":"subscribe","channel":"trading","symbol":"BTC/USD","history":true}', "INVALID_REQUEST", "history"),
        ('{"event":"subscribe","channel":"trading","symbol":"BTC/USD","depth":10}', "INVALID_REQUEST", "depth"),
        ('{"event":"unsubscribe","channel":"status","symbol":"BTC/USD"}', "NOT_SUBSCRIBED", None),
    ],
)  # fmt: skip
async def test_wrong_requests_get_an_error(busy: Running, frame: str, code: str, field: str | None) -> None:
    """The error names the code, the field and a hint; the connection goes on."""
    client = await busy.client()
    await client.send(frame)
    error = await receive_event(client, "error")
    assert (error["code"], error.get("field")) == (code, field)
    assert error["hint"]
    await send(client, {"event": "ping", "timestamp": 5})
    assert (await receive_event(client, "pong"))["timestamp"] == 5


async def test_message_at_the_limit_and_one_past_it(busy: Running) -> None:
    """64 KiB pass; one byte more closes with 1009."""
    client = await busy.client()
    frame = '{"event":"ping","timestamp":"' + "x" * (65536 - 31) + '"}'
    assert len(frame) == 65536
    await client.send(frame)
    assert (await receive_event(client, "pong"))["timestamp"].startswith("xxx")
    await client.send(frame + " ")
    assert (await closed_with(client))[0] == 1009


async def test_fragments_at_the_limit_and_one_past_it(busy: Running) -> None:
    """A message may come in many fragments, but not in endlessly many."""
    text = b'{"event":"ping","timestamp":1}'
    for extra, accepted in ((0, True), (1, False)):
        client = await busy.client()
        fragments = [masked(text, 1, fin=False)]
        fragments += [masked(b"", 0, fin=False)] * (LIMITS.peer.max_fragments - 2 + extra) + [masked(b"", 0)]
        await write_raw(client, b"".join(fragments))
        if accepted:
            assert (await receive_event(client, "pong", "closing"))["event"] == "pong"
        else:
            assert (await closed_with(client))[0] == 1009


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(b"\x00\x01", 2), 1003),
        (masked(b"\xff\xfe", 1), 1007),
        (masked(b"\xc3", 1, fin=False) + masked(b"\x28", 0), 1007),
        (masked(b"{}", 3), 1002),
        (masked(b"{}", 0), 1002),
        (masked(b"{}", 1, mask=False), 1002),
        (masked(b"", 9, fin=False), 1002),
        (masked(b"", 1, length=2**40)[:14], 1009),
        (masked(b"\x00", 8), 1002),
        (bytes((0xF1, 0x80, 0, 0, 0, 0)), 1002),
    ],
    ids=["binary", "not utf-8", "not utf-8 in fragments", "opcode", "continuation", "unmasked", "long ping", "huge",
         "short close", "reserved bits"],
)  # fmt: skip
async def test_broken_frames_close_with_their_code(busy: Running, data: bytes, code: int) -> None:
    """What breaks the WebSocket protocol ends that connection, by the table."""
    client = await busy.client()
    await write_raw(client, data)
    assert (await closed_with(client))[0] == code


async def test_flood_is_warned_and_then_closed(busy: Running) -> None:
    """Too many messages: errors first, 1008 in the end."""
    client = await busy.client()
    for _ in range(300):
        await client.send('{"event":"list"}')
    codes = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            message = await receive(client)
            codes.append(message.get("code"))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert codes.count("RATE_LIMITED") == 20


async def test_ping_frame_flood_is_closed(busy: Running) -> None:
    """Ping frames are messages too."""
    client = await busy.client()
    await write_raw(client, masked(b"", 9) * 400)
    assert (await closed_with(client))[0] == 1008


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/?number=string", "number"),
        ("/?numbers=text", "numbers"),
        ("/?dialect=krakem", "dialect"),
        ("/v3", "path"),
        ("/?numbers=string&numbers=plain", "numbers"),
        ("/?heartbeat=", "heartbeat"),
        ("/?scenario=../secret", "scenario"),
        ("/?seed=-1", "seed"),
        ("/?speed=0", "speed"),
        ("/?paused=maybe", "paused"),
        ("/?market=a%20b", "market"),
        ("/?market=x&sed=1", "sed"),
        ("/socket", "path"),
        ("/ws/../etc", "path"),
        ("/?" + "&".join(f"k{n}=1" for n in range(60)), "query"),
        ("/?%ff=%00", None),
    ],
)
async def test_bad_urls_are_refused_with_the_key(busy: Running, path: str, field: str | None) -> None:
    """HTTP 400 and a body that names the key and the nearest right value."""
    with pytest.raises(InvalidStatus) as refused:
        await busy.client(path)
    response = refused.value.response
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith("application/json")
    problem = orjson.loads(response.body)
    assert problem["hint"]
    if field is not None:
        assert problem["field"] == field


@pytest.mark.parametrize("path", ["/", "/ws", "/ws/", "/?numbers=plain&heartbeat=normal"])
async def test_good_urls_connect(busy: Running, path: str) -> None:
    """Both paths have a socket."""
    client = await busy.client(path)
    await send(client, SUBSCRIBE)
    assert (await receive_event(client, "subscribed"))["channel"] == "trading"


async def raw_http(running: Running, request: bytes) -> bytes:
    """What comes back for raw bytes."""
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /health HTTP/1.1", b"200"),
        (b"HEAD /health HTTP/1.1", b"200"),
        (b"GET / HTTP/1.1", b"200"),
        (b"GET /metrics HTTP/1.1", b"200"),
        (b"GET /scenarios HTTP/1.1", b"200"),
        (b"GET /ws HTTP/1.1", b"426"),
        (b"GET /helth HTTP/1.1", b"404"),
        (b"GET /%00%ff HTTP/1.1", b"404"),
        (b"GET //[ HTTP/1.1", b"404"),
        (b"POST /health HTTP/1.1", b"405"),
        (b"DELETE /markets HTTP/1.1", b"405"),
        (b"DELETE /nothing HTTP/1.1", b"404"),
    ],
)
async def test_http(busy: Running, request_line: bytes, status: bytes) -> None:
    """Plain HTTP on the same port."""
    answer = await raw_http(busy, request_line + b"\r\nHost: localhost\r\n\r\n")
    assert answer.split(b" ")[1] == status, answer[:200]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 100, b"GET / HTTP/1.1\r\n", b"GET " + b"x" * 100_000, os.urandom(500), b"\x16\x03\x01\x02\x00\x01",
     b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 500 + b"\r\n"],
    ids=["nothing", "zeros", "half", "long line", "noise", "tls", "no key", "many headers"],
)  # fmt: skip
async def test_what_is_no_client_harms_nobody(busy: Running, data: bytes) -> None:
    """Port scans and other programs get an end, not an exception."""
    _, writer = await asyncio.open_connection(*busy.address)
    writer.write(data)
    await asyncio.sleep(0.02)
    writer.close()
    client = await busy.client()
    await client.close()


async def test_reset_in_the_middle(busy: Running) -> None:
    """A client that vanishes with a reset is forgotten."""
    client = await busy.subscriber()
    before = busy.server.open_connections
    sock = client.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()
    await becomes(lambda: busy.server.open_connections == before - 1)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://localhost:3000", True), ("http://127.0.0.1:8765", True), ("http://[::1]:1", True), (None, True),
     ("https://evil.example", False), ("null", False), ("http://localhost.evil.example", False), ("file://", False),
     ("http://127.0.0.1.evil.example", False), ("garbage", False), ("http://[", False)],
)  # fmt: skip
async def test_origins(busy: Running, origin: str | None, allowed: bool) -> None:
    """Pages from loopback and programs may connect; other pages are told why not."""
    if allowed:
        client = await busy.client(origin=origin)
        await client.close()
        return
    with pytest.raises((ConnectionClosed, AssertionError)):
        await busy.client(origin=origin)
    code, reason = await closed_with(busy.clients[-1])
    assert code == 1008
    assert "--origin" in reason


async def test_named_origin(serve: Serve) -> None:
    """--origin lets a page in."""
    async with serve(origins=("https://app.example",)) as running:
        await running.client(origin="https://app.example")


async def test_connection_limit(serve: Serve) -> None:
    """One more than the limit gets HTTP 503, and a place that becomes free can be taken."""
    from dataclasses import replace

    async with serve(limits=replace(LIMITS, max_connections=2)) as running:
        first, _ = await running.client(), await running.client()
        with pytest.raises(InvalidStatus) as refused:
            await running.client()
        assert refused.value.response.status_code == 503
        await first.close()
        await becomes(lambda: running.server.open_connections == 1)
        await running.client()


async def test_auth_over_the_wire(serve: Serve) -> None:
    """Without the token nothing is told; not in time, and it ends with 4401."""
    async with serve(token="s3cret", session={"auth_timeout": SECOND}) as running:
        client = await running.client()
        await send(client, SUBSCRIBE)
        assert (await receive(client))["code"] == "UNAUTHORIZED"
        assert await closed_with(client) == (4401, "no auth event in time")
        client = await running.client()
        await send(client, {"event": "auth", "token": "s3cret"})
        assert (await receive(client))["event"] == "authenticated"
        await send(client, SUBSCRIBE)
        assert (await receive_event(client, "data"))["seq"] >= 1


async def test_silent_peer_is_dropped(serve: Serve) -> None:
    """A peer that does not even answer pings is gone after the time-out."""
    async with serve(session={"ping_interval": 50 * MILLISECOND, "ping_timeout": SECOND}) as running:
        client = await running.client()
        await asyncio.sleep(1.2)
        assert running.server.open_connections == 1, "a client that answers pings stays"
        client.transport.pause_reading()
        await becomes(lambda: running.server.open_connections == 0)


async def test_strict_heartbeat(serve: Serve) -> None:
    """heartbeat=strict asks by event and closes with 4408."""
    async with serve(session={"ping_interval": 50 * MILLISECOND, "ping_timeout": SECOND}) as running:
        client = await running.client("/?heartbeat=strict")
        for _ in range(6):
            ping = await receive_event(client, "ping")
            await send(client, {"event": "pong", "timestamp": ping["timestamp"]})
        assert (await closed_with(client))[0] == 4408
