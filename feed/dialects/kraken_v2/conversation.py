"""Requests that the exchange understands, and its answers to them.

A request for data of the exchange that this market has no stream for gets the exchange's own error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from feed.clock import Now
from feed.dialects.times import micros
from feed.protocol.codes import ErrorCode
from feed.protocol.events import (
    Acknowledged,
    ErrorEvent,
    Event,
    Heartbeat,
    PongEvent,
    Status,
    Subscribed,
    Unsubscribed,
)
from feed.protocol.requests import Ping, Rejected, Request, Subscribe, Unsubscribe
from feed.protocol.view import MarketView

__all__ = ["CHANNELS", "HEARTBEAT", "INTERVALS", "KrakenConversation"]

CHANNELS = {"trading": "trade", "book": "book", "ticker": "ticker", "candles": "ohlc"}

INTERVALS = {1: "1m", 5: "5m", 15: "15m", 60: "1h", 240: "4h", 1440: "1d"}
"""Candle intervals, in minutes, that both the exchange and the market have, with the market's names."""

DEPTHS = (10, 25, 100, 500, 1000)

TRADES_FIRST, CANDLES_FIRST = 50, 720
"""Number of rows in a snapshot of trades and of candles."""

HEARTBEAT = b'{"channel":"heartbeat"}'

FIRST_CONNECTION = 13_834_774_380_200_000_000

FIELDS = {
    "trade": {"snapshot"},
    "book": {"snapshot", "depth"},
    "ticker": {"snapshot", "event_trigger"},
    "ohlc": {"snapshot", "interval"},
}
"""Parameters of each channel besides `channel`, `symbol` and a `token`, which is ignored."""

PRIVATE_CHANNELS = ("executions", "balances", "level3")
PRIVATE_METHODS = (
    "add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after", "batch_add",
    "batch_cancel",
)  # fmt: skip

PRIVATE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
MALFORMED = "Malformed request"
NOT_FOUND = "Event(s) not found"

ERRORS = {
    ErrorCode.RATE_LIMITED: "Exceeded msg rate",
    ErrorCode.LIMIT_EXCEEDED: "Subscription limit exceeded",
    ErrorCode.UNAUTHORIZED: "Permission denied",
    ErrorCode.TOKEN_EXPIRED: "Permission denied",
}
"""Messages for refusals by the server's own rules, for which no text of the exchange is known."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Request for one symbol, as its answer repeats it."""

    method: str
    symbol: str | None = None
    told: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """Key of streams that allow one subscription: one depth of a book, each interval of candles."""
        told = dict(self.told)
        return told["channel"], self.symbol, told.get("interval")


class _RefusedError(Exception):
    """Refused request, with the exchange's text of the error."""


