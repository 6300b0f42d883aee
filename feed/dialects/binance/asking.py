"""Keys of REST requests, their weights, and refusals in the exchange's words."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import orjson

from feed.data.ticks import Instrument
from feed.dialects.binance.streams import spellings
from feed.dialects.rest import MarketReader, RestError, RestQuestion, RestReply
from feed.units import HOUR, MILLISECOND, MINUTE, SECOND

__all__ = [
    "MAX_WEIGHT", "Answer", "instrument_of", "limit_of", "named_instrument", "number_of", "refused", "time_of",
    "weighed", "zone_of",
]  # fmt: skip

MAX_WEIGHT = 6000
"""The weight of requests that an address may have in a minute."""

MAX_ADDRESSES = 10_000

_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::(\d{2}))?")

_SYMBOL = re.compile(r"[A-Z0-9_.-]{1,20}")


def refused(code: int, message: str, status: int = 400, headers: Mapping[str, str] | None = None) -> RestError:
    """Return a refusal in the exchange's words."""
    return RestError(RestReply.json({"code": code, "msg": message}, status, headers))


class _Weights:
    """Weights of the requests of each address in this minute of wall time."""

    def __init__(self) -> None:
        self._minute = 0
        self._used: dict[str, int] = {}

    def take(self, address: str, weight: int, wall: int) -> int:
        """Add a request, and return the weight used so far."""
        if wall // MINUTE != self._minute or len(self._used) > MAX_ADDRESSES:
            self._minute = wall // MINUTE
            self._used.clear()
        used = self._used[address] = self._used.get(address, 0) + weight
        return used


WEIGHTS = _Weights()

Answer = Callable[[RestQuestion, MarketReader], Awaitable[object]]


def weighed(weight: int, answer: Answer) -> Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]:
    """Return a handler that counts a request's weight, and writes the document of its answer."""

    async def handle(question: RestQuestion, market: MarketReader) -> RestReply:
        used = WEIGHTS.take(question.address, weight, market.wall)
        headers = {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1m": str(used)}
        if used > MAX_WEIGHT and not question.is_lenient:
            seconds = 60 - market.wall // SECOND % 60
            message = f"Too much request weight used; current limit is {MAX_WEIGHT} request weight per 1 MINUTE."
            raise refused(-1003, message, 429, {**headers, "Retry-After": str(seconds)})
        document = await answer(question, market)
        return RestReply(document if isinstance(document, bytes) else orjson.dumps(document), 200, headers)

    return handle


# Keys of the query.


def instrument_of(question: RestQuestion, market: MarketReader) -> tuple[Instrument, str]:
    """Return the instrument that a request names, and the spelling of its symbol."""
    text = question.get("symbol")
    if text is None:
        raise refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    return named_instrument(text, market)


def named_instrument(text: str, market: MarketReader) -> tuple[Instrument, str]:
    """Return the instrument of a symbol, and the symbol."""
    if not _SYMBOL.fullmatch(text):
        message = "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
        raise refused(-1100, message)
    for each in market.instruments:
        if text in spellings(each.symbol):
            return each, text
    raise refused(-1121, "Invalid symbol.")


def number_of(question: RestQuestion, key: str, otherwise: int | None = None) -> int | None:
    """Return a whole number of the query."""
    text = question.get(key)
    if text is None:
        return otherwise
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise refused(-1100, f"Illegal characters found in parameter '{key}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def limit_of(question: RestQuestion, usual: int, most: int) -> int:
    """Return the number of rows asked for."""
    limit = number_of(question, "limit", usual)
    assert limit is not None
    if limit < 1:
        raise refused(-1102, "Mandatory parameter 'limit' was not sent, was empty/null, or malformed.")
    return min(limit, most)


def time_of(question: RestQuestion, key: str) -> int | None:
    """Return a time of the query, in ns."""
    value = number_of(question, key)
    if value is None:
        return None
    # Microseconds are taken too.
    return value * MILLISECOND if value < 10**14 else value * 1000


def zone_of(question: RestQuestion) -> int:
    """Return the offset of a time zone in the query, in ns."""
    text = question.get("timeZone")
    if text is None:
        return 0
    found = _ZONE.fullmatch(text.strip().replace(" ", "+"))
    if found is None or not -12 <= int(found[1] + found[2]) <= 14:
        raise refused(-1100, "Illegal characters found in parameter 'timeZone'.")
    offset = int(found[2]) * HOUR + int(found[3] or 0) * MINUTE
    return -offset if found[1] == "-" else offset
