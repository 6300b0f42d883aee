"""Watch over the statuses of a market's symbols, for sessions that end with maintenance."""

from __future__ import annotations

from collections.abc import Callable

from feed.market.market import Market
from feed.protocol.effects import Stream

__all__ = ["watch_statuses"]


def watch_statuses(market: Market, tell: Callable[[str], bool]) -> None:
    """Tell each new status of each symbol, whoever subscribes to it, until `tell` returns False."""
    for symbol in market.symbols:
        _watch(market, Stream("status", symbol), tell)


def _watch(market: Market, stream: Stream, tell: Callable[[str], bool]) -> None:
    def news() -> None:
        if tell(market.symbol_status(stream.symbol)):
            market.hub.await_news(stream, news)

    market.hub.await_news(stream, news)
