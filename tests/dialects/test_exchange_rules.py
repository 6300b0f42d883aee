"""Rules of exchanges that hold whatever the client wants: ages, limits, statuses, planned ends; in virtual time."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from feed.dialects.binance.session import COMBINED
from feed.dialects.registry import DIALECTS
from feed.protocol import codes
from feed.protocol.codes import ErrorCode
from feed.protocol.events import Closing, ErrorEvent
from feed.units import DAY, HOUR, MILLISECOND, SECOND
from tests.dialects.test_exchange_sessions import ask, numbered, talk
from tests.protocol.conversation import Conversation

EXCHANGES = [name for name in DIALECTS if name != "native"]


def closes(lines: list[str]) -> list[str]:
    """Only the ends of a connection."""
    return [line for line in lines if line.startswith("~ close")]


def kept(conversation: Conversation, nanoseconds: int) -> list[str]:
    """What comes while so much time passes for a client of Binance that answers every ping."""
    said: list[str] = []
    until = conversation.clock.now() + nanoseconds
    while not conversation.ended and conversation.clock.now() < until:
        lines = conversation.wait(min(20 * SECOND, until - conversation.clock.now()))
        said += lines
        if "~ probe" in lines:
            ping = b"%d" % (conversation.clock.wall() // MILLISECOND)
            conversation.session.pong_frame(ping, conversation.clock.read())
    return said


def test_a_day_of_binance() -> None:
    """A client that answers is closed after 24 hours, as announced, and not before."""
    conversation = talk("binance")
    assert closes(kept(conversation, DAY - 20 * SECOND)) == []
    assert closes(kept(conversation, 21 * SECOND)) == ["~ close 1001 24 hours have passed"]


def test_a_day_of_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in market time the day passes as fast as the market does; with the limits lifted it never ends."""
    conversation = Conversation(dialect=DIALECTS["binance"], ages_with_market=True)
    conversation.open()
    assert closes(conversation.wait(19 * SECOND)) == []
    passed = conversation.market.shown_time + DAY
    monkeypatch.setattr(type(conversation.market), "shown_time", passed)
    assert closes(conversation.wait(2 * SECOND)) == ["~ close 1001 24 hours have passed"]
    free = Conversation(dialect=DIALECTS["binance"], is_lenient=True)
    free.open()
    assert closes(free.wait(25 * HOUR)) == []


