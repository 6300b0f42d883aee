"""The dialect: messages of the exchange."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

from feed.data.book import Levels
from feed.data.rows import (
    BookRows,
    CandleRow,
    CandleRows,
    GatheredTrades,
    Rows,
    StatusRows,
    TickerRow,
    TickerRows,
)
from feed.data.ticks import BUY, Instrument, TickBlock
from feed.dialects.base import ConnectionLimit, Kind
from feed.dialects.coinbase.names import SIZE_DECIMALS, product_id, writer
from feed.dialects.coinbase.tickers import is_due
from feed.dialects.coinbase_advanced.rest import REST
from feed.dialects.coinbase_advanced.session import AdvancedSession
from feed.dialects.coinbase_advanced.shape import AdvancedShape
from feed.dialects.coinbase_advanced.texts import envelope, status_event, status_row
from feed.dialects.exchange.dialect import ExchangeDialect, Telling
from feed.dialects.exchange.session import ExchangeSession
from feed.dialects.exchange.texts import FixedWriter, LevelTexts, changes_of, digits, fixed, rounded, split
from feed.dialects.rest import RestSide
from feed.dialects.times import micros, micros_parts
from feed.protocol.shape import MessageShape
from feed.units import SECOND

__all__ = ["AdvancedDialect"]


class AdvancedDialect(ExchangeDialect):
    """Wire format of Coinbase Advanced Trade."""

    name: ClassVar[str] = "coinbase-advanced"
    title: ClassVar[str] = "Coinbase Advanced Trade"
    hosts: ClassVar[tuple[str, ...]] = ("advanced-trade-ws.coinbase.com", "api.coinbase.com")
    has_stamps: ClassVar[bool] = True
    compresses: ClassVar[bool] = False
    connection_limit: ClassVar[ConnectionLimit | None] = ConnectionLimit(8, SECOND)
    rest: ClassVar[RestSide | None] = REST
    session: ClassVar[type[ExchangeSession]] = AdvancedSession
    shape: ClassVar[MessageShape] = AdvancedShape()

    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return one message per row, or one for all rows of a snapshot."""
        kind, skipped = telling.kind, telling.skipped
        match rows:
            case GatheredTrades():
                return _trades(rows, telling.base, "update" if kind == "update" else "snapshot")
            case BookRows():
                return _books(rows)
            case TickerRows():
                batch = telling.stream.channel == "windows"
                return [
                    _ticker(rows.instrument, it, kind, batch) if is_due(it, kind, skipped, batch) else b""
                    for it in rows.tickers
                ]
            case CandleRows():
                return _candles(rows, kind)
            case StatusRows() if rows.instrument is not None and kind == "update":
                each = rows.instrument
                return [envelope("status", it.time, status_event([status_row(each, it.status)])) for it in rows.changes]
        return [b""] * len(rows)


def _trade_texts(each: Instrument, block: TickBlock, first_id: int) -> list[bytes]:
    """Return trades, the oldest first."""
    prices = split(block.price, each.tick_units, each.price_decimals)
    sizes = split(block.size, each.lot_units, each.size_decimals)
    sides = [b"BUY" if side == BUY else b"SELL" for side in block.side.tolist()]
    times = micros_parts(block.time.tolist())
    ids, template = range(first_id, first_id + len(block)), _trade_template(each)
    return [template % row for row in zip(ids, *prices, *sizes, *times, sides, strict=True)]


@lru_cache(maxsize=64)
def _trade_template(each: Instrument) -> bytes:
    size = digits(each.size_decimals, max(SIZE_DECIMALS, each.size_decimals))
    price = digits(each.price_decimals, each.price_decimals)
    product = product_id(each.symbol).replace("%", "%%").encode()
    return (
        b'{"product_id":"' + product + b'","trade_id":"%d","price":"' + price + b'","size":"' + size
        + b'","time":"%b.%06dZ","side":"%b"}'
    )  # fmt: skip


def _trades(rows: GatheredTrades, base: int, kind: str) -> list[bytes]:
    found = []
    for block, first in zip(rows.blocks, rows.firsts, strict=True):
        if not len(block):
            found.append(b"")
            continue
        texts = b",".join(reversed(_trade_texts(rows.instrument, block, base + first))).decode()
        event = f'{{"type":"{kind}","trades":[{texts}]}}'
        found.append(envelope("market_trades", int(block.time[-1]), event))
    return found


