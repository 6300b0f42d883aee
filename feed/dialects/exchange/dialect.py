"""Common properties of all dialects of exchanges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from feed.dialects.base import ConnectionLimit, SocketPath
from feed.dialects.exchange.session import standard_number
from feed.dialects.rest import RestSide
from feed.protocol.codes import CloseCode
from feed.protocol.events import Heartbeat

__all__ = ["ExchangeDialect"]


class ExchangeDialect:
    """Base of the dialects of exchanges."""

    hosts: ClassVar[tuple[str, ...]] = ()
    roots: ClassVar[tuple[str, ...]] = ()
    usual_path: ClassVar[str] = ""
    options: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    wants_net_change: ClassVar[bool] = True
    has_stamps: ClassVar[bool] = False
    is_foreign: ClassVar[bool] = True
    compresses: ClassVar[bool] = True
    connection_limit: ClassVar[ConnectionLimit | None] = None
    rest: ClassVar[RestSide | None] = None

    def socket(self, path: str, query: Sequence[tuple[str, str]]) -> SocketPath | None:
        """Return the meaning of a path: most exchanges have one socket."""
        del query
        return SocketPath() if path.rstrip("/") == self.usual_path.rstrip("/") else None

    def close_number(self, code: CloseCode) -> int:
        """Return the number that an exchange closes with."""
        return standard_number(code)

    def beat(self, event: Heartbeat) -> bytes:
        """Return nothing: heartbeats of exchanges are written by their sessions."""
        del event
        return b""
