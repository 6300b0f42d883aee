"""`GET /markets/NAME/bundle`: one zip with all that a market's bytes follow from, and with what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from feed.errors import FeedError
from feed.market.bundling import gather
from feed.market.hosted import HostedMarket
from feed.market.markets import Markets
from feed.server.http.routes import Page, refusal

__all__ = ["BundlePages"]


class BundlePages:
    """Endpoint of bundles.

    Args:
        markets: the markets.
        report: returns what the clients of a market did.
    """

    def __init__(self, markets: Markets, report: Callable[[HostedMarket], Mapping[str, Any]] | None = None) -> None:
        self._markets = markets
        self._report = report

    async def bundle(self, name: str) -> Page:
        """Return the bundle of a market as it is now; it is packed in a thread, while the market goes on."""
        try:
            gathered = gather(self._markets.find(name), self._report)
            content = await asyncio.to_thread(gathered.pack)
        except FeedError as error:
            return refusal(error)
        return Page(content, "application/zip")
