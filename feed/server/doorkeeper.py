"""Faults at the door: which faults a client asks for, and what its handshake meets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from feed.faults.door import Welcome
from feed.faults.fault import Fault
from feed.faults.registry import FaultError, check_names
from feed.hints import nearest
from feed.log import get_logger
from feed.market.market import Market
from feed.server.admission import host_name
from feed.server.connection import FeedConnection
from feed.server.http.routes import Page, problem, respond
from feed.server.query import Connect
from feed.units import SECOND

__all__ = ["foreign_host", "meet_faults", "quiet_logger", "wanted_faults", "wrong_answer"]

log = get_logger("feed")

WRONG_KEY = "d3JvbmcgYW5zd2VyIG9mIGEgcHJveHk="
"""Value of `Sec-WebSocket-Accept` that belongs to no request."""


def wanted_faults(wishes: Connect, market: Market) -> Sequence[Fault]:
    """Return the faults that a URL names: its own list, or a plan of the market's scenario.

    Raises:
        FaultError: there is no such plan, or a fault names a channel or symbol that the market does not have.
    """
    if wishes.plan is not None:
        plans = market.faults.plans
        if wishes.plan not in plans:
            near = nearest(wishes.plan, plans)
            known = (
                f"one of {', '.join(plans)}" if plans else 'this scenario has none; give a list like [{"kind":"drop"}]'
            )
            hint = f'did you mean "{near}"? {known}' if near else known
            raise FaultError(f"The scenario has no plan {wishes.plan!r}", "faults", hint)
        return plans[wishes.plan]
    check_names(wishes.faults, market.channels, market.symbols)
    return wishes.faults


async def meet_faults(connection: FeedConnection) -> Response | None:
    """Let a handshake meet the faults of its market and its URL; return a refusal, or None once it may go on."""
    market = connection.hosted.market
    client = connection.wishes.client
    for welcome in market.faults.knock(connection.ordinal, connection.label, client, connection.faults):
        if welcome.how == "wait":
            await asyncio.sleep(welcome.by / SECOND)
        elif welcome.how == "wrong-accept":
            connection.answers_wrongly = True
        else:
            if welcome.how == "reset":
                connection.reset()
            return _refusal(welcome)
    return None


def _refusal(welcome: Welcome) -> Response:
    page = problem(welcome.status, "REFUSED", welcome.reason, hint="GET /markets/NAME/faults tells which fault it was")
    later = {} if welcome.retry_after is None else {"Retry-After": str(welcome.retry_after)}
    return respond(page, later)


def wrong_answer(connection: ServerConnection, _: Request, response: Response) -> Response | None:
    """Return a response whose key belongs to another request, if a fault wants it."""
    assert isinstance(connection, FeedConnection)
    if connection.answers_wrongly and response.status_code == 101:
        del response.headers["Sec-WebSocket-Accept"]
        response.headers["Sec-WebSocket-Accept"] = WRONG_KEY
        return response
    return None


def foreign_host(host: str) -> Page:
    """Return the refusal of an unknown host name: it might be a web page's own, pointed at this machine."""
    name = host_name(host)
    if name is None:
        return problem(400, "INVALID_REQUEST", "The header Host cannot be read", field="Host", hint="NAME:PORT")
    shown = name[:64]
    option = f"--allowed-host {shown}"
    log.warning("host refused", host=shown, hint=f"start with {option}")
    hint = f"start feed with {option}; names such as host.docker.internal or a service of compose need that"
    return problem(403, "FOREIGN_HOST", f"This server is not called {shown}", field="Host", hint=hint)


def quiet_logger() -> logging.Logger:
    """Return a logger that hides the library's traceback of each broken handshake, such as by a port scan."""
    logger = logging.getLogger("feed.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger
