"""The dialect: messages of the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

import orjson

from feed.data.book import Level, ladder_checksum
from feed.data.rows import BookRows, CandleRow, CandleRows, Rows, StatusRows, TickerRow, TickerRows, TradeRows
from feed.data.ticks import BUY, Instrument
from feed.dialects.base import ConnectionLimit, Kind
from feed.dialects.decimals import DecimalWriter
from feed.dialects.exchange.dialect import ExchangeDialect, Telling
from feed.dialects.exchange.session import ExchangeSession
from feed.dialects.exchange.texts import LevelTexts, changes_of, digits, split
from feed.dialects.kraken_v2.rest import REST
from feed.dialects.kraken_v2.session import INTERVALS, KrakenSession, pair_row
from feed.dialects.kraken_v2.shape import KrakenShape
from feed.dialects.rest import RestSide
from feed.dialects.times import micros, micros_parts
from feed.protocol.shape import MessageShape
from feed.units import MINUTE

__all__ = ["KrakenDialect"]

MINUTES = {part: minutes for minutes, part in INTERVALS.items()}


class KrakenDialect(ExchangeDialect):
    """Wire format of Kraken v2."""

    name: ClassVar[str] = "kraken"
    title: ClassVar[str] = "Kraken v2"
    usual_path: ClassVar[str] = "/v2"
    hosts: ClassVar[tuple[str, ...]] = ("ws.kraken.com", "api.kraken.com")
    # A client joins the REST paths as absolute ones.
    roots: ClassVar[tuple[str, ...]] = ("/v2", "/0")
    connection_limit: ClassVar[ConnectionLimit | None] = ConnectionLimit(150, 10 * MINUTE)
    rest: ClassVar[RestSide | None] = REST
    session: ClassVar[type[ExchangeSession]] = KrakenSession
    shape: ClassVar[MessageShape] = KrakenShape()

    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return one message per row, or one for all rows of a snapshot. Skipped messages are not reported."""
        kind = telling.kind
        match rows:
            case TradeRows():
                return _gathered("trade", kind, _trades(rows, telling.first_id))
            case BookRows():
                return _gathered("book", "state" if rows.whole else "update", _books(rows))
            case TickerRows():
                return _gathered("ticker", kind, _tickers(rows))
            case CandleRows():
                stamps = [f"{micros(candle.time)}000Z" for candle in rows.candles]
                return _gathered("ohlc", kind, _candles(rows), stamps)
            case StatusRows() if rows.instrument is not None and kind == "update":
                return [_pair(rows.instrument, change.status) for change in rows.changes]
        return [b""] * len(rows)


def _pair(instrument: Instrument, status: str) -> bytes:
    data = f'{{"assets":[],"pairs":[{pair_row(instrument, status)}]}}'
    return f'{{"channel":"instrument","type":"update","data":{data}}}'.encode()


def _gathered(channel: str, kind: Kind, rows: list[str], stamps: Sequence[str] | None = None) -> list[bytes]:
    """Return messages with these rows; an empty row sends nothing, and rows of a snapshot share one message."""

    def message(shown: str, data: str, stamp: str) -> bytes:
        time = f'"timestamp":"{stamp}",' if stamp else ""
        return f'{{"channel":"{channel}","type":"{shown}",{time}"data":[{data}]}}'.encode()

    known = stamps or [""] * len(rows)
    if kind == "update":
        return [message("update", row, stamp) if row else b"" for row, stamp in zip(rows, known, strict=True)]
    data = ",".join(filter(None, rows))
    return [message("snapshot", data, known[-1]) if data else b"", *[b""] * (len(rows) - 1)]


def _trades(rows: TradeRows, first_id: int) -> list[str]:
    ticks, each = rows.ticks, rows.instrument
    sides = [b"buy" if side == BUY else b"sell" for side in ticks.side.tolist()]
    prices = split(ticks.price, each.tick_units, each.price_decimals)
    sizes = split(ticks.size, each.lot_units, each.size_decimals)
    ids, times = range(first_id, first_id + len(rows)), micros_parts(ticks.time.tolist())
    template = _trade_template(each)
    return [(template % row).decode() for row in zip(sides, *prices, *sizes, ids, *times, strict=True)]


