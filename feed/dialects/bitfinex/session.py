"""Requests of the exchange's clients and their answers, heartbeats of channels, and the numbering of messages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from feed.clock import Now
from feed.dialects.bitfinex.names import (
    FREQUENCIES,
    INTERVALS,
    LENGTHS,
    PRECISIONS,
    SEQUENCE,
    TIMESTAMP,
    BitfinexChannel,
    joins_of,
    pair_of,
    symbol_of,
)
from feed.dialects.exchange.session import ExchangeSession, said
from feed.protocol import codes
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Close, Effect, Reform
from feed.protocol.events import ErrorEvent
from feed.protocol.seat import Seat
from feed.units import MILLISECOND, SECOND

__all__ = ["BitfinexSession"]

MAX_CHANNELS = 30

BEAT, UNUSED_FOR = 15 * SECOND, 60 * SECOND

STOPPING = b'{"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}'
MAINTENANCE = b'{"event":"info","code":20060,"msg":"Entering in Maintenance mode"}'
MAINTAINED = b'{"event":"info","code":20061,"msg":"Maintenance ended"}'


class _RefusedError(Exception):
    def __init__(self, code: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.code = code
        self.more = more


class BitfinexSession(ExchangeSession):
    """Session with one client."""

    first_within: ClassVar[int] = 0

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._flags = 0
        self._number = 0
        self._channels: dict[int, BitfinexChannel] = {}
        self._is_down = False

    def greet(self, now: Now) -> list[Effect]:
        """Tell the platform's status."""
        self.arm("beat", now.monotonic + BEAT)
        self.limit("unused", now.monotonic + UNUSED_FOR)
        text = hashlib.md5(self.seat.connection.encode(), usedforsecurity=False).hexdigest()
        server = f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
        statuses = [self.view.symbol_status(symbol) for symbol in self.view.symbols]
        self._is_down = all(status == "maintenance" for status in statuses)
        platform = {"status": 0 if self._is_down else 1}
        return [said({"event": "info", "version": 2, "serverId": server, "platform": platform})]

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Answer a request; text that is none has no answer."""
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return []
        if not isinstance(document, dict):
            return []
        try:
            return self._answer(document, now)
        except _RefusedError as error:
            return [said({**document, **error.more, "event": "error", "msg": str(error), "code": error.code})]

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Send a heartbeat in every channel, or drop a connection without any."""
        del last_sent
        if timer == "unused":
            return [] if self._channels else [Close(codes.POLICY, "no channel and no ping")]
        self.arm("beat", now.monotonic + BEAT)
        stamp = f",{self.view.shown_time // MILLISECOND}" if self._flags & TIMESTAMP else ""
        return [said(f'[{number},"hb"{stamp}]'.encode()) for number in self._channels]

    def control_frame(self, now: Now) -> list[Effect]:
        """Take a ping frame as a sign of life: the exchange's own client keeps a connection without channels so."""
        self._alive(now)
        return super().control_frame(now)

    def goodbye(self, now: Now) -> Sequence[bytes]:
        """Announce a planned close."""
        del now
        return (STOPPING,)

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return an error in the exchange's form."""
        del now
        if event.code is ErrorCode.RATE_LIMITED:
            return (orjson.dumps({"event": "error", "msg": "ERR_RATE_LIMIT", "code": 11010}),)
        return (orjson.dumps({"event": "error", "msg": event.message, "code": 10000}),)

    def maintenance(self, now: Now) -> Sequence[bytes]:
        """Announce maintenance."""
        del now
        return (MAINTENANCE,)

    def status_changed(self, status: str, now: Now) -> list[Effect]:
        """Announce the beginning and the end of maintenance; the connection stays."""
        del now
        was_down, self._is_down = self._is_down, status == "maintenance"
        if was_down == self._is_down:
            return []
        return [said(MAINTENANCE if self._is_down else MAINTAINED)]

    def stamp(self, payload: bytes) -> bytes:
        """Put the connection's sequence number into an array, before its time."""
        if not self._flags & SEQUENCE or payload[:1] != b"[":
            return payload
        self._number += 1
        if self._flags & TIMESTAMP:
            head, _, time = payload.rpartition(b",")
            return b"%b,%d,%b" % (head, self._number, time)
        return b"%b,%d]" % (payload[:-1], self._number)

    def _answer(self, document: dict[str, Any], now: Now) -> list[Effect]:
        event = document.get("event")
        match event:
            case "ping":
                self._alive(now)
                cid = {"cid": document["cid"]} if "cid" in document else {}
                return [said({"event": "pong", "ts": now.wall // MILLISECOND, **cid})]
            case "conf":
                return self._configure(document)
            case "subscribe":
                return self._subscribe(document)
            case "unsubscribe":
                return self._unsubscribe(document, now)
            case "auth":
                refusal = {"event": "auth", "status": "FAILED", "chanId": 0, "code": 10100, "msg": "apikey: invalid"}
                return [said(refusal)]
        raise _RefusedError(10000, f"event: invalid ({str(event)[:40]})")

    def _alive(self, now: Now) -> None:
        """Wait anew for a channel, if there is none."""
        if not self._channels:
            self.limit("unused", now.monotonic + UNUSED_FOR)

    def _configure(self, document: dict[str, Any]) -> list[Effect]:
        flags = document.get("flags", 0)
        if not isinstance(flags, int) or isinstance(flags, bool) or not 0 <= flags < 2**53:
            return [said({"event": "conf", "status": "FAILED", "flags": flags, "code": 10300, "msg": "flags: invalid"})]
        self._flags = flags
        # Sequence numbers are put in when a message is sent.
        return [said({"event": "conf", "status": "OK", "flags": flags}), Reform((("flags", str(flags)),))]

    def _subscribe(self, document: dict[str, Any]) -> list[Effect]:
        kind = document.get("channel")
        named: dict[str, Any] = {}
        if kind == "candles":
            channel = self._candles(document)
        elif kind in ("ticker", "trades", "book"):
            channel, named = self._of_symbol(document, str(kind))
        else:
            raise _RefusedError(10300, "channel: unknown")
        if channel.number in self._channels:
            raise _RefusedError(10301, "subscribe: dup", chanId=channel.number)
        if len(self._channels) >= MAX_CHANNELS and not self.seat.is_lenient:
            raise _RefusedError(10305, "subscribe: limit")
        self._channels[channel.number] = channel
        self.disarm("unused")
        answer: dict[str, Any] = {"event": "subscribed", "channel": kind, "chanId": channel.number}
        for key in ("symbol", "key"):
            if key in document:
                answer[key] = document[key]
        answer |= named
        if "subId" in document:
            answer["subId"] = document["subId"]
        if kind != "candles":
            answer["pair"] = pair_of(channel.symbol)
        return [said(answer), *self.join(channel.number, *joins_of(channel))]

    def _of_symbol(self, document: dict[str, Any], kind: str) -> tuple[BitfinexChannel, dict[str, Any]]:
        text = document.get("symbol", document.get("pair"))
        symbol = symbol_of(text, self.view.symbols) if isinstance(text, str) else None
        if symbol is None:
            pair = str(text or "").removeprefix("t")
            raise _RefusedError(10300, "symbol: invalid", pair=pair)
        if kind != "book":
            return BitfinexChannel(kind, symbol), {}
        prec, freq = str(document.get("prec") or "P0"), str(document.get("freq") or "F0")
        length = str(document.get("len") or "25")
        if prec not in PRECISIONS:
            raise _RefusedError(10300, "precision: invalid")
        if freq not in FREQUENCIES:
            raise _RefusedError(10300, "frequency: invalid")
        if length not in LENGTHS:
            raise _RefusedError(10300, "length: invalid")
        return BitfinexChannel(kind, symbol, prec, freq, length), {"prec": prec, "freq": freq, "len": length}

    def _candles(self, document: dict[str, Any]) -> BitfinexChannel:
        parts = str(document.get("key", "")).split(":", 2)
        symbol = symbol_of(parts[2], self.view.symbols) if len(parts) == 3 else None
        if symbol is None or parts[0] != "trade" or parts[1] not in INTERVALS:
            raise _RefusedError(10300, "key: invalid")
        return BitfinexChannel("candles", symbol, interval=parts[1])

    def _unsubscribe(self, document: dict[str, Any], now: Now) -> list[Effect]:
        number = document.get("chanId")
        if isinstance(number, str) and number.isdigit():
            number = int(number)
        if not isinstance(number, int) or number not in self._channels:
            raise _RefusedError(10400, "unsubscribe: invalid")
        del self._channels[number]
        self._alive(now)
        return [*self.leave(number), said({"event": "unsubscribed", "status": "OK", "chanId": number})]
