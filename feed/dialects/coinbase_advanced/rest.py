"""REST side of the exchange, below `/api/v3/brokerage/` and `/v2/`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from feed.data.book import Levels
from feed.data.spans import SPANS
from feed.data.ticks import BUY, Instrument, TickBlock
from feed.dialects.coinbase.names import CURRENCY_NAMES, MONEY, currencies, product_id, writer
from feed.dialects.coinbase_advanced.session import symbols_by_id
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.texts import FixedWriter, fixed, rounded
from feed.dialects.rest import Endpoints, MarketReader, RestError, RestQuestion, RestReply
from feed.dialects.times import micros
from feed.units import MILLISECOND, SECOND

__all__ = ["REST"]

GRANULARITIES = {
    "ONE_MINUTE": "1m", "FIVE_MINUTE": "5m", "FIFTEEN_MINUTE": "15m", "THIRTY_MINUTE": "30m", "ONE_HOUR": "1h",
    "TWO_HOUR": "2h", "FOUR_HOUR": "4h", "SIX_HOUR": "6h", "ONE_DAY": "1d",
}  # fmt: skip

MAX_CANDLES = 350

MAX_TRADES = 1000


def refused(status: int, error: str, message: str) -> RestError:
    """Return a refusal in the exchange's words."""
    return RestError(RestReply.json({"error": error, "error_details": message, "message": message}, status))


Answer = Callable[[RestQuestion, MarketReader], Awaitable[object]]


def _plain(answer: Answer) -> Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]:
    async def handle(question: RestQuestion, market: MarketReader) -> RestReply:
        return RestReply.json(await answer(question, market))

    return handle


def _named(text: str, market: MarketReader) -> Instrument:
    symbol = symbols_by_id(tuple(each.symbol for each in market.instruments)).get(text)
    if symbol is None:
        raise refused(404, "NOT_FOUND", f"valid product_id is required: {text[:40]}")
    return next(each for each in market.instruments if each.symbol == symbol)


def _number(question: RestQuestion, key: str) -> int | None:
    text = question.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,17}", text):
        raise refused(400, "INVALID_ARGUMENT", f"{key} is invalid")
    return int(text)


async def _products(question: RestQuestion, market: MarketReader) -> object:
    kind = question.get("product_type")
    if kind not in (None, "SPOT", "UNKNOWN_PRODUCT_TYPE"):
        return {"products": [], "num_products": 0}
    wanted = question.get("product_ids")
    chosen = [_named(wanted, market)] if wanted else market.instruments
    rows = [await _product_row(each, market) for each in chosen]
    return {"products": rows, "num_products": len(rows)}


async def _one_product(question: RestQuestion, market: MarketReader) -> object:
    return await _product_row(_named(question.parts["id"], market), market)


async def _product_row(each: Instrument, market: MarketReader) -> dict[str, Any]:
    it, write, status = await market.ticker(each.symbol), writer(each), market.status(each.symbol)
    base, _, quote = each.symbol.partition("/")
    tick, lot = fixed(each.tick_units, each.price_decimals), fixed(each.lot_units, each.size_decimals)
    change = fixed(rounded(10**10 * (it.last - it.open), it.open), 8) if it else "0"
    return {
        "product_id": product_id(each.symbol),
        "price": write.price(it.last) if it else "",
        "price_percentage_change_24h": change,
        "volume_24h": write.size(it.volume) if it else "0",
        "volume_percentage_change_24h": "0",
        "base_increment": lot,
        "quote_increment": tick,
        "quote_min_size": "1",
        "quote_max_size": "150000000",
        "base_min_size": lot,
        "base_max_size": "3400",
        "base_name": CURRENCY_NAMES.get(base, base),
        "quote_name": CURRENCY_NAMES.get(quote, quote),
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": status in ("halted", "maintenance"),
        "limit_only": False,
        "post_only": False,
        "trading_disabled": status == "maintenance",
        "auction_mode": status == "auction",
        "product_type": "SPOT",
        "quote_currency_id": quote,
        "base_currency_id": base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [f"{product_id(each.symbol)}C"] if quote == "USD" else [],
        "base_display_symbol": base,
        "quote_display_symbol": quote,
        "view_only": False,
        "price_increment": tick,
        "display_name": product_id(each.symbol),
        "product_venue": "CBE",
        "approximate_quote_24h_volume": write.notional(it.notional, 2) if it else "0",
    }


