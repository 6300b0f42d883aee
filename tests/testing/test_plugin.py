"""The pytest plugin, in projects that use it and in one that does not."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
import zipfile
from importlib.metadata import entry_points

import pytest

from feed.testing.lab import LabServer, market_name, running_server

pytest_plugins = ["pytester"]

SAMPLE = """
    import asyncio
    import time

    import pytest


    @pytest.mark.feed(scenario="flash-crash", paused=True)
    def test_without_await(feed_market, feed_server):
        assert feed_market.step(10).facts["trades"] >= 10
        assert feed_market.name == "test_without_await"
        assert feed_market.url.startswith(feed_server.url)


    @pytest.mark.feed("flash-crash", 7, paused=True)
    @pytest.mark.parametrize("symbol", ["BTC/USD", "ETH/USD"])
    async def test_with_await(feed_market, symbol):
        told = await feed_market.describe()
        assert (told["name"], told["scenario"], told["seed"]) == (feed_market.name, "flash-crash", 7)
        assert (await feed_market.step()).facts["trades"] >= 1


    @pytest.mark.feed(scenario="calm", paused=True)
    class TestsOfAClass:
        @pytest.mark.feed(seed=5)
        def test_nearest_marker_wins(self, feed_market):
            told = feed_market.describe()
            assert (told["scenario"], told["seed"], told["state"]) == ("calm", 5, "paused")

    @pytest.mark.feed(scenario="flash-cras")
    def test_scenario_that_is_none(feed_market):
        pass


    @pytest.mark.feed(scenari="flash-crash")
    def test_key_that_is_none(feed_market):
        pass


    @pytest.mark.feed(scenario="flash-crash", paused=True)
    def test_that_fails(feed_market):
        feed_market.step(3)
        assert False
"""


QUIET = ("-p", "feed.testing.plugin", "-p", "no:cacheprovider")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with no other plugins than those that a test names: loading all that are installed takes seconds."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def test_a_market_for_each_test(project: pytest.Pytester) -> None:
    """Sync and async tests have theirs, mistakes in markers are named, and a failure leaves its bundle behind."""
    project.makepyfile(SAMPLE)
    project.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    options = ("-p", "pytest_asyncio.plugin", "--junitxml=report.xml", "--feed-bundles=kept", "--strict-markers")
    done = project.runpytest_subprocess(*QUIET, *options)
    done.assert_outcomes(passed=4, failed=1, errors=2)
    told = done.stdout.str()
    assert "@pytest.mark.feed: scenario: There is no scenario" in told
    assert "(did you mean flash-crash?)" in told
    assert '(did you mean "scenario"?)' in told
    assert "During handling" not in told
    bundle = project.path / "kept" / "test_that_fails.zip"
    assert f"feed replay-bundle {bundle}" in told
    assert zipfile.is_zipfile(bundle)
    properties = ElementTree.parse(project.path / "report.xml").iter("property")
    assert [(each.get("name"), each.get("value")) for each in properties] == [("feed_bundle", str(bundle))]


def test_a_project_of_its_own_mind(project: pytest.Pytester) -> None:
    """Nothing is loaded before it is used, the server has the project's settings, and a missing plugin is named."""
    project.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def feed_server_settings():
            return {"scenario": "halt", "seed": 3, "token": "secret"}
        """
    )
    project.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            loaded = {name for name in sys.modules if name.split(".")[0] in ("feed", "numpy", "pydantic", "websockets")}
            assert loaded == {"feed", "feed.version", "feed.testing", "feed.testing.plugin"}

        def test_settings(feed_server, feed_market):
            told = feed_server.market("main").describe()
            assert (told["scenario"], told["seed"]) == ("halt", 3)
            assert feed_market.describe()["seed"] == 3

        async def test_with_await(feed_market):
            pass
        """
    )
    done = project.runpytest_subprocess(*QUIET)
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["*pip install pytest-asyncio, or write it as a plain `def`*"])


def test_a_server_that_does_not_start() -> None:
    """Its own error is the reason of the failure."""
    with pytest.raises(pytest.fail.Exception, match=r"does not start:(.|\n)*--sped"), running_server({"sped": 3}):
        pass


def test_names_of_markets() -> None:
    """They are the tests' own names, with a hash where these are too long, or where others use the server as well."""
    own, shared = LabServer("ws://127.0.0.1:1"), LabServer("ws://127.0.0.1:1", is_shared=True)
    assert market_name("test_pay[chromium € 1]", "a.py::test_pay", own) == "test_pay-chromium-1"
    long = market_name("test_" + "x" * 200, "a.py::test_x", own)
    assert len(long) == 64
    assert long != market_name("test_" + "x" * 200, "b.py::test_x", own)
    first, second = market_name("test_pay", "a.py::test_pay", shared), market_name("test_pay", "b.py::test_pay", shared)
    assert first != second
    assert first.startswith("test_pay-")


def test_pytest_finds_the_plugin() -> None:
    """By its entry point, wherever feed is installed."""
    [entry] = entry_points(group="pytest11", name="feed")
    assert entry.value == "feed.testing.plugin"
