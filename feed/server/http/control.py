"""`POST /markets/NAME/ACTION` and what else changes a market by HTTP: the same actions and answers as on the socket."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from feed.errors import FeedError
from feed.market.actions.registry import find_action
from feed.market.commands import CommandError
from feed.market.effective import effective_scenario
from feed.market.hosted import HostedMarket
from feed.market.markets import Markets
from feed.protocol.codes import ErrorCode
from feed.scenario.outline import outline_of
from feed.server.admission import ControlRule, same_token
from feed.server.http.history import described
from feed.server.http.routes import Caller, Commanded, Page, refusal
from feed.server.market_keys import read_market

__all__ = ["ControlPages"]


class ControlPages:
    """Endpoints that make, command and end markets by HTTP.

    Args:
        markets: the markets.
        rule: the rule of clients that may command the shared market.
    """

    def __init__(self, markets: Markets, rule: ControlRule) -> None:
        self._markets = markets
        self._rule = rule

    def by_path(self) -> dict[tuple[str, str], Commanded]:
        """Return every method and path with its endpoint."""
        return {
            ("POST", "/markets/<name>"): self.make,
            ("DELETE", "/markets/<name>"): self.end,
            ("POST", "/markets/<name>/<action>"): self.act,
            ("GET", "/markets/<name>/settle"): self.settle,
        }

    def make(self, name: str, query: Mapping[str, str], caller: Caller) -> Page:
        """Make a market; it may be there already, if it was made with the same keys."""
        try:
            _, spec = read_market(query, making=True)
            hosted, is_new = self._markets.join(name, spec)
        except FeedError as error:
            return refusal(error)
        return Page.json(described(hosted, self._markets), 201 if is_new else 200)

    def end(self, name: str, query: Mapping[str, str], caller: Caller) -> Page:
        """End a market; its connections are closed with 4410."""
        try:
            hosted, _ = self._commanded(name, query, caller)
            if hosted.is_shared:
                raise CommandError(ErrorCode.NOT_ALLOWED, "The shared market stays", hint="stop the server instead")
        except CommandError as error:
            return refusal(error)
        self._markets.remove(hosted)
        return Page.json({"market": name, "state": "removed"})

    async def act(self, name: str, action: str, query: Mapping[str, str], caller: Caller) -> Page:
        """Carry out a command, and answer once it has happened."""
        try:
            hosted, given = self._commanded(name, query, caller)
            keys = _loose(given) if find_action(action).read_all is not None else given
            done = await hosted.control.act(action, keys, "http")
        except CommandError as error:
            return refusal(error)
        return Page.json(done.document())

    async def settle(self, name: str, query: Mapping[str, str], caller: Caller) -> Page:
        """Wait until every client of a market has everything published so far, and say whether all have."""
        try:
            done = await self._markets.find(name).control.settle(query)
        except CommandError as error:
            return refusal(error)
        return Page.json(done.document())

    def log(self, name: str, query: Mapping[str, str]) -> Page:
        """The commands that a market has been given, one JSON object a line."""
        try:
            entries = self._markets.find(name).control.log
        except CommandError as error:
            return refusal(error)
        lines = b"".join(orjson.dumps(entry.document(), option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
        return Page(lines, "application/x-ndjson; charset=utf-8")

    def scenario(self, name: str) -> Page:
        """The effective scenario: the file that would do the same by itself, with shocks and faults as a part of it."""
        try:
            market = self._markets.find(name).market
        except CommandError as error:
            return refusal(error)
        if market.repertoire is None:
            return refusal(CommandError(ErrorCode.NOT_POSSIBLE, "This market is of no scenario"))
        return Page(effective_scenario(market).encode(), "application/toml; charset=utf-8")

    def outline(self, name: str) -> Page:
        """Return phases and events of the effective scenario, on one timeline."""
        try:
            market = self._markets.find(name).market
        except CommandError as error:
            return refusal(error)
        if market.repertoire is None:
            return refusal(CommandError(ErrorCode.NOT_POSSIBLE, "This market is of no scenario"))
        return Page.json(outline_of(market.repertoire.script(market.state.plan), market.shift))

    def _commanded(self, name: str, query: Mapping[str, str], caller: Caller) -> tuple[HostedMarket, Mapping[str, str]]:
        """Return a market that obeys the caller, and the keys of the command without the token."""
        hosted = self._markets.find(name)
        given = {key: value for key, value in query.items() if key != "token"}
        shown = query.get("token", caller.token)
        if hosted.is_shared and not self._rule.allows(caller.address, shown):
            hint = "show the control token as Authorization: Bearer TOKEN, or make a market of your own"
            raise CommandError(ErrorCode.NOT_ALLOWED, "The shared market does not obey you", hint=hint)
        token = hosted.spec.token
        if not hosted.is_shared and token is not None and not same_token(shown, token):
            hint = "show the token that it was made with: Authorization: Bearer TOKEN, or token=TOKEN"
            raise CommandError(ErrorCode.NOT_ALLOWED, f"The market {name} does not obey you", hint=hint)
        return hosted, given


def _loose(query: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a URL as JSON values where they are some: a fault has numbers, lists and texts."""
    return {key: _loose_value(text) for key, text in query.items()}


def _loose_value(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
