"""REST side of the exchange, below `/0/public/`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

import orjson

from feed.data.spans import SPANS
from feed.data.ticks import BUY, Instrument
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.texts import FixedWriter, fixed
from feed.dialects.kraken_v2.session import INTERVALS, STATUSES
from feed.dialects.rest import Endpoints, MarketReader, RestError, RestQuestion, RestReply
from feed.dialects.times import micros
from feed.units import MICROSECOND, SECOND

__all__ = ["REST"]

LEGACY = {"BTC": "XBT"}
"""Names of assets that the exchange spells in its own way."""

CRYPTO, MONEY = "X", "Z"

CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CAD", "AUD", "CHF")

FEES = [[0, 0.4], [10_000, 0.35], [50_000, 0.24], [100_000, 0.22]]
MAKER_FEES = [[0, 0.25], [10_000, 0.2], [50_000, 0.14], [100_000, 0.12]]

MAX_ROWS = 720


def refused(message: str) -> RestError:
    """Return a refusal; the status is 200 all the same."""
    return RestError(RestReply.json({"error": [message]}))


Answer = Callable[[RestQuestion, MarketReader], Awaitable[object]]


def _wrapped(answer: Answer) -> Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]:
    async def handle(question: RestQuestion, market: MarketReader) -> RestReply:
        return RestReply.json({"error": [], "result": await answer(question, market)})

    return handle


# Names.


def asset(name: str) -> tuple[str, str]:
    """Return an asset's key and its alternative name: `XXBT` and `XBT`, `ZUSD` and `USD`."""
    short = LEGACY.get(name, name)
    if name in CURRENCIES:
        return MONEY + short, short
    return (CRYPTO + short if len(short) == 3 else short), short


def pair_names(symbol: str) -> tuple[str, str]:
    """Return a pair's key and its alternative name: `XXBTZUSD` and `XBTUSD`."""
    base, _, quote = symbol.partition("/")
    (base_key, base_name), (quote_key, quote_name) = asset(base), asset(quote)
    return base_key + quote_key, base_name + quote_name


def _spellings(symbol: str) -> set[str]:
    base, _, quote = symbol.partition("/")
    short = "/".join((LEGACY.get(base, base), LEGACY.get(quote, quote)))
    return {*pair_names(symbol), symbol, short, base + quote}


def _pairs(question: RestQuestion, market: MarketReader, *, all_of_them: bool) -> dict[str, Instrument]:
    """Return the pairs that a request names, by the key of its answer."""
    text = question.get("pair")
    if text is None:
        if not all_of_them:
            raise refused("EGeneral:Invalid arguments")
        return {pair_names(each.symbol)[0]: each for each in market.instruments}
    found = {}
    for name in text.split(","):
        each = next((it for it in market.instruments if name.strip().upper() in _spellings(it.symbol)), None)
        if each is None:
            raise refused("EQuery:Unknown asset pair")
        # A pair that was asked for with a slash is answered with one.
        found[name.strip() if "/" in name else pair_names(each.symbol)[0]] = each
    return found


def _pair(question: RestQuestion, market: MarketReader) -> tuple[str, Instrument]:
    found = _pairs(question, market, all_of_them=False)
    if len(found) > 1:
        raise refused("EQuery:Unknown asset pair")
    return next(iter(found.items()))


def _number(question: RestQuestion, key: str, otherwise: int) -> int:
    text = question.get(key)
    if text is None:
        return otherwise
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise refused("EGeneral:Invalid arguments")
    return int(text)


# Answers.


async def _time(question: RestQuestion, market: MarketReader) -> object:
    del question
    seconds = market.now // SECOND
    return {"unixtime": seconds, "rfc1123": formatdate(seconds, usegmt=True).replace("GMT", "+0000")}


async def _system_status(question: RestQuestion, market: MarketReader) -> object:
    del question
    down = all(market.status(each.symbol) == "maintenance" for each in market.instruments)
    return {"status": "maintenance" if down else "online", "timestamp": micros(market.now)[:19] + "Z"}


async def _assets(question: RestQuestion, market: MarketReader) -> object:
    names = [name for each in market.instruments for name in each.symbol.split("/")]
    known = {asset(name)[0]: name for name in names}
    if (text := question.get("asset")) is not None:
        wanted = {}
        for part in text.upper().split(","):
            key = next((key for key, name in known.items() if part in (key, name, asset(name)[1])), None)
            if key is None:
                raise refused("EQuery:Unknown asset")
            wanted[key] = known[key]
        known = wanted
    return {
        key: {
            "aclass": "currency",
            "altname": asset(name)[1],
            "decimals": 4 if name in CURRENCIES else 10,
            "display_decimals": 2 if name in CURRENCIES else 5,
            "status": "enabled",
        }
        for key, name in known.items()
    }


async def _asset_pairs(question: RestQuestion, market: MarketReader) -> object:
    found = _pairs(question, market, all_of_them=True)
    return {key: _described(each, market.status(each.symbol)) for key, each in found.items()}


