"""REST side of the exchange, below `/api/v3/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from feed.data.rows import CandleRow, TickerRow
from feed.data.spans import SPANS
from feed.data.ticks import SELL, Instrument, TickBlock
from feed.dialects.binance.asking import (
    MAX_WEIGHT,
    Answer,
    instrument_of,
    limit_of,
    named_instrument,
    number_of,
    refused,
    time_of,
    weighed,
    zone_of,
)
from feed.dialects.binance.data import change_percent, opening, texts_of, writer
from feed.dialects.binance.streams import INTERVALS, spellings
from feed.dialects.exchange.ids import IDS
from feed.dialects.rest import Endpoints, MarketReader, RestQuestion, RestReply
from feed.units import MILLISECOND

__all__ = ["REST"]

STATUSES = {"halted": "HALT", "auction": "BREAK", "maintenance": "HALT"}

ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]


# Answers.


async def _ping(question: RestQuestion, market: MarketReader) -> object:
    del question, market
    return {}


async def _server_time(question: RestQuestion, market: MarketReader) -> object:
    del question
    return {"serverTime": market.now // MILLISECOND}


async def _exchange_info(question: RestQuestion, market: MarketReader) -> object:
    wanted = [question.get("symbol")] if question.get("symbol") else _listed(question)
    named = [(each, text) for each in market.instruments for text in spellings(each.symbol)]
    # Native spellings come first.
    named.sort(key=lambda pair: spellings(pair[0].symbol).index(pair[1]))
    if wanted:
        named = [named_instrument(str(text), market) for text in wanted]
    return {
        "timezone": "UTC",
        "serverTime": market.now // MILLISECOND,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": MAX_WEIGHT},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
            {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61_000},
        ],
        "exchangeFilters": [],
        "symbols": [_described(each, text, market.status(each.symbol)) for each, text in named],
    }


def _listed(question: RestQuestion) -> list[Any]:
    text = question.get("symbols")
    if text is None:
        return []
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise refused(-1100, "Illegal characters found in parameter 'symbols'.")
    return found


def _described(each: Instrument, text: str, status: str) -> dict[str, Any]:
    write = writer(each)
    base = each.symbol.partition("/")[0]
    quote = text.removeprefix(base)
    return {
        "symbol": text,
        "status": STATUSES.get(status, "TRADING"),
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": write.price(1),
                "maxPrice": "1000000.00000000",
                "tickSize": write.price(1),
            },
            {"filterType": "LOT_SIZE", "minQty": write.size(1), "maxQty": "9000.00000000", "stepSize": write.size(1)},
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


async def _depth(question: RestQuestion, market: MarketReader) -> object:
    each, _ = instrument_of(question, market)
    limit = limit_of(question, 100, 5000)
    rows = market.book(each.symbol)
    texts, ladder = texts_of(each), rows.ladders[-1].cut(limit)
    bids, asks = (",".join([texts[level] for level in side]) for side in ladder)
    number = market.epoch * IDS + rows.numbers[-1]
    return f'{{"lastUpdateId":{number},"bids":[{bids}],"asks":[{asks}]}}'.encode()


async def _trades(question: RestQuestion, market: MarketReader) -> object:
    each, _ = instrument_of(question, market)
    limit, base = limit_of(question, 500, 1000), market.epoch * IDS
    number = number_of(question, "fromId") if question.path.endswith("historicalTrades") else None
    if number is None:
        block, first = await market.trades(each.symbol, None, None, limit)
    else:
        block, first = await market.trades_from(each.symbol, number - base, limit)
    return [_trade(each, block, row, base + first + row) for row in range(len(block))]


def _trade(each: Instrument, block: TickBlock, row: int, number: int) -> dict[str, Any]:
    write, price, size = writer(each), int(block.price[row]), int(block.size[row])
    return {
        "id": number,
        "price": write.price(price),
        "qty": write.size(size),
        "quoteQty": write.notional(price * size),
        "time": int(block.time[row]) // MILLISECOND,
        "isBuyerMaker": int(block.side[row]) == SELL,
        "isBestMatch": True,
    }


async def _aggregates(question: RestQuestion, market: MarketReader) -> object:
    each, _ = instrument_of(question, market)
    limit, base, write = limit_of(question, 500, 1000), market.epoch * IDS, writer(each)
    number, start, end = number_of(question, "fromId"), time_of(question, "startTime"), time_of(question, "endTime")
    if number is not None:
        block, first = await market.trades_from(each.symbol, number - base, limit)
    else:
        until = None if end is None else end + MILLISECOND - 1
        block, first = await market.trades(each.symbol, start, until, limit, forward=start is not None)
    return [
        {
            "a": base + first + row,
            "p": write.price(int(block.price[row])),
            "q": write.size(int(block.size[row])),
            "f": base + first + row,
            "l": base + first + row,
            "T": int(block.time[row]) // MILLISECOND,
            "m": int(block.side[row]) == SELL,
            "M": True,
        }
        for row in range(len(block))
    ]


async def _klines(question: RestQuestion, market: MarketReader) -> object:
    each, _ = instrument_of(question, market)
    interval = question.get("interval")
    if interval is None:
        raise refused(-1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.")
    if interval not in INTERVALS:
        raise refused(-1120, "Invalid interval.")
    span = SPANS[interval].shifted(zone_of(question))
    start, end = time_of(question, "startTime"), time_of(question, "endTime")
    limit = limit_of(question, 500, 1000)
    rows = await market.candles(each.symbol, span, start, end, limit, bought=True)
    write = writer(each)
    return [_kline(it, span.end(it.begin), write) for it in rows]


def _kline(it: CandleRow, end: int, write: Any) -> list[Any]:
    return [
        it.begin // MILLISECOND, write.price(it.open), write.price(it.high), write.price(it.low),
        write.price(it.close), write.size(it.volume), end // MILLISECOND - 1, write.notional(it.notional),
        it.trades, write.size(it.buy_volume), write.notional(it.buy_notional), "0",
    ]  # fmt: skip


async def _average(question: RestQuestion, market: MarketReader) -> object:
    each, _ = instrument_of(question, market)
    it = await market.ticker(each.symbol, "5m")
    if it is None:
        return {"mins": 5, "price": "0.00000000", "closeTime": 0}
    price = writer(each).average(it.notional, it.volume, it.last)
    return {"mins": 5, "price": price, "closeTime": it.last_time // MILLISECOND}


def _of_symbols(
    describe: Callable[[Instrument, str, MarketReader, RestQuestion], Awaitable[dict[str, Any]]],
) -> Answer:
    """Return the answer for one symbol as an object, for several or all as an array."""

    async def answer(question: RestQuestion, market: MarketReader) -> object:
        if question.get("symbol"):
            return await describe(*instrument_of(question, market), market, question)
        listed = _listed(question)
        named = [named_instrument(text, market) for text in listed] if listed else [
            (each, text) for each in market.instruments for text in spellings(each.symbol)
        ]  # fmt: skip
        return [await describe(each, text, market, question) for each, text in named]

    return answer


async def _price(each: Instrument, text: str, market: MarketReader, question: RestQuestion) -> dict[str, Any]:
    del question
    it = await market.ticker(each.symbol, "5m")
    return {"symbol": text, "price": writer(each).price(it.last if it else 0)}


async def _best(each: Instrument, text: str, market: MarketReader, question: RestQuestion) -> dict[str, Any]:
    del question
    write, ladder = writer(each), market.book(each.symbol).ladders[-1]
    bid, ask = (side[0] if side else (0, 0) for side in ladder)
    return {
        "symbol": text, "bidPrice": write.price(bid[0]), "bidQty": write.size(bid[1]),
        "askPrice": write.price(ask[0]), "askQty": write.size(ask[1]),
    }  # fmt: skip


async def _day(each: Instrument, text: str, market: MarketReader, question: RestQuestion) -> dict[str, Any]:
    return _statistics(each, text, await market.ticker(each.symbol), market, question)


WINDOWS = {"1h": "1h", "4h": "4h", "1d": "1d"}


async def _rolling(each: Instrument, text: str, market: MarketReader, question: RestQuestion) -> dict[str, Any]:
    size = question.get("windowSize") or "1d"
    if size not in WINDOWS:
        raise refused(-1100, "Illegal characters found in parameter 'windowSize'.")
    return _statistics(each, text, await market.ticker(each.symbol, size), market, question)


def _statistics(
    each: Instrument, text: str, it: TickerRow | None, market: MarketReader, question: RestQuestion
) -> dict[str, Any]:
    kind = question.get("type") or "FULL"
    if kind not in ("FULL", "MINI"):
        raise refused(-1100, "Illegal characters found in parameter 'type'.")
    write, it = writer(each), it or TickerRow.untraded(market.now)
    base, trades = market.epoch * IDS, it.trades or 0
    change = {
        "priceChange": write.price(it.last - it.open),
        "priceChangePercent": change_percent(it),
        "weightedAvgPrice": write.average(it.notional, it.volume, it.last),
        "prevClosePrice": write.price(it.before),
        "lastQty": write.size(it.last_size),
        "bidPrice": write.price(it.bid),
        "bidQty": write.size(it.bid_size),
        "askPrice": write.price(it.ask),
        "askQty": write.size(it.ask_size),
    }
    return {
        "symbol": text,
        **(change if kind == "FULL" else {}),
        "lastPrice": write.price(it.last),
        "openPrice": write.price(it.open),
        "highPrice": write.price(it.high),
        "lowPrice": write.price(it.low),
        "volume": write.size(it.volume),
        "quoteVolume": write.notional(it.notional),
        "openTime": opening(it) // MILLISECOND,
        "closeTime": it.time // MILLISECOND,
        "firstId": base + it.last_trade - trades + 1 if trades else -1,
        "lastId": base + it.last_trade if trades else -1,
        "count": trades,
    }


def _missing(path: str, method: str) -> RestReply:
    del path, method
    return RestReply.json({"code": -1000, "msg": "Path not found or method not allowed."}, 404)


def _busy() -> RestReply:
    message = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
    return RestReply.json({"code": -1007, "msg": message}, 408)


REST = Endpoints(
    {
        f"/api/v3/{path}": weighed(weight, answer)
        for path, (weight, answer) in {
            "ping": (1, _ping),
            "time": (1, _server_time),
            "exchangeInfo": (20, _exchange_info),
            "depth": (5, _depth),
            "trades": (25, _trades),
            "historicalTrades": (25, _trades),
            "aggTrades": (4, _aggregates),
            "klines": (2, _klines),
            "uiKlines": (2, _klines),
            "avgPrice": (2, _average),
            "ticker/24hr": (2, _of_symbols(_day)),
            "ticker/price": (2, _of_symbols(_price)),
            "ticker/bookTicker": (2, _of_symbols(_best)),
            "ticker": (4, _of_symbols(_rolling)),
        }.items()
    },
    _missing,
    _busy,
)
