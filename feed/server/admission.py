"""Rules of admission: connection counts and rates, names of the server, and origins of pages."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Sequence

from feed.protocol.rate import TokenBucket

__all__ = ["ConnectRates", "ControlRule", "HostRule", "OriginRule", "host_name", "is_loopback", "same_token"]

MAX_ADDRESSES = 10_000


def is_loopback(host: str) -> bool:
    """Return True if a host name or address means this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


# A name or an address, in brackets where that has colons, and a port: what the header `Host` has.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)(?:%[\w.~-]*)?\]|([^\s\[\]:/?#@,]+))(?::([0-9]{0,5}))?", re.IGNORECASE)

DEFAULT_PORTS = {"http": "80", "https": "443"}


def _split_host(host: str) -> tuple[str, str] | None:
    """Return the name, normalized for comparison, and the port of a `Host` header; None if it is malformed."""
    found = _HOST.fullmatch(host.strip())
    if found is None:
        return None
    name = (found[1] or found[2].removesuffix(".")).lower()
    address = _address(name)
    return name if address is None else str(address), found[3] or ""


def host_name(host: str) -> str | None:
    """Return the name or address in a `Host` header, without its port; None if it is malformed."""
    parts = _split_host(host)
    return None if parts is None else parts[0]


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class HostRule:
    """Names by which the server may be addressed.

    A web page can point its own name at this machine once it has been loaded (DNS rebinding): the browser then takes
    the server for the page's own origin. A request to an address was not made by a page's name.

    Args:
        allowed: names besides those of loopback and the address that the server is bound to, or `*` for all.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any_name = "*" in allowed
        self._any_address = False
        self._names: set[str] = set()
        self._add(allowed)

    def listen(self, host: str, addresses: Iterable[str]) -> None:
        """Note that the server is bound to this host, which resolves to these addresses."""
        bound = [host, *addresses]
        self._add(bound)
        # Bound to all addresses it cannot know them all: there may be a proxy, or a container around it.
        found = [_address(name.strip("[]").split("%")[0]) for name in bound]
        self._any_address = any(address is not None and address.is_unspecified for address in found)

    def allows(self, host: str | None) -> bool:
        """Return True if this `Host` is allowed. Browsers always send one; a program without it is no danger."""
        return self._any_name or not host or self.knows(host)

    def knows(self, host: str) -> bool:
        """Return True if this is one of the server's own names, not just one allowed by `*`."""
        parts = _split_host(host)
        if parts is None:
            return False
        name, _ = parts
        return name in self._names or is_loopback(name) or (self._any_address and _address(name) is not None)

    def _add(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            name = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
            if (parts := _split_host(name)) is not None:
                self._names.add(parts[0])


def same_token(shown: str | None, token: str) -> bool:
    """Return True if the token shown is the right one, in a time that tells nothing about it."""
    # Compare bytes: text outside ASCII would raise.
    wanted = token.encode("utf-8", "surrogatepass")
    return shown is not None and hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), wanted)


class ControlRule:
    """Clients that may command the shared market: holders of the control token, or this machine if there is no token.

    Args:
        token: the control token, or None.
        is_off: True if no client may command it.
    """

    def __init__(self, token: str | None = None, *, is_off: bool = False) -> None:
        self._token = token
        self._is_off = is_off

    @property
    def token(self) -> str | None:
        """The token that a client may still show on its socket; None if none helps."""
        return None if self._is_off else self._token

    def allows(self, address: str, shown: str | None) -> bool:
        """Return True if a command from an address, with the token shown, is allowed."""
        if self._is_off:
            return False
        return is_loopback(address) if self._token is None else same_token(shown, self._token)


class OriginRule:
    """Web pages that may connect: pages from loopback, and pages of allowed origins.

    Args:
        allowed: origins such as `https://app.example`, `null` for pages without one, or `*` for all.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allows(self, origin: str | None, own: str | None = None) -> bool:
        """Return True if a page from this origin may connect. Programs send no origin and may connect.

        Args:
            origin: the header `Origin`.
            own: the header `Host`, if it is one of the server's own names: its own pages may connect.
        """
        if origin is None or "*" in self._allowed:
            return True
        if origin.rstrip("/").lower() in self._allowed:
            return True
        scheme, _, rest = origin.partition("://")
        page = _split_host(rest)
        if page is None or scheme not in DEFAULT_PORTS:
            return False
        return is_loopback(page[0]) or _same_place(page, own, DEFAULT_PORTS[scheme])


def _same_place(page: tuple[str, str], own: str | None, port: str) -> bool:
    server = None if own is None else _split_host(own)
    return server is not None and (page[0], page[1] or port) == (server[0], server[1] or port)


class ConnectRates:
    """Limit of connections a second from each address; loopback is exempt."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[str, TokenBucket] = {}

    def allows(self, address: str, now: int) -> bool:
        """Return True if one more connection from this address is allowed at monotonic time `now`."""
        if is_loopback(address):
            return True
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= MAX_ADDRESSES:
                # The oldest has most likely its whole burst back.
                self._buckets.pop(next(iter(self._buckets)))
            bucket = self._buckets[address] = TokenBucket(self._rate, max(1, int(self._rate)), now)
        return bucket.take(now)
