"""Requests that the exchange understands, and its answers to them.

A request for data of the exchange that this market has no stream for gets the exchange's own error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from feed.clock import Now
from feed.data.ticks import Instrument
from feed.dialects.exchange.session import ExchangeSession, said
from feed.dialects.exchange.texts import fixed
from feed.dialects.times import micros
from feed.protocol import codes
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Close, Effect, Join, Stream
from feed.protocol.events import ErrorEvent
from feed.units import SECOND

__all__ = ["HEARTBEAT", "INTERVALS", "KrakenSession", "asset_rows", "pair_row"]

INTERVALS = {
    1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 1440: "1d", 10080: "7d", 21600: "15d",
}  # fmt: skip
"""Candle intervals, in minutes, with the market's names."""

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
    "instrument": {"snapshot", "include_tokenized_assets"},
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

UNUSED_FOR, BEAT = 60 * SECOND, SECOND

STATUSES = {"halted": "cancel_only", "auction": "post_only", "maintenance": "maintenance"}
"""Statuses of a pair; `online` otherwise."""


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


class KrakenSession(ExchangeSession):
    """Session with one connection: its subscriptions, and the parameters they were requested with."""

    def greet(self, now: Now) -> list[Effect]:
        """Tell the system's status, and begin to wait for a subscription or a ping."""
        self._came = now.wall
        # Subscribed streams, for books with the requested depth.
        self._depths: dict[tuple[Any, ...], int | None] = {}
        self.limit("unused", now.monotonic + UNUSED_FOR)
        self._was_down = self._is_down()
        return [said(_status(self.seat.connection, "maintenance" if self._was_down else "online"))]

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams whose messages stand for a heartbeat."""
        return tuple(join.stream for joins in self.joined.values() for join in joins)

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Answer a request: one answer for each symbol."""
        self._came = now.wall
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            return [self._error(MALFORMED, _Asked("error"), None, now)]
        method, number = document.get("method"), document.get("req_id")
        asked = _Asked(method if isinstance(method, str) else "error")
        if not (number is None or (isinstance(number, int) and not isinstance(number, bool))):
            return [self._error(MALFORMED, asked, None, now)]
        try:
            return self._requests(document, asked, number, now)
        except _RefusedError as error:
            return [self._error(str(error), asked, number, now)]

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Send a heartbeat after a second of silence, or close a connection that nobody uses."""
        if timer == "unused":
            return [] if self.joined else [Close(codes.POLICY, "no subscription or ping")]
        if not self.joined:
            return []
        if last_sent + BEAT > now.monotonic:
            self.arm("beat", last_sent + BEAT)
            return []
        self.arm("beat", now.monotonic + BEAT)
        return [said(HEARTBEAT)]

    def status_changed(self, status: str, now: Now) -> list[Effect]:
        """Announce maintenance, and close the connection for it; to who came in the meantime, announce its end."""
        if status != "maintenance":
            was_down, self._was_down = self._was_down, self._is_down()
            return [said(_status(self.seat.connection, "online"))] if was_down and not self._was_down else []
        return [said(_status(self.seat.connection, status)), *super().status_changed(status, now)]

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return an error in the exchange's form."""
        message = "Exceeded msg rate" if event.code is ErrorCode.RATE_LIMITED else event.message
        return (self._error_text(message, _Asked("subscribe"), event.id, now),)

    def maintenance(self, now: Now) -> Sequence[bytes]:
        """Announce maintenance."""
        del now
        return (_status(self.seat.connection, "maintenance"),)

    def _is_down(self) -> bool:
        return all(self.view.symbol_status(symbol) == "maintenance" for symbol in self.view.symbols)

    def _requests(self, document: dict[str, Any], asked: _Asked, number: int | None, now: Now) -> list[Effect]:
        if asked.method in PRIVATE_METHODS:
            raise _RefusedError(PRIVATE)
        if asked.method not in ("subscribe", "unsubscribe", "ping"):
            raise _RefusedError(NOT_FOUND)
        _check_fields(document, {"method", "params", "req_id"}, asked.method)
        self.limit("unused", now.monotonic + UNUSED_FOR)
        if asked.method == "ping":
            named = {} if number is None else {"req_id": number}
            return [said({"method": "pong", **named, **self._times(now)})]
        params = document.get("params")
        if not isinstance(params, dict):
            raise _RefusedError(MALFORMED)
        told = _told(params, asked.method)
        act = self._subscribe if asked.method == "subscribe" else self._unsubscribe
        if told["channel"] == "instrument":
            return act(_Asked(asked.method, None, tuple(sorted(told.items()))), number, now)
        symbols = params.get("symbol")
        if not isinstance(symbols, list) or not symbols or not all(isinstance(each, str) for each in symbols):
            raise _RefusedError(MALFORMED)
        effects: list[Effect] = []
        for symbol in dict.fromkeys(symbols):
            one = _Asked(asked.method, symbol, tuple(sorted({**told, "symbol": symbol}.items())))
            try:
                effects += act(one, number, now)
            except _RefusedError as error:
                effects.append(self._error(str(error), one, number, now))
        return effects

    def _subscribe(self, asked: _Asked, number: int | None, now: Now) -> list[Effect]:
        """Answer for one symbol, before its data."""
        told = dict(asked.told)
        joins = self._joins(asked, told)
        if asked.key in self.joined:
            raise _RefusedError("Already subscribed")
        if not self.joined:
            self.arm("beat", now.monotonic + BEAT)
        self._depths[asked.key] = told.get("depth")
        effects = [self._answer(asked, now, number)]
        if asked.symbol is None and told["snapshot"]:
            effects.append(said(self._instruments()))
        return [*effects, *self.join(asked.key, *joins)]

    def _unsubscribe(self, asked: _Asked, number: int | None, now: Now) -> list[Effect]:
        """Answer for one symbol, behind its data."""
        told = dict(asked.told)
        self._joins(asked, told)
        if asked.key not in self.joined or self._depths.get(asked.key) != told.get("depth"):
            raise _RefusedError("Subscription Not Found")
        return [*self.leave(asked.key), self._answer(asked, now, number)]

    def _joins(self, asked: _Asked, told: Mapping[str, Any]) -> list[Join]:
        """Return the streams of a subscription. A book requested deeper than any stream gets the deepest one."""
        if asked.symbol is None:
            return [Join(Stream("status", symbol)) for symbol in self.view.symbols]
        self._check_pair(asked.symbol)
        wants = bool(told["snapshot"])
        match told["channel"]:
            case "book":
                if not _is_among(told["depth"], DEPTHS):
                    raise _RefusedError("Subscription depth not supported")
                known = self.view.parts("book")
                part = next((part for part in known if int(part) >= told["depth"]), known[-1])
                return [Join(Stream("book", asked.symbol, part), snapshot=int(wants))]
            case "ohlc":
                if not _is_among(told["interval"], INTERVALS):
                    raise _RefusedError("Subscription ohlc interval not supported")
                stream = Stream("trade_candles", asked.symbol, INTERVALS[told["interval"]])
                return [Join(stream, snapshot=CANDLES_FIRST if wants else 0)]
            case "ticker":
                kind = "trade_ticker" if told["event_trigger"] == "trades" else "quote_ticker"
                return [Join(Stream(kind, asked.symbol), snapshot=int(wants))]
        return [Join(Stream("trading", asked.symbol), snapshot=TRADES_FIRST if wants else 0)]

    def _check_pair(self, symbol: str) -> None:
        if symbol in self.view.symbols:
            return
        base, slash, quote = symbol.partition("/")
        known = "supported" if base and slash and quote else "in ISO 4217-A3 format"
        raise _RefusedError(f"Currency pair not {known} {symbol}")

    def _answer(self, asked: _Asked, now: Now, number: object) -> Effect:
        result = dict(asked.told)
        result.pop("include_tokenized_assets", None)
        if asked.method == "unsubscribe":
            del result["snapshot"]
        if asked.method == "subscribe" and result["channel"] in WARNINGS:
            result["warnings"] = [WARNINGS[result["channel"]]]
        answer = {"method": asked.method, "result": result, "success": True, **self._times(now)}
        return said(answer if number is None else {**answer, "req_id": number})

    def _error(self, message: str, asked: _Asked, number: object, now: Now) -> Effect:
        return said(self._error_text(message, asked, number, now))

    def _error_text(self, message: str, asked: _Asked, number: object, now: Now) -> bytes:
        answer: dict[str, Any] = {"error": message, "method": asked.method, "success": False}
        if asked.symbol is not None:
            answer["symbol"] = asked.symbol
        answer |= self._times(now)
        return orjson.dumps(answer if number is None else {**answer, "req_id": number})

    def _times(self, now: Now) -> dict[str, str]:
        """Return the wall times of the request's arrival and of now."""
        return {"time_in": f"{micros(self._came)}Z", "time_out": f"{micros(now.wall)}Z"}

    def _instruments(self) -> bytes:
        """Return the snapshot of all assets and pairs."""
        known = self.view.instruments
        pairs = ",".join(pair_row(each, self.view.symbol_status(each.symbol)) for each in known)
        data = f'{{"assets":[{",".join(asset_rows(known))}],"pairs":[{pairs}]}}'
        return f'{{"channel":"instrument","type":"snapshot","data":{data}}}'.encode()


