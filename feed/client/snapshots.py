"""Fetching of the snapshots of a venue's books, which are not in its stream, as long as a book needs one."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from urllib.parse import urlsplit

from feed.client.backoff import BackOff
from feed.errors import UsageError
from feed.units import SECOND

__all__ = ["SnapshotFetcher", "check_rest_url"]

TIMEOUT_SECONDS = 10.0
"""Seconds to wait for an answer."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Bytes of an answer that are read at most."""

AT_ONCE = 4
"""Number of snapshots that are fetched at the same time: venues count requests."""


def check_rest_url(url: str) -> None:
    """Check the address of a REST host. Raises UsageError if it is none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise UsageError(f"--rest {url!r} is no address of a REST host; write it like https://api.binance.com")


class SnapshotFetcher:
    """Fetcher of snapshots by symbol, each until it is no longer needed.

    Args:
        url: function that returns the URL of a symbol's snapshot.
        needed: function that tells whether a symbol still needs one.
        take: called with a symbol and the body of an answer.
        failed: called with a sentence on a request that failed.
        back_off: makes the waits between the attempts for one symbol.
    """

    def __init__(
        self,
        url: Callable[[str], str],
        needed: Callable[[str], bool],
        take: Callable[[str, bytes], None],
        failed: Callable[[str], None],
        back_off: Callable[[], BackOff] = BackOff,
    ) -> None:
        self._url = url
        self._needed = needed
        self._take = take
        self._failed = failed
        self._back_off = back_off
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def ask(self, symbol: str) -> None:
        """Begin to fetch the snapshot of a symbol, unless that is under way."""
        if symbol not in self._tasks:
            self._tasks[symbol] = asyncio.ensure_future(self._fetch(symbol))

    async def close(self) -> None:
        """Stop fetching."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _fetch(self, symbol: str) -> None:
        waits, url = self._back_off(), self._url(symbol)
        try:
            while self._needed(symbol):
                try:
                    async with self._slots:
                        body = await asyncio.to_thread(_body_of, url)
                except (OSError, HTTPException, ValueError) as error:
                    self._failed(f"the snapshot of {symbol} is not to be had, and asked for again: {url}: {error}")
                else:
                    self._take(symbol, body)
                if self._needed(symbol):
                    await asyncio.sleep(waits.next() / SECOND)
        finally:
            del self._tasks[symbol]


def _body_of(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "feed"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # the scheme is checked
        body: bytes = answer.read(MAX_ANSWER_BYTES)
    return body
