"""The live page in Chromium: every control, and what the server then really did."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.end_to_end.conftest import Served

pytestmark = pytest.mark.browser

PATIENCE = 60_000


@asynccontextmanager
async def opened(
    browser: Browser, served: Served, query: str, *, width: int = 1400, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Page]:
    """A page that shows a market; it must not complain in the console."""
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        await page.goto(f"{served.http}/?{query}")
        await expect(page.get_by_test_id("badge")).to_have_text("live", timeout=PATIENCE)
        yield page
        assert complaints == []
    finally:
        await context.close()


def text_of(path: Path) -> str:
    """What is in a file."""
    return path.read_text()


def ask(served: Served, path: str, method: str = "GET") -> Any:
    """What the server answers, as JSON or text."""
    with urllib.request.urlopen(urllib.request.Request(f"{served.http}{path}", method=method)) as answer:
        text = answer.read().decode()
        return json.loads(text) if "json" in answer.headers["Content-Type"] else text


async def test_what_is_shown_is_live(browser: Browser, served: Served) -> None:
    """Price, book, trades and chart show what the market has, and the address is that of the market."""
    async with opened(browser, served, "market=shown&scenario=calm&seed=3") as page:
        await expect(page.get_by_test_id("last")).to_have_text(re.compile(r"^\d\d,\d\d\d\.\d\d$"), timeout=PATIENCE)
        await expect(page.locator(".tape tbody tr").first).to_be_visible(timeout=PATIENCE)
        await expect(page.locator(".ladder .bid")).to_have_count(12, timeout=PATIENCE)
        await expect(page.locator(".chart canvas").first).to_be_visible()
        state = ask(served, "/markets/shown")
        assert (state["scenario"], state["seed"]) == ("calm", 3)
        await page.get_by_role("button", name="5s", exact=True).click()
        await expect(page.locator(".chart-place")).to_have_attribute("data-interval", "5s")
        assert "interval=5s" in page.url


async def test_time_obeys(browser: Browser, served: Served) -> None:
    """Pause, step, seek and speed move the market, and the page says where it stands."""
    async with opened(browser, served, "market=timed&scenario=flash-crash&seed=1") as page:
        state = page.get_by_test_id("state")
        await page.get_by_role("button", name="Pause").click()
        await expect(state).to_have_text("paused", timeout=PATIENCE)
        before = ask(served, "/markets/timed")
        await page.get_by_role("button", name="+1 min").click()
        await expect(page.get_by_test_id("time")).to_have_text(re.compile("14:01:"), timeout=PATIENCE)
        after = ask(served, "/markets/timed")
        assert after["virtual_time"] - before["virtual_time"] == 60_000
        assert after["epoch"] == before["epoch"]
        await page.get_by_test_id("scrubber").fill("300000")
        await expect(page.get_by_test_id("time")).to_have_text(re.compile("14:05:00"), timeout=PATIENCE)
        sought = ask(served, "/markets/timed")
        assert (sought["virtual_time"] - 300_000) % 86_400_000 == 14 * 3_600_000
        assert sought["epoch"] != before["epoch"]
        await page.get_by_label("Speed").select_option("10")
        await page.get_by_role("button", name="Play").click()
        await expect(state).to_have_text("running", timeout=PATIENCE)
        assert ask(served, "/markets/timed")["speed"] == 10
        await page.locator("body").press("Space")
        await expect(state).to_have_text("paused", timeout=PATIENCE)


async def test_shocks(browser: Browser, served: Served) -> None:
    """A shock happens to the market, is on the timeline, and can be edited as a scenario that does the same."""
    async with opened(browser, served, "market=shocked&scenario=calm&seed=4") as page:
        await expect(page.locator(".tape tbody tr").first).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("button", name="Jump −2 %").click()
        await expect(page.get_by_test_id("shocked")).to_have_text(re.compile("^jump in epoch"), timeout=PATIENCE)
        assert 'kind = "jump"' in ask(served, "/markets/shocked/scenario")
        await expect(page.locator(".lanes .event")).to_have_text(["jump"], timeout=PATIENCE)
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Download as a scenario").click()
        saved = await (await download.value).path()
        assert text_of(saved) == ask(served, "/markets/shocked/scenario")


async def test_faults_and_their_truth(browser: Browser, served: Served) -> None:
    """A fault that is armed on the page is one on the server; the page recovers, and shows what was done to it."""
    async with opened(browser, served, "market=faulty&scenario=calm&seed=5&speed=5") as page:
        await expect(page.locator(".tape tbody tr").first).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("tab", name="Faults").click()
        await page.get_by_label("Kind").select_option("drop")
        await page.get_by_text("When and for whom").click()
        await page.get_by_label("channel", exact=True).fill("trading")
        await page.get_by_label("count", exact=True).fill("2")
        await page.get_by_role("button", name="Arm").click()
        await expect(page.get_by_test_id("deeds").locator("li").first).to_have_text(
            re.compile("dropped"), timeout=PATIENCE
        )
        truth = ask(served, "/markets/faulty/faults")
        assert {deed["kind"] for deed in truth["done"]} == {"drop"}
        await page.get_by_role("tab", name="Connection").click()
        await expect(page.get_by_test_id("connection")).to_contain_text(
            re.compile(r"[12] recovered; 0 messages lost"), timeout=PATIENCE
        )


async def test_a_broken_connection(browser: Browser, served: Served) -> None:
    """The page says how its connection ended, connects again and goes on."""
    faults = '[{"kind":"reset","at":"5s","count":1}]'
    async with opened(browser, served, f"market=broken&scenario=calm&seed=6&speed=5&faults={faults}") as page:
        await page.get_by_role("tab", name="Connection").click()
        facts = page.get_by_test_id("connection")
        await expect(facts).to_contain_text("1006, not clean", timeout=PATIENCE)
        await expect(page.get_by_test_id("badge")).to_have_text("live", timeout=PATIENCE)
        await expect(facts).to_contain_text(re.compile(r"Reconnects[1-9]"), timeout=PATIENCE)


async def test_an_ended_market_is_stale(browser: Browser, served: Served) -> None:
    """What stands still because the market is over is shown as stale, with the code of the close."""
    async with opened(browser, served, "market=over&scenario=calm") as page:
        ask(served, "/markets/over", "DELETE")
        await expect(page.get_by_test_id("badge")).to_have_text("closed 4410", timeout=PATIENCE)
        await expect(page.locator("main")).to_have_class("stale")


async def test_frames_and_code(browser: Browser, served: Served) -> None:
    """Raw frames of both directions are shown and filtered, and the code is a client for what is shown."""
    async with opened(browser, served, "market=raw&scenario=calm&depth=10") as page:
        await page.get_by_role("tab", name="Frames").click()
        await page.get_by_label("Filter frames").fill("subscribe trading")
        await page.get_by_label("Direction").select_option("out")
        row = page.get_by_test_id("frames").locator("li").first
        await expect(row).to_contain_text('"channel":"trading"', timeout=PATIENCE)
        await row.get_by_role("button").click()
        await expect(row.locator("pre")).to_contain_text('"event": "subscribe"')
        await page.get_by_role("tab", name="Code").click()
        for language, mark in (("browser", "new WebSocket("), ("node", 'from "ws"'), ("python", "async with connect(")):
            await page.get_by_role("button", name=language, exact=True).click()
            await expect(page.get_by_test_id("code")).to_contain_text(mark)
            await expect(page.get_by_test_id("code")).to_contain_text("market=raw")


async def test_the_editor(browser: Browser, served: Served) -> None:
    """Mistakes are named in place; a scenario without any is drawn, and runs in a market that its address makes."""
    async with opened(browser, served, "market=edited&scenario=halt") as page:
        await page.get_by_role("tab", name="Scenario").click()
        mistakes = page.get_by_test_id("mistakes")
        await expect(mistakes).to_have_text("No mistakes.", timeout=PATIENCE)
        await expect(page.get_by_test_id("preview")).not_to_have_attribute("data-bars", "0", timeout=PATIENCE)
        text = page.get_by_label("Scenario", exact=True)
        await page.locator(".cm-content").click()
        await page.keyboard.press("Control+End")
        await page.keyboard.insert_text('\n[[events]]\nkind = "flash-crsh"\nat = "2m"\n')
        await expect(mistakes).to_contain_text("flash-crash", timeout=PATIENCE)
        assert await text.count() >= 1
        await page.keyboard.press("Control+Home")
        await page.keyboard.press("Control+End")
        for _ in range(12):
            await page.keyboard.press("Control+z")
        await expect(mistakes).to_have_text("No mistakes.", timeout=PATIENCE)
        await page.get_by_role("button", name="Run it").click()
        await expect(page).to_have_url(re.compile("scenario=draft"), timeout=PATIENCE)
        await expect(page.get_by_test_id("badge")).to_have_text("live", timeout=PATIENCE)
        name = re.search(r"market=([^&]+)", page.url)
        assert name is not None
        assert ask(served, f"/markets/{name[1]}")["scenario"] == "halt"


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "light")])
async def test_everybody_can_use_it(
    browser: Browser, served: Served, modules: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    """An accessibility check finds nothing serious, on a phone nothing is wider than the screen."""
    async with opened(browser, served, "market=axe&scenario=calm", width=width, scheme=scheme) as page:
        await expect(page.locator(".tape tbody tr").first).to_be_visible(timeout=PATIENCE)
        axe = (modules / "axe-core" / "axe.min.js").read_text()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        for tab in ("Shocks", "Faults", "Connection", "Frames", "Code"):
            await page.get_by_role("tab", name=tab).click()
            found = await page.evaluate(f"(async () => {{ {axe}; return (await axe.run(document)).violations; }})()")
            serious = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
