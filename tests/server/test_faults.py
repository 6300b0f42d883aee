"""Faults on real sockets: what a client sees of them, what the log says of them, and that nobody else sees any."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import quote

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from feed.delivery.outbox import OutboxLimits
from feed.faults.fault import Fault, Strike
from feed.faults.kinds.drop import Drop
from feed.faults.kinds.reset import Reset
from feed.faults.link import LinkCut, Parcel
from feed.faults.registry import FAULTS, read_fault
from feed.protocol import codes
from feed.server.peer import Peer
from feed.units import MILLISECOND, SECOND
from tests.server.conftest import LIMITS, SUBSCRIBE, Running, Serve, receive, receive_event, send
from tests.server.test_history import get
from tests.support.market import TRADING
from tests.support.sources import MetronomeSource


def with_faults(*faults: dict[str, Any]) -> str:
    """The path that arms these."""
    return "/?faults=" + quote(orjson.dumps(faults).decode())


async def seqs(client: ClientConnection, until: int) -> list[int]:
    """The seqs that come, until this one or a later one."""
    got: list[int] = []
    while not got or got[-1] < until:
        got.append((await receive_event(client, "data"))["seq"])
    return got


async def subscribed(running: Running, *faults: dict[str, Any], **keys: Any) -> ClientConnection:
    """A client that has the ticks from the first one on, through these faults."""
    client = await running.client(with_faults(*faults) if faults else "/")
    await send(client, {**SUBSCRIBE, "resume": {"epoch": running.market.epoch, "seq": 0}, **keys})
    await receive_event(client, "subscribed")
    return client


def peers(running: Running) -> list[Peer]:
    """Those of the server, in their order."""
    return list(running.server._peers)


def is_direct(running: Running) -> list[bool]:
    """Whether each client is written to directly."""
    return [peer._outlet.subscriber.direct for peer in peers(running)]


async def test_drop_leaves_a_gap_for_one_client_alone(serve: Serve) -> None:
    """Exactly the messages of the fault, live or from the past; the log has the ground truth."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        healthy = await subscribed(running)
        await receive_event(healthy, "data")
        faulty = await subscribed(
            running, {"kind": "drop", "seq": 50, "count": 3}, {"kind": "drop", "seq": 400, "count": 1}
        )
        missing = {50, 51, 52, 400}
        assert await seqs(faulty, 500) == [seq for seq in range(1, 501) if seq not in missing]
        assert (await seqs(healthy, 500))[-1] == 500
        status, page = await get(running, "/markets/main/faults")
        assert status == 200
        assert page["armed"][0] == {
            "fault": 1, "from": "url", "connection": "c2", "cleared": False,
            "what": {"kind": "drop", "seq": 50, "count": 3},
        }  # fmt: skip
        told = {(deed["connection"], deed["stream"], deed["seq"], deed["deed"]) for deed in page["done"]}
        assert told == {("c2", "trading:BTC/USD", seq, "dropped") for seq in missing}
        assert page["forgotten"] == 0


async def test_frames_through_a_link_are_the_same_bytes(serve: Serve) -> None:
    """A fault that never strikes changes nothing: events, snapshots, the past and the stream."""
    never = {"kind": "drop", "seq": 10**9}
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        plain, linked = await subscribed(running), await subscribed(running, never)
        got = []
        for client in (plain, linked):
            await send(client, {"event": "subscribe", "channel": "*", "symbol": "*", "interval": "*", "depth": "*"})
            frames: dict[tuple[str, int], bytes] = {}
            while sum(key[0] == "trading" for key in frames) < 500:
                frame = await client.recv(decode=False)
                message = orjson.loads(frame)
                if message["event"] == "data" and message["channel"] in ("trading", "status"):
                    frames[message["channel"], message["seq"]] = frame
            got.append(frames)
        shared = got[0].keys() & got[1].keys()
        assert len(shared) > 400
        assert all(got[0][key] == got[1][key] for key in shared)
        assert not is_direct(running)[1]


