"""Requests of the exchange's clients and their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import orjson

from feed.clock import Now
from feed.dialects.coinbase.names import currencies, currency_row, product_id, product_row
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.session import ExchangeSession, said
from feed.dialects.times import micros
from feed.protocol.effects import Effect, Join, Stream
from feed.protocol.events import ErrorEvent
from feed.protocol.seat import Seat
from feed.units import SECOND

__all__ = ["CHANNELS", "CoinbaseSession"]

CHANNELS = {
    "matches": ("trading", "", 1),
    "ticker": ("trade_ticker", "", 1),
    "ticker_batch": ("windows", "1d", 1),
    "level2": ("book", "100", 1),
    "level2_batch": ("gathered_book", "50ms", 1),
    "heartbeat": None,
    "status": ("status", "", 0),
}
"""Channels with the market's stream, its part, and the number of messages that come first."""

ALIASES = {"level2_50": "level2_batch", "ticker_1000": "ticker_batch"}

SIGNED = ("level2",)
"""Channels that need a signature, which may be any."""

PRIVATE = ("full", "level3", "user", "balance", "rfq_matches", "auctionfeed")

SIGNATURE = ("signature", "key", "passphrase", "timestamp")

NEEDS_SIGNATURE = "level2, level3, and full channels now require authentication."

MAX_NAMED = 100

MAX_SUBSCRIPTIONS = 10
"""How often a connection may subscribe to a product of a channel."""


