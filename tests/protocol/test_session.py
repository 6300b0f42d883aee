"""The session core: whole conversations as transcripts, and what a transcript says badly."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.protocol.codes import CLOSE_CODES, clipped_reason, reconnect_for
from feed.protocol.rate import TokenBucket
from feed.units import SECOND
from tests.protocol.conversation import Conversation, play
from tests.support.limits import SESSION as LIMITS

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    """The conversation goes as it is written down."""
    play(path)


def test_status_says_what_the_market_is() -> None:
    """The first frame has every key of the contract, and exact steps."""
    [line] = Conversation().open()
    status = orjson.loads(line.removeprefix("< "))
    assert list(status) == [
        "event", "status", "version", "connection", "market", "scenario", "seed", "epoch", "digest", "state",
        "virtual_time", "speed", "channels", "symbols", "limits",
    ]  # fmt: skip
    assert '"tick_size":0.05,"lot_size":0.001' in line
    assert status["channels"] == ["book", "candles", "status", "ticker", "trading"]


def test_rate_limit_warns_and_then_closes() -> None:
    """A burst passes, each message over it is refused by name, and after warnings the connection ends with 1008."""
    conversation = Conversation()
    conversation.open()
    for number in range(LIMITS.inbound_burst):
        [answer] = conversation.say('{"event":"list"}')
        assert "subscriptions" in answer, number
    for _ in range(19):
        [answer] = conversation.say('{"event":"list","id":5}')
        assert orjson.loads(answer[2:])["code"] == "RATE_LIMITED"
        assert orjson.loads(answer[2:])["id"] == 5
    answer, end = conversation.say('{"event":"list"}')
    assert "RATE_LIMITED" in answer
    assert end.startswith("~ close 1008")


def test_rate_limit_recovers() -> None:
    """Who waits may speak again."""
    conversation = Conversation()
    conversation.open()
    for _ in range(LIMITS.inbound_burst + 3):
        conversation.say("{}")
    conversation.wait(SECOND)
    answers = [conversation.say('{"event":"list"}')[-1] for _ in range(21)]
    assert ["subscriptions" in answer for answer in answers] == [True] * 20 + [False]


def test_ping_frames_count_too() -> None:
    """A flood of ping frames is a flood of messages."""
    conversation = Conversation()
    conversation.open()
    now = conversation.clock.read()
    effects = [conversation.session.control_frame(now) for _ in range(LIMITS.inbound_burst + 1)]
    assert [bool(effect) for effect in effects] == [False] * LIMITS.inbound_burst + [True]


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
MEMBERS = st.dictionaries(st.sampled_from(["epoch", "seq", "x"]), SCALARS, max_size=3)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | MEMBERS
KEYS = st.sampled_from(["event", "channel", "symbol", "id", "history", "resume", "token", "timestamp", "depth", "x"])
WORDS = st.sampled_from(
    ["subscribe", "unsubscribe", "ping", "pong", "auth", "list", "trading", "status", "BTC/USD", "*"]
)


@given(st.lists(st.dictionaries(KEYS, WORDS | JSON, max_size=5), max_size=4))
def test_any_object_is_answered_or_refused(documents: list[dict[str, object]]) -> None:
    """No object breaks a session; each is answered with events, and the session stays able to answer."""
    conversation = Conversation()
    conversation.open()
    for document in documents:
        for line in conversation.say(json.dumps(document)):
            assert line.startswith(("< {", "~ join", "~ leave"))
    [answer] = conversation.say('{"event":"ping","timestamp":"still there"}')
    assert "still there" in answer


@given(st.binary(max_size=200))
def test_any_bytes_are_answered(payload: bytes) -> None:
    """Nor do any bytes."""
    conversation = Conversation()
    conversation.open()
    assert all(line.startswith("< {") for line in conversation.say(payload))


@pytest.mark.parametrize(
    "payload",
    [b"[" * 60_000, b"9" * 5000, b'{"a":' * 20_000, b'{"event":NaN}', b'{"event":"\\ud800"}', b"\xff\xfe", b"", b" ",
     b'{"event":["subscribe"]}', b'{"event":{}}', b'{"event":"ping","timestamp":' + b"[" * 200 + b"]" * 200 + b"}",
     b'{"event":"subscribe","channel":[["trading"]],"symbol":"BTC/USD"}', b'"subscribe"', b"null", b"0",
     b'{"event":"subscribe","channel":"trading","symbol":' + b'"A' + b"A" * 5000 + b'"}',
     b'{"event":"auth","token":""}', b'{"event":"auth","token":"\\u0000\xc3\xa9"}'],
    ids=range(18),
)  # fmt: skip
def test_traps(payload: bytes) -> None:
    """Inputs that are known to raise in parsers get one answer each."""
    conversation = Conversation(token="t")
    conversation.open()
    [answer] = conversation.say(payload)
    assert orjson.loads(answer[2:])["event"] == "error"


def test_star_never_answers_more_than_the_limit() -> None:
    """Sixteen thousand names in one frame get one refusal."""
    conversation = Conversation()
    conversation.open()
    names = ",".join(f'"S{number}"' for number in range(6000))
    [answer] = conversation.say(f'{{"event":"subscribe","channel":"trading","symbol":[{names}]}}')
    assert "LIMIT_EXCEEDED" in answer


@given(st.text(max_size=300))
def test_reasons_fit_a_close_frame(text: str) -> None:
    """A reason is at most 123 bytes and still text."""
    assert len(clipped_reason(text).encode("utf-8", "replace")) <= 123


def test_close_table() -> None:
    """The numbers of the contract, each with its advice; 1006 is never sent."""
    advice = {number: code.reconnect for number, code in CLOSE_CODES.items()}
    assert advice == {
        1000: "never", 1001: "back_off", 1012: "back_off", 1003: "never", 1007: "never", 1009: "never",
        1008: "back_off", 1011: "back_off", 1013: "back_off", 4401: "never", 4403: "never", 4408: "now",
        4409: "back_off", 4410: "never", 4499: "now",
    }  # fmt: skip
    assert reconnect_for(4408) == "now"


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 100), st.integers(1, 20))
def test_bucket_never_lets_more_through_than_its_rate(gaps: list[int], rate: int, burst: int) -> None:
    """In any time, at most the burst and what the rate adds."""
    bucket = TokenBucket(rate, burst, 0)
    now, passed = 0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now)
    assert passed <= burst + now * rate / 10**9 + 1
