"""Draws the pictures of the documentation from real runs: `uv run --group dev python -m tests.docs.picture`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re

from playwright.async_api import async_playwright, expect
from rich.console import Console

import feed
from feed.cli.board import Board
from feed.client.happenings import Frame
from feed.client.link import ClientLink
from feed.client.subscription import Subscription
from feed.clock import SystemClock
from tests.docs.tables import PAGES

SCENARIO, SECONDS, COLUMNS = "majors", 8, 118


async def _follow(url: str, board: Board) -> None:
    link = ClientLink(url, [Subscription(channel, "*") for channel in ("status", "trading")])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS), contextlib.aclosing(link.happenings()) as happenings:
            async for happening in happenings:
                if isinstance(happening, Frame):
                    board.take(happening.event, happening.body, happening.received, happening.missed)


def draw() -> str:
    """What `feed watch` shows after some seconds, as SVG that loads nothing from elsewhere."""
    board = Board()
    with feed.start_server(SCENARIO) as server:
        asyncio.run(_follow(server.url, board))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(board.table(SystemClock().now(), COLUMNS))
    svg = console.export_svg(title="feed watch", unique_id="feed")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


async def photograph(url: str) -> bytes:
    """The live page in the middle of a flash crash, as PNG."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1360, "height": 860}, color_scheme="dark")
        await page.goto(f"{url}/?market=picture&scenario=flash-crash&seed=7&interval=5s&at=00:03:30&speed=5")
        await expect(page.locator(".tape tbody tr")).to_have_count(40, timeout=60_000)
        await asyncio.sleep(SECONDS)
        picture = await page.screenshot()
        await browser.close()
    return picture


if __name__ == "__main__":
    (PAGES / "running.svg").write_text(draw())
    with feed.start_server("flash-crash") as server:
        (PAGES / "page.png").write_bytes(asyncio.run(photograph(server.url.replace("ws://", "http://"))))
