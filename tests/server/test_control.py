"""Markets by name, and commands to them: on the socket and by HTTP alike, exact to the message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from feed.server.admission import ControlRule
from feed.units import MILLISECOND
from tests.server.conftest import Running, Serve, receive, receive_event, send
from tests.support.sources import BTC, ETH, MetronomeSource
from tests.support.waiting import PATIENCE, becomes

OWN = "/?market=mine&paused=true"

SUBSCRIBE = {"event": "subscribe", "channel": "trading", "symbol": "BTC/USD"}


async def ask(running: Running, method: str, path: str, *headers: str) -> tuple[int, Any]:
    """Status and body of an answer to a request without a body."""
    reader, writer = await asyncio.open_connection(*running.address)
    lines = "".join(f"{header}\r\n" for header in headers)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body if b"ndjson" in head else orjson.loads(body)


async def act(client: ClientConnection, action: str, **keys: Any) -> list[dict[str, Any]]:
    """Everything that comes up to the answer to a command, the answer last."""
    await send(client, {"event": "control", "action": action, "id": action, **keys})
    came = [await receive(client)]
    while came[-1].get("id") != action:
        came.append(await receive(client))
    return came


def seqs(messages: list[dict[str, Any]]) -> list[int]:
    """The seq of each data frame."""
    return [message["seq"] for message in messages if message["event"] == "data"]


async def test_step_gives_exactly_so_many_trades(serve: Serve) -> None:
    """A market of one's own stands still; each step sends its trades before its answer, and nothing after it."""
    async with serve() as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        assert (await receive(client))["event"] == "subscribed"
        first = await act(client, "step")
        assert seqs(first) == [1]
        assert (first[-1]["event"], first[-1]["trades"], first[-1]["seq"]["trading:BTC/USD"]) == ("done", 1, 1)
        assert seqs(await act(client, "step", count=7)) == list(range(2, 9))
        assert seqs(await act(client, "step", **{"for": "50ms"})) == list(range(9, 19))
        with pytest.raises(TimeoutError):
            while (await asyncio.wait_for(client.recv(), 0.3)) is not None:
                raise AssertionError("a market that stands sends no data")


async def test_trades_of_one_instant_come_together(serve: Serve) -> None:
    """One of them is asked for, both are told and counted, also the one that nobody listens to."""
    async with serve(MetronomeSource((BTC, ETH), every=5 * MILLISECOND)) as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE | {"symbol": "ETH/USD"})
        await receive_event(client, "subscribed")
        [*came, done] = await act(client, "step")
        assert (seqs(came), done["trades"]) == ([1], 2)


async def test_nothing_leaks_behind_a_pause(serve: Serve) -> None:
    """What comes before the answer is all there is; after resume it goes on without a gap."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await running.client("/?market=mine")
        await send(client, SUBSCRIBE)
        got = [(await receive_event(client, "data"))["seq"] for _ in range(50)]
        [*came, done] = await act(client, "pause")
        got += seqs(came)
        assert done["state"] == "paused"
        assert done["seq"]["trading:BTC/USD"] == got[-1]
        assert [message["state"] for message in came if message["event"] == "market"] == ["paused"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive_event(client, "data"), 0.3)
        [*came, done] = await act(client, "resume")
        got += seqs(came)
        assert done["state"] == "running"
        got += [(await receive_event(client, "data"))["seq"] for _ in range(20)]
        assert got == list(range(1, got[-1] + 1))


async def test_pause_of_a_market_at_full_speed(serve: Serve) -> None:
    """It stands where its readers have come to."""
    async with serve(MetronomeSource(every=MILLISECOND)) as running:
        client = await running.client("/?market=fast&speed=max", max_queue=16)
        await send(client, SUBSCRIBE)
        got = [(await receive_event(client, "data"))["seq"] for _ in range(2000)]
        [*came, done] = await act(client, "pause")
        got += seqs(came)
        assert got == list(range(1, done["seq"]["trading:BTC/USD"] + 1))
        await act(client, "speed", value=1)
        got += seqs(await act(client, "step", count=3))
        assert got[-1] == done["seq"]["trading:BTC/USD"] + 3


async def test_speed_changes_without_a_jump(serve: Serve) -> None:
    """Every message comes once, in order, at whatever speeds."""
    async with serve() as running:
        client = await running.client("/?market=mine", max_queue=16)
        await send(client, SUBSCRIBE)
        got: list[int] = []
        for speed in (5, "max", 0.5, "20"):
            came = await act(client, "speed", value=speed)
            got += seqs(came)
            assert came[-1]["event"] == "done"
            got += [(await receive_event(client, "data"))["seq"] for _ in range(3)]
        assert got == list(range(1, got[-1] + 1))


async def test_seek_gives_the_bytes_of_a_market_opened_there(serve: Serve) -> None:
    """A new epoch: market, subscribed and the snapshot, then seq from 1."""
    async with serve() as running:
        opened = await running.client("/?market=there&paused=true&at=00:01:00")
        client = await running.client(OWN)
        for each in (opened, client):
            await send(each, SUBSCRIBE)
            await receive_event(each, "subscribed")
        before = (await act(client, "step", count=5))[-1]
        came = await act(client, "seek", time="00:01:00")
        assert [message["event"] for message in came] == ["market", "subscribed", "done"]
        assert came[-1]["epoch"] == came[0]["epoch"] == came[1]["epoch"] != before["epoch"]
        there = [message["data"] for message in await act(opened, "step", count=20) if message["event"] == "data"]
        here = [message["data"] for message in await act(client, "step", count=20) if message["event"] == "data"]
        assert here == there
        assert len(here) == 20


async def test_restart_begins_again(serve: Serve) -> None:
    """The same seed gives the same frames, with the epoch's own name."""
    async with serve() as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        await receive_event(client, "subscribed")
        first = [message for message in await act(client, "step", count=9) if message["event"] == "data"]
        epoch = (await act(client, "restart"))[-1]["epoch"]
        again = [message for message in await act(client, "step", count=9) if message["event"] == "data"]
        assert again == first
        assert epoch.endswith("-2")


