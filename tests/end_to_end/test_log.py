"""What a server says while it serves: where it is, what it waits for, and a line for each who comes, asks and goes."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.end_to_end.conftest import ROOT, Served, start

SUBSCRIBE = '{"event":"subscribe","channel":["trading","status"],"symbol":"BTC/USD"}'


async def visit(served: Served) -> None:
    """One client that subscribes, is wrong and leaves; one that is cut off; one that is refused."""
    async with connect(served.url) as client:
        wrong = '{"event":"subscribe","channel":"stats","symbol":"BTC/USD"}'
        for message in (SUBSCRIBE, wrong, '{"event":"auth","token":"hush"}'):
            await client.send(message)
        await client.send('{"event":"\x1b[31m')
        while json.loads(await client.recv()).get("code") != "INVALID_JSON":
            pass
    cut = await connect(served.url)
    cut.transport.abort()
    with pytest.raises(InvalidStatus):
        await connect(f"{served.url}/?numbers=strin")
    foreign = await connect(served.url, origin=Origin("https://evil.example"))
    await foreign.wait_closed()


def lines_of(*arguments: str) -> list[str]:
    """All that a server says from its start to its end."""
    with start(*arguments) as served:
        asyncio.run(visit(served))
        served.signal(signal.SIGINT)
        assert served.wait() == 0
    return served.lines


def test_every_line_is_json_and_tells_who_comes_asks_and_goes() -> None:
    """The first line is as the others; each client has its lines, with the reason of its end."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in lines_of("quiet", "--log-format", "json")]
    told = [line["event"] for line in lines]
    assert lines[0]["event"] == "listening"
    assert lines[0]["page"] == lines[0]["url"].replace("ws:", "http:")
    assert told[1] == "market time waits for its first subscriber"
    assert "market time begins" in told
    assert told.count("= open") == told.count("x closed") == 3
    by_name = {name: [line for line in lines if line.get("connection") == name] for name in ("c1", "c2", "c3")}
    assert [line["event"] for line in by_name["c1"]] == ["= open", "= subscribed", "> error", "> error", "x closed"]
    opened, subscribed, error, _, closed = by_name["c1"]
    assert opened["address"].startswith("127.0.0.1:")
    assert subscribed["streams"] == "trading:BTC/USD, status:BTC/USD"
    assert (error["code"], error["hint"]) == ("UNKNOWN_CHANNEL", 'did you mean "status"?')
    assert (closed["by"], closed["code"]) == ("client", 1000)
    assert (by_name["c2"][-1]["by"], by_name["c2"][-1]["reason"]) == ("network", "the connection was cut")
    assert (by_name["c3"][-1]["by"], by_name["c3"][-1]["code"]) == ("server", 1008)
    assert by_name["c3"][0]["origin"] == "https://evil.example"
    [refused] = [line for line in lines if line["event"] == "! refused"]
    assert (refused["request"], refused["status"]) == ("GET /?numbers=strin", 400)


def test_debug_says_which_message_and_never_a_token() -> None:
    """What came is shown as it came, but for secrets, and so that a terminal does not obey it."""
    lines = lines_of("quiet", "--log-level", "debug")
    output = "\n".join(lines)
    assert lines[0].startswith("quiet on ws://127.0.0.1:")
    assert "its page on http://127.0.0.1:" in lines[0]
    assert '"event":"subscribe","channel":["trading","status"]' in output
    assert '"event":"subscribed"' in output
    assert '{"event":"auth"}' in output
    assert "hush" not in output
    assert "\x1b" not in output
    assert "\\x1b[31m" in output


def test_a_failed_start_is_json_too() -> None:
    """Whoever reads the lines with a program reads this one, and the exit code is the same."""
    command = [sys.executable, "-m", "feed", "serve", "nope", "--log-format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no such scenario" in json.loads(done.stderr)["event"]
