"""Arrays of figures that sockets and REST share."""

from __future__ import annotations

from feed.data.rows import CandleRow, TickerRow
from feed.dialects.bitfinex.names import Numbers

__all__ = ["candle_text", "ticker_text"]


def ticker_text(it: TickerRow, write: Numbers) -> str:
    """Return the figures of a ticker."""
    change = it.last - it.open
    return (
        f"[{write.price(it.bid)},{write.size(it.bid_size)},{write.price(it.ask)},{write.size(it.ask_size)},"
        f"{write.price(change)},{write.ratio(change, it.open)},{write.price(it.last)},{write.size(it.volume)},"
        f"{write.price(it.high)},{write.price(it.low)}]"
    )


def candle_text(it: CandleRow, write: Numbers) -> str:
    """Return the figures of a candle; the close comes before the high."""
    return (
        f"[{write.time(it.begin)},{write.price(it.open)},{write.price(it.close)},{write.price(it.high)},"
        f"{write.price(it.low)},{write.size(it.volume)}]"
    )