async def test_http_answers_once_it_has_happened(serve: Serve) -> None:
    """The same action and answer as on the socket; every line of the log tells what was done."""
    async with serve() as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        await receive_event(client, "subscribed")
        status, done = await ask(running, "POST", "/markets/mine/step?count=4")
        assert (status, done["trades"], done["log"], done["seq"]["trading:BTC/USD"]) == (200, 4, 1, 4)
        assert [(await receive_event(client, "data"))["seq"] for _ in range(4)] == [1, 2, 3, 4]
        status, done = await ask(running, "POST", "/markets/mine/speed?value=10")
        assert (status, done["state"]) == (200, "paused")
        status, log = await ask(running, "GET", "/markets/mine/log")
        lines = [orjson.loads(line) for line in log.splitlines()]
        assert [(line["n"], line["command"]["action"]) for line in lines] == [(1, "step"), (2, "speed")]
        status, market = await ask(running, "GET", "/markets/mine")
        assert (status, market["state"], market["speed"], market["log"]) == (200, "paused", 10.0, 2)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/markets/mine/paus", 400, "INVALID_REQUEST"),
        ("POST", "/markets/mine/step?cont=1", 400, "INVALID_REQUEST"),
        ("POST", "/markets/mine/step?count=0", 400, "INVALID_REQUEST"),
        ("POST", "/markets/mine/step?count=1&for=1s", 400, "INVALID_REQUEST"),
        ("POST", "/markets/mine/step?symbol=XRP/USD", 400, "UNKNOWN_SYMBOL"),
        ("POST", "/markets/mine/seek?time=99999h", 504, "NOT_REACHED"),
        ("POST", "/markets/mine/seek", 400, "INVALID_REQUEST"),
        ("POST", "/markets/mina/pause", 404, "UNKNOWN_MARKET"),
        ("POST", "/markets/mine?seed=7", 409, "MARKET_EXISTS"),
        ("POST", "/markets/other?sed=7", 400, "INVALID_REQUEST"),
        ("DELETE", "/markets/main", 403, "NOT_ALLOWED"),
    ],
)  # fmt: skip
async def test_refused_by_http(serve: Serve, method: str, path: str, status: int, code: str) -> None:
    """Each refusal has a status, a code and a hint, and nothing has happened."""
    async with serve(MetronomeSource(count=1000)) as running:
        await running.client(OWN)
        answer, body = await ask(running, method, path)
        assert (answer, body["code"]) == (status, code)
        assert body["hint"]
        assert len(running.markets.find("mine").control.log) == 0


async def test_step_of_a_running_market_is_refused(serve: Serve) -> None:
    """It says to pause first."""
    async with serve() as running:
        client = await running.client("/?market=mine")
        await send(client, SUBSCRIBE)
        await receive_event(client, "data")
        error = (await act(client, "step"))[-1]
        assert (error["event"], error["code"], error["hint"]) == ("error", "NOT_POSSIBLE", "pause it first")


