"""`GET /markets/NAME/state` and `/verify`: what a client must show after a message, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from feed.dialects.native.events import KEYS
from feed.hints import nearest
from feed.market.commands import CommandError
from feed.market.market import Market
from feed.market.markets import Markets
from feed.protocol.codes import ErrorCode
from feed.protocol.events import StateTold
from feed.protocol.requests import Expect
from feed.server.http.routes import Page, refusal
from feed.server.oracle import VIEW_KEYS, answer_of, difference_of

__all__ = ["OraclePages"]

MESSAGE_KEYS = ("channel", "symbol", "interval", "depth", "seq")

EXACT = (("numbers", "string"),)
"""The form of numbers that are compared."""

Query = Mapping[str, str]


class OraclePages:
    """Endpoints of the oracle.

    Args:
        markets: the markets by name.
    """

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    async def state(self, name: str, query: Query) -> Page:
        """What a correct client shows after a message: `channel`, `symbol`, `seq`; without `seq`, now."""
        try:
            market = self._markets.find(name).market
            state = await answer_of(market, object(), _asked(query, MESSAGE_KEYS))
        except CommandError as error:
            return refusal(error)
        return Page.json(_document(market, state))

    async def verify(self, name: str, query: Query) -> Page:
        """Whether a client's view is right after a message: `ok`, or the first difference with both values."""
        try:
            market = self._markets.find(name).market
            request = _asked(query, (*MESSAGE_KEYS, *VIEW_KEYS))
            view = {key: _value(query[key]) for key in VIEW_KEYS if key in query}
            if not view:
                hint = f"one or more of {', '.join(VIEW_KEYS)}"
                raise CommandError(ErrorCode.INVALID_REQUEST, "There is no view to verify", field="last", hint=hint)
            state = await answer_of(market, object(), request, EXACT)
            difference = difference_of(state, view)
        except CommandError as error:
            return refusal(error)
        found = {"ok": difference is None, "seq": state.seq, "epoch": state.epoch, "timestamp": state.timestamp}
        return Page.json(found if difference is None else {**found, "difference": difference})


def _document(market: Market, state: StateTold) -> dict[str, Any]:
    values = {key: getattr(state, key) for key in KEYS[StateTold]}
    return {"market": market.identity.name, **{key: value for key, value in values.items() if value is not None}}


def _asked(query: Query, known: tuple[str, ...]) -> Expect:
    for key in query:
        if key not in known:
            near = nearest(key, known)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(known)}"
            raise CommandError(ErrorCode.INVALID_REQUEST, "The URL has an unknown key", field=key[:64], hint=hint)
    return Expect(
        channel=query.get("channel", "trading"),
        symbol=query.get("symbol"),
        interval=query.get("interval"),
        depth=query.get("depth"),
        seq=_seq(query["seq"]) if "seq" in query else None,
    )


def _seq(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        message = f"{text[:40]!r} is no number of a message"
        raise CommandError(ErrorCode.INVALID_REQUEST, message, field="seq", hint="a whole number")
    return int(text)


def _value(text: str) -> Any:
    """Return a value of a view: JSON, or plain text, which may be a decimal."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
