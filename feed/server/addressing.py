"""Where a request goes: the dialect and the market that its path, its host or its port name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from feed.dialects.base import Dialect
from feed.dialects.registry import DIALECTS, NATIVE
from feed.errors import UsageError
from feed.hints import nearest
from feed.server.admission import host_name, is_loopback

__all__ = ["Address", "address_of", "dialect_of", "is_exchange_host"]


@dataclass(frozen=True, slots=True)
class Address:
    """Dialect and market of a request, with the path below the dialect's prefix, and the query.

    Attributes:
        dialect: the dialect; the native one if nothing names another.
        market: the market named in the path, or None.
    """

    dialect: Dialect
    market: str | None
    path: str
    query: str


def is_exchange_host(host: str | None) -> bool:
    """Return True if this `Host` is the name of an exchange's own server."""
    return _exchange_of(host) is not None


def address_of(target: str, host: str | None = None, own: Dialect | None = None) -> Address:
    """Return the address of a request.

    Args:
        target: path and query.
        host: the header `Host`.
        own: the dialect of the port, if it has one.
    """
    path, _, query = target.partition("?")
    market, path = _market_of(unquote(path))
    dialect = own or _exchange_of(host)
    if dialect is None and path in NATIVE.paths:
        # Most clients come this way, and need no exchange's modules.
        return Address(NATIVE, market, path, query)
    for known in DIALECTS.values():
        if known.is_foreign and dialect in (None, known) and (rest := _below(path, f"/{known.name}")) is not None:
            return Address(known, market, rest, query)
    if dialect is not None:
        return Address(dialect, market, path, query)
    for known in DIALECTS.values():
        if any(_below(path, root) is not None for root in known.roots):
            return Address(known, market, path, query)
    return Address(NATIVE, market, path, query)


def dialect_of(name: str) -> Dialect:
    """Return the dialect of an exchange by its name. Raises UsageError if there is none."""
    known = [each.name for each in DIALECTS.values() if each.is_foreign]
    if name in known:
        return DIALECTS[name]
    near = nearest(name, known)
    hint = f"did you mean {near!r}? " if near else ""
    raise UsageError(f"there is no dialect {name!r}; {hint}known are {', '.join(known)}")


def _exchange_of(host: str | None) -> Dialect | None:
    """Return the dialect whose exchange has a server of this name."""
    name = host_name(host or "")
    return None if name is None or is_loopback(name) else _hosts().get(name)


@cache
def _hosts() -> dict[str, Dialect]:
    return {host: dialect for dialect in DIALECTS.values() for host in dialect.hosts}


def _market_of(path: str) -> tuple[str | None, str]:
    """Split `/@MARKET/rest`."""
    if not path.startswith("/@"):
        return None, path
    name, slash, rest = path[2:].partition("/")
    return name, slash + rest or "/"


def _below(path: str, prefix: str) -> str | None:
    """Return the path below a prefix; None if it is not below it."""
    if path == prefix:
        return ""
    return path[len(prefix) :] if path.startswith(prefix + "/") else None
