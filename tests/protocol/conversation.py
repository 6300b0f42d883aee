"""Plays a transcript: a whole conversation as text, without a socket and without waiting.

> {"event":"ping"}          the client sends this frame
< {"event":"pong", …}       the server answers with exactly this event (… at the end: and more keys)
~ join trading:BTC/USD      the session wants the shell to do this
@ 1s                        so much time passes; what falls due happens
% published 3               so many more ticks have been published since
# comment
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from feed.clock import ManualClock
from feed.dialects.base import Dialect
from feed.dialects.registry import NATIVE
from feed.protocol.effects import Abort, Act, Close, Effect, Join, Leave, ProbePeer, Reform, Send, View
from feed.protocol.keys import subscription_of
from feed.protocol.seat import Seat
from feed.protocol.view import SessionLimits
from feed.units import parse_duration
from tests.support.limits import SESSION as LIMITS
from tests.support.market import make_market
from tests.support.sources import BTC, ETH, MetronomeSource


class Conversation:
    """A session over a real market that nobody moves but the test."""

    def __init__(
        self,
        limits: SessionLimits = LIMITS,
        *,
        token: str | None = None,
        strict: bool = False,
        wanted: str = "",
        dialect: Dialect = NATIVE,
        options: View = (),
        opening: tuple[str, ...] = (),
        is_lenient: bool = False,
        ages_with_market: bool = False,
    ) -> None:
        self.clock = ManualClock()
        self.market = make_market(MetronomeSource(instruments=(BTC, ETH)), self.clock)
        self.last_sent = self.clock.now()
        self.ended = False
        asked = tuple(subscription_of(key, self.market) for key in wanted.split(",") if key)
        seat = Seat(
            connection="c1", view=self.market, limits=limits, now=self.clock.read(), token=token, strict=strict,
            wanted=asked, options=options, opening=opening, is_lenient=is_lenient, ages_with_market=ages_with_market,
        )  # fmt: skip
        self.session, self.talk = dialect.open(seat)

    def open(self) -> list[str]:
        """What is said first."""
        now = self.clock.read()
        return self.told([*self.session.open(now), *self.session.begin(now)])

    def say(self, frame: str | bytes) -> list[str]:
        """What a frame comes to."""
        now = self.clock.read()
        self.session.heard(now)
        payload = frame.encode() if isinstance(frame, str) else frame
        return self.told(self.session.receive(self.talk.read(payload, now), now))

    def wait(self, nanoseconds: int) -> list[str]:
        """What comes while so much time passes."""
        until = self.clock.now() + nanoseconds
        said: list[str] = []
        while not self.ended and (deadline := self.session.deadline) is not None and deadline <= until:
            self.clock.advance(max(0, deadline - self.clock.now()))
            said += self.told(self.session.expire(self.clock.read(), self.last_sent))
        self.clock.advance(until - self.clock.now())
        return said

    def publish(self, count: int) -> None:
        """Let so many messages be published, and sent to whoever is subscribed."""
        for _ in range(count):
            self.market.next_time()
            self.market.publish_due(2**62, 1)
        if self.session.streams:
            self.last_sent = self.clock.now()

    def told(self, effects: list[Effect]) -> list[str]:
        """Effects as lines."""
        return [text for effect in effects for text in self._texts(effect)]

    def _texts(self, effect: Effect) -> list[str]:
        if not isinstance(effect, Send):
            return [self._text(effect)]
        payloads = self.talk.say(effect.event, self.clock.read())
        if payloads:
            self.last_sent = self.clock.now()
        return ["< " + payload.decode() for payload in payloads]

    def _text(self, effect: Effect) -> str:
        match effect:
            case Join(stream, after_seq, snapshot, max_rate):
                after = "" if after_seq is None else f" after {after_seq}"
                rate = "" if max_rate is None else f" rate {max_rate:g}"
                return f"~ join {stream.key}{after}" + (f" snapshot {snapshot}" if snapshot else "") + rate
            case Leave(stream):
                return f"~ leave {stream.key}"
            case Act(action):
                return f"~ act {action}"
            case Reform():
                return "~ reform"
            case ProbePeer():
                return "~ probe"
            case Close(code, reason):
                self.ended = True
                return f"~ close {code.number} {reason}"
            case Abort(reason):
                self.ended = True
                return f"~ abort {reason}"
        raise AssertionError(effect)


def play(path: Path) -> None:
    """Play a transcript file and compare every line that the server should say."""
    text = path.read_text()
    lines = text.splitlines()
    settings = orjson.loads(lines[0].removeprefix("#!")) if lines[0].startswith("#!") else {}
    conversation = _conversation(settings)
    # An epoch is a hash of what the market is; a transcript only says where it stands.
    lines = text.replace("EPOCH", conversation.market.epoch).splitlines()
    said = conversation.open()
    for number, line in enumerate(lines, 1):
        where = f"{path.name}:{number}"
        kind, _, rest = line.partition(" ")
        if kind in ("<", "~"):
            assert said, f"{where}: nothing more was said"
            assert _same(line, said[0]), f"{where}:\nexpected {line}\ngot      {said[0]}"
            said = said[1:]
        elif kind in (">", "@", "%"):
            assert not said, f"{where}: before this there also came {said}"
            said = _act(conversation, kind, rest)
        else:
            assert not line.strip() or line.startswith("#"), f"{where}: not a line of a transcript"
    assert not said, f"{path.name}: at the end there also came {said}"


def _conversation(settings: dict[str, Any]) -> Conversation:
    token, strict, wanted = settings.pop("token", None), settings.pop("strict", False), settings.pop("wanted", "")
    values = {name: getattr(LIMITS, name) for name in SessionLimits.__slots__} | settings
    return Conversation(SessionLimits(**values), token=token, strict=strict, wanted=wanted)


def _act(conversation: Conversation, kind: str, rest: str) -> list[str]:
    if kind == ">":
        return conversation.say(rest)
    if kind == "@":
        return conversation.wait(parse_duration(rest))
    conversation.publish(int(rest.removeprefix("published ")))
    return []


def _same(expected: str, got: str) -> bool:
    if expected.startswith("~") or not expected.endswith("…}"):
        return expected == got
    return got.startswith(expected.removesuffix("…}").rstrip())
