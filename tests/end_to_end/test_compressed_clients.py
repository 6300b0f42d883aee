"""Compressed frames in clients that are not ours: Node's `ws` and a browser."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.end_to_end.conftest import Served, start
from tests.end_to_end.test_clients import EXAMPLE, PAGE, Node, browser, hosted, node_modules, page
from tests.support.waiting import PATIENCE

__all__ = ["browser", "hosted", "node_modules", "page"]

SCRIPT = """
const WebSocket = require("ws");
const socket = new WebSocket("%s", {perMessageDeflate: true});
let ticks = 0;
socket.onopen = () => socket.send(JSON.stringify(
  {event: "subscribe", channel: "trading", symbol: "BTC/USD", filler: undefined, id: "a".repeat(30)}));
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.event === "data" && ++ticks === 3)
    console.log("end " + JSON.stringify({extensions: socket.extensions, price: message.data.price}));
};
"""


def bytes_a_message(served: Served) -> float:
    """The mean size of the frames that went out; plain ones have about 300 bytes."""
    with urllib.request.urlopen(served.http + "/metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    rows = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}
    return rows["feed_delivered_bytes_total"] / rows["feed_deliveries_total"]


@pytest.mark.node
def test_node_reads_compressed_ticks(node_modules: Path) -> None:
    """The extension is negotiated, and the ticks are read."""
    with start("--compression", "on") as served:
        node = Node(SCRIPT % served.url, node_modules)
        try:
            end = json.loads(node.line("end "))
        finally:
            node.close()
        assert end["price"] > 0
        assert end["extensions"] == "permessage-deflate"
        assert bytes_a_message(served) < 230


@pytest.mark.browser
async def test_browser_reads_compressed_ticks(page: Page, hosted: Any) -> None:
    """A browser offers compression by itself: fewer bytes go out than there is text."""
    with start("--compression", "on") as served:
        await page.goto(hosted(PAGE % (EXAMPLE % served.url)))
        await expect(page.locator("#price")).not_to_be_empty(timeout=60_000)
        assert await asyncio.to_thread(bytes_a_message, served) < 230
