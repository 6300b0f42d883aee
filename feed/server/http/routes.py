"""Plain HTTP on the WebSocket port: requests and their answers. No socket is touched here."""

from __future__ import annotations

import http
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from feed.errors import FeedError
from feed.hints import nearest
from feed.protocol.codes import ErrorCode
from feed.server.admission import same_token

if TYPE_CHECKING:
    from feed.server.http.paths import PathMap

__all__ = [
    "METHODS",
    "Caller",
    "Commanded",
    "Endpoint",
    "Page",
    "Routes",
    "bearer_of",
    "header",
    "is_upgrade",
    "problem",
    "refusal",
    "respond",
    "shows_token",
]

MAX_KEYS = 32

METHODS = "DELETE, GET, HEAD, OPTIONS, POST"

# A page's visitor may open a socket from the browser's console, to the server that the page comes from.
DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
"""Content security policy of a document without scripts."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Origin",
}


@dataclass(frozen=True, slots=True)
class Page:
    """The body of an answer, its type, and what a browser may load for it."""

    body: bytes
    content_type: str = "application/json; charset=utf-8"
    status: int = 200
    policy: str = DOCUMENT_POLICY

    @classmethod
    def json(cls, document: object, status: int = 200) -> Page:
        """An answer in JSON."""
        return cls(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE), status=status)


def respond(page: Page, extra: Mapping[str, str] | None = None, *, head: bool = False) -> Response:
    """The page as a response of the WebSocket library. Every connection ends with its answer."""
    headers = Headers()
    headers["Content-Type"] = page.content_type
    if page.status != http.HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(page.body))
    headers["Connection"] = "close"
    for name, value in {**SECURITY_HEADERS, "Content-Security-Policy": page.policy, **(extra or {})}.items():
        headers[name] = value
    known = page.status in http.HTTPStatus.__members__.values()
    phrase = http.HTTPStatus(page.status).phrase if known else "Unknown"
    return Response(page.status, phrase, headers, b"" if head else page.body)


def problem(status: int, code: str, message: str, *, field: str | None = None, hint: str | None = None) -> Page:
    """A refusal, with the same keys as an `error` event."""
    document = {"event": "error", "message": message, "code": code, "field": field, "hint": hint}
    return Page.json({key: value for key, value in document.items() if value is not None}, status)


def header(request: Request, name: str) -> str | None:
    """The value of a header; all of them with commas between where it is there more than once."""
    values = request.headers.get_all(name)
    return ", ".join(values) if values else None


def is_upgrade(request: Request) -> bool:
    """Return True if the request asks for a WebSocket connection."""
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


Endpoint = Callable[..., Page | Awaitable[Page]]
"""Function that makes a page from the parts of the path, by name, and from `query` if it takes one."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Sender of an HTTP request: the address, and the token shown as `Authorization: Bearer`, if any."""

    address: str
    token: str | None


Commanded = Callable[..., Page | Awaitable[Page]]
"""Function that changes something: it gets the parts of the path, by name, `query` and `caller`."""

STATUS_OF = {
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.UNKNOWN_MARKET: 404,
    ErrorCode.UNKNOWN_CONNECTION: 404,
    ErrorCode.MARKET_EXISTS: 409,
    ErrorCode.NOT_POSSIBLE: 409,
    ErrorCode.LIMIT_EXCEEDED: 503,
    ErrorCode.NOT_REACHED: 504,
}
"""The HTTP status of a refusal; 400 for all that are not here."""


def refusal(error: FeedError) -> Page:
    """Return the refusal of a market or a command, with the same keys as an `error` event."""
    code = getattr(error, "code", ErrorCode.INVALID_REQUEST)
    field, hint = getattr(error, "field", None), getattr(error, "hint", None)
    return problem(STATUS_OF.get(code, 400), code, str(error), field=field, hint=hint)


def bearer_of(request: Request) -> str | None:
    """The token that a request shows."""
    shown = header(request, "Authorization")
    return None if shown is None else shown.removeprefix("Bearer ")


def shows_token(request: Request, token: str) -> bool:
    """Return True if a request shows the token, in its header or its query."""
    query = dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))
    return any(same_token(shown, token) for shown in (bearer_of(request), query.get("token")))


class Routes:
    """Paths with their endpoints.

    Args:
        pages: for each path, such as `/markets/<name>`, what makes its page.
        token: what has to be shown for paths that have parts, as `Authorization: Bearer`, or None.
        commands: for each method and path that change something, what does.
        also: another token that does as well, where one has to be shown.
    """

    def __init__(
        self,
        pages: Mapping[str, Endpoint],
        token: str | None = None,
        commands: Mapping[tuple[str, str], Commanded] | None = None,
        *,
        also: str | None = None,
    ) -> None:
        self._pages = dict(pages)
        self._queried = {path for path, make in pages.items() if "query" in inspect.signature(make).parameters}
        self._commands = {f"{method} {path}": make for (method, path), make in (commands or {}).items()}
        # Who may control may read.
        self._tokens = () if token is None else tuple(each for each in (token, also) if each is not None)

    @cached_property
    def _map(self) -> PathMap:
        """The rules, which a server without HTTP requests does without."""
        from feed.server.http.paths import PathMap

        rules = [("GET", path, path) for path in self._pages]
        for key in self._commands:
            method, _, path = key.partition(" ")
            rules.append((method, path, key))
        return PathMap(rules)

    async def answer(self, request: Request, caller: Caller) -> Response:
        """The response to a request that is no WebSocket handshake."""
        head = request.method == "HEAD"
        path, _, query = request.path.partition("?")
        endpoint, parts, methods = self._map.match(request.method, unquote(path) or "/")
        if endpoint is None:
            if not methods or request.method in ("GET", "HEAD"):
                return respond(self._not_found(path), head=head)
            allowed = ", ".join(sorted({*methods, "OPTIONS"}))
            return respond(self._wrong_method(request, allowed), {"Allow": allowed}, head=head)
        if parts and not self._shown(caller):
            page = problem(401, "UNAUTHORIZED", "Not authenticated", hint="send the header Authorization: Bearer TOKEN")
            return respond(page, {"WWW-Authenticate": "Bearer"}, head=head)
        page = await self._made(endpoint, parts, query, caller)
        return respond(page, {"Retry-After": "1"} if page.status == 503 else None, head=head)

    async def _made(self, endpoint: str, parts: Mapping[str, str], query: str, caller: Caller) -> Page:
        keys: dict[str, Mapping[str, str]] = {}
        command = self._commands.get(endpoint)
        if command is not None or endpoint in self._queried:
            try:
                keys["query"] = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_KEYS))
            except ValueError:
                return problem(400, "INVALID_REQUEST", "The query cannot be read", field="query", hint="key=value&…")
        made = self._pages[endpoint](**parts, **keys) if command is None else command(**parts, **keys, caller=caller)
        return await made if isinstance(made, Awaitable) else made

    def _shown(self, caller: Caller) -> bool:
        return not self._tokens or any(same_token(caller.token, token) for token in self._tokens)

    @staticmethod
    def _wrong_method(request: Request, allowed: str) -> Page:
        hint = f"use {allowed}"
        return problem(405, "METHOD_NOT_ALLOWED", f"{request.method[:16]} is not possible here", hint=hint)

    def _not_found(self, path: str) -> Page:
        near = nearest(path, self._pages)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(self._pages)}"
        return problem(404, "NOT_FOUND", "There is no such page", field="path", hint=hint)
