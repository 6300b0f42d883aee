"""Plain HTTP on the WebSocket port: what is asked for, and what is answered. No socket is touched here."""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from feed.units import nearest

__all__ = ["Page", "Routes", "is_upgrade", "problem", "respond"]

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The body of an answer and its type."""

    body: bytes
    content_type: str = "application/json; charset=utf-8"
    status: int = 200

    @classmethod
    def json(cls, document: object, status: int = 200) -> Page:
        """An answer in JSON."""
        return cls(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE), status=status)


def respond(page: Page, extra: Mapping[str, str] | None = None, *, head: bool = False) -> Response:
    """The page as a response of the WebSocket library. Every connection ends with its answer."""
    headers = Headers()
    headers["Content-Type"] = page.content_type
    headers["Content-Length"] = str(len(page.body))
    headers["Connection"] = "close"
    for name, value in {**SECURITY_HEADERS, **(extra or {})}.items():
        headers[name] = value
    phrase = http.HTTPStatus(page.status).phrase
    return Response(page.status, phrase, headers, b"" if head else page.body)


def problem(status: int, code: str, message: str, *, field: str | None = None, hint: str | None = None) -> Page:
    """A refusal, with the same keys as an `error` event."""
    document = {"event": "error", "message": message, "code": code, "field": field, "hint": hint}
    return Page.json({key: value for key, value in document.items() if value is not None}, status)


def is_upgrade(request: Request) -> bool:
    """Whether the request wants to become a WebSocket connection."""
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


class Routes:
    """Paths and what answers them.

    Args:
        pages: for each path what makes its page.
    """

    def __init__(self, pages: Mapping[str, Callable[[], Page]]) -> None:
        self._pages = dict(pages)
        self._map = Map(
            [Rule(path, endpoint=path, methods=["GET"]) for path in self._pages], strict_slashes=False
        ).bind("feed")

    def answer(self, request: Request) -> Response:
        """The response to a request that is no WebSocket handshake."""
        head = request.method == "HEAD"
        path = request.path.partition("?")[0] or "/"
        try:
            endpoint, _ = self._map.match(path, method=request.method)
        except MethodNotAllowed:
            return respond(self._wrong_method(request), {"Allow": "GET, HEAD"}, head=head)
        except HTTPException:
            return respond(self._not_found(path), head=head)
        return respond(self._pages[endpoint](), head=head)

    @staticmethod
    def _wrong_method(request: Request) -> Page:
        return problem(405, "METHOD_NOT_ALLOWED", f"{request.method[:16]} is not possible here", hint="use GET")

    def _not_found(self, path: str) -> Page:
        near = nearest(path, self._pages)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(self._pages)}"
        return problem(404, "NOT_FOUND", "There is no such page", field="path", hint=hint)
