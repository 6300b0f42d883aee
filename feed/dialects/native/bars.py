"""`data` frames of the native dialect for what is derived from ticks: candles and tickers, one a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from feed.data.ticks import Instrument
from feed.dialects.native.replies import Variant
from feed.units import MILLISECOND, SECOND

__all__ = ["Candle", "DecimalWriter", "Ticker", "encode_candles", "encode_tickers"]


@dataclass(frozen=True, slots=True)
class Candle:
    """A candle as it stands at `time` (ns): prices in ticks, volume in lots, notional in ticks times lots."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    notional: int
    closed: bool
    time: int


@dataclass(frozen=True, slots=True)
class Ticker:
    """The figures of 24 hours as they stand at `time` (ns), in the same units."""

    last: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int
    open: int
    high: int
    low: int
    volume: int
    notional: int
    time: int

    @classmethod
    def nothing(cls, time: int) -> Ticker:
        """Nothing was traded."""
        return cls(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, time)


def encode_candles(
    candles: Sequence[Candle],
    instrument: Instrument,
    interval: str,
    *,
    first_seq: int,
    shift: int,
    variant: Variant,
    kind: str,
) -> list[bytes]:
    """One payload a candle. `time` is in seconds, so that a charting library takes the object as it is."""
    write = DecimalWriter(instrument, variant)
    symbol = orjson.dumps(instrument.symbol).decode()
    return [
        (
            f'{{"event":"data","channel":"candles","symbol":{symbol},"type":"{kind}","seq":{seq},"data":{{'
            f'"symbol":{symbol},"interval":"{interval}","time":{(candle.begin + shift) // SECOND},'
            f'"open":{write.price(candle.open)},"high":{write.price(candle.high)},"low":{write.price(candle.low)},'
            f'"close":{write.price(candle.close)},"volume":{write.size(candle.volume)},"trades":{candle.trades},'
            f'"vwap":{write.average(candle.notional, candle.volume, candle.close)},'
            f'"closed":{"true" if candle.closed else "false"},"timestamp":{(candle.time + shift) // MILLISECOND}}}}}'
        ).encode()
        for seq, candle in enumerate(candles, first_seq)
    ]


def encode_tickers(
    tickers: Sequence[Ticker], instrument: Instrument, *, first_seq: int, shift: int, variant: Variant, kind: str
) -> list[bytes]:
    """One payload a ticker."""
    write = DecimalWriter(instrument, variant)
    symbol = orjson.dumps(instrument.symbol).decode()
    return [
        (
            f'{{"event":"data","channel":"ticker","symbol":{symbol},"type":"{kind}","seq":{seq},"data":{{'
            f'"symbol":{symbol},"last":{write.price(it.last)},"bid":{write.price(it.bid)},'
            f'"bid_size":{write.size(it.bid_size)},"ask":{write.price(it.ask)},"ask_size":{write.size(it.ask_size)},'
            f'"open":{write.price(it.open)},"high":{write.price(it.high)},"low":{write.price(it.low)},'
            f'"volume":{write.size(it.volume)},"vwap":{write.average(it.notional, it.volume, it.last)},'
            f'"change":{write.price(it.last - it.open)},'
            f'"change_percent":{write.hundredths(10_000 * (it.last - it.open), it.open)},'
            f'"timestamp":{(it.time + shift) // MILLISECOND}}}}}'
        ).encode()
        for seq, it in enumerate(tickers, first_seq)
    ]


class DecimalWriter:
    """Exact integers as decimals of an instrument, plain or in quotes."""

    __slots__ = ("_lot", "_price_decimals", "_quote", "_size_decimals", "_tick")

    def __init__(self, instrument: Instrument, variant: Variant) -> None:
        self._quote = '"' if variant.numbers == "string" else ""
        self._price_decimals, self._tick = instrument.price_decimals, instrument.tick_units
        self._size_decimals, self._lot = instrument.size_decimals, instrument.lot_units

    def price(self, ticks: int) -> str:
        """A price or a difference of prices."""
        return self._decimal(ticks * self._tick, self._price_decimals)

    def size(self, lots: int) -> str:
        """A size."""
        return self._decimal(lots * self._lot, self._size_decimals)

    def average(self, notional: int, lots: int, otherwise: int) -> str:
        """A volume-weighted price, rounded half up to the price's decimals; `otherwise` where nothing was traded."""
        scaled = (2 * notional * self._tick + lots) // (2 * lots) if lots else otherwise * self._tick
        return self._decimal(scaled, self._price_decimals)

    def hundredths(self, above: int, below: int) -> str:
        """A ratio of integers, rounded half up to two decimals; 0 where there is nothing to compare with."""
        return self._decimal((2 * above + below) // (2 * below) if below else 0, 2)

    def _decimal(self, scaled: int, decimals: int) -> str:
        sign, digits = ("-", -scaled) if scaled < 0 else ("", scaled)
        whole, part = divmod(digits, 10**decimals)
        text = f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
        return f"{self._quote}{text}{self._quote}"