async def test_a_page_of_another_origin_controls_nothing(serve: Serve) -> None:
    """A request that a foreign page can send without asking is refused all the same."""
    async with serve() as running:
        await running.client(OWN)
        status, body = await ask(running, "POST", "/markets/mine/resume", "Origin: https://evil.example")
        assert (status, body["code"]) == (403, "NOT_ALLOWED")
        assert running.markets.find("mine").market.phase == "paused"


async def test_joined_and_private_markets(serve: Serve) -> None:
    """A name is one market for all who name it; without a name each has its own, gone with the connection."""
    async with serve() as running:
        one = await running.client(OWN)
        two = await running.client("/?market=mine")
        for each in (one, two):
            await send(each, SUBSCRIBE)
            await receive_event(each, "subscribed")
        await act(one, "step", count=3)
        assert [(await receive_event(two, "data"))["seq"] for _ in range(3)] == [1, 2, 3]
        with pytest.raises(InvalidStatus) as refused:
            await running.client("/?market=mine&seed=99")
        assert refused.value.response.status_code == 409
        own = await running.client("/?seed=1")
        assert len(running.markets) == 3
        await own.close()
        await becomes(lambda: len(running.markets) <= 2)
        status, _ = await ask(running, "DELETE", "/markets/mine")
        assert status == 200
        with pytest.raises(ConnectionClosed):
            while True:
                await one.recv()
        assert one.close_code == 4410


async def test_two_commands_at_once_are_both_answered(serve: Serve) -> None:
    """The log orders them, and each counts from where the other left the market."""
    async with serve() as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        await receive_event(client, "subscribed")
        answers = await asyncio.gather(*(ask(running, "POST", "/markets/mine/step?count=2") for _ in range(5)))
        assert [status for status, _ in answers] == [200] * 5
        assert sorted(done["log"] for _, done in answers) == [1, 2, 3, 4, 5]
        assert [(await receive_event(client, "data"))["seq"] for _ in range(10)] == list(range(1, 11))


async def test_a_client_of_an_exchange_begins_anew_with_its_market(serve: Serve) -> None:
    """It may name a market at the exchange's own path. A new epoch ends its connection, as an exchange's restart."""
    path = "/v2?market=mine&paused=true"
    async with serve(MetronomeSource(every=MILLISECOND)) as running, connect(running.url + path) as client:
        params = {"channel": "book", "symbol": ["BTC/USD"]}
        await send(client, {"method": "subscribe", "params": params})
        came = [await receive(client) for _ in range(3)]
        assert [message.get("channel", message.get("method")) for message in came] == ["status", "subscribe", "book"]
        assert (await ask(running, "POST", "/markets/mine/step?count=5"))[0] == 200
        assert (await ask(running, "POST", "/markets/mine/restart"))[0] == 200
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                await receive(client)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1012
        async with connect(running.url + path) as again:
            await send(again, {"method": "subscribe", "params": params})
            renewed = [await receive(again) for _ in range(3)]
        assert renewed[2]["data"] == came[2]["data"]