class KrakenConversation:
    """Conversation with one connection: its subscriptions, and the parameters they were requested with."""

    __slots__ = ("_answering", "_came", "_streams", "_view")

    def __init__(self, view: MarketView) -> None:
        self._view = view
        # Subscribed streams, for books with the requested depth.
        self._streams: dict[tuple[Any, ...], int | None] = {}
        self._answering: _Asked | None = None
        self._came = 0

    def read(self, payload: bytes, now: Now) -> Sequence[Request | Rejected]:
        """Return one request per symbol, since each symbol gets its own answer."""
        self._came = now.wall
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            return (_rejected(MALFORMED, _Asked("error"), None),)
        method, number = document.get("method"), document.get("req_id")
        asked = _Asked(method if isinstance(method, str) else "error")
        if not (number is None or (isinstance(number, int) and not isinstance(number, bool))):
            return (_rejected(MALFORMED, asked, None),)
        try:
            return self._requests(document, asked, number)
        except _RefusedError as error:
            return (_rejected(str(error), asked, number),)

    def say(self, event: Event, now: Now) -> Sequence[bytes]:
        """Return the exchange's messages for an event; none for pauses, ends and the like."""
        match event:
            case Status():
                return (_status(event),)
            case Acknowledged():
                self._answering = None if event.done else event.request.context
            case Subscribed() if self._answering is not None:
                self._streams[self._answering.key] = dict(self._answering.told).get("depth")
                return (self._answer(self._answering, now, event.id),)
            case Unsubscribed() if self._answering is not None:
                self._streams.pop(self._answering.key, None)
                return (self._answer(self._answering, now, event.id),)
            case ErrorEvent():
                return (self._error(event, now),)
            case PongEvent():
                number = {} if event.id is None else {"req_id": event.id}
                return (orjson.dumps({"method": "pong", **number, **self._times(now)}),)
            case Heartbeat():
                return (HEARTBEAT,)
        return ()

    def _requests(self, document: dict[str, Any], asked: _Asked, number: int | None) -> list[Request | Rejected]:
        if asked.method in PRIVATE_METHODS:
            raise _RefusedError(PRIVATE)
        if asked.method not in ("subscribe", "unsubscribe", "ping"):
            raise _RefusedError(NOT_FOUND)
        _check_fields(document, {"method", "params", "req_id"}, asked.method)
        if asked.method == "ping":
            return [Ping(id=number)]
        params = document.get("params")
        if not isinstance(params, dict):
            raise _RefusedError(MALFORMED)
        return self._of_symbols(params, asked.method, number)

    def _of_symbols(self, params: dict[str, Any], method: str, number: int | None) -> list[Request | Rejected]:
        told = _told(params, method)
        symbols = params.get("symbol")
        if not isinstance(symbols, list) or not symbols or not all(isinstance(each, str) for each in symbols):
            raise _RefusedError(MALFORMED)
        read = self._subscribe if method == "subscribe" else self._unsubscribe
        found: list[Request | Rejected] = []
        for symbol in dict.fromkeys(symbols):
            asked = _Asked(method, symbol, tuple(sorted({**told, "symbol": symbol}.items())))
            try:
                found.append(read(asked, number))
            except _RefusedError as error:
                found.append(_rejected(str(error), asked, number))
        return found

    def _subscribe(self, asked: _Asked, number: int | None) -> Subscribe:
        """Return the request for one symbol."""
        self._check_pair(str(asked.symbol))
        told = dict(asked.told)
        parts = self._parts(told)
        if asked.key in self._streams:
            raise _RefusedError("Already subscribed")
        rows = {"trade": TRADES_FIRST, "ohlc": CANDLES_FIRST}.get(told["channel"])
        return Subscribe(
            channel=(_NATIVE[told["channel"]],),
            symbol=(str(asked.symbol),),
            parts=parts,
            history=rows if told["snapshot"] else None,
            snapshot=told["snapshot"],
            id=number,
            context=asked,
        )

    def _unsubscribe(self, asked: _Asked, number: int | None) -> Unsubscribe:
        """Return the request for one symbol."""
        self._check_pair(str(asked.symbol))
        told = dict(asked.told)
        parts = self._parts(told)
        if asked.key not in self._streams or self._streams[asked.key] != told.get("depth"):
            raise _RefusedError("Subscription Not Found")
        channel, symbol = (_NATIVE[told["channel"]],), (str(asked.symbol),)
        return Unsubscribe(channel=channel, symbol=symbol, parts=parts, id=number, context=asked)

    def _check_pair(self, symbol: str) -> None:
        if symbol in self._view.symbols:
            return
        base, slash, quote = symbol.partition("/")
        known = "supported" if base and slash and quote else "in ISO 4217-A3 format"
        raise _RefusedError(f"Currency pair not {known} {symbol}")

    def _parts(self, told: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """Return the part of a symbol's stream. A book requested deeper than any stream gets the deepest one."""
        if told["channel"] == "book":
            if not _is_among(told["depth"], DEPTHS):
                raise _RefusedError("Subscription depth not supported")
            known = self._view.parts("book")
            return {"depth": (next((part for part in known if int(part) >= told["depth"]), known[-1]),)}
        if told["channel"] == "ohlc":
            minutes = told["interval"]
            if not _is_among(minutes, INTERVALS) or INTERVALS[minutes] not in self._view.parts("candles"):
                raise _RefusedError("Subscription ohlc interval not supported")
            return {"interval": (INTERVALS[minutes],)}
        return {}

    def _answer(self, asked: _Asked, now: Now, number: object) -> bytes:
        result = dict(asked.told)
        if asked.method == "unsubscribe":
            del result["snapshot"]
        if result["channel"] == "ohlc":
            result["warnings"] = ["timestamp is deprecated, use interval_begin"]
        answer = {"method": asked.method, "result": result, "success": True, **self._times(now)}
        return orjson.dumps(answer if number is None else {**answer, "req_id": number})

    def _error(self, event: ErrorEvent, now: Now) -> bytes:
        asked = event.context or self._answering or _Asked("error")
        answer: dict[str, Any] = {"error": ERRORS.get(event.code, event.message)}
        answer |= {"method": asked.method, "success": False}
        if asked.symbol is not None:
            answer["symbol"] = asked.symbol
        answer |= self._times(now)
        return orjson.dumps(answer if event.id is None else {**answer, "req_id": event.id})

    def _times(self, now: Now) -> dict[str, str]:
        """Return the wall times of the request's arrival and of now."""
        return {"time_in": f"{micros(self._came)}Z", "time_out": f"{micros(now.wall)}Z"}


_NATIVE = {theirs: ours for ours, theirs in CHANNELS.items()}


def _status(event: Status) -> bytes:
    """Return the first message of a connection."""
    number = FIRST_CONNECTION + int("".join(filter(str.isdigit, event.connection)) or 0)
    row = {"version": "2.0.10", "system": event.status, "api_version": "v2", "connection_id": number}
    row |= {"upcoming_maintenance": [], "emergency": []}
    return orjson.dumps({"channel": "status", "type": "update", "data": [row]})


def _rejected(message: str, asked: _Asked, number: int | None) -> Rejected:
    return Rejected(code=ErrorCode.INVALID_REQUEST, message=message, id=number, context=asked)


def _is_among(value: object, known: Collection[int]) -> bool:
    """Return True for one of these integers; unlike Python's `in`, 10.0 and true do not count."""
    return type(value) is int and value in known


def _check_fields(given: Mapping[str, Any], known: set[str], method: str) -> None:
    for name in given:
        if name not in known:
            raise _RefusedError(f"Unsupported field: '{name}' for the given msg type: {method}")


def _told(params: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Return the request's parameters that an answer repeats, with defaults for missing ones."""
    channel = params.get("channel")
    if not isinstance(channel, str):
        raise _RefusedError(MALFORMED)
    if channel in PRIVATE_CHANNELS:
        raise _RefusedError(PRIVATE)
    if channel not in FIELDS:
        raise _RefusedError(NOT_FOUND)
    fields = FIELDS[channel]
    _check_fields(params, {"channel", "symbol", "token"} | fields, method)
    usual = {"snapshot": channel != "trade", "depth": 10, "interval": 1, "event_trigger": "trades"}
    told = {"channel": channel} | {name: params.get(name, usual[name]) for name in fields}
    valid: dict[str, Callable[[Any], bool]] = {
        "snapshot": lambda value: isinstance(value, bool),
        "event_trigger": lambda value: value in ("trades", "bbo"),
    }
    if not all(valid[name](value) for name, value in told.items() if name in valid):
        raise _RefusedError(MALFORMED)
    return told
