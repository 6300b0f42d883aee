"""`GET /faults`: the catalogue; `GET /markets/<name>/faults`: what was armed, and what was done to whom."""

from __future__ import annotations

from collections.abc import Mapping

from feed.faults.registry import catalogue, common_keys
from feed.market.commands import CommandError
from feed.market.markets import Markets
from feed.server.http.routes import Page, problem, refusal

__all__ = ["FaultPages"]


class FaultPages:
    """Pages of the catalogue of faults and of the log of each market.

    Args:
        markets: the markets.
    """

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def catalogue(self) -> Page:
        """Return every kind of fault."""
        return Page.json({"faults": catalogue(), "keys": common_keys()})

    def done(self, name: str, query: Mapping[str, str]) -> Page:
        """Return the faults of one market."""
        try:
            market = self._markets.find(name).market
        except CommandError as error:
            return refusal(error)
        if query:
            return problem(400, "INVALID_REQUEST", "This page takes no keys", field=next(iter(query))[:64])
        return Page.json(market.faults.document())