def _described(each: Instrument, status: str) -> dict[str, Any]:
    base, _, quote = each.symbol.partition("/")
    return {
        "altname": pair_names(each.symbol)[1],
        "wsname": "/".join((LEGACY.get(base, base), LEGACY.get(quote, quote))),
        "aclass_base": "currency",
        "base": asset(base)[0],
        "aclass_quote": "currency",
        "quote": asset(quote)[0],
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": each.price_decimals,
        "lot_decimals": each.size_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": FEES,
        "fees_maker": MAKER_FEES,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": fixed(each.lot_units, each.size_decimals),
        "costmin": "0.5",
        "tick_size": fixed(each.tick_units, each.price_decimals),
        "status": STATUSES.get(status, "online"),
    }


async def _ticker(question: RestQuestion, market: MarketReader) -> object:
    found = _pairs(question, market, all_of_them=True)
    return {key: await _ticker_of(each, market) for key, each in found.items()}


async def _ticker_of(each: Instrument, market: MarketReader) -> dict[str, Any]:
    it, write = await market.ticker(each.symbol), FixedWriter(each)
    ladder = market.book(each.symbol).ladders[-1]
    if it is None or not ladder.bids or not ladder.asks:
        raise refused("EService:Unavailable")
    (bid, bid_size), (ask, ask_size) = ladder.bids[0], ladder.asks[0]
    price, volume = write.price, write.size(it.volume)
    average = write.average(it.notional, it.volume, it.last)
    return {
        "a": [price(ask), str(max(ask_size * each.lot_units // 10**each.size_decimals, 1)), write.size(ask_size)],
        "b": [price(bid), str(max(bid_size * each.lot_units // 10**each.size_decimals, 1)), write.size(bid_size)],
        "c": [price(it.last), write.size(it.last_size)],
        "v": [volume, volume],
        "p": [average, average],
        "t": [it.trades, it.trades],
        "l": [price(it.low), price(it.low)],
        "h": [price(it.high), price(it.high)],
        "o": price(it.open),
    }


async def _candles(question: RestQuestion, market: MarketReader) -> object:
    key, each = _pair(question, market)
    minutes, since = _number(question, "interval", 1), _number(question, "since", 0)
    if minutes not in INTERVALS:
        raise refused("EGeneral:Invalid arguments")
    span, write = SPANS[INTERVALS[minutes]], FixedWriter(each)
    rows = await market.candles(each.symbol, span, None, None, MAX_ROWS)
    shown = [it for it in rows if it.begin // SECOND > since] if since else rows
    # The last committed candle: the one before the open one.
    last = rows[-2].begin if len(rows) > 1 else rows[-1].begin if rows else 0
    return {
        key: [
            [
                it.begin // SECOND, write.price(it.open), write.price(it.high), write.price(it.low),
                write.price(it.close), write.average(it.notional, it.volume, it.close), write.size(it.volume),
                it.trades,
            ]
            for it in shown
        ],
        "last": last // SECOND,
    }  # fmt: skip


async def _depth(question: RestQuestion, market: MarketReader) -> object:
    key, each = _pair(question, market)
    count = _number(question, "count", 100)
    if not 1 <= count <= 500:
        raise refused("EGeneral:Invalid arguments")
    rows, write = market.book(each.symbol), FixedWriter(each)
    ladder, seconds = rows.ladders[-1].cut(count), market.now // SECOND
    sides = {"asks": ladder.asks, "bids": ladder.bids}
    shown = {
        name: [[write.price(price), write.size(size), seconds] for price, size in levels]
        for name, levels in sides.items()
    }
    return {key: shown}


async def _trades(question: RestQuestion, market: MarketReader) -> object:
    key, each = _pair(question, market)
    count, text = _number(question, "count", 1000), question.get("since")
    if not 1 <= count <= 1000:
        raise refused("EGeneral:Invalid arguments")
    write, start = FixedWriter(each), None
    if text is not None:
        if not re.fullmatch(r"[0-9]{1,19}(\.[0-9]{1,9})?", text):
            raise refused("EGeneral:Invalid arguments")
        # Seconds, or the nanoseconds of the answer before.
        whole, _, part = text.partition(".")
        start = int(whole) + 1 if len(whole) > 12 else int(whole) * SECOND + int(part[:9].ljust(9, "0") or 0)
    block, first = await market.trades(each.symbol, start, None, count, forward=start is not None)
    base = market.epoch * IDS
    rows = []
    for row in range(len(block)):
        time = int(block.time[row]) // MICROSECOND
        rows.append(
            [
                write.price(int(block.price[row])), write.size(int(block.size[row])),
                orjson.Fragment(fixed(time, 6)), "b" if int(block.side[row]) == BUY else "s", "m", "",
                base + first + row,
            ]
        )  # fmt: skip
    last = str(int(block.time[-1])) if len(block) else str(start or market.now)
    return {key: rows, "last": last}


def _missing(path: str, method: str) -> RestReply:
    del path, method
    return RestReply.json({"error": ["EGeneral:Unknown method"]})


def _busy() -> RestReply:
    return RestReply.json({"error": ["EService:Busy"]})


REST = Endpoints(
    {
        f"/0/public/{name}": _wrapped(answer)
        for name, answer in {
            "Time": _time,
            "SystemStatus": _system_status,
            "Assets": _assets,
            "AssetPairs": _asset_pairs,
            "Ticker": _ticker,
            "OHLC": _candles,
            "Depth": _depth,
            "Trades": _trades,
        }.items()
    },
    _missing,
    _busy,
)
