"""Servers and markets of a test session, for the fixtures of the plugin."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from feed.client.blocking import RemoteMarketSync
from feed.client.control import RemoteMarket
from feed.client.exchange import ServerAddress
from feed.errors import FeedError, RefusedError
from feed.service.process import start_server

__all__ = ["LabServer", "ended", "keep_bundle", "market_name", "opened", "running_server"]

MAX_NAME = 64
"""Characters of a market's name."""

HASH_DIGITS = 8
"""Digits of a test's hash in the name of its market, where the name alone does not tell tests apart."""


@dataclass(frozen=True, slots=True)
class LabServer:
    """Server that the tests of a session share.

    Attributes:
        url: the address for WebSocket clients.
        token: what it asks for, or None.
        is_shared: whether others may use it at the same time.
        output: the last lines that it has written.
    """

    url: str
    token: str | None = None
    is_shared: bool = False
    output: Sequence[str] = field(default=(), repr=False)

    @property
    def page(self) -> str:
        """The address for browsers and `fetch`."""
        return ServerAddress.of(self.url).page

    def market(self, name: str) -> RemoteMarketSync:
        """Return the control of a market, for code without `await`."""
        return RemoteMarketSync(self.url, name, token=self.token)

    def market_async(self, name: str) -> RemoteMarket:
        """Return the control of a market, for coroutines."""
        return RemoteMarket(self.url, name, token=self.token)


@contextlib.contextmanager
def running_server(settings: Mapping[str, object]) -> Iterator[LabServer]:
    """Run a server until the block ends. The error of one that does not start is its own."""
    options = dict(settings)
    scenario, token = str(options.pop("scenario", "calm")), options.get("token")
    try:
        server = start_server(scenario, **options)
    except FeedError as error:
        raise _failed(f"the server of the fixture feed_server does not start: {error}") from None
    with server:
        yield LabServer(server.url, None if token is None else str(token), output=server.output)


def market_name(name: str, nodeid: str, server: LabServer) -> str:
    """Return a market's name for a test, with the test's hash where the name is not enough."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
    if len(plain) <= MAX_NAME and not server.is_shared:
        return plain
    digits = hashlib.sha256(nodeid.encode()).hexdigest()[:HASH_DIGITS]
    return f"{plain[: MAX_NAME - HASH_DIGITS - 1]}-{digits}"


def opened(server: LabServer, name: str, keys: Mapping[str, object]) -> RemoteMarketSync:
    """Return a market that is made now; a mistake in its keys fails the test with a line that names it."""
    market = server.market(name)
    if server.is_shared:
        # An earlier run may have been killed before it ended its market.
        ended(market)
    try:
        market.open(**keys)
    except RefusedError as error:
        raise _failed(f"@pytest.mark.feed: {error}") from None
    except FeedError as error:
        raise _failed(str(error)) from None
    return market


def ended(market: RemoteMarketSync) -> None:
    """End a market; a test may have ended it, or its server, before."""
    with contextlib.suppress(FeedError):
        market.close()


def keep_bundle(market: RemoteMarketSync, folder: Path) -> tuple[Path | None, str]:
    """Write a market's bundle to a folder; return its path, and what to tell about it."""
    try:
        content = market.bundle()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{market.name}.zip"
        path.write_bytes(content)
    except (FeedError, OSError) as error:
        return None, f"there is no bundle of the market {market.name}: {error}"
    return path, f"the market's bundle: {path}\nto see it again: feed replay-bundle {path}"


def _failed(message: str) -> BaseException:
    """Return the failure of a test that is told in one line, without a traceback."""
    return pytest.fail.Exception(message, pytrace=False)
