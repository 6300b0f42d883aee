"""REST side of the exchange, below `/v2/`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from feed.data.spans import SPANS
from feed.data.ticks import BUY, Instrument
from feed.dialects.bitfinex.books import snapshot_text, window_of
from feed.dialects.bitfinex.figures import candle_text
from feed.dialects.bitfinex.names import INTERVALS, PRECISIONS, BitfinexChannel, Numbers, pair_of, symbol_of
from feed.dialects.exchange.ids import IDS
from feed.dialects.exchange.texts import fixed
from feed.dialects.rest import Endpoints, MarketReader, RestError, RestQuestion, RestReply
from feed.units import MILLISECOND

__all__ = ["REST"]

MAX_ROWS = 10_000

LABELS = {"BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana", "USD": "US Dollar", "EUR": "Euro"}


def refused(message: str, code: int = 10020) -> RestError:
    """Return a refusal in the exchange's words."""
    return RestError(RestReply.json(["error", code, message], 500))


Answer = Callable[[RestQuestion, MarketReader], Awaitable[object]]


def _plain(answer: Answer) -> Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]:
    async def handle(question: RestQuestion, market: MarketReader) -> RestReply:
        document = await answer(question, market)
        return RestReply(document.encode()) if isinstance(document, str) else RestReply.json(document)

    return handle


def _instrument(text: str, market: MarketReader) -> Instrument:
    symbol = symbol_of(text, [each.symbol for each in market.instruments]) if text.startswith("t") else None
    if symbol is None:
        raise refused("symbol: invalid")
    return next(each for each in market.instruments if each.symbol == symbol)


def _number(question: RestQuestion, key: str) -> int | None:
    text = question.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,17}", text):
        raise refused(f"{key}: invalid")
    return int(text)


def _time(question: RestQuestion, key: str) -> int | None:
    value = _number(question, key)
    return None if value is None else value * MILLISECOND


def _limit(question: RestQuestion, usual: int) -> int:
    limit = _number(question, "limit")
    if limit is None:
        return usual
    if not 1 <= limit <= MAX_ROWS:
        raise refused("limit: invalid")
    return limit


async def _status(question: RestQuestion, market: MarketReader) -> object:
    del question
    down = all(market.status(each.symbol) == "maintenance" for each in market.instruments)
    return [0 if down else 1]


async def _conf(question: RestQuestion, market: MarketReader) -> object:
    return [_configured(name, market) for name in question.parts["keys"].split(",")]


def _configured(name: str, market: MarketReader) -> object:
    known = market.instruments
    names = list(dict.fromkeys(part for each in known for part in each.symbol.split("/")))
    match name:
        case "pub:list:pair:exchange":
            return [pair_of(each.symbol) for each in known]
        case "pub:list:currency":
            return names
        case "pub:info:pair":
            return [[pair_of(each.symbol), _limits(each)] for each in known]
        case "pub:map:currency:label":
            return [[part, LABELS.get(part, part)] for part in names]
    return []


def _limits(each: Instrument) -> list[Any]:
    least = fixed(each.lot_units, each.size_decimals)
    return [None, None, None, least, "2000", None, None, None, None, None, None, None]


async def _ticker(question: RestQuestion, market: MarketReader) -> object:
    each = _instrument(question.parts["symbol"], market)
    return f"[{await _figures(each, market)}]"


async def _tickers(question: RestQuestion, market: MarketReader) -> object:
    text = question.get("symbols") or ""
    if text.upper() == "ALL":
        named = [("t" + pair_of(each.symbol), each) for each in market.instruments]
    else:
        symbols = [each.symbol for each in market.instruments]
        # Unknown symbols are passed over.
        known = [(part, symbol_of(part, symbols)) for part in text.split(",")]
        named = [(part, it) for part, symbol in known for it in market.instruments if it.symbol == symbol]
    rows = [f'["{name}",{await _figures(each, market)}]' for name, each in named]
    return f"[{','.join(rows)}]"


