"""Real clients, unmodified: Chromium and Node's `ws` with the user's own example, and what they see of an end."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.end_to_end.conftest import Served, start

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODE = shutil.which("node")
NPM = shutil.which("npm")

# The user's example, word for word but for the address, with a body in each handler that tells the test.
EXAMPLE = """
const websocket = new WebSocket("%s");
websocket.onopen = () => websocket.send(JSON.stringify({event: "subscribe", channel: "trading", symbol: "BTC/USD"}));
websocket.onmessage = (event) => { const message = JSON.parse(event.data); seen(message); };
websocket.onclose = (event) => { ended({code: event.code, reason: event.reason, wasClean: event.wasClean}); };
websocket.onerror = (event) => { };
"""

PAGE = """<!doctype html><title>example</title><link rel="icon" href="data:,">
<p>price <output id="price"></output> after <output id="count">0</output> ticks</p><p id="end"></p>
<script>
function seen(message) {
  if (message.event !== "data") return;
  document.getElementById("price").value = message.data.price;
  const count = document.getElementById("count");
  count.value = Number(count.value) + 1;
}
function ended(end) { document.getElementById("end").textContent = JSON.stringify(end); }
</script><script>%s</script>"""

SCRIPT = """
const WebSocket = require("ws");
let ticks = 0;
function seen(message) {
  if (message.event === "data" && ++ticks === 3) console.log("price " + message.data.price);
}
function ended(end) { console.log("end " + JSON.stringify(end)); process.exit(0); }
%s
"""


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """A folder with the npm package `ws`, kept between runs outside of the project."""
    if NODE is None or NPM is None:
        pytest.skip("Node.js is not installed")
    folder = Path(tempfile.gettempdir()) / f"feed-node-{os.getuid()}"
    if not (folder / "node_modules" / "ws").exists():
        folder.mkdir(exist_ok=True)
        command = [NPM, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--no-package-lock", "ws@8"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            pytest.skip(f"npm cannot install ws: {done.stderr[-200:]}")
    return folder / "node_modules"


class Node:
    """A Node.js process that runs a script with `ws`."""

    def __init__(self, script: str, modules: Path) -> None:
        assert NODE is not None
        environment = {**os.environ, "NODE_PATH": str(modules)}
        self._process = subprocess.Popen([NODE, "-e", script], env=environment, stdout=subprocess.PIPE, text=True)

    def line(self, beginning: str) -> str:
        """The next line that begins like this."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(f"node ended without a line that begins with {beginning!r}")

    def close(self) -> None:
        """End it."""
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


ENDS = [
    (signal.SIGKILL, 1006, "", False),
    (signal.SIGTERM, 1012, "the server restarts", True),
    (signal.SIGINT, 1001, "the server stops", True),
]


@pytest.mark.node
@pytest.mark.parametrize(("number", "code", "reason", "clean"), ENDS, ids=["killed", "SIGTERM", "SIGINT"])
def test_example_in_node(node_modules: Path, number: int, code: int, reason: str, clean: bool) -> None:
    """The example works with Node's `ws`, and sees how the server ended."""
    with start() as served:
        node = Node(SCRIPT % (EXAMPLE % served.url), node_modules)
        try:
            assert float(node.line("price ")) > 0
            served.signal(number)
            assert json.loads(node.line("end ")) == {"code": code, "reason": reason, "wasClean": clean}
        finally:
            node.close()
        if number != signal.SIGKILL:
            assert served.wait() == 0


@pytest.mark.node
def test_reset_in_node(node_modules: Path) -> None:
    """A reset that was asked for is seen as 1006 without a close frame, behind the messages before it."""
    with start() as served:
        url = served.url + "/?faults=" + quote('[{"kind":"reset","after":5}]')
        node = Node(SCRIPT % (EXAMPLE % url), node_modules)
        try:
            assert float(node.line("price ")) > 0
            assert json.loads(node.line("end ")) == {"code": 1006, "reason": "", "wasClean": False}
        finally:
            node.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                # Web sites whose names point at this machine.
                "--host-resolver-rules=MAP *.example 127.0.0.1",
            ],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh tab."""
    page = await browser.new_page()
    yield page
    await page.close()


@pytest.fixture
def hosted() -> Iterator[Any]:
    """Gives a function that serves a page from loopback, as a developer's own server does."""
    servers: list[http.server.HTTPServer] = []

    def host(text: str) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield host
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize(("number", "code", "reason", "clean"), ENDS, ids=["killed", "SIGTERM", "SIGINT"])
async def test_example_in_chromium(page: Page, hosted: Any, number: int, code: int, reason: str, clean: bool) -> None:
    """The example works in a browser, from a page of another port, and sees how the server ended."""
    with start() as served:
        await page.goto(hosted(PAGE % (EXAMPLE % served.url)))
        await expect(page.locator("#price")).to_have_text(re.compile(r"\d+"), timeout=60_000)
        served.signal(number)
        await expect(page.locator("#end")).to_have_text(
            json.dumps({"code": code, "reason": reason, "wasClean": clean}, separators=(",", ":")), timeout=60_000
        )


