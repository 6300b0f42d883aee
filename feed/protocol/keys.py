"""Stream keys as text: `trading:BTC/USD`, `candles:BTC/USD:1m`, `book:BTC/USD:25`, and `*` as a wildcard."""

from __future__ import annotations

from collections.abc import Sequence

from feed.errors import UsageError
from feed.hints import nearest
from feed.protocol.effects import PART_KEYS
from feed.protocol.requests import Subscribe
from feed.protocol.view import MarketView

__all__ = ["StreamKeyError", "subscription_of"]

ALL = "*"


class StreamKeyError(UsageError):
    """Error for a text that names no stream of the market; `hint` has the nearest key that does."""

    def __init__(self, hint: str) -> None:
        super().__init__("That names no stream of this market")
        self.hint = hint


def subscription_of(text: str, view: MarketView) -> Subscribe:
    """Return the request that subscribes to a stream key; `*` stands for a channel, a symbol, a part, or alone for all.

    Raises:
        StreamKeyError: there is no such stream.
    """
    channel, symbol, part = _split(text, view)
    right = _right_one(channel, symbol, part, view)
    if right != (channel, symbol, part):
        key = ":".join(filter(None, right))
        raise StreamKeyError(f'did you mean "{key}"?')
    return Subscribe(channel=(channel,), symbol=(symbol,), parts={PART_KEYS[channel]: (part,)} if part else {})


def _split(text: str, view: MarketView) -> tuple[str, str, str]:
    if text == ALL:
        return ALL, ALL, ""
    channel, _, rest = text.partition(":")
    if rest in view.symbols or ":" not in rest:
        return channel, rest, ""
    symbol, _, part = rest.rpartition(":")
    return channel, symbol, part


def _right_one(channel: str, symbol: str, part: str, view: MarketView) -> tuple[str, str, str]:
    """Return the nearest existing names: the given ones if they all exist."""
    right_channel = _nearest("channel", channel, view.channels)
    # A channel alone is most likely meant for the first symbol.
    right_symbol = _nearest("symbol", symbol or view.symbols[0], view.symbols)
    parts = ("",) if right_channel == ALL else view.parts(right_channel)
    if not part or parts == ("",):
        return right_channel, right_symbol, ""
    if part.isascii() and part.isdigit() and PART_KEYS[right_channel] == "depth":
        number = int(part[:18])
        return right_channel, right_symbol, min(parts, key=lambda known: abs(int(known) - number))
    return right_channel, right_symbol, _nearest(PART_KEYS[right_channel], part, parts)


def _nearest(what: str, name: str, known: Sequence[str]) -> str:
    if name == ALL or name in known:
        return name
    near = nearest(name, known)
    if near is None:
        more = f" and {len(known) - 8} more" if len(known) > 8 else ""
        raise StreamKeyError(f"the {what} is one of {', '.join(known[:8])}{more}, or *")
    return near
