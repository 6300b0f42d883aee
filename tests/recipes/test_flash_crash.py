"""A small page through a flash crash: it falls with the market, loses its connection, resumes, and shows what is true.

No test here sleeps: the market stands whenever something is looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

import feed
from tests.end_to_end.conftest import Served, calm
from tests.end_to_end.test_clients import browser, hosted, page
from tests.support.waiting import PATIENCE

__all__ = ["browser", "calm", "hosted", "page"]

TEXT = (Path(__file__).parent / "page.html").read_text()

ROUNDS = int(os.environ.get("FEED_TEST_ROUNDS", "1"))
"""How often it is done in a row; fifty by hand."""

FALL = (64_800, 64_650, 64_500)
"""Prices on the way down."""


async def shows(page: Page, **values: object) -> None:
    """Wait until the page shows these values, which cannot change any more."""
    for name, value in values.items():
        text = f"{value:.15g}" if isinstance(value, float) else str(value)
        await expect(page.locator(f"#{name}")).to_have_text(text, timeout=PATIENCE * 1000)


async def view(page: Page) -> dict[str, Any]:
    """What the page shows."""
    names = ["last", "bid", "ask", "seq"]
    values = await page.evaluate("names => names.map(name => Number(document.getElementById(name).value))", names)
    return dict(zip(names, values, strict=True))


@pytest.mark.browser
@pytest.mark.parametrize("number", range(ROUNDS))
async def test_a_page_through_a_flash_crash(page: Page, hosted: Any, calm: Served, number: int) -> None:
    """Step by step; then over a reset and what it misses meanwhile; what it shows is the oracle's in the end."""
    address = hosted(TEXT)
    async with feed.open_market(
        calm.url, f"crash-{number}", scenario="flash-crash", at="00:02:00", paused=True
    ) as market:
        await page.goto(f"{address}?socket={quote(market.url_with(client='page'), safe='')}")
        await shows(page, state="online", connection=1, seq=0)
        await market.step(10)
        for price in FALL:
            await market.run_until(price=price, symbol="BTC/USD")
            truth = await market.expect("trading", "BTC/USD")
            assert truth["last"] <= price
            await shows(page, seq=truth["seq"], last=truth["last"], bid=truth["bid"], ask=truth["ask"])
        await market.fault("reset", after=20, channel="trading", connection=1)
        await market.step(200)
        truth = await market.expect("trading", "BTC/USD")
        await shows(page, connection=2, state="online", seq=truth["seq"], gaps=0)
        assert await market.verify("trading", "BTC/USD", **await view(page))
        deeds = (await market.faults())["done"]
        assert [(deed["kind"], deed["deed"], deed["ordinal"]) for deed in deeds] == [("reset", "cut", 1)]
        await market.seek("00:04:50")
        await market.step(5)
        truth = await market.expect("trading", "BTC/USD")
        await shows(page, seq=truth["seq"], last=truth["last"], gaps=0)
        assert await market.verify("trading", "BTC/USD", **await view(page))