@pytest.mark.browser
async def test_front_page(page: Page, calm: Served) -> None:
    """The root says what this is, loads nothing from elsewhere and breaks no rule of its own policy."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    await page.goto(calm.http)
    await expect(page.locator(".brand")).to_contain_text("feed")
    await expect(page.get_by_label("Symbol")).to_contain_text("BTC/USD", timeout=60_000)
    assert complaints == []
    own = (calm.http, calm.url, "data:")
    assert all(url.startswith(own) for url in requests)


async def run_snippet(page: Page) -> None:
    """Run what the front page shows in its console, until it has logged a tick."""
    await page.get_by_role("tab", name="Code").click()
    snippet = await page.get_by_test_id("code").inner_text()
    async with page.expect_console_message(lambda message: message.text.startswith("trading"), timeout=60_000):
        await page.evaluate("() => {" + snippet + "}")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_the_front_page_s_snippet(page: Page, calm: Served, name: str) -> None:
    """What the page shows works in the console of that page, without an error."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(calm.http.replace("127.0.0.1", name))
    await run_snippet(page)
    assert complaints == []


READ = "url => fetch(url, {headers: {'X-Trace': '1'}}).then(answer => answer.json()).catch(error => String(error))"


@pytest.mark.browser
async def test_a_page_of_another_port_reads_history(page: Page, hosted: Any, calm: Served) -> None:
    """A developer's own page reads the past by HTTP, also with a header that makes the browser ask first."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(hosted("<!doctype html><link rel=icon href=data:,>").replace("127.0.0.1", "localhost"))
    answer = await page.evaluate(READ, calm.http + "/markets/main/candles?symbol=BTC/USD&limit=3")
    assert len(answer["candles"]) == 3
    assert complaints == []
    # An error can be read as well.
    answer = await page.evaluate(READ, calm.http + "/markets/main/candles?symbol=BTC/USDT")
    assert answer["hint"] == "BTC/USD"


@pytest.mark.browser
@pytest.mark.parametrize("named", [True, False], ids=["named", "foreign"])
async def test_a_page_of_a_web_site_reads_history(page: Page, hosted: Any, named: bool) -> None:
    """Only where it was named with `--origin`, as for the socket."""
    address = hosted("<!doctype html><title>app</title>").replace("127.0.0.1", "app.example")
    with start(*(["--origin", address] if named else [])) as served:
        await page.goto(address)
        answer = await page.evaluate(READ, served.http + "/health")
    assert answer == "TypeError: Failed to fetch" if not named else answer["status"] == "ok"


@pytest.mark.browser
async def test_a_web_site_that_points_at_this_machine(page: Page, calm: Served) -> None:
    """To the browser it is the site's own server; it gets nothing but the reason."""
    answer = await page.goto(calm.http.replace("127.0.0.1", "evil.example"))
    assert answer is not None
    assert answer.status == 403
    assert (await answer.json())["code"] == "FOREIGN_HOST"
    with start("--allowed-host", "feed.example") as served:
        answer = await page.goto(served.http.replace("127.0.0.1", "feed.example"))
        assert answer is not None
        assert answer.status == 200
        await run_snippet(page)


async def test_python_client_of_another_library(calm: Served) -> None:
    """Every tick of the default scenario is sound: a spread, a price inside the quotes, fixed decimals."""
    from websockets.asyncio.client import connect

    async with connect(calm.url) as client:
        await client.send('{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}')
        ticks: list[dict[str, Any]] = []
        while len(ticks) < 5:
            frame = await asyncio.wait_for(client.recv(), 30)
            message = json.loads(frame)
            if message["event"] == "data":
                ticks.append(message)
    for tick in ticks:
        data = tick["data"]
        assert data["bid"] < data["ask"]
        assert data["bid"] <= data["price"] <= data["ask"]
        assert data["size"] > 0
    assert [tick["seq"] for tick in ticks] == list(range(ticks[0]["seq"], ticks[0]["seq"] + 5))
