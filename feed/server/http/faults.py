"""`GET /faults`: the catalogue; `GET /markets/<name>/faults`: what was armed, and what was done to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from feed.faults.registry import catalogue, common_keys
from feed.hints import nearest
from feed.market.market import Market
from feed.server.http.routes import Page, problem

__all__ = ["FaultPages"]


class FaultPages:
    """What can go wrong on purpose, and what did.

    Args:
        markets: gives the markets by name.
    """

    def __init__(self, markets: Callable[[], Mapping[str, Market]]) -> None:
        self._markets = markets

    def catalogue(self) -> Page:
        """Every kind of fault."""
        return Page.json({"faults": catalogue(), "keys": common_keys()})

    def done(self, name: str, query: Mapping[str, str]) -> Page:
        """The faults of one market."""
        markets = self._markets()
        if name not in markets:
            near = nearest(name, markets)
            hint = f"did you mean {near}?" if near else f"there is {', '.join(markets)}"
            return problem(404, "NOT_FOUND", f"There is no market {name[:64]!r}", field="market", hint=hint)
        if query:
            return problem(400, "INVALID_REQUEST", "This page takes no keys", field=next(iter(query))[:64])
        return Page.json(markets[name].faults.document())
