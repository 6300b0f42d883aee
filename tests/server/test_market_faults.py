"""Faults of a whole market: from its scenario, by command and by plan, at the door, and in the report."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from feed.faults.registry import read_fault
from feed.faults.traffic import Traffic
from feed.units import MILLISECOND
from tests.server.conftest import SUBSCRIBE, Running, Serve, receive, receive_event, send
from tests.server.test_control import act, ask
from tests.server.test_control import seqs as seqs_of
from tests.support.sources import MetronomeSource

OWN = "/?market=mine&paused=true"


def url_faults(*faults: dict[str, Any]) -> str:
    """The key of a URL that arms these."""
    return "&faults=" + quote(orjson.dumps(faults).decode())


async def ended(client: ClientConnection) -> tuple[int | None, list[dict[str, Any]]]:
    """The close code, and what came before."""
    came: list[dict[str, Any]] = []
    with pytest.raises(ConnectionClosed):
        while True:
            came.append(await receive(client))
    return client.close_code, came


async def subscriber(running: Running, path: str) -> ClientConnection:
    """A client of a market that is subscribed to the ticks."""
    client = await running.client(path)
    await send(client, SUBSCRIBE)
    await receive_event(client, "subscribed")
    return client


async def truth(running: Running, market: str = "mine") -> dict[str, Any]:
    """What was armed and done."""
    status, page = await ask(running, "GET", f"/markets/{market}/faults")
    assert status == 200
    return dict(page)


async def line(running: Running, client: str, name: str, **keys: str) -> dict[str, Any]:
    """One line of the report on a client."""
    query = "&".join([f"client={client}", *(f"{key}={value}" for key, value in keys.items())])
    status, page = await ask(running, "GET", f"/markets/mine/report?{query}")
    assert status == 200, page
    [card] = page["clients"]
    return next(dict(each) for each in card["lines"] if each["line"] == name)


async def test_a_command_that_closes_strikes_who_is_there_and_no_later_one(serve: Serve) -> None:
    """At once, although the market stands still; with an ordinal only that connection."""
    async with serve() as running:
        first, second = await subscriber(running, OWN), await subscriber(running, "/?market=mine")
        status, done = await ask(running, "POST", "/markets/mine/fault?kind=close&code=4321&connection=1")
        assert (status, done["fault"]) == (200, 1)
        assert (await ended(first))[0] == 4321
        assert seqs_of(await act(second, "step", count=2)) == [1, 2]
        await ask(running, "POST", "/markets/mine/fault?kind=reset")
        assert (await ended(second))[0] == 1006
        third = await subscriber(running, "/?market=mine")
        assert seqs_of(await act(third, "step", count=2)) == [3, 4]
        page = await truth(running)
        assert [(deed["kind"], deed["ordinal"], deed["deed"], deed["from"]) for deed in page["done"]] == [
            ("close", 1, "cut", "command"), ("reset", 2, "cut", "command"),
        ]  # fmt: skip


async def test_a_command_unsubscribes_every_stream_that_it_names(serve: Serve) -> None:
    """The client is told so, gets nothing more, and may subscribe again."""
    async with serve() as running:
        client = await subscriber(running, OWN)
        await send(client, {"event": "subscribe", "channel": "ticker", "symbol": "BTC/USD"})
        await receive_event(client, "subscribed")
        came = await act(client, "fault", kind="unsubscribe", channel="trading")
        assert [(each["event"], each.get("channel")) for each in came if each["event"] == "unsubscribed"] == [
            ("unsubscribed", "trading")
        ]
        stepped = await act(client, "step", count=3)
        assert "trading" not in {each["channel"] for each in stepped if each["event"] == "data"}
        await send(client, SUBSCRIBE)
        assert (await receive_event(client, "subscribed"))["seq"] == 3
        assert (await truth(running))["done"][0]["stream"] == "trading:BTC/USD"


async def test_what_happens_once_spares_those_who_come_later(serve: Serve) -> None:
    """A client that comes back with the same URL is not struck again by a message that it never gets to."""
    async with serve() as running:
        path = OWN + url_faults({"kind": "close-without-frame", "seq": 3})
        client = await subscriber(running, path)
        await ask(running, "POST", "/markets/mine/step?count=5")
        code, came = await ended(client)
        assert (code, seqs_of(came)) == (1006, [1, 2])
        again = await subscriber(running, path)
        assert seqs_of(await act(again, "step", count=3)) == [6, 7, 8]
        timed = await subscriber(running, "/?market=mine" + url_faults({"kind": "close", "at": "100ms"}))
        # The market has stood at 40 ms when it came.
        await ask(running, "POST", "/markets/mine/step?for=200ms")
        assert (await ended(timed))[0] == 4499


async def test_a_new_epoch_counts_anew(serve: Serve) -> None:
    """The same messages are struck as in a market that was opened there."""
    async with serve() as running:
        client = await subscriber(running, OWN + url_faults({"kind": "drop", "seq": 3, "count": 1}))
        assert seqs_of(await act(client, "step", count=4)) == [1, 2, 4]
        assert "subscribed" in [each["event"] for each in await act(client, "restart")]
        assert seqs_of(await act(client, "step", count=4)) == [1, 2, 4]


async def test_the_same_for_any_number_of_clients(serve: Serve) -> None:
    """A fault of the market strikes by seq and ordinal: each connection as if it were alone."""
    found: list[dict[int, list[int]]] = []
    for clients in (1, 3):
        async with serve() as running:
            await ask(running, "POST", "/markets/mine?paused=true")
            await ask(running, "POST", "/markets/mine/fault?kind=drop&rate=0.3")
            joined = [await subscriber(running, "/?market=mine") for _ in range(clients)]
            await ask(running, "POST", "/markets/mine/step?count=60&settle=true")
            struck: dict[int, list[int]] = {}
            for deed in (await truth(running))["done"]:
                struck.setdefault(deed["ordinal"], []).append(deed["seq"])
            found.append(struck)
            assert len(joined) == len(struck)
    assert found[0][1] == found[1][1]
    assert len({tuple(seqs) for seqs in found[1].values()}) == 3


async def test_handshakes_are_refused_so_many_times(serve: Serve) -> None:
    """By the market or by the URL, with any status; every attempt has an ordinal, and the next one gets in."""
    async with serve() as running:
        await ask(running, "POST", "/markets/mine?paused=true")
        await ask(running, "POST", "/markets/mine/fault?kind=refuse&status=418&count=2&retry_after=7")
        for _ in range(2):
            with pytest.raises(InvalidStatus) as refused:
                await connect(running.url + "/?market=mine")
            assert refused.value.response.status_code == 418
            assert refused.value.response.headers["Retry-After"] == "7"
        assert await running.client("/?market=mine")
        path = "/?market=mine&client=page" + url_faults({"kind": "refuse", "status": 599, "count": 1})
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + path)
        assert refused.value.response.status_code == 599
        assert await running.client(path)
        told = [(deed["ordinal"], deed["from"], deed["deed"]) for deed in (await truth(running))["done"]]
        assert told == [(1, "command", "refused"), (2, "command", "refused"), (4, "url", "refused")]
        assert running.server.counters.refused["fault"] == 3


async def test_handshakes_that_go_wrong(serve: Serve) -> None:
    """A wrong key, and a reset; the market forgets those who never came in."""
    async with serve() as running:
        for kind, error in (("wrong-accept", InvalidHandshake), ("reset-handshake", (OSError, InvalidHandshake))):
            with pytest.raises(error):
                await connect(running.url + "/?market=mine" + url_faults({"kind": kind}))
        while running.server.open_connections:
            await asyncio.sleep(0.01)
        assert [deed["deed"] for deed in (await truth(running))["done"]] == ["changed", "cut"]


async def test_maintenance_shuts_the_door_and_opens_it_again(serve: Serve) -> None:
    """Status, closing, 1012; then 503 with the time that is left in market time; then all is as before."""
    async with serve() as running:
        client = await subscriber(running, OWN)
        await ask(running, "POST", "/markets/mine/fault?kind=maintenance&for=10s&reason=upgrade")
        code, came = await ended(client)
        assert [(each["event"], each.get("status")) for each in came] == [("status", "maintenance"), ("closing", None)]
        assert (code, client.close_reason) == (1012, "upgrade")
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + "/?market=mine")
        assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (503, "10")
        assert orjson.loads(refused.value.response.body)["message"] == "Maintenance"
        await ask(running, "POST", "/markets/mine/step?for=11s")
        assert await running.client("/?market=mine")


async def test_a_plan_is_named_in_the_url(serve: Serve) -> None:
    """Its faults are armed on this connection; an unknown one is refused with the nearest name."""
    async with serve() as running:
        await ask(running, "POST", "/markets/mine?paused=true")
        board = running.markets.find("mine").market.faults
        board.plans = {"bad-line": [read_fault({"kind": "drop", "seq": 2, "count": 1})]}
        client = await subscriber(running, "/?market=mine&faults=bad-line")
        assert seqs_of(await act(client, "step", count=3)) == [1, 3]
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + "/?market=mine&faults=bad-lin")
        assert 'did you mean "bad-line"' in orjson.loads(refused.value.response.body)["hint"]
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url + "/?market=mine&client=no%20name")
        assert orjson.loads(refused.value.response.body)["field"] == "client"


async def test_a_tap_gets_both_directions(serve: Serve) -> None:
    """Every byte to and from each connection, with the market's time; faults are not needed for it."""

    class Tap:
        def __init__(self) -> None:
            self.kept: list[Traffic] = []

        def take(self, traffic: Traffic) -> None:
            self.kept.append(traffic)

    async with serve() as running:
        await ask(running, "POST", "/markets/mine?paused=true")
        tap = running.markets.find("mine").market.faults.traffic = Tap()
        client = await subscriber(running, "/?market=mine")
        came = await act(client, "step", count=3)
        out = b"".join(traffic.data for traffic in tap.kept if traffic.direction == "out")
        assert seqs_of(came) == [1, 2, 3]
        assert all(b'"seq":%d' % seq in out for seq in (1, 2, 3))
        assert [orjson.loads(each.data)["event"] for each in tap.kept if each.direction == "in"] == [
            "subscribe",
            "control",
        ]
        assert {(each.connection, each.ordinal) for each in tap.kept} == {("c1", 1)}
        assert [each.market_time for each in tap.kept] == sorted(each.market_time for each in tap.kept)