@lru_cache(maxsize=64)
def _trade_template(each: Instrument) -> bytes:
    symbol = _quoted(each.symbol).replace("%", "%%").encode()
    price, size = digits(each.price_decimals, each.price_decimals), digits(each.size_decimals, each.size_decimals)
    return (
        b'{"symbol":' + symbol + b',"side":"%b","price":' + price + b',"qty":' + size
        + b',"ord_type":"market","trade_id":%d,"timestamp":"%b.%06dZ"}'
    )  # fmt: skip


def _books(rows: BookRows) -> list[str]:
    if rows.whole:
        return [
            _book(rows.instrument, it.bids, it.asks, ladder_checksum(it, *_units(rows.instrument)), time)
            for it, time in zip(rows.ladders, rows.times, strict=True)
        ]
    books = []
    for (old, new), time in zip(pairwise(rows.ladders), rows.times, strict=True):
        bids = changes_of(old.bids, new.bids, descending=True)
        asks = changes_of(old.asks, new.asks, descending=False)
        checksum = ladder_checksum(new, *_units(rows.instrument))
        # A change below the depth alone is no change of this stream.
        books.append(_book(rows.instrument, bids, asks, checksum, time) if bids or asks else "")
    return books


@lru_cache(maxsize=64)
def _texts(instrument: Instrument) -> LevelTexts:
    write = DecimalWriter(instrument)
    return LevelTexts(lambda price, size: f'{{"price":{write.price(price)},"qty":{write.size(size)}}}')


def _book(instrument: Instrument, bids: Iterable[Level], asks: Iterable[Level], checksum: int, time: int) -> str:
    texts = _texts(instrument)
    return (
        f'{{"symbol":{_quoted(instrument.symbol)},"bids":[{",".join([texts[level] for level in bids])}],'
        f'"asks":[{",".join([texts[level] for level in asks])}],'
        f'"checksum":{checksum},"timestamp":"{micros(time)}Z"}}'
    )


def _units(instrument: Instrument) -> tuple[int, int]:
    return instrument.tick_units, instrument.lot_units


def _tickers(rows: TickerRows) -> list[str]:
    write, symbol = DecimalWriter(rows.instrument), _quoted(rows.instrument.symbol)

    def ticker(it: TickerRow) -> str:
        # The number of trades behind a recorded ticker is unknown.
        trades = "" if it.trades is None else f'"trades":{it.trades},'
        return (
            f'{{"symbol":{symbol},"bid":{write.price(it.bid)},"bid_qty":{write.size(it.bid_size)},'
            f'"ask":{write.price(it.ask)},"ask_qty":{write.size(it.ask_size)},"last":{write.price(it.last)},'
            f'"volume":{write.size(it.volume)},"vwap":{write.average(it.notional, it.volume, it.last)},'
            f'"low":{write.price(it.low)},"high":{write.price(it.high)},"change":{write.price(it.last - it.open)},'
            f'"change_pct":{write.hundredths(10_000 * (it.last - it.open), it.open)},'
            f'{trades}"timestamp":"{micros(it.time)}Z"}}'
        )

    return [ticker(it) if it.last and it.fresh else "" for it in rows.tickers]


def _candles(rows: CandleRows) -> list[str]:
    write, symbol = DecimalWriter(rows.instrument), _quoted(rows.instrument.symbol)
    minutes = MINUTES.get(rows.interval, 1)

    def candle(it: CandleRow) -> str:
        return (
            f'{{"symbol":{symbol},"open":{write.price(it.open)},"high":{write.price(it.high)},'
            f'"low":{write.price(it.low)},"close":{write.price(it.close)},"trades":{it.trades},'
            f'"volume":{write.size(it.volume)},"vwap":{write.average(it.notional, it.volume, it.close)},'
            f'"interval_begin":"{micros(it.begin)}000Z","interval":{minutes},'
            f'"timestamp":"{micros(it.begin + minutes * MINUTE)}Z"}}'
        )

    return [candle(it) if it.trades else "" for it in rows.candles]


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
