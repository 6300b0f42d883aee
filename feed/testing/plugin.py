"""Pytest plugin: a server for the session, a market for each test, and the bundle of a test that fails.

pytest imports this module in every project that has feed installed, so it imports nothing of feed before a test asks
for a fixture.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from feed.client.blocking import RemoteMarketSync
    from feed.client.control import RemoteMarket
    from feed.testing.lab import LabServer

__all__ = ["feed_market", "feed_server", "feed_server_settings"]

MARKER = (
    "feed(scenario, seed, speed, faults, ...): the market of the fixture feed_market, with the keys of a market's URL, "
    "such as at and paused"
)

ASYNC_PLUGINS = ("asyncio", "pytest_asyncio.plugin", "anyio", "trio", "aiohttp", "tornasync")
"""Names of plugins that run coroutines as tests, by entry point and as -p names them."""

_MARKET: pytest.StashKey[RemoteMarketSync] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("feed", "markets for tests (feed)")
    group.addoption(
        "--feed-url",
        metavar="URL",
        help="a server that runs already, such as ws://127.0.0.1:8765, in place of one for this session",
    )
    group.addoption(
        "--feed-token", metavar="TOKEN", help="what the server of --feed-url asks for, where it asks for a token"
    )
    group.addoption(
        "--feed-bundles",
        metavar="DIR",
        help="folder for the bundles of tests that fail; by default in the session's temporary folder",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def feed_server_settings() -> dict[str, object]:
    """Settings of the session's server, as `feed.start_server` takes them; override it in the top `conftest.py`."""
    return {}


@pytest.fixture(scope="session")
def feed_server(request: pytest.FixtureRequest, feed_server_settings: dict[str, object]) -> Iterator[LabServer]:
    """Server for the session, in a process of its own on a free port; each worker of pytest-xdist has its own."""
    from feed.testing.lab import LabServer, running_server

    url = request.config.getoption("--feed-url")
    if url:
        yield LabServer(url, token=request.config.getoption("--feed-token"), is_shared=True)
        return
    with running_server(feed_server_settings) as server:
        yield server


@pytest.fixture
def feed_market(request: pytest.FixtureRequest, feed_server: LabServer) -> Iterator[RemoteMarket | RemoteMarketSync]:
    """Market of this test alone, named after it: a `RemoteMarket` in an `async def` test, else a `RemoteMarketSync`."""
    from feed.testing.lab import ended, market_name, opened

    item = request.node
    is_async = _is_async(request.function)
    if is_async and not any(request.config.pluginmanager.hasplugin(name) for name in ASYNC_PLUGINS):
        pytest.fail(
            f"{item.name} is an `async def`, and no plugin is installed that runs it: pip install pytest-asyncio, or "
            "write it as a plain `def`, where the methods of feed_market need no `await`",
            pytrace=False,
        )
    market = opened(feed_server, market_name(item.name, item.nodeid, feed_server), _keys(item))
    item.stash[_MARKET] = market
    try:
        yield feed_server.market_async(market.name) if is_async else market
    finally:
        del item.stash[_MARKET]
        ended(market)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the bundle of its market to the report of a test that fails."""
    report = yield
    market = item.stash.get(_MARKET, None)
    if market is not None and report.when == "call" and report.failed:
        from feed.testing.lab import keep_bundle

        path, told = keep_bundle(market, _folder(item))
        report.sections.append(("feed", told))
        if path is not None:
            # The list of the item is what a JUnit file is made of.
            item.user_properties.append(("feed_bundle", str(path)))
            report.user_properties.append(("feed_bundle", str(path)))
    return report


def _is_async(function: Any) -> bool:
    # Hypothesis runs the test that it has been given.
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner)


def _keys(item: pytest.Item) -> dict[str, object]:
    """Return the keys of all markers of a test; the nearest one wins."""
    keys: dict[str, object] = {}
    for marker in item.iter_markers("feed"):
        given = dict(zip(("scenario", "seed", "speed", "faults"), marker.args, strict=False))
        keys = {**given, **marker.kwargs, **keys}
    return keys


def _folder(item: pytest.Item) -> Path:
    chosen = item.config.getoption("--feed-bundles")
    if chosen:
        return Path(item.config.invocation_params.dir / chosen)
    factory: pytest.TempPathFactory = item.config._tmp_path_factory  # type: ignore[attr-defined]
    return factory.getbasetemp() / "feed-bundles"
