"""Who may connect: counts, rates and origins."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from feed.protocol.rate import TokenBucket

__all__ = ["ConnectRates", "ControlRule", "OriginRule", "is_loopback"]

MAX_ADDRESSES = 10_000


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


class ControlRule:
    """Whom the shared market obeys: holders of the control token, or this machine where there is none.

    Args:
        token: the control token, or None.
        is_off: whether it obeys nobody.
    """

    def __init__(self, token: str | None = None, *, is_off: bool = False) -> None:
        self._token = None if token is None else token.encode("utf-8", "surrogatepass")
        self._is_off = is_off

    def allows(self, address: str, shown: str | None) -> bool:
        """Whether a command from an address, with a token that was shown, is obeyed."""
        if self._is_off:
            return False
        if self._token is None:
            return is_loopback(address)
        return shown is not None and hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), self._token)


class OriginRule:
    """Which web pages may connect: those from loopback, and those that were named.

    Args:
        allowed: origins such as `https://app.example`, `null` for pages without one, or `*` for all.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allows(self, origin: str | None) -> bool:
        """Whether a page from this origin may connect. Programs send none and may."""
        if origin is None or "*" in self._allowed:
            return True
        if origin.rstrip("/").lower() in self._allowed:
            return True
        try:
            parts = urlsplit(origin)
            return parts.scheme in ("http", "https") and parts.hostname is not None and is_loopback(parts.hostname)
        except ValueError:
            return False


class ConnectRates:
    """How many connections a second come from each address; loopback is exempt."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[str, TokenBucket] = {}

    def allows(self, address: str, now: int) -> bool:
        """Whether one more may connect from this address at monotonic time `now`."""
        if is_loopback(address):
            return True
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= MAX_ADDRESSES:
                # The oldest has most likely its whole burst back.
                self._buckets.pop(next(iter(self._buckets)))
            bucket = self._buckets[address] = TokenBucket(self._rate, max(1, int(self._rate)), now)
        return bucket.take(now)
