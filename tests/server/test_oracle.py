"""The oracle on the socket and by HTTP."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import orjson

from feed.units import MILLISECOND
from tests.server.conftest import Serve, receive_event, send
from tests.server.test_control import OWN, SUBSCRIBE, act, ask
from tests.support.sources import MetronomeSource


async def test_what_a_fault_kept_from_a_client_is_known(serve: Serve) -> None:
    """Each message that was dropped is told as it was; a client that got it shows the same."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        faults = quote(orjson.dumps([{"kind": "drop", "connection": 1, "channel": "trading", "rate": 1}]))
        poor = await running.client(f"{OWN}&faults={faults}")
        rich = await running.client("/?market=mine")
        for each in (poor, rich):
            await send(each, SUBSCRIBE)
            await receive_event(each, "subscribed")
        assert [m["event"] for m in await act(poor, "step", count=5)] == ["done"]
        trades = [await receive_event(rich, "data") for _ in range(5)]
        for trade in trades:
            await send(poor, {"event": "expect", "channel": "trading", "seq": trade["seq"], "id": trade["seq"]})
            state = await receive_event(poor, "state", "error")
            assert (state["id"], state["seq"], state["trade"]) == (trade["seq"], trade["seq"], trade["data"])
        path = "/markets/mine/state?channel=trading&symbol=BTC/USD&seq=3"
        status, state = await ask(running, "GET", path)
        assert (status, state["trade"], state["market"]) == (200, trades[2]["data"], "mine")
        assert set(state) >= {"epoch", "timestamp", "last", "bid", "ask", "book", "candles", "ticker", "status"}
        right = f"last={trades[2]['data']['price']}&bid={trades[2]['data']['bid']}"
        status, verdict = await ask(running, "GET", f"/markets/mine/verify?seq=3&{right}")
        assert (status, verdict["ok"], verdict["seq"]) == (200, True, 3)
        status, verdict = await ask(running, "GET", f"/markets/mine/verify?seq=3&{right}&ask=1")
        assert (status, verdict["ok"]) == (200, False)
        assert verdict["difference"] == {"key": "ask", "client": 1, "market": trades[2]["data"]["ask"]}


async def test_bad_questions_are_refused(serve: Serve) -> None:
    """With the key that is wrong and the nearest right one, on both ways."""
    async with serve() as running:
        client = await running.client(OWN)
        for keys, code, field in (
            ({"channel": "trading", "seq": 4}, "NOT_REACHED", "seq"),
            ({"channel": "trades"}, "UNKNOWN_CHANNEL", "channel"),
            ({"channel": "trading", "sequence": 4}, "INVALID_REQUEST", "sequence"),
            ({"chanel": "trading"}, "INVALID_REQUEST", "chanel"),
        ):
            await send(client, {"event": "expect", "id": 1, **keys})
            error = await receive_event(client, "error")
            assert (error["code"], error["field"], error["id"]) == (code, field, 1)
            assert error["hint"]
        for path, status, field in (
            ("state?channel=trading&seq=4", 504, "seq"),
            ("state?seq=x", 400, "seq"),
            ("state?sec=4", 400, "sec"),
            ("verify?seq=0", 400, "last"),
            ("verify?seq=0&bids=7", 400, "bids"),
            ('verify?seq=0&candle={"interval":"7m"}', 400, "candle"),
        ):
            found, error = await ask(running, "GET", f"/markets/mine/{quote(path, safe='/?&=')}")
            assert (found, error["field"]) == (status, field), error
            assert error["hint"]


async def test_many_ask_at_once_while_the_market_runs(serve: Serve) -> None:
    """Each gets its own answer."""
    async with serve(MetronomeSource(every=5 * MILLISECOND)) as running:
        client = await running.client("/?market=mine")
        await send(client, SUBSCRIBE)
        trades: dict[int, object] = {}
        while len(trades) < 20:
            message = await receive_event(client, "data")
            trades[message["seq"]] = message["data"]
        paths = [f"/markets/mine/state?seq={seq}" for seq in trades]
        answers = await asyncio.gather(*(ask(running, "GET", path) for path in paths))
        assert [(state["seq"], state["trade"]) for _, state in answers] == list(trades.items())
