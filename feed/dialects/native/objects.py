"""Reading of native objects back to rows, for dialects that write recorded candles and tickers differently."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

from feed.data.rows import CandleRow, CandleRows, RawRows, TickerRow, TickerRows
from feed.data.ticks import Instrument
from feed.units import MILLISECOND, SECOND

__all__ = ["rows_of"]

_decoder = json.JSONDecoder(parse_float=Decimal)


def rows_of(raw: RawRows) -> CandleRows | TickerRows:
    """Return the rows of recorded candles or tickers."""
    documents = [_decoder.decode(each.decode()) for each in raw.objects]
    steps = _Steps(raw.instrument)
    if "interval" in documents[0]:
        return CandleRows(raw.instrument, str(documents[0]["interval"]), [steps.candle(it) for it in documents])
    return TickerRows(raw.instrument, [steps.ticker(it) for it in documents])


class _Steps:
    """Converter from decimals of an instrument to counts of its ticks and lots."""

    def __init__(self, instrument: Instrument) -> None:
        self._tick, self._lot = instrument.tick_size, instrument.lot_size

    def candle(self, it: dict[str, Any]) -> CandleRow:
        """Return the row of a candle."""
        volume = self._size(it["volume"])
        return CandleRow(
            begin=it["time"] * SECOND,
            open=self._price(it["open"]),
            high=self._price(it["high"]),
            low=self._price(it["low"]),
            close=self._price(it["close"]),
            volume=volume,
            trades=it["trades"],
            notional=self._notional(it["vwap"], volume),
            closed=it["closed"],
            time=it["timestamp"] * MILLISECOND,
        )

    def ticker(self, it: dict[str, Any]) -> TickerRow:
        """Return the row of a ticker, without a number of trades, which is not recorded."""
        volume = self._size(it["volume"])
        return TickerRow(
            last=self._price(it["last"]),
            bid=self._price(it["bid"]),
            bid_size=self._size(it["bid_size"]),
            ask=self._price(it["ask"]),
            ask_size=self._size(it["ask_size"]),
            open=self._price(it["open"]),
            high=self._price(it["high"]),
            low=self._price(it["low"]),
            volume=volume,
            notional=self._notional(it["vwap"], volume),
            time=it["timestamp"] * MILLISECOND,
            trades=None,
        )

    def _price(self, value: Any) -> int:
        # Text if the recording client asked for decimals as strings.
        return round(Decimal(value) / self._tick)

    def _size(self, value: Any) -> int:
        return round(Decimal(value) / self._lot)

    def _notional(self, average: Any, volume: int) -> Fraction:
        """Return the notional that gives this average again; an average need not be a whole number of ticks."""
        return Fraction(Decimal(average)) / Fraction(self._tick) * volume