def test_pings_of_binance() -> None:
    """A frame each 20 s; one that is answered late but within a minute is enough, whatever came before it."""
    conversation = talk("binance")
    assert conversation.wait(20 * SECOND) == ["~ probe"]
    first = b"%d" % (conversation.clock.wall() // MILLISECOND)
    assert conversation.wait(59 * SECOND) == ["~ probe"] * 2
    assert conversation.session.pong_frame(first, conversation.clock.read()) == []
    # The second ping is a minute old a second later.
    assert conversation.wait(22 * SECOND)[-1] == "~ close 1008 Pong timeout"


def test_pong_frames_count() -> None:
    """Ping and pong frames are messages of the client too: the sixth within a second is one too many."""
    conversation = talk("binance")
    now = conversation.clock.read()
    for _ in range(5):
        assert conversation.session.control_frame(now) == []
    assert [type(effect).__name__ for effect in conversation.session.control_frame(now)] == ["Close"]


def test_as_many_streams_as_binance_has() -> None:
    """1024 on a connection; what is one too many is refused as a whole, and the connection stays."""
    conversation = talk("binance")
    names = [f"x{number}@trade" for number in range(1024)]
    assert ask(conversation, {"method": "SUBSCRIBE", "params": names, "id": 1})[0] == '{"result":null,"id":1}'
    [refusal] = ask(conversation, {"method": "SUBSCRIBE", "params": ["btcusd@trade"], "id": 2})
    assert orjson.loads(refusal) == {"error": {"code": 4, "msg": "Too many subscriptions"}, "id": 2}
    assert len(orjson.loads(ask(conversation, {"method": "LIST_SUBSCRIPTIONS", "id": 3})[0])["result"]) == 1024


def test_a_symbol_that_binance_does_not_have() -> None:
    """Another name of the market is its alias; any other symbol is taken and stays silent, as there."""
    conversation = talk("binance")
    lines = ask(conversation, {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btceur@trade"], "id": 1})
    assert lines == ['{"result":null,"id":1}', "~ join trading:BTC/USD"]


def test_no_socket_of_kraken_is_kept_unused() -> None:
    """A minute without a subscription or a ping; a ping begins it anew, and a subscription ends the waiting."""
    conversation = talk("kraken")
    assert closes(conversation.wait(59 * SECOND)) == []
    assert ask(conversation, {"method": "ping"}, 0)[0].startswith('{"method":"pong"')
    assert closes(conversation.wait(59 * SECOND)) == []
    assert closes(conversation.wait(2 * SECOND)) == ["~ close 1008 no subscription or ping"]
    used = talk("kraken")
    ask(used, {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
    assert closes(used.wait(HOUR)) == []


def test_maintenance_of_kraken() -> None:
    """Told as the system's status before the close; who comes meanwhile is told that, and later that it is over."""
    conversation = talk("kraken")
    told = conversation.told(conversation.session.status_changed("maintenance", conversation.clock.read()))
    assert orjson.loads(told[0].removeprefix("< "))["data"][0]["system"] == "maintenance"
    assert told[1] == "~ close 1012 maintenance"
    meanwhile = talk("kraken")
    meanwhile.session._was_down = True  # type: ignore[attr-defined]
    told = meanwhile.told(meanwhile.session.status_changed("online", meanwhile.clock.read()))
    assert orjson.loads(told[0].removeprefix("< "))["data"][0]["system"] == "online"
    assert meanwhile.told(meanwhile.session.status_changed("halted", meanwhile.clock.read())) == []


def test_rates_of_coinbase() -> None:
    """A hundred messages a second, and ten subscriptions of one product and channel; the connection stays."""
    conversation = talk("coinbase")
    request = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]}
    for _ in range(10):
        assert "error" not in ask(conversation, request, MILLISECOND)[0]
    refused = orjson.loads(ask(conversation, request, MILLISECOND)[0])
    assert refused["reason"] == "BTC-USD exceeds 10 subscriptions of matches"
    ask(conversation, {**request, "type": "unsubscribe"})
    assert "error" not in ask(conversation, request)[0]
    busy = talk("coinbase")
    answers = [ask(busy, request, 0)[-1] for _ in range(101)]
    assert orjson.loads(answers[-1]) == {"type": "error", "message": "Rate limit exceeded"}


def test_a_silent_socket_of_advanced_trade() -> None:
    """Ninety seconds without a message end it, which is why clients take heartbeats."""
    conversation = talk("coinbase-advanced")
    request = {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "market_trades"}
    ask(conversation, request)
    assert closes(conversation.wait(88 * SECOND)) == []
    assert closes(conversation.wait(3 * SECOND)) == ["~ close 1008 nothing was sent for 90 s"]
    busy = talk("coinbase-advanced")
    answers = [numbered(busy, ask(busy, request, 0)) for _ in range(9)]
    assert answers[-1] == [{"type": "error", "message": "rate limit exceeded"}]


def test_a_socket_of_bitfinex_without_channels() -> None:
    """Dropped after a minute, unless pings show that somebody is there."""
    conversation = talk("bitfinex")
    conversation.wait(50 * SECOND)
    assert ask(conversation, {"event": "ping", "cid": 7}, 0)[0].startswith('{"event":"pong","ts":')
    assert closes(conversation.wait(50 * SECOND)) == []
    conversation.session.control_frame(conversation.clock.read())
    assert closes(conversation.wait(59 * SECOND)) == []
    assert closes(conversation.wait(2 * SECOND)) == ["~ close 1008 no channel and no ping"]


def test_as_many_channels_as_bitfinex_has() -> None:
    """Thirty on a connection."""
    conversation = talk("bitfinex")
    lengths, precisions = ("1", "25", "100", "250"), ("P0", "P1", "P2", "P3", "P4", "R0")
    wanted = [(length, prec, freq) for length in lengths for prec in precisions for freq in ("F0", "F1")][:31]
    for length, prec, freq in wanted[:30]:
        request = {"event": "subscribe", "channel": "book", "symbol": "tBTCUSD", "len": length}
        assert '"subscribed"' in ask(conversation, {**request, "prec": prec, "freq": freq})[0]
    request = {"event": "subscribe", "channel": "trades", "symbol": "tBTCUSD"}
    refused = orjson.loads(ask(conversation, request)[0])
    assert (refused["code"], refused["msg"]) == (10305, "subscribe: limit")


def test_maintenance_of_bitfinex() -> None:
    """Told when it begins and when it ends, and the connection stays."""
    conversation = talk("bitfinex")
    for status, code in (("maintenance", 20060), ("online", 20061)):
        [line] = conversation.told(conversation.session.status_changed(status, conversation.clock.read()))
        assert orjson.loads(line.removeprefix("< "))["code"] == code


GOODBYES: dict[str, list[dict[str, Any]]] = {
    "binance": [{"e": "serverShutdown"}],
    "kraken": [],
    "coinbase": [],
    "coinbase-advanced": [],
    "bitfinex": [{"event": "info", "code": 20051}],
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_planned_end(name: str) -> None:
    """A new epoch is announced as the exchange does it, and closed with its number; nothing native is said."""
    conversation = talk(name)
    effects = conversation.told(conversation.session.renew())
    assert effects == ["~ close 1012 the market begins anew"]
    closing = Closing(code=codes.RESTART.number, reason="", in_ms=0, reconnect="back_off")
    said = [orjson.loads(line) for line in conversation.talk.say(closing, conversation.clock.read())]
    assert [{key: line[key] for key in goodbye} for line, goodbye in zip(said, GOODBYES[name], strict=True)] == (
        GOODBYES[name]
    )
    number = DIALECTS[name].close_number(codes.RESTART)
    assert number == (1001 if name == "binance" else 1012)


def test_the_combined_form_of_an_end() -> None:
    """Among combined streams even the end has a name."""
    conversation = talk("binance", (COMBINED,))
    closing = Closing(code=codes.GOING_AWAY.number, reason="", in_ms=0, reconnect="back_off")
    [said] = conversation.talk.say(closing, conversation.clock.read())
    assert orjson.loads(said)["stream"] == "!serverShutdown"


REFUSALS = {
    "binance": ("error", "msg"),
    "kraken": ("error",),
    "coinbase": ("message",),
    "coinbase-advanced": ("message",),
    "bitfinex": ("msg",),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_refusal_has_the_form_of_the_exchange(name: str) -> None:
    """An error that the server or a fault wants has the exchange's form."""
    conversation = talk(name)
    now = conversation.clock.read()
    [said] = conversation.talk.say(ErrorEvent(message="No", code=ErrorCode.NOT_POSSIBLE), now)
    found = orjson.loads(said)
    for key in REFUSALS[name]:
        found = found[key]
    assert found.endswith("No")