async def test_report_of_a_good_client(serve: Serve) -> None:
    """It comes back with a resume, asks anew after a gap, stays alive after a broken frame, and says goodbye."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        named = "&client=page"
        faults = url_faults(
            {"kind": "drop", "seq": 3, "count": 1, "connection": 1},
            {"kind": "corrupt-json", "seq": 5, "count": 1, "connection": 1},
            {"kind": "reset", "seq": 9, "connection": 1},
        )
        client = await subscriber(running, OWN + named + faults)
        await ask(running, "POST", "/markets/mine/step?count=6&settle=true")
        assert (await line(running, "page", "resynced"))["verdict"] == "not seen"
        assert (await line(running, "page", "resynced", patience="0s"))["verdict"] == "fail"
        await send(client, {**SUBSCRIBE, "resume": {"epoch": running.markets.find("mine").market.epoch, "seq": 2}})
        while b"subscribed" not in await client.recv(decode=False):
            # One of the messages in front of it is no JSON.
            pass
        await ask(running, "POST", "/markets/mine/step?count=6")
        assert (await ended(client))[0] == 1006
        assert (await line(running, "page", "resumed", patience="0s"))["verdict"] == "fail"
        again = await running.client("/?market=mine" + named + faults)
        await send(again, {**SUBSCRIBE, "resume": {"epoch": running.markets.find("mine").market.epoch, "seq": 8}})
        assert (await receive_event(again, "subscribed"))["recovered"] is True
        await again.close()
        while running.server.open_connections:
            await asyncio.sleep(0.01)
        status, page = await ask(running, "GET", "/markets/mine/report")
        assert status == 200
        [card] = page["clients"]
        verdicts = {each["line"]: each["verdict"] for each in card["lines"]}
        assert verdicts == {
            "greeted": "pass", "subscribed": "pass", "pings": "pass", "resumed": "pass", "backoff": verdicts["backoff"],
            "terminal": "not seen", "resynced": "pass", "survived": "pass", "kept-up": "pass", "polite": "pass",
            "closed": "pass",
        }  # fmt: skip
        resumed = next(each for each in card["lines"] if each["line"] == "resumed")
        assert [each["how"] for each in resumed["evidence"]["breaks"]] == ["resume"]
        assert [fault["kind"] for fault in resumed["faults"]] == ["reset"]
        assert [each["ordinal"] for each in card["connections"]] == [1, 2]


async def test_report_of_a_bad_client(serve: Serve) -> None:
    """It comes back after a terminal close, in a tight loop, and asks for the same again and again."""
    async with serve() as running:
        client = await subscriber(running, OWN + "&client=bad")
        for _ in range(8):
            await send(client, SUBSCRIBE)
            await receive_event(client, "subscribed")
        assert (await line(running, "bad", "polite"))["evidence"]["same_subscription"] == 9
        await ask(running, "POST", "/markets/mine/fault?kind=auth-expiry")
        assert (await ended(client))[0] == 4401
        assert (await line(running, "bad", "terminal"))["verdict"] == "not seen"
        assert (await line(running, "bad", "terminal", patience="0s"))["verdict"] == "pass"
        await ask(running, "POST", "/markets/mine/fault?kind=refuse&count=4")
        for _ in range(4):
            with pytest.raises(InvalidStatus):
                await connect(running.url + "/?market=mine&client=bad")
        other = await running.client("/?market=mine&client=bad")
        other.transport.abort()
        while running.server.open_connections:
            await asyncio.sleep(0.01)
        for name in ("terminal", "backoff", "closed", "polite"):
            assert (await line(running, "bad", name))["verdict"] == "fail", name
        assert (await line(running, "bad", "backoff"))["faults"][0]["kind"] == "refuse"


async def test_forms_of_the_report(serve: Serve) -> None:
    """JUnit for build servers, text for people; a key that is not known is refused with the nearest one."""
    async with serve() as running:
        await subscriber(running, OWN + "&client=page")
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET /markets/mine/report?format=junit HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert b"application/xml" in head
        [suite] = ElementTree.fromstring(body)
        assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("page", "11", "0")
        assert {case.get("name") for case in suite if case.find("skipped") is None} >= {"greeted", "subscribed"}
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET /markets/mine/report?format=text HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"ok   subscribed" in await reader.read()
        writer.close()
        for query, field, hint in (
            ("formt=text", "formt", "format"),
            ("format=junt", "format", "junit"),
            ("client=pag", "client", "page"),
            ("patience=long", "patience", "2s"),
        ):
            _, error = await ask(running, "GET", f"/markets/mine/report?{query}")
            assert error["field"] == field
            assert hint in error["hint"]