async def test_delay_holds_a_channel_and_lets_the_others_pass(serve: Serve) -> None:
    """Ticks come a second late and in their order; answers and heartbeats do not."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        healthy = await subscribed(running)
        await receive_event(healthy, "data")
        late = await subscribed(running, {"kind": "delay", "by": "1s", "channel": "trading"})
        here = asyncio.create_task(seqs(healthy, 100))
        began = time.monotonic()
        await send(late, {"event": "ping", "id": "1"})
        assert (await receive(late))["event"] == "pong"
        assert await seqs(late, 1) == [1]
        assert time.monotonic() - began > 0.8
        now = running.market.seq(TRADING)
        assert await seqs(late, 80) == list(range(2, 81))
        assert now > 20
        await here


async def test_what_a_fault_holds_counts_against_the_outbox(serve: Serve) -> None:
    """A client that would be behind for ever is found by the bytes that wait for it."""
    limits = replace(LIMITS, peer=replace(LIMITS.peer, outbox=OutboxLimits(20_000, 10 * SECOND)))
    async with serve(MetronomeSource(every=MILLISECOND), limits) as running:
        late = await subscribed(running, {"kind": "delay", "by": "60s"})
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await late.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409
        assert running.server.counters.slow == 1


async def test_cleared_fault_passes_on_what_it_holds(serve: Serve) -> None:
    """Nothing is lost or changes places, and the client is written to directly again."""
    async with serve(MetronomeSource(every=2 * MILLISECOND)) as running:
        client = await subscribed(running)
        assert await seqs(client, 20) == list(range(1, 21))
        [peer] = peers(running)
        held = peer.faults.arm(Drop(seq=10**9)), peer.faults.arm(read_fault({"kind": "delay", "by": "30s"}))
        assert held == (1, 2)
        await asyncio.sleep(0.1)
        assert running.market.hub.backlog == 1
        peer.faults.clear(2)
        assert await seqs(client, 200) == list(range(21, 201))
        assert is_direct(running) == [False]
        peer.faults.clear(1)
        assert is_direct(running) == [True]
        assert running.market.hub.backlog == 0
        assert await seqs(client, 400) == list(range(201, 401))
        with pytest.raises(KeyError):
            peer.faults.clear(1)
        # The market may be far ahead of a client that reads on a busy machine.
        dropped = max(401, running.market.seq(TRADING)) + 50
        third = peer.faults.arm(Drop(seq=dropped, count=1))
        assert third == 3
        assert await seqs(client, dropped + 10) == [*range(401, dropped), *range(dropped + 1, dropped + 11)]


async def test_goodbye_comes_behind_what_is_held(serve: Serve) -> None:
    """A close passes on what a fault holds, and then says why."""
    async with serve(MetronomeSource(every=2 * MILLISECOND)) as running:
        client = await subscribed(running, {"kind": "delay", "by": "30s"})
        await asyncio.sleep(0.1)
        peers(running)[0].close(codes.RESTART, "the test says so")
        got = [(await receive_event(client, "data")) for _ in range(20)]
        assert [message["seq"] for message in got] == list(range(1, 21))
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                last = await receive(client)
        assert last["event"] == "closing"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


async def test_reset_is_a_reset(serve: Serve) -> None:
    """Every message in front of it, no close frame, and RST on the wire; a client of the library sees 1006."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await subscribed(running, {"kind": "reset", "seq": 100})
        got = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                got.append((await receive_event(client, "data"))["seq"])
        assert got == list(range(1, len(got) + 1))
        assert closed.value.rcvd is None
        assert client.close_code == 1006
        host, port = running.address
        loop = asyncio.get_running_loop()
        with socket.create_connection((host, port)) as sock:
            sock.setblocking(False)
            head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
            key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
            path = with_faults({"kind": "reset", "on": "subscribe", "direction": "in"})
            await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{key}\r\n\r\n".encode())
            answer = await loop.sock_recv(sock, 65536)
            assert b"101" in answer
            await loop.sock_sendall(sock, _masked(orjson.dumps(SUBSCRIBE)))
            with pytest.raises(ConnectionResetError):
                while await loop.sock_recv(sock, 65536):
                    pass
        _, page = await get(running, "/markets/main/faults")
        assert [(deed["kind"], deed["connection"], deed["seq"], deed["deed"]) for deed in page["done"]] == [
            ("reset", "c1", 100, "cut"),
            ("reset", "c2", 1, "cut"),
        ]
        while running.server.open_connections:
            await asyncio.sleep(0.01)
        assert running.market.hub.subscriptions == 0


def _masked(payload: bytes) -> bytes:
    """A client's text frame of less than 126 bytes, masked with nothing."""
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


class Goodbye(Fault):
    """Closes with a code of its own."""

    summary: ClassVar[str] = "The connection is closed."
    remedy: ClassVar[str] = "Looks at the code."
    kind: Literal["goodbye"] = "goodbye"

    def strike(self, parcel: Parcel, strike: Strike) -> LinkCut:
        return LinkCut("close", 4499, "asked for")