async def test_a_fault_of_the_whole_market(serve: Serve) -> None:
    """It holds for who is there and for who comes later, until it is ended; the log has it whole."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        await receive_event(client, "subscribed")
        assert seqs(await act(client, "step", count=3)) == [1, 2, 3]
        armed = (await act(client, "fault", kind="drop", channel="trading", rate=1))[-1]
        assert (armed["event"], armed["fault"], armed["log"]) == ("done", 1, 2)
        assert seqs(await act(client, "step", count=3)) == []
        late = await running.client("/?market=mine")
        await send(late, SUBSCRIBE)
        await receive_event(late, "subscribed")
        assert seqs(await act(late, "step", count=3)) == []
        status, ended = await ask(running, "POST", "/markets/mine/fault?clear=1")
        assert (status, ended["cleared"]) == (200, [1])
        assert seqs(await act(late, "step", count=3)) == [10, 11, 12]
        lines = [orjson.loads(line) for line in (await ask(running, "GET", "/markets/mine/log"))[1].splitlines()]
        assert lines[1]["command"] == {"action": "fault", "fault": {"kind": "drop", "channel": "trading", "rate": 1.0}}
        [standing] = lines[1]["state"]["faults"]
        assert (standing["number"], standing["fault"]) == (1, lines[1]["command"]["fault"])
        status, armed = await ask(running, "POST", "/markets/mine/fault?kind=drop&seq=20&for=2s")
        assert (status, armed["fault"]) == (200, 2)


@pytest.mark.parametrize(
    ("keys", "code", "field"),
    [
        ({"kind": "dorp"}, "INVALID_REQUEST", "kind"),
        ({"kind": "drop", "rate": 7}, "INVALID_REQUEST", "rate"),
        ({"kind": "drop", "symbol": "ETH/USD"}, "INVALID_REQUEST", "symbol"),
        ({"clear": 7}, "NOT_POSSIBLE", "clear"),
        ({"clear": "some"}, "INVALID_REQUEST", None),
        ({"clear": 7, "kind": "drop"}, "INVALID_REQUEST", "kind"),
    ],
)
async def test_a_bad_fault_is_refused_whole(serve: Serve, keys: dict[str, Any], code: str, field: str | None) -> None:
    """It says what is wrong with it, and nothing is armed."""
    async with serve() as running:
        client = await running.client(OWN)
        error = (await act(client, "fault", **keys))[-1]
        assert (error["event"], error["code"], error.get("field")) == ("error", code, field)
        assert error["hint"]
        assert running.markets.find("mine").market.state.armed == 0


async def test_a_mark_is_a_line_in_the_log(serve: Serve) -> None:
    """It changes nothing, running or not."""
    async with serve() as running:
        client = await running.client("/?market=mine")
        await send(client, SUBSCRIBE)
        await receive_event(client, "data")
        done = (await act(client, "mark", text="here it broke"))[-1]
        assert (done["event"], done["state"]) == ("done", "running")
        log = (await ask(running, "GET", "/markets/mine/log"))[1].splitlines()
        assert orjson.loads(log[-1])["command"] == {"action": "mark", "text": "here it broke"}


async def test_settled_when_every_client_has_answered(serve: Serve) -> None:
    """A client that reads nothing is named; one that answers its ping has read all that came before."""
    async with serve() as running:
        client = await running.client(OWN)
        await send(client, SUBSCRIBE)
        await receive_event(client, "subscribed")
        status, done = await ask(running, "POST", "/markets/mine/step?count=3&settle=true")
        assert (status, done["settled"], done["trades"]) == (200, True, 3)
        assert [(await receive_event(client, "data"))["seq"] for _ in range(3)] == [1, 2, 3]
        deaf = await connect(running.url + "/?market=mine", max_queue=1, ping_interval=None)
        running.clients.append(deaf)
        deaf.transport.pause_reading()
        status, done = await ask(running, "GET", "/markets/mine/settle?settle_ms=50")
        assert (status, done["action"], done["settled"], len(done["unsettled"])) == (200, "settle", False, 1)
        deaf.transport.resume_reading()
        status, done = await ask(running, "GET", "/markets/mine/settle?settle_ms=20000")
        assert (done["settled"], done["seq"]["trading:BTC/USD"]) == (True, 3)
        for bad in ("settle?settle_ms=no", "settle?setle_ms=3"):
            status, error = await ask(running, "GET", f"/markets/mine/{bad}")
            assert (status, error["code"]) == (400, "INVALID_REQUEST")
        told = await act(client, "pause", settle=True)
        assert told[-1]["settled"] is True


async def test_a_market_with_a_token_obeys_who_shows_it(serve: Serve) -> None:
    """Others may watch; the token can be in the URL, in an auth event, in a header or among the keys."""
    async with serve() as running:
        holder = await running.client(f"{OWN}&token=secret")
        guest = await running.client("/?market=mine")
        wrong = await running.client("/?market=mine&token=other")
        for each in (guest, wrong):
            error = (await act(each, "step"))[-1]
            assert (error["event"], error["code"]) == ("error", "NOT_ALLOWED")
        assert (await act(holder, "step"))[-1]["trades"] == 1
        await send(guest, {"event": "auth", "token": "guess"})
        assert (await receive(guest))["code"] == "UNAUTHORIZED"
        await send(guest, {"event": "auth", "token": "secret"})
        assert (await receive(guest))["scopes"] == ["read", "control"]
        assert (await act(guest, "step"))[-1]["trades"] == 1
        for path, header, status in (
            ("step", (), 403),
            ("step?token=other", (), 403),
            ("step?token=secret", (), 200),
            ("step", ("Authorization: Bearer secret",), 200),
        ):
            answer, body = await ask(running, "POST", f"/markets/mine/{path}", *header)
            assert answer == status, body
            assert "secret" not in str(body)
        assert (await ask(running, "DELETE", "/markets/mine"))[0] == 403
        assert (await ask(running, "POST", "/markets/mine?token=other"))[0] == 200


async def test_the_control_token_on_the_socket(serve: Serve) -> None:
    """The shared market obeys who shows it, and nobody else, wherever from."""
    async with serve(control=ControlRule("key")) as running:
        client = await running.subscriber()
        error = (await act(client, "pause"))[-1]
        assert (error["code"], "auth" in error["hint"]) == ("NOT_ALLOWED", True)
        await send(client, {"event": "auth", "token": "key"})
        while (answer := await receive(client))["event"] == "data":
            pass
        assert (answer["event"], answer["scopes"]) == ("authenticated", ["read", "control"])
        assert (await act(client, "pause"))[-1]["state"] == "paused"
    async with serve(control=ControlRule("key", is_off=True)) as running:
        client = await running.client()
        await send(client, {"event": "auth", "token": "key"})
        assert (await receive(client))["scopes"] == ["read"]
        assert (await act(client, "pause"))[-1]["code"] == "NOT_ALLOWED"


async def test_a_foreign_page_makes_no_market(serve: Serve) -> None:
    """It is closed after its handshake, and nothing is left of it."""
    async with serve() as running:
        page = await connect(running.url + "/?market=theirs", origin=Origin("https://evil.example"))
        with pytest.raises(ConnectionClosed):
            while True:
                await page.recv()
        assert page.close_code == 1008
        assert [hosted.name for hosted in running.markets] == ["main"]


async def test_a_market_is_made_with_the_form_of_its_connections(serve: Serve) -> None:
    """Who does not ask for another form gets the market's."""
    async with serve() as running:
        path = "/markets/mine?paused=true&numbers=string&heartbeat=strict"
        assert (await ask(running, "POST", path))[0] == 201
        assert (await ask(running, "POST", path))[0] == 200
        status, error = await ask(running, "POST", "/markets/mine?numbers=plain")
        assert (status, error["field"]) == (409, "numbers")
        for query, kind in (("", str), ("&numbers=plain", float)):
            client = await running.client(f"/?market=mine{query}")
            await send(client, SUBSCRIBE)
            await receive_event(client, "subscribed")
            await act(client, "step")
            assert running.markets.find("mine").market.seqs["trading:BTC/USD"] >= 1
            await send(client, {"event": "expect", "channel": "trading"})
            assert isinstance((await receive_event(client, "state"))["last"], kind)
        status, market = await ask(running, "GET", "/markets/mine")
        assert (market["connections"], market["idle_seconds"]) == (2, 0)


