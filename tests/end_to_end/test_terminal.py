"""Clients that only listen, and what the page of the wire tells those who write their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, Served, start
from tests.end_to_end.test_clients import Node, node_modules

__all__ = ["node_modules"]

CURL = shutil.which("curl")

WIRE = ROOT / "feed" / "docs" / "wire.md"

LISTENS = """
const WebSocket = require("ws");
const socket = new WebSocket("%s");
let ticks = 0;
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.event === "data" && ++ticks === 3) console.log("tick " + event.data);
};
socket.on("unexpected-response", (request, response) => {
  response.on("data", (body) => console.log("refused " + JSON.stringify([response.statusCode, String(body)])));
});
"""

# The page's functions, over a book that is kept as its words say.
CHECKS = """
const WebSocket = require("ws");
const crc32 = (text) => {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc >>> 0;
};
%s
const socket = new WebSocket("%s");
const sides = {asks: new Map(), bids: new Map()};
let decimals, wrong = 0, seen = 0;
const best = (side, sign) => [...side.entries()].sort(([one], [other]) => sign * (one - other));
socket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.event === "status") decimals = message.symbols[0];
  if (message.event !== "data") return;
  for (const [name, side] of Object.entries(sides)) {
    if (message.type === "snapshot") side.clear();
    for (const [price, size] of message.data[name])
      if (Number(size)) side.set(price, size); else side.delete(price);
  }
  const book = {asks: best(sides.asks, 1), bids: best(sides.bids, -1)};
  if (checksum(book, decimals) !== message.data.checksum) wrong++;
  if (++seen === 200) console.log("end " + JSON.stringify({wrong, levels: book.asks.length}));
};
"""


@pytest.mark.node
def test_a_client_that_only_listens(node_modules: Path, calm: Served) -> None:
    """What `wscat -c URL` does: the URL is enough."""
    node = Node(LISTENS % (calm.url + "/?subscribe=trading:BTC/USD"), node_modules)
    try:
        assert json.loads(node.line("tick "))["channel"] == "trading"
    finally:
        node.close()


@pytest.mark.node
def test_a_misspelt_stream(node_modules: Path, calm: Served) -> None:
    """The handshake is refused, and the answer has the right one."""
    node = Node(LISTENS % (calm.url + "/?subscribe=trading:BTC/EUR"), node_modules)
    try:
        status, body = json.loads(node.line("refused "))
    finally:
        node.close()
    assert status == 400
    assert json.loads(body)["hint"] == 'did you mean "trading:BTC/USD"?'


def test_curl(calm: Served) -> None:
    """The page's line for a curl that knows nothing of WebSockets."""
    if CURL is None:
        pytest.skip("curl is not installed")
    text = WIRE.read_text()
    found = re.search(r"^curl -sN -o - .*?\n  'http[^']*'", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    command = found.group().replace("http://127.0.0.1:8765", calm.http)
    process = subprocess.Popen(["timeout", "30", "sh", "-c", f"exec {command}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = b""
    try:
        while b'"event":"data","channel":"trading"' not in seen:
            piece = os.read(process.stdout.fileno(), 65536)
            assert piece, seen
            seen += piece
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.node
@pytest.mark.parametrize("numbers", ["plain", "string"])
def test_the_checksum_as_the_page_computes_it(node_modules: Path, numbers: str) -> None:
    """From the numbers that `JSON.parse` gives, and the decimals of the status frame."""
    [code] = re.findall(r"```js\n(// price_decimals.*?)```", WIRE.read_text(), re.DOTALL)
    with start("majors", "--speed", "20") as served:
        query = f"/?subscribe=book:BTC/USD:25&numbers={numbers}"
        node = Node(CHECKS % (code, served.url + query), node_modules)
        try:
            end = json.loads(node.line("end "))
        finally:
            node.close()
    assert end == {"wrong": 0, "levels": 25}