WARNINGS = {
    "ohlc": "timestamp is deprecated, use interval_begin",
    "instrument": "tick_size is deprecated, use price_increment",
}


def asset_rows(instruments: Collection[Instrument]) -> list[str]:
    """Return the assets of all pairs, in their order."""
    precision: dict[str, tuple[int, int]] = {}
    for each in instruments:
        base, _, quote = each.symbol.partition("/")
        precision.setdefault(base, (10, each.size_decimals))
        precision.setdefault(quote or base, (4, each.price_decimals))
    return [
        f'{{"id":"{name}","status":"enabled","precision":{exact},"precision_display":{shown},"borrowable":false,'
        f'"collateral_value":1.00,"margin_rate":0.00}}'
        for name, (exact, shown) in precision.items()
    ]


def pair_row(each: Instrument, status: str) -> str:
    """Return the description of a pair."""
    base, _, quote = each.symbol.partition("/")
    price = fixed(each.tick_units, each.price_decimals)
    size = fixed(each.lot_units, each.size_decimals)
    return (
        f'{{"symbol":"{each.symbol}","base":"{base}","quote":"{quote}","status":"{STATUSES.get(status, "online")}",'
        f'"qty_precision":{each.size_decimals},"qty_increment":{size},"qty_min":{size},'
        f'"price_precision":{each.price_decimals},"price_increment":{price},"tick_size":{price},"cost_precision":5,'
        f'"cost_min":"0.5","marginable":false,"has_index":false}}'
    )


def _status(connection: str, system: str) -> bytes:
    """Return the message about the system, the first of a connection."""
    number = FIRST_CONNECTION + int("".join(filter(str.isdigit, connection)) or 0)
    row = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": number}
    row |= {"upcoming_maintenance": [], "emergency": []}
    return orjson.dumps({"channel": "status", "type": "update", "data": [row]})


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
    usual["include_tokenized_assets"] = False
    told = {"channel": channel} | {name: params.get(name, usual[name]) for name in fields}
    valid: dict[str, Callable[[Any], bool]] = {
        "snapshot": lambda value: isinstance(value, bool),
        "event_trigger": lambda value: value in ("trades", "bbo"),
    }
    if not all(valid[name](value) for name, value in told.items() if name in valid):
        raise _RefusedError(MALFORMED)
    return told
