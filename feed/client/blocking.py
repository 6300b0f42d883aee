"""Control of a market without an event loop: the methods of `RemoteMarket`, which return once it has happened."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from feed.client.control import RemoteMarket
from feed.client.exchange import Reply, ServerAddress
from feed.errors import FeedError

__all__ = ["RemoteMarketSync", "list_markets", "open_market_sync"]

P = ParamSpec("P")
T = TypeVar("T")


class _Blocking(RemoteMarket):
    """Market whose requests block, so that none of its coroutines ever waits."""

    async def _exchange(self, method: str, path: str, keys: Mapping[str, object] | None) -> Reply:
        return self._address.ask_blocking(method, path, keys)


def _blocking(
    method: Callable[Concatenate[RemoteMarket, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[RemoteMarketSync, P], T]:
    """Return a method that runs a coroutine of `_Blocking` to its end in one go."""

    @functools.wraps(method)
    def run(self: RemoteMarketSync, /, *args: P.args, **kwargs: P.kwargs) -> T:
        coroutine = method(self._market, *args, **kwargs)
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        raise AssertionError("a blocking request has waited for an event loop")

    return run


class RemoteMarketSync:
    """Market of a running server, by name, for code without `await`: see `RemoteMarket`."""

    def __init__(
        self, url: str, name: str = "main", *, token: str | None = None, patience: float | None = 60.0
    ) -> None:
        self._market = _Blocking(url, name, token=token, patience=patience)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address.url!r}, {self.name!r})"

    @property
    def name(self) -> str:
        """The name of the market."""
        return self._market.name

    @property
    def url(self) -> str:
        """The URL of a WebSocket client that joins this market."""
        return self._market.url

    def url_with(self, **keys: object) -> str:
        """Return the same URL with more keys, such as `client="checkout-page"` or `numbers="string"`."""
        return self._market.url_with(**keys)

    @property
    def address(self) -> ServerAddress:
        """The server."""
        return self._market.address

    open = _blocking(RemoteMarket.open)
    close = _blocking(RemoteMarket.close)
    describe = _blocking(RemoteMarket.describe)
    act = _blocking(RemoteMarket.act)
    pause = _blocking(RemoteMarket.pause)
    resume = _blocking(RemoteMarket.resume)
    speed = _blocking(RemoteMarket.speed)
    step = _blocking(RemoteMarket.step)
    run_until = _blocking(RemoteMarket.run_until)
    seek = _blocking(RemoteMarket.seek)
    restart = _blocking(RemoteMarket.restart)
    shock = _blocking(RemoteMarket.shock)
    fault = _blocking(RemoteMarket.fault)
    clear_fault = _blocking(RemoteMarket.clear_fault)
    mark = _blocking(RemoteMarket.mark)
    settle = _blocking(RemoteMarket.settle)
    expect = _blocking(RemoteMarket.expect)
    verify = _blocking(RemoteMarket.verify)
    report = _blocking(RemoteMarket.report)
    report_text = _blocking(RemoteMarket.report_text)
    faults = _blocking(RemoteMarket.faults)
    log = _blocking(RemoteMarket.log)
    scenario = _blocking(RemoteMarket.scenario)
    bundle = _blocking(RemoteMarket.bundle)


def list_markets(url: str, *, token: str | None = None, patience: float | None = 60.0) -> list[dict[str, Any]]:
    """Return what each market of a server is: name, scenario, seed, state, speed, virtual_time and more."""
    address = ServerAddress.of(url, token=token, patience=patience)
    found: list[dict[str, Any]] = address.ask_blocking("GET", "/markets").document["markets"]
    return found


@contextlib.contextmanager
def open_market_sync(
    url: str, name: str, *, token: str | None = None, patience: float | None = 60.0, **keys: object
) -> Generator[RemoteMarketSync, None, None]:
    """Make a market, and end it with the block: `with feed.open_market_sync(url, "mine", paused=True) as market:`.

    The arguments are those of `open_market`.
    """
    market = RemoteMarketSync(url, name, token=token, patience=patience)
    market.open(**keys)
    try:
        yield market
    finally:
        with contextlib.suppress(FeedError):
            market.close()