class CoinbaseSession(ExchangeSession):
    """Session with one client."""

    rate: ClassVar[tuple[int, int] | None] = (100, SECOND)
    first_within: ClassVar[int] = 5 * SECOND

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._symbols = {product_id(symbol): symbol for symbol in seat.view.symbols}
        # For each channel, as it was asked for, its products in order.
        self._channels: dict[str, dict[str, None]] = {}
        self._asked: Counter[tuple[str, str]] = Counter()

    def message(self, payload: bytes, now: Now) -> list[Effect]:
        """Answer a request; products of it that are valid are subscribed whatever else is wrong."""
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return [_error("Malformed JSON")]
        if not isinstance(document, dict):
            return [_error("Malformed JSON")]
        kind = document.get("type")
        if kind not in ("subscribe", "unsubscribe"):
            return [_refused("Type has to be either subscribe or unsubscribe")]
        channels = document.get("channels")
        if not isinstance(channels, list) or not channels:
            if kind == "unsubscribe" and isinstance(document.get("product_ids"), list):
                channels = list(self._channels)
            else:
                return [_refused("No channels provided")]
        return self._change(document, kind, channels[:MAX_NAMED], now)

    def fire(self, timer: str, now: Now, last_sent: int) -> list[Effect]:
        """Send a heartbeat for each product that has one."""
        del timer, last_sent
        products = self._channels.get("heartbeat")
        if not products:
            return []
        self.arm("beat", now.monotonic + SECOND)
        return [said(self._beat(product)) for product in products]

    def refusal(self, event: ErrorEvent, now: Now) -> Sequence[bytes]:
        """Return an error in the exchange's form."""
        del now
        return (orjson.dumps({"type": "error", "message": event.message, "reason": event.hint or ""}),)

    def too_fast(self) -> list[Effect]:
        """Refuse a message beyond the rate."""
        return [_error("Rate limit exceeded")]

    def _change(self, document: dict[str, Any], kind: str, channels: Sequence[object], now: Now) -> list[Effect]:
        problems: list[Effect] = []
        effects: list[Effect] = []
        usual = document.get("product_ids")
        for each in channels:
            name, products = (
                (each.get("name"), each.get("product_ids", usual)) if isinstance(each, dict) else (each, usual)
            )
            reason = self._channel_problem(name, document, kind)
            if reason:
                problems.append(_refused(reason))
                continue
            chosen, unknown = self._products(str(name), products, kind)
            problems += [_refused(f"{product} is not a valid product") for product in unknown]
            for product in chosen:
                if kind == "subscribe" and self._is_too_often(str(name), product):
                    problems.append(_refused(f"{product} exceeds {MAX_SUBSCRIPTIONS} subscriptions of {name}"))
                    continue
                act = self._subscribe if kind == "subscribe" else self._unsubscribe
                effects += act(str(name), product, now)
        # The answer comes before the data.
        return [*problems, self._listing(), *effects]

    def _channel_problem(self, name: object, document: dict[str, Any], kind: str) -> str:
        if not isinstance(name, str) or ALIASES.get(name, name) not in (*CHANNELS, *PRIVATE):
            return f"{str(name)[:64]} is not a valid channel"
        signed = all(key in document for key in SIGNATURE)
        if name in SIGNED and not signed and kind == "subscribe":
            return NEEDS_SIGNATURE
        if name in PRIVATE:
            return NEEDS_SIGNATURE if name in ("full", "level3") and not signed else f"{name} is not a valid channel"
        return ""

    def _products(self, name: str, products: object, kind: str) -> tuple[list[str], list[str]]:
        """Return the valid and the unknown products of a request."""
        if name == "status":
            return list(self._symbols)[:1], []
        if not isinstance(products, list) or not products:
            return (list(self._channels.get(name, {})) if kind == "unsubscribe" else []), []
        named = list(dict.fromkeys(str(product)[:64] for product in products[:MAX_NAMED]))
        return [it for it in named if it in self._symbols], [it for it in named if it not in self._symbols]

    def _subscribe(self, name: str, product: str, now: Now) -> list[Effect]:
        known = self._channels.setdefault(name, {})
        if product in known:
            return []
        known[product] = None
        channel = CHANNELS[ALIASES.get(name, name)]
        if channel is None:
            self.disarm("first")
            self.arm("beat", now.monotonic + SECOND)
            return [said(self._beat(product))]
        stream, part, first = channel
        view = (("as", ALIASES.get(name, name)), *((("named", name),) if name in ALIASES else ()))
        if name == "status":
            joins = [Join(Stream(stream, symbol), view=view) for symbol in self.view.symbols]
            return [said(self._status()), *self.join((name, product), *joins)]
        return self.join((name, product), Join(Stream(stream, self._symbols[product], part), snapshot=first, view=view))

    def _is_too_often(self, name: str, product: str) -> bool:
        """Count a subscription."""
        self._asked[name, product] += 1
        return self._asked[name, product] > MAX_SUBSCRIPTIONS and not self.seat.is_lenient

    def _unsubscribe(self, name: str, product: str, now: Now) -> list[Effect]:
        del now
        self._asked.pop((name, product), None)
        known = self._channels.get(name, {})
        if product not in known:
            return []
        del known[product]
        if not known:
            del self._channels[name]
        return self.leave((name, product)) if (name, product) in self.joined else []

    def _listing(self) -> Effect:
        """Return the list of all that is subscribed."""
        channels = [
            {"name": name, "product_ids": [] if name == "status" else list(products), "account_ids": None}
            for name, products in self._listed()
        ]
        return said({"type": "subscriptions", "channels": channels})

    def _listed(self) -> Iterable[tuple[str, dict[str, None]]]:
        return self._channels.items()

    def _beat(self, product: str) -> bytes:
        last = self.view.epoch_number * IDS + self.view.seq(Stream("trading", self._symbols[product]))
        return orjson.dumps(
            {
                "type": "heartbeat",
                "last_trade_id": last,
                "product_id": product,
                "sequence": last,
                "time": f"{micros(self.view.shown_time)}Z",
            }
        )

    def _status(self) -> bytes:
        known = self.view.instruments
        products = [product_row(each, self.view.symbol_status(each.symbol)) for each in known]
        rows = [currency_row(name, decimals) for name, decimals in currencies(known).items()]
        return orjson.dumps({"type": "status", "products": products, "currencies": rows})


def _error(message: str) -> Effect:
    return said({"type": "error", "message": message})


def _refused(reason: str) -> Effect:
    return said({"type": "error", "message": "Failed to subscribe", "reason": reason})
