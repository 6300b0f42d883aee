"""Requests of the exchange's clients and their answers, its ping frames, its limits and its planned closes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from feed.clock import Now
from feed.dialects.binance.streams import joins_of, name_of
from feed.dialects.exchange.session import ExchangeSession, said
from feed.protocol import codes
from feed.protocol.effects import Close, Effect, ProbePeer, Reform, View
from feed.protocol.events import ErrorEvent
from feed.protocol.seat import Seat
from feed.units import DAY, MICROSECOND, MILLISECOND, SECOND

__all__ = ["COMBINED", "MICROS", "BinanceSession"]

COMBINED, MICROS = ("combined", "1"), ("unit", "us")
"""Options: messages inside an object that names their stream; times in microseconds."""

PING_EVERY, PONG_WITHIN, LIFE = 20 * SECOND, 60 * SECOND, DAY

LOOK_EVERY = SECOND
"""The real time between two looks at a life that is counted in market time."""

MAX_STREAMS = 1024

MAX_ID = 36

BARRIER = b"barrier "

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

KNOWN = ", ".join(f"`{method}`" for method in METHODS)


class _RefusedError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class BinanceSession(ExchangeSession):
    """Session with one client."""

    rate: ClassVar[tuple[int, int] | None] = (5, SECOND)

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._options: View = seat.options
        self._pings: dict[bytes, int] = {}

    def greet(self, now: Now) -> list[Effect]:
        """Send nothing, and begin to send ping frames."""
        self.arm("ping", now.monotonic + PING_EVERY)
        self._born = self.view.shown_time
        self.limit("life", now.monotonic + (LOOK_EVERY if self.seat.ages_with_market else LIFE))
        return []

    def opened(self, now: Now) -> list[Effect]:
        """Join the streams in the path; a badly formed one is passed over."""
        del now
        names = [name for name in self.seat.opening if name_of(name) is not None]
        return [effect for name in names[:MAX_STREAMS] for effect in self._subscribe(name)]

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Answer a request."""
        del now
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return [_error(3, "Invalid JSON: expected value at line 1 column 1")]
        number = document.get("id") if isinstance(document, dict) else None
        if not _is_id(number):
            return [_error(2, "Invalid request: request ID must be an unsigned integer, a string or null")]
        try:
            return self._answer(document, number)
        except _RefusedError as error:
            refused: list[Effect] = [_error(error.code, str(error), number)]
            if str(error).endswith("invalid stream"):
                refused.append(Close(codes.POLICY, "Invalid request"))
            return refused

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Send a ping frame, or close for want of an answer or because a day has passed."""
        del last_sent
        if timer == "ping":
            payload = b"%d" % (now.wall // MILLISECOND)
            self._pings[payload] = now.monotonic
            self.arm("ping", now.monotonic + PING_EVERY)
            if "pong" not in self._timers:
                self.limit("pong", now.monotonic + PONG_WITHIN)
            return [ProbePeer(payload)]
        if timer == "pong":
            return [Close(codes.POLICY, "Pong timeout")]
        if self.seat.ages_with_market and self.view.shown_time - self._born < LIFE:
            self.arm("life", now.monotonic + LOOK_EVERY)
            return []
        return [Close(codes.GOING_AWAY, "24 hours have passed")]

    def pong_frame(self, payload: bytes, now: Now) -> list[Effect]:
        """Take the answer to a ping frame; empty and unasked ones do not count as one."""
        if payload.startswith(BARRIER):
            # The answer to a ping of this server's own, which the client did not send unasked.
            return []
        if payload in self._pings:
            sent = self._pings.pop(payload)
            self._pings = {other: at for other, at in self._pings.items() if at > sent}
            self.disarm("pong")
            if self._pings:
                self.limit("pong", min(self._pings.values()) + PONG_WITHIN)
        return self._counted(now)

    def goodbye(self, now: Now) -> Sequence[bytes]:
        """Announce a planned close."""
        del now
        unit = MICROSECOND if MICROS in self._options else MILLISECOND
        data = b'{"e":"serverShutdown","E":%d}' % (self.view.shown_time // unit)
        return (b'{"stream":"!serverShutdown","data":' + data + b"}" if COMBINED in self._options else data,)

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return an error in the exchange's form."""
        del now
        return (orjson.dumps({"error": {"code": 2, "msg": f"Invalid request: {event.message}"}}),)

    def _answer(self, document: Any, number: object) -> list[Effect]:
        if not isinstance(document, dict):
            raise _RefusedError(2, "Invalid request: missing field `method`")
        if "method" not in document:
            raise _RefusedError(2, "Invalid request: missing field `method`")
        method, params = document["method"], document.get("params")
        if method not in METHODS:
            raise _RefusedError(2, f"Invalid request: unknown variant `{str(method)[:64]}`, expected one of {KNOWN}")
        result: object = None
        effects: list[Effect] = []
        if method == "LIST_SUBSCRIPTIONS":
            result = list(self.joined)
        elif method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            effects = self._change(method, params)
        elif method == "SET_PROPERTY":
            effects = self._set(params)
        else:
            result = self._property(params)
        return [said({"result": result, "id": number}), *effects]

    def _change(self, method: str, params: object) -> list[Effect]:
        if not isinstance(params, list) or not params or not all(isinstance(each, str) for each in params):
            raise _RefusedError(2, "Invalid request: params must be an array of strings")
        names = list(dict.fromkeys(params))
        if any(name_of(name) is None for name in names):
            raise _RefusedError(2, "Invalid request: invalid stream")
        if method == "UNSUBSCRIBE":
            return [effect for name in names if name in self.joined for effect in self.leave(name)]
        if len(self.joined.keys() | set(names)) > MAX_STREAMS and not self.seat.is_lenient:
            raise _RefusedError(4, "Too many subscriptions")
        return [effect for name in names if name not in self.joined for effect in self._subscribe(name)]

    def _subscribe(self, text: str) -> list[Effect]:
        name = name_of(text)
        assert name is not None
        # A stream of an unknown symbol is taken, and stays silent.
        return self.join(text, *joins_of(name, self.view.instruments))

    def _set(self, params: object) -> list[Effect]:
        if not isinstance(params, list) or len(params) != 2 or not isinstance(params[0], str):
            raise _RefusedError(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise _RefusedError(0, "Unknown property")
        if not isinstance(params[1], bool):
            raise _RefusedError(1, "Invalid value type: expected Boolean")
        others = tuple(option for option in self._options if option != COMBINED)
        self._options = (COMBINED, *others) if params[1] else others
        return [Reform(self._options)]

    def _property(self, params: object) -> bool:
        if not isinstance(params, list) or len(params) != 1 or not isinstance(params[0], str):
            raise _RefusedError(2, "Invalid request: property name must be a string")
        if params[0] != "combined":
            raise _RefusedError(0, "Unknown property")
        return COMBINED in self._options


def _is_id(value: object) -> bool:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return True
    return isinstance(value, str) and len(value) <= MAX_ID


def _error(code: int, message: str, *number: object) -> Effect:
    document: dict[str, Any] = {"error": {"code": code, "msg": message}}
    return said({**document, "id": number[0]} if number else document)
