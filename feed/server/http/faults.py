"""`GET /faults`: the catalogue; `GET /markets/<name>/faults`: what was armed, and what was done to whom."""

from __future__ import annotations

from collections.abc import Mapping

from feed.faults.registry import catalogue, common_keys
from feed.market.commands import CommandError
from feed.market.markets import Markets
from feed.server.http.routes import Page, problem, refusal

__all__ = ["FaultPages"]


class FaultPages:
    """What can go wrong on purpose, and what did.

    Args:
        markets: the markets.
    """

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def catalogue(self) -> Page:
        """Every kind of fault."""
        return Page.json({"faults": catalogue(), "keys": common_keys()})

    def done(self, name: str, query: Mapping[str, str]) -> Page:
        """The faults of one market."""
        try:
            market = self._markets.find(name).market
        except CommandError as error:
            return refusal(error)
        if query:
            return problem(400, "INVALID_REQUEST", "This page takes no keys", field=next(iter(query))[:64])
        return Page.json(market.faults.document())
