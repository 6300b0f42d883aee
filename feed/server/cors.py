"""HTTP headers that let a page of another origin read an answer (CORS).

The allowed origins are the same as for the socket. The origin is named and never a wildcard.
"""

from __future__ import annotations

import re

from websockets.http11 import Request, Response

from feed.server.http.routes import METHODS, Page, header, problem, respond

__all__ = ["answer_options", "sharing"]

MAX_AGE = "600"
"""Seconds for which a browser need not ask again."""

_NAMES = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[-!#$%&'*+.^_`|~0-9A-Za-z]+)*")


def sharing(origin: str | None) -> dict[str, str]:
    """Return the headers that let a page of an allowed origin read an answer; none for programs."""
    if origin is None:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}


def answer_options(request: Request, origin: str | None, *, allowed: bool) -> Response:
    """Return the answer to OPTIONS, which a browser sends before a request that is not simple (preflight).

    The answer is only yes or no. A missing page is no reason for a no: the request itself reports it, with a hint.
    """
    if not allowed:
        shown = (origin or "")[:60]
        page = problem(
            403,
            "FOREIGN_ORIGIN",
            f"Pages from {shown} may not read this",
            field="Origin",
            hint=f"start feed with --origin {shown}",
        )
        return respond(page)
    extra = {"Allow": METHODS, **sharing(origin)}
    if origin is not None:
        extra |= {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": MAX_AGE}
        names = header(request, "Access-Control-Request-Headers")
        if names is not None and _NAMES.fullmatch(names):
            extra["Access-Control-Allow-Headers"] = names
        if header(request, "Access-Control-Request-Private-Network") == "true":
            extra["Access-Control-Allow-Private-Network"] = "true"
    return respond(Page(b"", "text/plain; charset=utf-8", 204), extra)
