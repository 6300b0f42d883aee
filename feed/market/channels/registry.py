"""Registry of all channels, in the order of messages with the same market time."""

from __future__ import annotations

from feed.data.ticks import Source
from feed.market.channels.base import Channel, StatusChannel, TradingChannel
from feed.market.channels.book import BookChannel
from feed.market.channels.candles import SecondCandleChannel, TradeCandleChannel
from feed.market.channels.derived import CandleChannel, TickerChannel
from feed.market.channels.exchange import ExchangeGround
from feed.market.channels.gathered import (
    BookQuoteChannel,
    GatheredBookChannel,
    GatheredTradesChannel,
    TouchedBookChannel,
)
from feed.market.channels.quote import QuoteChannel
from feed.market.channels.replay import RecordedChannel
from feed.market.channels.tickers import QuoteTickerChannel, TradeTickerChannel, WindowChannel
from feed.market.memory import BarMemory

__all__ = ["open_channels", "open_exchange_channels"]


def open_channels(source: Source, shift: int, memories: list[BarMemory]) -> tuple[Channel, ...]:
    """Return the channels of one market.

    Args:
        source: the source of the events.
        shift: nanoseconds added to every time that a client sees.
        memories: the past bars of each of the source's instruments.
    """
    return (
        # A halt comes before the last trade's print, and derived messages come after their input.
        StatusChannel(source, shift),
        # A trade carries the quote after it, so a subscriber to both has that order book by then.
        BookChannel(source, shift),
        # Only a replay of recorded quotes has them: other markets derive all that they send.
        *([QuoteChannel(source, shift)] if _has_quotes(source) else []),
        TradingChannel(source, shift),
        *(
            # A recorded message contains its times: they cannot be shifted.
            channel if shift else RecordedChannel(channel, source)
            for channel in (TickerChannel(source, shift, memories), CandleChannel(source, shift, memories))
        ),
    )


def open_exchange_channels(ground: ExchangeGround) -> tuple[Channel, ...]:
    """Return the channels that only dialects of exchanges use: native clients do not see them."""
    return (
        GatheredTradesChannel(ground),
        GatheredBookChannel(ground),
        TouchedBookChannel(ground),
        BookQuoteChannel(ground),
        QuoteTickerChannel(ground),
        TradeTickerChannel(ground),
        TradeCandleChannel(ground),
        SecondCandleChannel(ground),
        WindowChannel(ground),
    )


def _has_quotes(source: Source) -> bool:
    return any(source.quotes(index) is not None for index in range(len(source.instruments)))
