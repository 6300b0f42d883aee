"""REST side of the exchange."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from feed.data.spans import SPANS
from feed.data.ticks import BUY, Instrument, TickBlock
from feed.dialects.coinbase.names import currencies, currency_row, order_ids, product_id, product_row, writer
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.texts import fixed
from feed.dialects.rest import Endpoints, MarketReader, RestError, RestQuestion, RestReply
from feed.dialects.times import micros
from feed.errors import UsageError
from feed.units import MILLISECOND, SECOND, parse_time

__all__ = ["REST"]

GRANULARITIES = {"60": "1m", "300": "5m", "900": "15m", "3600": "1h", "21600": "6h", "86400": "1d"}

MAX_CANDLES = 300

MAX_TRADES = 1000


def refused(message: str, status: int = 400) -> RestError:
    """Return a refusal in the exchange's words."""
    return RestError(RestReply.json({"message": message}, status))


Answer = Callable[[RestQuestion, MarketReader], Awaitable[object]]


def _plain(answer: Answer) -> Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]:
    async def handle(question: RestQuestion, market: MarketReader) -> RestReply:
        document = await answer(question, market)
        return document if isinstance(document, RestReply) else RestReply.json(document)

    return handle


def _product(question: RestQuestion, market: MarketReader) -> Instrument:
    for each in market.instruments:
        if product_id(each.symbol) == question.parts["id"]:
            return each
    raise refused("NotFound", 404)


def _time(question: RestQuestion, key: str) -> int | None:
    """Return a time in ns: ISO 8601, or seconds since 1970."""
    text = question.get(key)
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,10}(\.[0-9]+)?", text):
        return int(float(text)) * SECOND
    try:
        return parse_time(text.replace(" ", "+"))
    except UsageError:
        raise refused(f"Invalid {key}") from None


def _number(question: RestQuestion, key: str) -> int | None:
    text = question.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise refused(f"Invalid {key}")
    return int(text)


async def _products(question: RestQuestion, market: MarketReader) -> object:
    del question
    return [product_row(each, market.status(each.symbol)) for each in market.instruments]


async def _one_product(question: RestQuestion, market: MarketReader) -> object:
    each = _product(question, market)
    return product_row(each, market.status(each.symbol))


async def _candles(question: RestQuestion, market: MarketReader) -> object:
    each = _product(question, market)
    granularity = question.get("granularity") or "60"
    if granularity not in GRANULARITIES:
        raise refused("Unsupported granularity")
    span = SPANS[GRANULARITIES[granularity]]
    start, end = _time(question, "start"), _time(question, "end")
    if start is not None:
        until = market.now if end is None else end
        if (until - start) // span.length > MAX_CANDLES:
            message = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
            raise refused(message)
    rows = await market.candles(each.symbol, span, start, end, MAX_CANDLES + 1 if start is not None else MAX_CANDLES)
    write = writer(each)
    return [
        [
            it.begin // SECOND,
            *(orjson.Fragment(write.price(price)) for price in (it.low, it.high, it.open, it.close)),
            orjson.Fragment(write.size(it.volume)),
        ]
        for it in reversed(rows)
    ]


async def _book(question: RestQuestion, market: MarketReader) -> object:
    each, write = _product(question, market), writer(_product(question, market))
    level = question.get("level") or "1"
    if level not in ("1", "2", "3"):
        raise refused("Invalid level")
    rows = market.book(each.symbol)
    ladder = rows.ladders[-1].cut(1) if level == "1" else rows.ladders[-1]

    def side(name: str) -> list[list[Any]]:
        found: list[list[Any]] = []
        for price, size in getattr(ladder, name):
            # One made-up order a level.
            last: object = order_ids(price)[name == "asks"].decode() if level == "3" else 1
            found.append([write.price(price), write.size(size), last])
        return found

    _, first = await market.trades(each.symbol, None, None, 1)
    return {
        "bids": side("bids"),
        "asks": side("asks"),
        "sequence": market.epoch * IDS + first,
        "auction_mode": market.status(each.symbol) == "auction",
        "auction": None,
        "time": f"{micros(market.now)}Z",
    }