@lru_cache(maxsize=64)
def _texts(instrument: Instrument) -> LevelTexts:
    write = FixedWriter(instrument)

    def text(price: int, size: int) -> str:
        return f'"price_level":"{write.price(price)}","new_quantity":"{write.size(size) if size else 0}"}}'

    return LevelTexts(text)


def _books(rows: BookRows) -> list[bytes]:
    each = rows.instrument
    if rows.whole:
        return [
            _book(each, "snapshot", ladder.bids, ladder.asks, time)
            for ladder, time in zip(rows.ladders, rows.times, strict=True)
        ]
    found = []
    for (old, new), time in zip(pairwise(rows.ladders), rows.times, strict=True):
        bids = changes_of(old.bids, new.bids, descending=True)
        asks = changes_of(old.asks, new.asks, descending=False)
        found.append(_book(each, "update", bids, asks, time) if bids or asks else b"")
    return found


def _book(each: Instrument, kind: str, bids: Levels, asks: Levels, time: int) -> bytes:
    texts, at = _texts(each), f'"event_time":"{micros(time)}Z",'
    updates = [
        f'{{"side":"{side}",{at}{texts[level]}'
        for removed in (True, False)
        for side, levels in (("bid", bids), ("offer", asks))
        for level in levels
        if (level[1] == 0) == removed
    ]
    event = f'{{"type":"{kind}","product_id":"{product_id(each.symbol)}","updates":[{",".join(updates)}]}}'
    return envelope("l2_data", time, event)


def _ticker(each: Instrument, it: TickerRow, kind: Kind, batch: bool) -> bytes:
    write = writer(each)
    change = fixed(rounded(10**10 * (it.last - it.open), it.open), 8)
    best = (
        f',"best_bid":"{write.price(it.bid)}","best_ask":"{write.price(it.ask)}",'
        f'"best_bid_quantity":"{write.size(it.bid_size)}","best_ask_quantity":"{write.size(it.ask_size)}"'
    )
    text = (
        f'{{"type":"ticker","product_id":"{product_id(each.symbol)}","price":"{write.price(it.last)}",'
        f'"volume_24_h":"{write.size(it.volume)}","low_24_h":"{write.price(it.low)}",'
        f'"high_24_h":"{write.price(it.high)}","low_52_w":"{write.price(it.low)}","high_52_w":"{write.price(it.high)}",'
        f'"price_percent_chg_24_h":"{change}"{"" if batch else best}}}'
    )
    event = f'{{"type":"{"update" if kind == "update" else "snapshot"}","tickers":[{text}]}}'
    return envelope("ticker_batch" if batch else "ticker", it.time, event)


def candle_text(each: Instrument, it: CandleRow) -> str:
    """Return a candle, without its product."""
    write = writer(each)
    return (
        f'"start":"{it.begin // SECOND}","high":"{write.price(it.high)}","low":"{write.price(it.low)}",'
        f'"open":"{write.price(it.open)}","close":"{write.price(it.close)}","volume":"{write.size(it.volume)}"'
    )


def _candles(rows: CandleRows, kind: Kind) -> list[bytes]:
    each = rows.instrument

    def message(shown: str, candles: list[CandleRow], time: int) -> bytes:
        texts = [f'{{{candle_text(each, it)},"product_id":"{product_id(each.symbol)}"}}' for it in candles]
        return envelope("candles", time, f'{{"type":"{shown}","candles":[{",".join(texts)}]}}')

    if kind == "update":
        found = []
        before: CandleRow | None = None
        for it in rows.candles:
            # A new candle comes with the last state of the one before it.
            ended = [before] if before is not None and before.begin != it.begin and before.trades else []
            found.append(message("update", [it, *ended], it.time) if it.trades else b"")
            before = it
        return found
    known = [it for it in reversed(rows.candles) if it.trades]
    return [message("snapshot", known, rows.candles[-1].time), *[b""] * (len(rows) - 1)]
