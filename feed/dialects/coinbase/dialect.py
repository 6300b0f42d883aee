"""The dialect: messages of the exchange."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

import orjson

from feed.data.book import Ladder, Levels
from feed.data.rows import BookRows, Rows, StatusRows, TickerRow, TickerRows, TradeRows
from feed.data.ticks import BUY, Instrument
from feed.dialects.base import ConnectionLimit
from feed.dialects.coinbase.names import (
    SIZE_DECIMALS,
    currencies,
    currency_row,
    order_ids,
    product_id,
    product_row,
    writer,
)
from feed.dialects.coinbase.rest import REST
from feed.dialects.coinbase.session import CoinbaseSession
from feed.dialects.coinbase.shape import CoinbaseShape
from feed.dialects.coinbase.tickers import is_due
from feed.dialects.exchange.dialect import ExchangeDialect, Telling
from feed.dialects.exchange.session import ExchangeSession
from feed.dialects.exchange.texts import LevelTexts, changes_of, digits, split
from feed.dialects.rest import RestSide
from feed.dialects.times import micros, micros_parts
from feed.protocol.shape import MessageShape
from feed.units import SECOND

__all__ = ["CoinbaseDialect"]


class CoinbaseDialect(ExchangeDialect):
    """Wire format of Coinbase Exchange."""

    name: ClassVar[str] = "coinbase"
    title: ClassVar[str] = "Coinbase Exchange"
    hosts: ClassVar[tuple[str, ...]] = ("ws-feed.exchange.coinbase.com", "api.exchange.coinbase.com")
    connection_limit: ClassVar[ConnectionLimit | None] = ConnectionLimit(8, SECOND)
    rest: ClassVar[RestSide | None] = REST
    session: ClassVar[type[ExchangeSession]] = CoinbaseSession
    shape: ClassVar[MessageShape] = CoinbaseShape()

    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return one message per row."""
        kind, skipped = telling.kind, telling.skipped
        match rows:
            case TradeRows():
                return _matches(rows, telling.first_id, "last_match" if kind == "snapshot" else "match")
            case BookRows():
                return _books(rows)
            case TickerRows():
                batch = telling.stream.channel == "windows"
                return [
                    _ticker(rows.instrument, it, telling.base) if is_due(it, kind, skipped, batch) else b""
                    for it in rows.tickers
                ]
            case StatusRows() if rows.instrument is not None and kind == "update":
                return [_status(rows.instrument, change.status) for change in rows.changes]
        return [b""] * len(rows)


def _matches(rows: TradeRows, first_id: int, kind: str) -> list[bytes]:
    ticks, each = rows.ticks, rows.instrument
    template, ids = _match_template(each, kind), range(first_id, first_id + len(rows))
    makers, takers = zip(*[order_ids(number) for number in ids], strict=True)
    # The side is the maker's.
    sides = [b"sell" if side == BUY else b"buy" for side in ticks.side.tolist()]
    sizes = split(ticks.size, each.lot_units, each.size_decimals)
    prices = split(ticks.price, each.tick_units, each.price_decimals)
    times = micros_parts(ticks.time.tolist())
    return [template % row for row in zip(ids, makers, takers, sides, *sizes, *prices, ids, *times, strict=True)]


@lru_cache(maxsize=64)
def _match_template(each: Instrument, kind: str) -> bytes:
    size = digits(each.size_decimals, max(SIZE_DECIMALS, each.size_decimals))
    price = digits(each.price_decimals, each.price_decimals)
    product = product_id(each.symbol).replace("%", "%%").encode()
    return (
        b'{"type":"' + kind.encode() + b'","trade_id":%d,"maker_order_id":"%b","taker_order_id":"%b","side":"%b",'
        b'"size":"' + size + b'","price":"' + price + b'","product_id":"' + product
        + b'","sequence":%d,"time":"%b.%06dZ"}'
    )  # fmt: skip


def _ticker(instrument: Instrument, it: TickerRow, base: int) -> bytes:
    write, number = writer(instrument), base + it.last_trade
    return (
        f'{{"type":"ticker","sequence":{number},"product_id":"{product_id(instrument.symbol)}",'
        f'"price":"{write.price(it.last)}","open_24h":"{write.price(it.open)}","volume_24h":"{write.size(it.volume)}",'
        f'"low_24h":"{write.price(it.low)}","high_24h":"{write.price(it.high)}",'
        f'"volume_30d":"{write.size(it.volume)}","best_bid":"{write.price(it.bid)}",'
        f'"best_bid_size":"{write.size(it.bid_size)}","best_ask":"{write.price(it.ask)}",'
        f'"best_ask_size":"{write.size(it.ask_size)}","side":"{"buy" if it.last_side == BUY else "sell"}",'
        f'"time":"{micros(it.last_time)}Z","trade_id":{number},"last_size":"{write.size(it.last_size)}"}}'
    ).encode()


@lru_cache(maxsize=64)
def _texts(instrument: Instrument) -> LevelTexts:
    write = writer(instrument)
    return LevelTexts(lambda price, size: f'"{write.price(price)}","{write.size(size)}"]')


def _books(rows: BookRows) -> list[bytes]:
    if rows.whole:
        return [_snapshot(rows.instrument, it, time) for it, time in zip(rows.ladders, rows.times, strict=True)]
    return [
        _update(
            rows.instrument,
            changes_of(old.bids, new.bids, descending=True),
            changes_of(old.asks, new.asks, descending=False),
            time,
        )
        for (old, new), time in zip(pairwise(rows.ladders), rows.times, strict=True)
    ]


def _snapshot(instrument: Instrument, ladder: Ladder, time: int) -> bytes:
    texts = _texts(instrument)
    bids, asks = (",".join(["[" + texts[level] for level in side]) for side in ladder)
    product = product_id(instrument.symbol)
    head = f'{{"type":"snapshot","product_id":"{product}","asks":[{asks}],"bids":[{bids}],'
    return f'{head}"time":"{micros(time)}Z"}}'.encode()


def _update(instrument: Instrument, bids: Levels, asks: Levels, time: int) -> bytes:
    if not bids and not asks:
        return b""
    texts = _texts(instrument)
    # Removals of both sides first, so that no reader's book is crossed in between.
    changes = [
        head + texts[level]
        for removed in (True, False)
        for head, side in (('["buy",', bids), ('["sell",', asks))
        for level in side
        if (level[1] == 0) == removed
    ]
    product = product_id(instrument.symbol)
    return (
        f'{{"type":"l2update","product_id":"{product}","changes":[{",".join(changes)}],"time":"{micros(time)}Z"}}'
    ).encode()


def _status(instrument: Instrument, status: str) -> bytes:
    rows = [currency_row(name, decimals) for name, decimals in currencies([instrument]).items()]
    return orjson.dumps({"type": "status", "products": [product_row(instrument, status)], "currencies": rows})
