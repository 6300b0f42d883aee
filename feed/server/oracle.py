"""Answers of the oracle as events and JSON, and the comparison of a client's view with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from feed.data.book import Ladder
from feed.data.rows import Rows
from feed.dialects.base import Options
from feed.dialects.decimals import DecimalWriter
from feed.dialects.registry import NATIVE
from feed.market.chores import exhausted
from feed.market.commands import CommandError
from feed.market.market import Market
from feed.market.oracle import Truth, consult, question_of
from feed.protocol.codes import ErrorCode
from feed.protocol.events import StateTold
from feed.protocol.requests import Expect

__all__ = ["VIEW_KEYS", "answer_of", "difference_of"]

VIEW_KEYS = ("last", "bid", "ask", "bids", "asks", "candle")
"""The keys of a client's view."""


async def answer_of(market: Market, who: object, request: Expect, options: Options = ()) -> StateTold:
    """Return what a correct client shows after a message.

    Args:
        market: the market.
        who: the asker; askers take turns.
        request: the message.
        options: how numbers are written.

    Raises:
        CommandError: there is no such message.
    """
    truth = await _truth(market, who, request)
    question, stream = truth.question, truth.question.stream
    last, bid, ask = _prices(truth, options)
    return StateTold(
        channel=stream.channel,
        symbol=stream.symbol,
        interval=stream.interval,
        depth=stream.depth,
        seq=question.seq,
        epoch=truth.epoch,
        timestamp=truth.time // 1_000_000,
        last=last,
        bid=bid,
        ask=ask,
        trade=_object(truth.trade, options),
        book=_object(truth.book, options),
        candles={interval: _object(rows, options) for interval, rows in truth.candles.items()},
        ticker=_object(truth.ticker, options),
        status=_object(truth.status, options),
        id=request.id,
    )


async def _truth(market: Market, who: object, request: Expect) -> Truth:
    question = question_of(
        market, request.channel, request.symbol, seq=request.seq, interval=request.interval, depth=request.depth
    )
    chore = consult(market, question)
    try:
        if market.catalog.shared.past is None:
            return exhausted(chore)
        return await asyncio.wrap_future(market.chores.start((who, "oracle"), chore))
    except CommandError:
        raise
    except Exception as error:  # Of whatever the source reads.
        raise CommandError(ErrorCode.NOT_POSSIBLE, f"The market's source failed: {error}") from error


def _object(rows: Rows | None, options: Options) -> orjson.Fragment | None:
    return None if rows is None else orjson.Fragment(NATIVE.objects(rows, options)[-1])


def _prices(truth: Truth, options: Options) -> tuple[orjson.Fragment | None, ...]:
    """Return the last price and the best bid and ask, as the stream that was asked for tells them."""
    write = DecimalWriter(truth.book.instrument, quoted=("numbers", "string") in options)
    trade, ladder = truth.trade, truth.book.ladders[0]
    touch = _touch(truth, ladder)
    last = None if trade is None else int(trade.ticks.price[-1])
    return tuple(None if price is None else orjson.Fragment(write.price(price)) for price in (last, *touch))


def _touch(truth: Truth, ladder: Ladder) -> tuple[int | None, int | None]:
    channel = truth.question.stream.channel
    if channel == "trading" and truth.trade is not None:
        return int(truth.trade.ticks.bid[-1]), int(truth.trade.ticks.ask[-1])
    if channel == "ticker" and truth.ticker is not None:
        return truth.ticker.tickers[-1].bid, truth.ticker.tickers[-1].ask
    return ladder.bids[0][0] if ladder.bids else None, ladder.asks[0][0] if ladder.asks else None


def difference_of(state: StateTold, view: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first difference of a client's view from the state: key, and both values; None if there is none.

    The state has its decimals as text, which is exact whatever the number of their digits.

    Numbers are compared as decimals, so that 65000 and "65000.00" are equal. Lists of levels are compared as far as
    the client shows them. Of a candle only the keys that the client gives are compared.

    Raises:
        CommandError: a value of the view cannot be read.
    """
    values = {key: getattr(state, key) for key in ("last", "bid", "ask", "book", "candles")}
    document = orjson.loads(orjson.dumps(values))
    truth = {
        **document,
        "bids": (document["book"] or {}).get("bids", []),
        "asks": (document["book"] or {}).get("asks", []),
        "candle": _candle(state, document["candles"] or {}, view),
    }
    for key in VIEW_KEYS:
        if key in view:
            for place, client, market in _pairs(key, view[key], truth[key]):
                if not _equal(client, market):
                    return {"key": place, "client": client, "market": _shown(market)}
    return None


def _candle(state: StateTold, candles: Mapping[str, Any], view: Mapping[str, Any]) -> Any:
    wanted = view.get("candle")
    if not isinstance(wanted, dict):
        return None
    interval = wanted.get("interval", state.interval or "1m")
    if interval not in candles:
        hint = f"one of {', '.join(candles)}" if candles else "there has been no trade yet"
        raise CommandError(ErrorCode.INVALID_REQUEST, "Which interval?", field="candle", hint=hint)
    return candles[interval]


def _pairs(key: str, client: Any, market: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the values of a key to compare, each with its place."""
    if key == "candle":
        if not isinstance(client, dict):
            raise _unreadable(key, 'an object like {"interval":"1m","close":65000.1}')
        for name, value in client.items():
            yield f"candle.{name}", value, market.get(name)
        return
    if key not in ("bids", "asks"):
        yield key, client, market
        return
    if not isinstance(client, list) or not all(isinstance(level, list) and len(level) == 2 for level in client):
        raise _unreadable(key, "a list like [[65000.1,0.5],[65000.0,1.25]]")
    for row, level in enumerate(client):
        known = market[row] if row < len(market) else [None, None]
        for column in (0, 1):
            yield f"{key}[{row}][{column}]", level[column], known[column]


def _unreadable(key: str, hint: str) -> CommandError:
    return CommandError(ErrorCode.INVALID_REQUEST, f"{key} cannot be read", field=key, hint=hint)


def _equal(client: Any, market: Any) -> bool:
    one, other = _decimal(client), _decimal(market)
    return client == market if one is None or other is None else one == other


def _shown(market: Any) -> Any:
    """Return the market's value as it stands in a frame: a decimal that was compared as text is a number there."""
    return orjson.Fragment(market) if isinstance(market, str) and _decimal(market) is not None else market


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
