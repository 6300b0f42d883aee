"""Market time as clients see it, for faults."""

from __future__ import annotations

from typing import Protocol

from feed.data.ticks import Source
from feed.market.state import MarketState
from feed.protocol.effects import Stream

__all__ = ["ClientCalendar"]


class _Timed(Protocol):
    """Market, as far as its times are concerned."""

    state: MarketState

    @property
    def source(self) -> Source: ...

    @property
    def shift(self) -> int: ...

    @property
    def published(self) -> int: ...

    @property
    def here(self) -> int: ...

    def time_of(self, stream: Stream, seq: int) -> int | None: ...


class ClientCalendar:
    """Times of a market, with the anchor that clients see."""

    def __init__(self, market: _Timed) -> None:
        self._market = market

    @property
    def seed(self) -> int:
        """The seed of the present epoch."""
        return self._market.state.seed

    @property
    def start(self) -> int:
        """The start of the scenario."""
        return self._market.source.start + self._market.shift

    @property
    def now(self) -> int:
        """The time up to which everything has been published."""
        return self._market.published + self._market.shift

    @property
    def here(self) -> int:
        """The present market time, up to which not everything may have been published yet."""
        return self._market.here + self._market.shift

    def time_of(self, stream: Stream, seq: int) -> int | None:
        """Return the time a message was due; None if it is no longer kept."""
        time = self._market.time_of(stream, seq)
        return None if time is None else time + self._market.shift
