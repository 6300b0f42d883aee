"""Requests of the exchange's clients and their answers, heartbeats, and the numbering of messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from feed.clock import Now
from feed.dialects.coinbase.names import product_id
from feed.dialects.coinbase_advanced.texts import UNNUMBERED, envelope, status_event, status_row
from feed.dialects.exchange.session import ExchangeSession, said
from feed.dialects.times import micros
from feed.protocol import codes
from feed.protocol.effects import Close, Effect, Join, Stream
from feed.protocol.events import ErrorEvent
from feed.protocol.seat import Seat
from feed.units import SECOND

__all__ = ["CHANNELS", "AdvancedSession", "symbols_by_id"]

CHANNELS = {
    "market_trades": ("gathered_trades", "250ms", 100),
    "level2": ("book", "100", 1),
    "ticker": ("trade_ticker", "", 1),
    "ticker_batch": ("windows", "1d", 1),
    "candles": ("candles", "5m", 100),
}
"""Channels of products, with the market's stream, its part, and the number of rows in the snapshot."""

GENERAL = ("heartbeats", "status")

PRIVATE = ("user", "futures_balance_summary")

SILENCE = 90 * SECOND

FAILED = "failure to subscribe"


def symbols_by_id(symbols: tuple[str, ...]) -> dict[str, str]:
    """Return the market's symbols by product id: also those in USDC, which stand for the ones in dollars."""
    named = {product_id(symbol): symbol for symbol in symbols}
    return {**{f"{name}C": symbol for name, symbol in named.items() if name.endswith("-USD")}, **named}


class AdvancedSession(ExchangeSession):
    """Session with one client."""

    rate: ClassVar[tuple[int, int] | None] = (8, SECOND)
    first_within: ClassVar[int] = 5 * SECOND

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._symbols = symbols_by_id(seat.view.symbols)
        self._channels: dict[str, dict[str, None]] = {}
        self._number = 0
        self._beats = 0
        self._began = seat.now.monotonic

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams whose messages keep the connection alive."""
        return tuple(join.stream for joins in self.joined.values() for join in joins)

    def greet(self, now: Now) -> list[Effect]:
        """Send nothing, and begin to watch for silence."""
        self.limit("silence", now.monotonic + SILENCE)
        return []

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Answer a request for one channel."""
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict) or document.get("type") not in ("subscribe", "unsubscribe"):
            return [_error(FAILED)]
        channel = document.get("channel")
        if not isinstance(channel, str):
            return [_error(FAILED)]
        if channel in PRIVATE:
            return [_error("authentication failure")]
        if channel not in CHANNELS and channel not in GENERAL:
            return [_error(FAILED)]
        products = self._products(document.get("product_ids"))
        if products is None and channel in CHANNELS:
            return [_error(FAILED)]
        act = self._subscribe if document["type"] == "subscribe" else self._unsubscribe
        return [*act(str(channel), products or [], now), self._listing()]

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Send a heartbeat, or close a connection on which nothing has been sent for too long."""
        if timer == "silence":
            if last_sent + SILENCE > now.monotonic:
                self.limit("silence", last_sent + SILENCE)
                return []
            return [Close(codes.POLICY, "nothing was sent for 90 s")]
        if "heartbeats" not in self._channels:
            return []
        self.arm("beat", now.monotonic + SECOND)
        self._beats += 1
        time = self.view.shown_time
        passed = (now.monotonic - self._began) / SECOND
        text = f"{micros(time).replace('T', ' ')}000 +0000 UTC m=+{passed:.9f}"
        event = f'{{"current_time":"{text}","heartbeat_counter":{self._beats}}}'
        return [said(envelope("heartbeats", time, event))]

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return an error in the exchange's form."""
        del now
        return (orjson.dumps({"type": "error", "message": event.message}),)

    def too_fast(self) -> list[Effect]:
        """Refuse a message beyond the rate."""
        return [_error("rate limit exceeded")]

    def stamp(self, payload: bytes) -> bytes:
        """Number a message; errors have no number."""
        place = payload.find(UNNUMBERED, 0, 160)
        if place < 0:
            return payload
        number, self._number = self._number, self._number + 1
        return b'%b"sequence_num":%d,%b' % (payload[:place], number, payload[place + len(UNNUMBERED) :])

    def _products(self, given: object) -> list[str] | None:
        """Return the products of a request by their own ids; all if it names none, None if one is unknown."""
        if given is None or given == []:
            return [product_id(symbol) for symbol in self.view.symbols]
        if isinstance(given, str):
            given = [given]
        if not isinstance(given, list) or any(not isinstance(it, str) or it not in self._symbols for it in given):
            return None
        return list(dict.fromkeys(product_id(self._symbols[it]) for it in given))

    def _subscribe(self, channel: str, products: list[str], now: Now) -> list[Effect]:
        known = self._channels.setdefault(channel, {})
        self.disarm("first")
        if channel == "heartbeats":
            known["heartbeats"] = None
            self.arm("beat", now.monotonic + SECOND)
            return []
        if channel == "status":
            return self._follow_status(known, products)
        stream, part, rows = CHANNELS[channel]
        effects: list[Effect] = []
        for product in products:
            if product not in known:
                known[product] = None
                join = Join(Stream(stream, self._symbols[product], part), snapshot=rows)
                effects += self.join((channel, product), join)
        return effects

    def _follow_status(self, known: dict[str, None], products: list[str]) -> list[Effect]:
        chosen = products or [product_id(symbol) for symbol in self.view.symbols]
        new = [product for product in chosen if product not in known]
        known.update(dict.fromkeys(new))
        each = {product_id(it.symbol): it for it in self.view.instruments}
        rows = [status_row(each[it], self.view.symbol_status(each[it].symbol)) for it in new]
        if not rows:
            return []
        first: Effect = said(envelope("status", self.view.shown_time, status_event(rows)))
        joins = [self.join(("status", it), Join(Stream("status", self._symbols[it]))) for it in new]
        return [first, *(effect for joined in joins for effect in joined)]

    def _unsubscribe(self, channel: str, products: list[str], now: Now) -> list[Effect]:
        del now
        known = self._channels.get(channel, {})
        chosen = list(known) if channel in GENERAL else [it for it in products if it in known]
        effects: list[Effect] = []
        for product in chosen:
            del known[product]
            if (channel, product) in self.joined:
                effects += self.leave((channel, product))
        if not known:
            self._channels.pop(channel, None)
        return effects

    def _listing(self) -> Effect:
        listed: dict[str, Any] = {channel: list(products) for channel, products in self._channels.items()}
        event = orjson.dumps({"subscriptions": listed}).decode()
        return said(envelope("subscriptions", self.view.shown_time, event))


def _error(message: str) -> Effect:
    return said({"type": "error", "message": message})
