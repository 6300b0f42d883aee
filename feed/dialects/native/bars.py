"""JSON objects of the native dialect for data derived from ticks: candles and tickers."""

from __future__ import annotations

import orjson

from feed.data.rows import CandleRows, TickerRows
from feed.dialects.decimals import DecimalWriter
from feed.units import MILLISECOND, SECOND

__all__ = ["candle_objects", "ticker_objects"]


def candle_objects(rows: CandleRows, *, quoted: bool) -> list[bytes]:
    """Return one object per candle. `time` is in seconds, so that a charting library takes the object unchanged."""
    write = DecimalWriter(rows.instrument, quoted=quoted)
    symbol = orjson.dumps(rows.instrument.symbol).decode()
    return [
        (
            f'{{"symbol":{symbol},"interval":"{rows.interval}","time":{it.begin // SECOND},'
            f'"open":{write.price(it.open)},"high":{write.price(it.high)},"low":{write.price(it.low)},'
            f'"close":{write.price(it.close)},"volume":{write.size(it.volume)},"trades":{it.trades},'
            f'"vwap":{write.average(it.notional, it.volume, it.close)},'
            f'"closed":{"true" if it.closed else "false"},"timestamp":{it.time // MILLISECOND}}}'
        ).encode()
        for it in rows.candles
    ]


def ticker_objects(rows: TickerRows, *, quoted: bool) -> list[bytes]:
    """Return one object per ticker."""
    write = DecimalWriter(rows.instrument, quoted=quoted)
    symbol = orjson.dumps(rows.instrument.symbol).decode()
    return [
        (
            f'{{"symbol":{symbol},"last":{write.price(it.last)},"bid":{write.price(it.bid)},'
            f'"bid_size":{write.size(it.bid_size)},"ask":{write.price(it.ask)},"ask_size":{write.size(it.ask_size)},'
            f'"open":{write.price(it.open)},"high":{write.price(it.high)},"low":{write.price(it.low)},'
            f'"volume":{write.size(it.volume)},"vwap":{write.average(it.notional, it.volume, it.last)},'
            f'"change":{write.price(it.last - it.open)},'
            f'"change_percent":{write.hundredths(10_000 * (it.last - it.open), it.open)},'
            f'"timestamp":{it.time // MILLISECOND}}}'
        ).encode()
        for it in rows.tickers
    ]
