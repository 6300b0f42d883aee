"""The channels of every market, in the order of messages with the same market time."""

from __future__ import annotations

from feed.data.ticks import Source
from feed.market.channels.base import Channel, StatusChannel, TradingChannel
from feed.market.channels.book import BookChannel
from feed.market.channels.derived import CandleChannel, TickerChannel
from feed.market.channels.recorded import RecordedChannel
from feed.market.memory import BarMemory

__all__ = ["open_channels"]


def open_channels(source: Source, shift: int, memories: list[BarMemory]) -> tuple[Channel, ...]:
    """The channels of one market.

    Args:
        source: where its events come from.
        shift: nanoseconds added to every time that a client sees.
        memories: for each of the source's instruments what it did before now.
    """
    return (
        # A halt is told before the last trade's print, and what is derived comes after what it is derived from.
        StatusChannel(source, shift),
        # A trade carries the quote that stands behind it, so whoever reads both has that book by then.
        BookChannel(source, shift),
        TradingChannel(source, shift),
        *(
            # A message that was recorded has its times in it: they cannot be moved.
            channel if shift else RecordedChannel(channel, source)
            for channel in (TickerChannel(source, shift, memories), CandleChannel(source, shift, memories))
        ),
    )