async def test_fault_may_close_with_any_code(serve: Serve) -> None:
    """Behind the messages before it."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await running.client()
        peers(running)[0].faults.arm(Goodbye(seq=30))
        await send(client, {**SUBSCRIBE, "resume": {"epoch": running.market.epoch, "seq": 0}})
        got = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                got.append((await receive_event(client, "data"))["seq"])
        assert got == list(range(1, 30))
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4499, "asked for")


async def test_what_a_client_sends_can_be_lost_or_late(serve: Serve) -> None:
    """The first ping is lost, the next one is answered; a message that waits keeps those behind it waiting."""
    async with serve() as running:
        client = await running.client(
            with_faults(
                {"kind": "drop", "direction": "in", "count": 1},
                {"kind": "delay", "by": "100ms", "direction": "in", "after": 1, "count": 1},
            )
        )
        began = time.monotonic()
        for number in ("1", "2", "3", "4"):
            await send(client, {"event": "ping", "id": number})
        assert [(await receive_event(client, "pong"))["id"] for _ in range(3)] == ["2", "3", "4"]
        assert time.monotonic() - began >= 0.1
        _, page = await get(running, "/markets/main/faults")
        assert [(deed["direction"], deed["seq"], deed["deed"]) for deed in page["done"]] == [
            ("in", 1, "dropped"),
            ("in", 3, "delayed"),
        ]


async def test_same_seed_gives_the_same_faults(serve: Serve) -> None:
    """On another server, at another speed, live or from the past."""
    found = []
    for speed, history in ((1.0, False), (20.0, True)):
        async with serve(MetronomeSource(every=2 * MILLISECOND), speed=speed) as running:
            client = await running.client(with_faults({"kind": "drop", "rate": 0.2}))
            if history:
                healthy = await subscribed(running)
                await seqs(healthy, 200)
            await send(client, {**SUBSCRIBE, "resume": {"epoch": running.market.epoch, "seq": 0}})
            got = await seqs(client, 290)
            found.append([seq for seq in got if seq <= 290])
    assert found[0] == found[1]
    assert 200 < len(found[0]) < 260


@pytest.mark.parametrize("channel", ["ticker", "candles", "book"])
async def test_conflated_channels_pass_a_link_one_by_one(serve: Serve, channel: str) -> None:
    """Snapshot and updates, each with its seq; what is dropped is missing and nothing else."""
    async with serve(MetronomeSource(every=100 * MILLISECOND), speed=50.0) as running:
        client = await running.client(with_faults({"kind": "drop", "seq": 4, "count": 1}))
        await send(client, {"event": "subscribe", "channel": channel, "symbol": "BTC/USD"})
        got: list[dict[str, Any]] = []
        while not got or got[-1]["seq"] < 12:
            got.append(await receive_event(client, "data"))
        updates = [message for message in got if message["type"] == "update"]
        told = [seq for one in updates for seq in range(one["seq"] - one.get("skipped", 0), one["seq"] + 1)]
        first = told[0]
        assert told == [seq for seq in range(first, told[-1] + 1) if seq != 4]


async def test_sampled_and_compressed_streams_pass_a_link(serve: Serve) -> None:
    """A subscription with a rate, on a connection that is compressed."""
    limits = replace(LIMITS, compression=True)
    async with serve(MetronomeSource(every=MILLISECOND), limits) as running:
        client = await running.client(with_faults({"kind": "delay", "by": "20ms"}))
        await send(client, {**SUBSCRIBE, "max_rate": 50})
        last = (await receive_event(client, "subscribed"))["seq"]
        for _ in range(10):
            message = await receive_event(client, "data")
            assert message["seq"] == last + 1 + message.get("skipped", 0)
            last = message["seq"]


async def test_silence_of_a_fault_is_filled_with_heartbeats(serve: Serve) -> None:
    """All data is lost: the connection lives, and says how far the streams are."""
    session = {"heartbeat_interval": 100 * MILLISECOND}
    async with serve(MetronomeSource(every=MILLISECOND), session=session) as running:
        client = await subscribed(running, {"kind": "drop"})
        beats = [await receive_event(client, "heartbeat", "data") for _ in range(2)]
        assert [beat["event"] for beat in beats] == ["heartbeat", "heartbeat"]
        assert beats[1]["last"]["trading:BTC/USD"] > 50


@pytest.mark.parametrize(
    ("faults", "field", "words"),
    [
        ('[{"kind":"dorp"}]', "faults[0].kind", 'did you mean "drop"'),
        ('[{"kind":"drop"},{"kind":"delay","bye":"1s"}]', "faults[1].bye", 'did you mean "by"'),
        ('[{"kind":"drop","channel":"tradin"}]', "faults[0].channel", 'did you mean "trading"'),
        ("drop", "faults", "a list like"),
    ],
)
async def test_bad_fault_refuses_the_handshake(serve: Serve, faults: str, field: str, words: str) -> None:
    """With the key and what was probably meant."""
    async with serve() as running:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{running.url}/?faults={quote(faults)}")
        assert refused.value.response.status_code == 400
        problem = orjson.loads(refused.value.response.body)
        assert problem["field"] == field
        assert words in problem["hint"]
        assert running.market.faults.document()["armed"] == []


async def test_misspelt_key_is_refused(serve: Serve) -> None:
    """`faults` is among the keys that are known."""
    async with serve() as running:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{running.url}/?fault=x")
        assert b'did you mean \\"faults\\"' in refused.value.response.body


async def test_catalogue_shows_every_kind(serve: Serve) -> None:
    """With parameters, ranges, and what a good client does."""
    async with serve() as running:
        status, page = await get(running, "/faults")
        assert status == 200
        assert [entry["kind"] for entry in page["faults"]] == list(FAULTS)
        assert page["keys"]["rate"]["maximum"] == 1
        status, page = await get(running, "/markets/mian/faults")
        assert (status, page["hint"]) == (404, "did you mean main?")


async def test_market_at_full_speed_waits_for_who_is_delayed(serve: Serve) -> None:
    """Every message comes, and the bound of the outbox is not reached."""
    async with serve(MetronomeSource(count=5000), speed=float("inf")) as running:
        client = await running.client(with_faults({"kind": "delay", "by": "10ms", "jitter": "5ms"}))
        await send(client, SUBSCRIBE)
        assert await seqs(client, 5000) == list(range(1, 5001))
        assert running.server.counters.slow == 0


async def test_arming_is_seen_in_the_type(serve: Serve) -> None:
    """A fault in code is checked as one in a URL is."""
    async with serve() as running:
        client = await running.client()
        with pytest.raises(ValueError, match="both at and seq"):
            peers(running)[0].faults.arm(Reset(at="5m", seq=3))
        await send(client, {"event": "ping", "id": "1"})
        assert (await receive_event(client, "pong"))["id"] == "1"


async def test_new_epoch_keeps_its_place_behind_a_link(serve: Serve) -> None:
    """What was published before a seek comes before it, however long it is held; then the fault is still there."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        client = await running.client(with_faults({"kind": "delay", "by": "50ms"}) + "&market=mine&paused=true")
        for wish in (SUBSCRIBE, {"event": "subscribe", "channel": "candles", "symbol": "BTC/USD", "interval": "1s"}):
            await send(client, wish)
            await receive_event(client, "subscribed")
        for keys in ({"action": "step", "count": 5}, {"action": "seek", "time": "0s"}, {"action": "step", "count": 3}):
            await send(client, {"event": "control", "id": keys["action"], **keys})
        told: list[int | str] = []
        while len([event for event in told if event == "done"]) < 3:
            message = await receive(client)
            is_trade = message.get("channel") == "trading" and message["event"] == "data"
            if is_trade or message["event"] in ("market", "subscribed", "done"):
                told.append(message["seq"] if is_trade else message["event"])
        trades = [entry for entry in told if isinstance(entry, int)]
        assert trades == [1, 2, 3, 4, 5, 1, 2, 3]
        renewed = told.index("subscribed")
        assert told[:5] == [1, 2, 3, 4, 5]
        assert told[renewed - 1 : renewed + 2] == ["market", "subscribed", "subscribed"]
        assert told.index(1, 5) > renewed
        status, body = await get(running, "/markets/mine/faults")
        deeds = [deed for deed in body["done"] if deed["stream"] == "trading:BTC/USD"]
        assert (status, [deed["seq"] for deed in deeds]) == (200, trades)


async def test_each_market_counts_its_own_connections(serve: Serve) -> None:
    """A fault of the first connection strikes the first one of each market, and is told of there alone."""
    fault = {"kind": "drop", "connection": 1, "channel": "trading", "count": 3}
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        for market in ("one", "two"):
            first = await running.client(with_faults(fault) + f"&market={market}")
            second = await running.client(with_faults(fault) + f"&market={market}")
            for client in (first, second):
                await send(client, SUBSCRIBE)
            since = (await receive_event(second, "subscribed"))["seq"]
            assert (await receive_event(second, "data"))["seq"] == since + 1
            since = (await receive_event(first, "subscribed"))["seq"]
            assert (await receive_event(first, "data"))["seq"] == since + 4
            _, body = await get(running, f"/markets/{market}/faults")
            assert len(body["armed"]) == 2
            assert len({deed["connection"] for deed in body["done"]}) == 1
            assert [deed["deed"] for deed in body["done"]] == ["dropped"] * 3
        status, body = await get(running, "/markets/three/faults")
        assert (status, body["code"]) == (404, "UNKNOWN_MARKET")