async def _trades(question: RestQuestion, market: MarketReader) -> object:
    each = _product(question, market)
    limit, base = min(_number(question, "limit") or MAX_TRADES, MAX_TRADES), market.epoch * IDS
    before, after = _number(question, "before"), _number(question, "after")
    if after is not None:
        # Cursors count towards the past: `after` asks for older trades.
        block, first = await market.trades_from(each.symbol, after - base - limit, limit)
        newest = max(after - base - first, 0)
        block = block[:newest]
    elif before is not None:
        block, first = await market.trades_from(each.symbol, before - base + 1, limit)
    else:
        block, first = await market.trades(each.symbol, None, None, limit)
    rows = [_trade(each, block, row, base + first + row) for row in reversed(range(len(block)))]
    headers = {"CB-BEFORE": str(base + first + len(block) - 1), "CB-AFTER": str(base + first)} if rows else {}
    return RestReply.json(rows, 200, {**headers, "Access-Control-Expose-Headers": "CB-BEFORE, CB-AFTER"})


def _trade(each: Instrument, block: TickBlock, row: int, number: int) -> dict[str, Any]:
    write = writer(each)
    return {
        "time": f"{micros(int(block.time[row]))}Z",
        "trade_id": number,
        "price": write.price(int(block.price[row])),
        "size": write.size(int(block.size[row])),
        # The maker's side.
        "side": "sell" if int(block.side[row]) == BUY else "buy",
    }


async def _ticker(question: RestQuestion, market: MarketReader) -> object:
    each, write = _product(question, market), writer(_product(question, market))
    it = await market.ticker(each.symbol)
    ladder = market.book(each.symbol).ladders[-1]
    if it is None or not ladder.bids or not ladder.asks:
        raise refused("NotFound", 404)
    return {
        "ask": write.price(ladder.asks[0][0]),
        "bid": write.price(ladder.bids[0][0]),
        "volume": write.size(it.volume),
        "trade_id": market.epoch * IDS + it.last_trade,
        "price": write.price(it.last),
        "size": write.size(it.last_size),
        "time": f"{micros(it.last_time)}Z",
        "rfq_volume": "0.00000000",
        "conversions_volume": "0.00",
    }


async def _stats(question: RestQuestion, market: MarketReader) -> object:
    each, write = _product(question, market), writer(_product(question, market))
    it = await market.ticker(each.symbol)
    if it is None:
        raise refused("NotFound", 404)
    return {
        "open": write.price(it.open),
        "high": write.price(it.high),
        "low": write.price(it.low),
        "last": write.price(it.last),
        "volume": write.size(it.volume),
        "volume_30day": write.size(it.volume),
    }


async def _currencies(question: RestQuestion, market: MarketReader) -> object:
    del question
    return [currency_row(name, decimals) for name, decimals in currencies(market.instruments).items()]


async def _currency(question: RestQuestion, market: MarketReader) -> object:
    known, name = currencies(market.instruments), question.parts["id"]
    if name not in known:
        raise refused("NotFound", 404)
    return currency_row(name, known[name])


async def _now(question: RestQuestion, market: MarketReader) -> object:
    del question
    milliseconds = market.now // MILLISECOND
    return {"iso": micros(market.now)[:23] + "Z", "epoch": orjson.Fragment(fixed(milliseconds, 3))}


def _missing(path: str, method: str) -> RestReply:
    del path, method
    return RestReply.json({"message": "NotFound"}, 404)


def _busy() -> RestReply:
    return RestReply.json({"message": "Internal server error"}, 500)


REST = Endpoints(
    {
        path: _plain(answer)
        for path, answer in {
            "/products": _products,
            "/products/{id}": _one_product,
            "/products/{id}/candles": _candles,
            "/products/{id}/book": _book,
            "/products/{id}/trades": _trades,
            "/products/{id}/ticker": _ticker,
            "/products/{id}/stats": _stats,
            "/currencies": _currencies,
            "/currencies/{id}": _currency,
            "/time": _now,
        }.items()
    },
    _missing,
    _busy,
)
