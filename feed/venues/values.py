"""Reading of venues' values: JSON whose numbers keep their digits, times in five formats, symbols without a slash.

Reading raises ValueError, KeyError, IndexError or TypeError; `guarded` turns these into a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from feed.units import MICROSECOND, MILLISECOND, SECOND
from feed.venues.events import Event, Levels, Note

__all__ = [
    "BASES", "QUOTES", "decimal_text", "exact", "guarded", "iso_time", "levels", "number_time", "pair", "seconds_time",
    "whole",
]  # fmt: skip

QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "BUSD",
    "TUSD",
    "PYUSD",
    "USD",
    "EUR",
    "GBP",
    "TRY",
    "BRL",
    "JPY",
    "BTC",
    "ETH",
    "BNB",
)
"""Quote currencies, which follow the slash; if two match, the longer one is meant, so it comes first."""

BASES = (
    "AAVE", "ADA", "APT", "ARB", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DOGE", "DOT", "ENA", "EOS", "ETC", "ETH", "FIL",
    "HYPE", "LINK", "LTC", "MATIC", "NEAR", "OP", "PEPE", "SHIB", "SOL", "SUI", "TON", "TRX", "UNI", "WIF", "XBT",
    "XLM", "XMR", "XRP", "XTZ", "ZEC",
)  # fmt: skip
"""Currencies that are a base wherever they stand in a name; others need capital letters or a mark between."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NO_MESSAGE = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, InvalidOperation, OverflowError, RecursionError,
)  # fmt: skip

_PLAIN = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?\n)*")
"""Pattern of plain decimals, one a line."""

_decoder = json.JSONDecoder(parse_float=str)


def exact(message: str | bytes) -> Any:
    """Return the content of a message whose JSON numbers keep their digits, as text. Slower than `orjson.loads`."""
    return _decoder.decode(message if isinstance(message, str) else message.decode())


def guarded(
    read: Callable[[Any], Iterable[Event]],
    message: str | bytes,
    decode: Callable[[str | bytes], Any] = orjson.loads,
) -> list[Event]:
    """Return the events of a message; one note if it is malformed.

    Args:
        read: reads the decoded message.
        message: the text.
        decode: decodes it: `orjson.loads` where all prices and sizes are JSON texts, else `exact`.
    """
    try:
        return list(read(decode(message)))
    except _NO_MESSAGE as error:
        message = message if isinstance(message, str) else message.decode(errors="replace")
        shown = message if len(message) <= 80 else f"{message[:77]}…"
        what = f"has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        return [Note("malformed", "", f"{shown!r}: {what}")]


def decimal_text(value: Any) -> str:
    """Return a number as plain decimal text, with the digits as they were written.

    Raises:
        ValueError: it is not a number, is negative or not finite.
    """
    # Almost every number comes so.
    if type(value) is str and value.isascii() and value.replace(".", "", 1).isdigit():
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a number")
    text = str(value)
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return text
    try:
        # Decimal accepts the digits of every script, JSON only ASCII digits.
        number = Decimal(text if text.isascii() else "")
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"{value!r} is no price and no size")
    return f"{number:f}"


def levels(rows: Any) -> Levels:
    """Return the levels of a book from lists that begin with a price and a size."""
    texts = [text for row in rows for text in row[:2]]
    try:
        lines = "\n".join(texts)
    except TypeError:
        return _checked(rows)
    # One search in C for all numbers at once; a line feed inside of a text would be one too many.
    if len(texts) == 2 * len(rows) and _PLAIN.fullmatch(f"{lines}\n") and lines.count("\n") < max(len(texts), 1):
        return tuple(zip(texts[::2], texts[1::2], strict=True))
    return _checked(rows)


def _checked(rows: Any) -> Levels:
    return tuple((decimal_text(row[0]), decimal_text(row[1])) for row in rows)


def whole(value: Any) -> int:
    """Return a whole number of at most 64 bits, also from text."""
    if type(value) is int and -(2**63) < value < 2**63:
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not a whole number")
    number = int(value)
    if abs(number) >= 2**63:
        raise ValueError(f"{value!r} has more than 64 bits")
    return number


def number_time(value: Any) -> int:
    """Return ns of a time in s, ms, us or ns since 1970: between 2001 and 2286 the number of digits gives the unit."""
    number = whole(value)
    for digits, unit in ((10, SECOND), (13, MILLISECOND), (16, MICROSECOND), (19, 1)):
        if len(str(number)) == digits:
            return number * unit
    raise ValueError(f"{value!r} is not a time since 1970 in s, ms, us or ns")


def seconds_time(value: Any) -> int:
    """Return the exact nanoseconds of a time in seconds with decimals."""
    head, _, tail = str(value).partition(".")
    return whole(head) * SECOND + (int(tail[:9].ljust(9, "0")) if tail else 0)


def iso_time(value: Any) -> int:
    """Return the nanoseconds of an ISO 8601 time, exact to nine decimals."""
    head, dot, tail = str(value).partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    zone = tail[len(digits) :] if dot else ""
    moment = datetime.fromisoformat(head + zone)
    delta = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + int(digits[:9].ljust(9, "0") or 0)


def pair(symbol: str) -> str:
    """Return `BTCUSDT`, `btcusdt` and `BTC-USDT` as `BTC/USDT`; unchanged if it ends with no well-known currency."""
    upper = symbol.upper()
    for mark in ("/", "-", "_"):
        if mark in upper:
            return upper.replace(mark, "/", 1)
    heads = {quote: upper.removesuffix(quote) for quote in QUOTES}
    # USDTUSD is USDT/USD and not USD/TUSD, which nobody trades.
    fitting = [quote for quote, head in heads.items() if 1 < len(head) < len(upper) and head != "USD"]
    # XBTUSD is XBT/USD and not XB/TUSD.
    best = next((quote for quote in fitting if heads[quote] in BASES), fitting[0] if fitting else None)
    return symbol if best is None else f"{heads[best]}/{best}"
