"""Conversations with clients of exchanges: answers, errors, limits and timers, without sockets."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feed.dialects.binance.session import COMBINED, MICROS
from feed.dialects.registry import DIALECTS
from feed.protocol import codes
from feed.protocol.effects import View
from feed.protocol.events import Closing
from feed.units import MILLISECOND, SECOND
from tests.protocol.conversation import Conversation


def talk(name: str, options: View = (), opening: tuple[str, ...] = ()) -> Conversation:
    """A client of an exchange that has just connected."""
    conversation = Conversation(dialect=DIALECTS[name], options=options, opening=opening)
    conversation.greeting = conversation.open()  # type: ignore[attr-defined]
    return conversation


def ask(conversation: Conversation, request: object, wait: int = SECOND) -> list[str]:
    """What a request comes to; time passes first, so that no limit is met."""
    conversation.clock.advance(wait)
    text = request if isinstance(request, str) else json.dumps(request)
    return [line.removeprefix("< ") for line in conversation.say(text)]


def error(number: int, message: str, identity: str) -> str:
    """An error of Binance."""
    return f'{{"error":{{"code":{number},"msg":"{message}"}}{identity}}}'


METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


def test_binance_requests() -> None:
    """One answer a request with its id unchanged, and the streams that it names."""
    conversation = talk("binance")
    subscribe = {"method": "SUBSCRIBE", "params": ["btcusd@trade", "btcusd@aggTrade", "nobody@depth"], "id": 1}
    assert ask(conversation, subscribe) == [
        '{"result":null,"id":1}', "~ join trading:BTC/USD", "~ join trading:BTC/USD",
    ]  # fmt: skip
    assert ask(conversation, subscribe) == ['{"result":null,"id":1}']
    listed = ask(conversation, {"method": "LIST_SUBSCRIPTIONS", "id": "x" * 36})
    assert listed == [f'{{"result":["btcusd@trade","btcusd@aggTrade","nobody@depth"],"id":"{"x" * 36}"}}']
    assert ask(conversation, {"method": "UNSUBSCRIBE", "params": ["btcusd@trade", "btcusd@depth"], "id": None}) == [
        '{"result":null,"id":null}', "~ leave trading:BTC/USD",
    ]  # fmt: skip
    assert ask(conversation, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}) == [
        '{"result":null,"id":5}', "~ reform",
    ]  # fmt: skip
    assert ask(conversation, {"method": "GET_PROPERTY", "params": ["combined"], "id": 2}) == ['{"result":true,"id":2}']


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("{", error(3, "Invalid JSON: expected value at line 1 column 1", "")),
        ("{}", error(2, "Invalid request: missing field `method`", ',"id":null')),
        (
            {"method": "X", "id": 4},
            error(2, f"Invalid request: unknown variant `X`, expected one of {METHODS}", ',"id":4'),
        ),
        ({"method": "GET_PROPERTY", "params": ["x"], "id": 4}, error(0, "Unknown property", ',"id":4')),
        (
            {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 4},
            error(1, "Invalid value type: expected Boolean", ',"id":4'),
        ),
        (
            {"method": "SET_PROPERTY", "params": [1, True], "id": 4},
            error(2, "Invalid request: property name must be a string", ',"id":4'),
        ),
    ],
)
def test_binance_errors(request_: object, answer: str) -> None:
    """Each with its code, and the connection stays."""
    assert ask(talk("binance"), request_) == [answer]


def test_binance_manners() -> None:
    """A badly formed stream and too many messages close; pings with their copy keep alive; a day is the longest."""
    bad = ask(talk("binance"), {"method": "SUBSCRIBE", "params": ["btcusd@nothing"], "id": 9})
    assert bad == [error(2, "Invalid request: invalid stream", ',"id":9'), "~ close 1008 Invalid request"]
    conversation = talk("binance")
    for number in range(5):
        assert ask(conversation, {"method": "LIST_SUBSCRIPTIONS", "id": number}, 0) == [
            f'{{"result":[],"id":{number}}}'
        ]
    assert ask(conversation, {"method": "LIST_SUBSCRIPTIONS", "id": 6}, 0) == ["~ close 1008 Too many requests"]
    conversation = talk("binance")
    assert conversation.wait(20 * SECOND) == ["~ probe"]
    ping = b"%d" % (conversation.clock.wall() // MILLISECOND)
    assert conversation.session.pong_frame(b"", conversation.clock.read()) == []
    assert conversation.session.pong_frame(ping, conversation.clock.read()) == []
    assert conversation.wait(60 * SECOND) == ["~ probe"] * 3
    assert conversation.wait(20 * SECOND)[-1] == "~ close 1008 Pong timeout"


def test_binance_paths() -> None:
    """Streams in the path, raw or combined; a bare number is none; what is badly formed is passed over."""
    dialect = DIALECTS["binance"]
    found = dialect.socket("/stream", [("streams", "btcusd@trade/btcusd@depth5@100ms"), ("timeUnit", "microsecond")])
    assert found is not None
    assert found.options == (COMBINED, MICROS)
    assert found.opening == ("btcusd@trade", "btcusd@depth5@100ms")
    assert dialect.socket("/ws/btcusd@trade/btcusd@kline_1m", []) is not None
    for path in ("/ws", "/ws/2", "/stream", "/stream/17"):
        plain = dialect.socket(path, [])
        assert plain is not None
        assert plain.opening == ()
    assert [dialect.socket(path, []) for path in ("", "/", "/wss", "/api")] == [None] * 4
    conversation = talk("binance", (COMBINED,), ("btcusdt@kline_1d", "nonsense", "!ticker@arr"))
    assert conversation.greeting == [  # type: ignore[attr-defined]
        "~ join klines:BTC/USD:1d snapshot 1", "~ join windows:BTC/USD:1d snapshot 1",
        "~ join windows:ETH/USD:1d snapshot 1",
    ]  # fmt: skip
    closing = Closing(code=codes.RESTART.number, reason="", in_ms=0, reconnect="back_off")
    [goodbye] = conversation.talk.say(closing, conversation.clock.read())
    assert orjson.loads(goodbye)["stream"] == "!serverShutdown"


def test_coinbase_requests() -> None:
    """The answer lists everything; of a request that is partly wrong the rest is subscribed."""
    conversation = talk("coinbase")
    lines = ask(
        conversation,
        {"type": "subscribe", "product_ids": ["BTC-USD", "BTC-XXX"], "channels": ["matches", {"name": "full"}, "x"]},
    )
    assert lines == [
        '{"type":"error","message":"Failed to subscribe","reason":"BTC-XXX is not a valid product"}',
        '{"type":"error","message":"Failed to subscribe","reason":"level2, level3, and full channels now require '
        'authentication."}',
        '{"type":"error","message":"Failed to subscribe","reason":"x is not a valid channel"}',
        '{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"],"account_ids":null}]}',
        "~ join trading:BTC/USD snapshot 1",
    ]
    signed = dict.fromkeys(("signature", "key", "passphrase", "timestamp"), "")
    more = {"type": "subscribe", "channels": [{"name": "level2", "product_ids": ["BTC-USD"]}], **signed}
    assert ask(conversation, more)[-1] == "~ join book:BTC/USD:100 snapshot 1"
    gone = ask(conversation, {"type": "unsubscribe", "channels": ["matches"]})
    assert gone[-1] == "~ leave trading:BTC/USD"
    assert orjson.loads(gone[0])["channels"] == [{"name": "level2", "product_ids": ["BTC-USD"], "account_ids": None}]
    reasons = [
        ({"type": "x"}, "Type has to be either subscribe or unsubscribe"),
        ({"type": "subscribe"}, "No channels provided"),
    ]
    for request, reason in reasons:
        assert [orjson.loads(line)["reason"] for line in ask(conversation, request)] == [reason]
    assert ask(conversation, "{") == ['{"type":"error","message":"Malformed JSON"}']


def test_coinbase_timers() -> None:
    """Without a subscription closed after 5 s; heartbeats each second from the subscription on."""
    assert talk("coinbase").wait(5 * SECOND)[-1].startswith("~ close")
    conversation = talk("coinbase")
    first = ask(conversation, {"type": "subscribe", "product_ids": ["ETH-USD"], "channels": ["heartbeat"]})
    beats = [orjson.loads(line.removeprefix("< ")) for line in [first[-1], *conversation.wait(3 * SECOND)]]
    assert [beat["type"] for beat in beats] == ["heartbeat"] * 4
    assert {(beat["product_id"], beat["sequence"]) for beat in beats} == {("ETH-USD", 10**9)}


def numbered(conversation: Conversation, lines: list[str]) -> list[Any]:
    """Messages as the connection sends them, with its numbers."""
    return [orjson.loads(conversation.talk.stamp(line.encode())) for line in lines if line.startswith(("{", "["))]


def test_advanced_trade_requests() -> None:
    """Data first, then all that is subscribed; every message but errors is numbered from 0."""
    conversation = talk("coinbase-advanced")
    lines = ask(conversation, {"type": "subscribe", "product_ids": ["BTC-USDC"], "channel": "level2", "jwt": "x"})
    assert lines[0] == "~ join book:BTC/USD:100 snapshot 1"
    messages = numbered(conversation, lines)
    assert messages[0]["events"] == [{"subscriptions": {"level2": ["BTC-USD"]}}]
    lines = ask(conversation, {"type": "subscribe", "channel": "heartbeats"})
    beats = [line.removeprefix("< ") for line in conversation.wait(2 * SECOND)]
    messages += numbered(conversation, [*lines, *beats])
    assert [message["sequence_num"] for message in messages] == [0, 1, 2, 3]
    assert [message["events"][0].get("heartbeat_counter") for message in messages[2:]] == [1, 2]
    wrong = [
        ({"type": "subscribe", "channel": "user"}, "authentication failure"),
        ({"type": "subscribe", "channel": "x"}, "failure to subscribe"),
        ({"type": "subscribe", "channel": "ticker", "product_ids": ["X-Y"]}, "failure to subscribe"),
        ("nonsense", "failure to subscribe"),
    ]
    for request, message in wrong:
        assert numbered(conversation, ask(conversation, request)) == [{"type": "error", "message": message}]
    left = ask(conversation, {"type": "unsubscribe", "channel": "heartbeats"})
    assert numbered(conversation, left)[0]["events"] == [{"subscriptions": {"level2": ["BTC-USD"]}}]
    assert talk("coinbase-advanced").wait(5 * SECOND)[-1].startswith("~ close")


def test_bitfinex_requests() -> None:
    """Numbers of channels, echoes, flags and codes."""
    conversation = talk("bitfinex")
    assert orjson.loads(conversation.greeting[0][2:])["platform"] == {"status": 1}  # type: ignore[attr-defined]
    book = {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD", "len": 100}
    line, join = ask(conversation, book)
    answer = orjson.loads(line)
    number = answer.pop("chanId")
    assert answer == {
        "event": "subscribed", "channel": "book", "symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "100",
        "pair": "BTCUSD",
    }  # fmt: skip
    assert join == "~ join gathered_book:BTC/USD:100ms snapshot 1"
    wrong = [
        (book, 10301, "subscribe: dup"),
        (book | {"symbol": "tXXX"}, 10300, "symbol: invalid"),
        (book | {"len": 7}, 10300, "length: invalid"),
        (book | {"prec": "P9"}, 10300, "precision: invalid"),
        ({"event": "subscribe", "channel": "candles", "key": "trade:7m:tBTCUSD"}, 10300, "key: invalid"),
        ({"event": "subscribe", "channel": "x"}, 10300, "channel: unknown"),
        ({"event": "unsubscribe", "chanId": 1}, 10400, "unsubscribe: invalid"),
        ({"event": "x"}, 10000, "event: invalid (x)"),
    ]
    for request, code, message in wrong:
        [said] = map(orjson.loads, ask(conversation, request))
        assert (said["event"], said["code"], said["msg"]) == ("error", code, message)
    assert ask(conversation, "nonsense") == []
    assert ask(conversation, {"event": "auth"}) == [
        '{"event":"auth","status":"FAILED","chanId":0,"code":10100,"msg":"apikey: invalid"}'
    ]
    assert ask(conversation, {"event": "conf", "flags": 65536 + 32768}) == [
        '{"event":"conf","status":"OK","flags":98304}', "~ reform",
    ]  # fmt: skip
    beats = [line.removeprefix("< ") for line in conversation.wait(30 * SECOND)]
    stamped = numbered(conversation, beats)
    assert [beat[:3] for beat in stamped] == [[number, "hb", 1], [number, "hb", 2]]
    assert numbered(conversation, ['[5,"te",[1,2],1736]']) == [[5, "te", [1, 2], 3, 1736]]
    assert ask(conversation, {"event": "unsubscribe", "chanId": number})[-1] == (
        f'{{"event":"unsubscribed","status":"OK","chanId":{number}}}'
    )
    assert conversation.wait(61 * SECOND)[-1].startswith("~ close")


SCALARS = st.none() | st.booleans() | st.integers(-3, 40) | st.sampled_from(["BTC-USD", "tBTCUSD", "btcusd@trade", "x"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=6
)
WORDS = st.sampled_from(["subscribe", "unsubscribe", "SUBSCRIBE", "UNSUBSCRIBE", "SET_PROPERTY", "conf", "ping"])
REQUESTS = st.dictionaries(
    st.sampled_from(
        [
            "type",
            "event",
            "method",
            "channel",
            "channels",
            "product_ids",
            "params",
            "symbol",
            "key",
            "id",
            "len",
            "flags",
            "chanId",
        ]
    ),
    WORDS | VALUES,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([name for name in DIALECTS if name != "native"]), st.lists(REQUESTS | VALUES, max_size=4))
@example("coinbase-advanced", [{"type": "subscribe", "channel": []}])
def test_nothing_raises(name: str, documents: list[object]) -> None:
    """Whatever comes, each session answers in its own form or not at all."""
    conversation = talk(name)
    for document in documents:
        for line in ask(conversation, document):
            if not line.startswith("~"):
                orjson.loads(line)
