"""Interface of a dialect's REST side: a question in, an answer out, and the market that it is answered from.

A dialect declares its paths; the server mounts them without knowing any. Answers are coroutines, because the past of a
market is computed in another thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from feed.data.rows import BookRows, CandleRow, TickerRow
from feed.data.spans import CandleSpan
from feed.data.ticks import Instrument, TickBlock

__all__ = ["Endpoints", "MarketReader", "RestError", "RestHandler", "RestQuestion", "RestReply", "RestSide"]


@dataclass(frozen=True, slots=True)
class RestQuestion:
    """Request: its path below the dialect's prefix, the parts of the path by name, and its query.

    `address` is the client's, for limits, which are lifted if `is_lenient`.
    """

    path: str
    query: Mapping[str, str]
    parts: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    is_lenient: bool = False

    def get(self, key: str) -> str | None:
        """Return a key of the query; None if it is missing or empty."""
        return self.query.get(key) or None


@dataclass(frozen=True, slots=True)
class RestReply:
    """Answer: a JSON document, or JSON text that has been written already."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> RestReply:
        """Return an answer in JSON."""
        return cls(orjson.dumps(document), status, headers or {})


class RestError(Exception):
    """Refusal of a request, in the exchange's words."""

    def __init__(self, reply: RestReply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class MarketReader(Protocol):
    """Market as REST requests see it. Times are ns as clients see them; numbers are `seq` of the native channels."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments, in their fixed order."""

    @property
    def epoch(self) -> int:
        """The number of the present epoch."""

    @property
    def now(self) -> int:
        """Market time."""

    @property
    def wall(self) -> int:
        """Wall time, for answers that show it."""

    def status(self, symbol: str) -> str:
        """Return the status of a symbol."""

    def book(self, symbol: str) -> BookRows:
        """Return the whole book, with its number."""

    async def trades(
        self, symbol: str, start: int | None, until: int | None, limit: int, *, forward: bool = False
    ) -> tuple[TickBlock, int]:
        """Return the last trades from `start` to `until` (None: now), or the first ones; and the first one's number."""

    async def trades_from(self, symbol: str, number: int, limit: int) -> tuple[TickBlock, int]:
        """Return trades from a number on, and the first one's number."""

    async def candles(
        self, symbol: str, span: CandleSpan, start: int | None, until: int | None, limit: int, *, bought: bool = False
    ) -> Sequence[CandleRow]:
        """Return the last candles that begin from `start` to `until`; the first ones if there is a start."""

    async def ticker(self, symbol: str, window: str = "1d") -> TickerRow | None:
        """Return the statistics of a window; None before the first trade."""


RestHandler = Callable[[RestQuestion, MarketReader], Awaitable[RestReply]]


class RestSide(Protocol):
    """Paths of a dialect, and their answers."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path below the dialect's prefix."""

    def find(self, path: str) -> tuple[RestHandler, Mapping[str, str]] | None:
        """Return what answers a path, with the parts of the path; None if there is no such path."""

    def missing(self, path: str, method: str) -> RestReply:
        """Return the refusal of a path that does not exist, or of a method that it does not take."""

    def busy(self) -> RestReply:
        """Return the refusal of a request that takes too long."""

    def failed(self) -> RestReply:
        """Return the answer to a request that raised an error."""


class Endpoints:
    """Paths with their handlers; a part in braces, such as `/products/{id}/book`, stands for any text.

    Args:
        table: handlers by path.
        missing: the refusal of other paths and methods.
        busy: the refusal of a request that takes too long.
    """

    def __init__(
        self, table: Mapping[str, RestHandler], missing: Callable[[str, str], RestReply], busy: Callable[[], RestReply]
    ) -> None:
        self.paths = tuple(table)
        self._split = [(path.strip("/").split("/"), handler) for path, handler in table.items()]
        self._missing = missing
        self._busy = busy

    def find(self, path: str) -> tuple[RestHandler, Mapping[str, str]] | None:
        """Return what answers a path, with the parts of the path; None if there is no such path."""
        given = path.strip("/").split("/")
        for wanted, handler in self._split:
            if len(wanted) != len(given):
                continue
            pairs = list(zip(wanted, given, strict=True))
            if all(part == text or (part[0:1] == "{" and text) for part, text in pairs):
                return handler, {part[1:-1]: text for part, text in pairs if part[0:1] == "{"}
        return None

    def missing(self, path: str, method: str) -> RestReply:
        """Return the refusal of a path that does not exist, or of a method that it does not take."""
        return self._missing(path, method)

    def busy(self) -> RestReply:
        """Return the refusal of a request that takes too long."""
        return self._busy()

    def failed(self) -> RestReply:
        """Return the answer to a request that raised an error."""
        return self._busy()
