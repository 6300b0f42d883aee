"""Draws the picture on the README from a real run: `uv run --group dev python -m tests.docs.picture`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re

from rich.console import Console

import feed
from feed.cli.board import Board
from feed.client.link import ClientLink, Frame, Subscription
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


if __name__ == "__main__":
    (PAGES / "running.svg").write_text(draw())