async def _figures(each: Instrument, market: MarketReader) -> str:
    it, write = await market.ticker(each.symbol), Numbers(each, 0)
    ladder = market.book(each.symbol).ladders[-1]
    if it is None or not ladder.bids or not ladder.asks:
        raise refused("symbol: invalid")
    (bid, bid_size), (ask, ask_size) = ladder.bids[0], ladder.asks[0]
    change = it.last - it.open
    return (
        f"{write.price(bid)},{write.size(bid_size)},{write.price(ask)},{write.size(ask_size)},{write.price(change)},"
        f"{write.ratio(change, it.open)},{write.price(it.last)},{write.size(it.volume)},{write.price(it.high)},"
        f"{write.price(it.low)}"
    )


async def _trades(question: RestQuestion, market: MarketReader) -> object:
    each = _instrument(question.parts["symbol"], market)
    limit, oldest_first = _limit(question, 120), _number(question, "sort") == 1
    start, end = _time(question, "start"), _time(question, "end")
    until = None if end is None else end + MILLISECOND - 1
    block, first = await market.trades(each.symbol, start, until, limit, forward=oldest_first and start is not None)
    write, base = Numbers(each, 0), market.epoch * IDS
    rows = []
    for row in range(len(block)):
        size = int(block.size[row]) * (1 if int(block.side[row]) == BUY else -1)
        time = int(block.time[row])
        rows.append(
            f"[{base + first + row},{write.time(time)},{write.size(size)},{write.price(int(block.price[row]))}]"
        )
    return f"[{','.join(rows if oldest_first else reversed(rows))}]"


async def _book(question: RestQuestion, market: MarketReader) -> object:
    each, prec = _instrument(question.parts["symbol"], market), question.parts["prec"]
    length = question.get("len") or "25"
    if prec not in PRECISIONS:
        raise refused("precision: invalid")
    if length not in ("1", "25", "100", "250"):
        raise refused("len: invalid")
    channel = BitfinexChannel("book", each.symbol, prec, "F0", length)
    ladder = market.book(each.symbol).ladders[-1]
    return snapshot_text(window_of(ladder, channel, each), channel, Numbers(each, 0))


async def _candles(question: RestQuestion, market: MarketReader) -> object:
    parts, section = question.parts["key"].split(":", 2), question.parts["section"]
    if len(parts) != 3 or parts[0] != "trade" or parts[1] not in INTERVALS:
        raise refused("key: invalid")
    if section not in ("hist", "last"):
        raise refused("section: invalid")
    each, span = _instrument(parts[2], market), SPANS[INTERVALS[parts[1]]]
    write = Numbers(each, 0)
    start, end = _time(question, "start"), _time(question, "end")
    oldest_first, limit = _number(question, "sort") == 1, _limit(question, 100)
    if section == "last":
        rows = list(await market.candles(each.symbol, span, None, None, 1))
        return candle_text(rows[-1], write) if rows else "[]"
    forward = start if oldest_first else None
    rows = list(await market.candles(each.symbol, span, forward, end, limit))
    if start is not None:
        rows = [it for it in rows if it.begin >= start]
    texts = [candle_text(it, write) for it in rows]
    return f"[{','.join(texts if oldest_first else reversed(texts))}]"


def _missing(path: str, method: str) -> RestReply:
    del path, method
    return RestReply.json({"error": "Not Found"}, 404)


def _busy() -> RestReply:
    return RestReply.json(["error", 10000, "temporarily_unavailable"], 500)


REST = Endpoints(
    {
        path: _plain(answer)
        for path, answer in {
            "/v2/platform/status": _status,
            "/v2/conf/{keys}": _conf,
            "/v2/ticker/{symbol}": _ticker,
            "/v2/tickers": _tickers,
            "/v2/trades/{symbol}/hist": _trades,
            "/v2/book/{symbol}/{prec}": _book,
            "/v2/candles/{key}/{section}": _candles,
        }.items()
    },
    _missing,
    _busy,
)