async def _candles(question: RestQuestion, market: MarketReader) -> object:
    each, granularity = _named(question.parts["id"], market), question.get("granularity") or ""
    if granularity not in GRANULARITIES:
        raise refused(400, "INVALID_ARGUMENT", "granularity is invalid")
    span = SPANS[GRANULARITIES[granularity]]
    start, end = _number(question, "start"), _number(question, "end")
    limit = min(_number(question, "limit") or MAX_CANDLES, MAX_CANDLES)
    if start is not None and end is not None and (end - start) * SECOND // span.length > MAX_CANDLES:
        raise refused(400, "INVALID_ARGUMENT", "number of candles requested should be less than 350")
    begin, until = (None if it is None else it * SECOND for it in (start, end))
    rows = await market.candles(each.symbol, span, begin, until, limit)
    write = writer(each)
    return {
        "candles": [
            {
                "start": str(it.begin // SECOND),
                "low": write.price(it.low),
                "high": write.price(it.high),
                "open": write.price(it.open),
                "close": write.price(it.close),
                "volume": write.size(it.volume),
            }
            for it in reversed(rows)
        ]
    }


async def _book(question: RestQuestion, market: MarketReader) -> object:
    each = _named(question.get("product_id") or "", market)
    limit = _number(question, "limit") or 0
    ladder = market.book(each.symbol).ladders[-1]
    ladder = ladder.cut(limit) if limit else ladder
    return {**_pricebook(each, ladder.bids, ladder.asks, market), **_middle(each, ladder.bids, ladder.asks)}


def _pricebook(each: Instrument, bids: Levels, asks: Levels, market: MarketReader) -> dict[str, Any]:
    write = FixedWriter(each)

    def side(levels: Levels) -> list[dict[str, str]]:
        return [{"price": write.price(price), "size": write.size(size)} for price, size in levels]

    named = product_id(each.symbol)
    return {
        "pricebook": {
            "product_id": named, "bids": side(bids), "asks": side(asks), "time": f"{micros(market.now)}Z",
        }
    }  # fmt: skip


def _middle(each: Instrument, bids: Levels, asks: Levels) -> dict[str, str]:
    if not bids or not asks:
        return {"last": "", "mid_market": "", "spread_bps": "", "spread_absolute": ""}
    bid, ask = bids[0][0] * each.tick_units, asks[0][0] * each.tick_units
    places = each.price_decimals
    return {
        "last": fixed(bid, places),
        "mid_market": fixed((bid + ask) * 5, places + 1),
        "spread_bps": fixed(rounded(2 * 10**6 * (ask - bid), ask + bid), 2),
        "spread_absolute": fixed(ask - bid, places),
    }


async def _best(question: RestQuestion, market: MarketReader) -> object:
    wanted = question.get("product_ids")
    chosen = [_named(wanted, market)] if wanted else market.instruments
    books = []
    for each in chosen:
        ladder = market.book(each.symbol).ladders[-1].cut(1)
        books.append(_pricebook(each, ladder.bids, ladder.asks, market)["pricebook"])
    return {"pricebooks": books}


async def _trades(question: RestQuestion, market: MarketReader) -> object:
    each = _named(question.parts["id"], market)
    limit = min(_number(question, "limit") or 100, MAX_TRADES)
    start, end = _number(question, "start"), _number(question, "end")
    begin, until = (None if it is None else it * SECOND for it in (start, end))
    block, first = await market.trades(each.symbol, begin, until, limit)
    ladder, write = market.book(each.symbol).ladders[-1], FixedWriter(each)
    base = market.epoch * IDS
    return {
        "trades": [_trade(each, block, row, base + first + row) for row in reversed(range(len(block)))],
        "best_bid": write.price(ladder.bids[0][0]) if ladder.bids else "",
        "best_ask": write.price(ladder.asks[0][0]) if ladder.asks else "",
    }


def _trade(each: Instrument, block: TickBlock, row: int, number: int) -> dict[str, Any]:
    write = writer(each)
    return {
        "trade_id": str(number),
        "product_id": product_id(each.symbol),
        "price": write.price(int(block.price[row])),
        "size": write.size(int(block.size[row])),
        "time": f"{micros(int(block.time[row]))}Z",
        "side": "BUY" if int(block.side[row]) == BUY else "SELL",
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


async def _now(question: RestQuestion, market: MarketReader) -> object:
    del question
    return {
        "iso": micros(market.now)[:19] + "Z",
        "epochSeconds": str(market.now // SECOND),
        "epochMillis": str(market.now // MILLISECOND),
    }


async def _old_time(question: RestQuestion, market: MarketReader) -> object:
    del question
    return {"data": {"iso": micros(market.now)[:19] + "Z", "epoch": market.now // SECOND}}


async def _currencies(question: RestQuestion, market: MarketReader) -> object:
    del question
    rows = [
        {"id": name, "name": CURRENCY_NAMES.get(name, name), "min_size": fixed(1, decimals)}
        for name, decimals in currencies(market.instruments).items()
        if name in MONEY
    ]
    return {"data": rows}


async def _crypto(question: RestQuestion, market: MarketReader) -> object:
    del question
    rows = [
        {
            "asset_id": f"feed-{name.lower()}",
            "code": name,
            "name": CURRENCY_NAMES.get(name, name),
            "color": "#F7931A",
            "sort_index": place,
            "exponent": decimals,
            "type": "crypto",
            "address_regex": "",
        }
        for place, (name, decimals) in enumerate(currencies(market.instruments).items())
        if name not in MONEY
    ]
    return {"data": rows}


async def _rates(question: RestQuestion, market: MarketReader) -> object:
    currency, rates = question.get("currency") or "USD", {}
    for each in market.instruments:
        base, _, quote = each.symbol.partition("/")
        it = await market.ticker(each.symbol, "5m")
        if it is None:
            continue
        if currency == quote:
            scaled = it.last * each.tick_units
            rates[base] = fixed(rounded(10 ** (16 + each.price_decimals), scaled), 16)
        elif currency == base:
            rates[quote] = FixedWriter(each).price(it.last)
    return {"data": {"currency": currency, "rates": {currency: "1.0", **rates}}}


def _missing(path: str, method: str) -> RestReply:
    del path, method
    document = {"error": "NOT_FOUND", "error_details": "Not Found", "message": "Not Found"}
    return RestReply(orjson.dumps(document), 404)


def _busy() -> RestReply:
    document = {"error": "UNAVAILABLE", "error_details": "try again", "message": "try again"}
    return RestReply(orjson.dumps(document), 503)


_BROKERAGE: dict[str, Answer] = {
    "products": _products,
    "products/{id}": _one_product,
    "products/{id}/candles": _candles,
    "products/{id}/ticker": _trades,
    "product_book": _book,
    "best_bid_ask": _best,
}

REST = Endpoints(
    {
        path: _plain(answer)
        for path, answer in {
            **{f"/api/v3/brokerage/market/{path}": answer for path, answer in _BROKERAGE.items()},
            **{f"/api/v3/brokerage/{path}": answer for path, answer in _BROKERAGE.items()},
            "/api/v3/brokerage/time": _now,
            "/v2/time": _old_time,
            "/v2/currencies": _currencies,
            "/v2/currencies/crypto": _crypto,
            "/v2/exchange-rates": _rates,
        }.items()
    },
    _missing,
    _busy,
)