async def test_an_unread_market_does_nothing_until_somebody_reads(serve: Serve) -> None:
    """It wakes up once for each batch; who comes gets it as it is now, and so does whoever asks."""
    source = MetronomeSource(every=5 * MILLISECOND, batch=100_000)
    async with serve(source) as running:
        client = await running.client("/?market=mine&wait_for=0")
        market = running.markets.find("mine").market
        turns = 0
        publish = market.publish_due

        def count(until: int, limit: int) -> int:
            nonlocal turns
            turns += 1
            return publish(until, limit)

        market.publish_due = count  # type: ignore[method-assign]
        before = market.here
        while market.here < before + 300 * MILLISECOND:
            await asyncio.sleep(0.05)
        assert turns <= 2
        _, state = await ask(running, "GET", "/markets/mine/state?channel=trading")
        assert state["seq"] * 5 > 300
        await send(client, SUBSCRIBE)
        subscribed = await receive_event(client, "subscribed")
        assert subscribed["seq"] >= state["seq"]
        came = [(await receive_event(client, "data"))["seq"] for _ in range(20)]
        assert came == list(range(subscribed["seq"] + 1, subscribed["seq"] + 21))


async def test_markets_that_hold_too_much_let_no_other_in(serve: Serve) -> None:
    """The refusal has the numbers, and says what to do."""
    async with serve() as running:
        await running.client(OWN)
        held = running.markets.memory
        assert held > 0
        running.markets._limits = replace(running.markets._limits, memory=held - 1)
        status, error = await ask(running, "POST", "/markets/other")
        assert (status, error["code"], "--max-market-memory" in error["hint"]) == (503, "LIMIT_EXCEEDED", True)
        assert (await ask(running, "DELETE", "/markets/mine"))[0] == 200
        assert (await ask(running, "POST", "/markets/other"))[0] == 201
