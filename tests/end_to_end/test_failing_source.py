"""A market whose source fails ends; the server goes on, and tells it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.conftest import ROOT, Served, start, start_command
from tests.support.waiting import PATIENCE

SUBSCRIBE = '{"event":"subscribe","channel":["trading","book"],"symbol":"*"}'

BROKEN = """
import sys
from feed.engine.source import EngineSource

whole = EngineSource.batches

def batches(self, at):
    for batch in whole(self, at):
        if batch.start > self.start + 600 * 10**9:
            raise IndexError("list index out of range")
        yield batch

EngineSource.batches = batches
import feed.service.serving
from feed.cli import main

# Which plays the beginning of the market once.
feed.service.market_digest = lambda *args, **options: "0" * 16
sys.exit(main())
"""


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Served]:
    """A server whose market works for a while of its own time."""
    script = tmp_path / "broken.py"
    script.write_text(BROKEN)
    with start_command(str(script), "serve", "quiet", "--speed", "max") as served:
        yield served


def health(served: Served) -> dict[str, Any]:
    """What the server tells of itself."""
    with urllib.request.urlopen(f"{served.http}/health", timeout=PATIENCE) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told


async def closed_with(url: str) -> tuple[int, str]:
    """Subscribe, read to the end, and say how it ended."""
    async with asyncio.timeout(30), connect(url, max_queue=None) as websocket:
        try:
            await websocket.send(SUBSCRIBE)
            async for _ in websocket:
                pass
        except ConnectionClosed:
            pass
        return websocket.close_code or 0, websocket.close_reason or ""


def test_whatever_a_source_raises_the_server_lives(broken: Served) -> None:
    """Clients are closed with 1011, now and later; HTTP goes on answering; the exit code tells it at the end."""
    assert health(broken)["status"] == "ok"
    for _ in range(2):
        assert asyncio.run(closed_with(broken.url)) == (1011, "the market's source failed")
    told = health(broken)
    assert (told["status"], told["state"]) == ("failed", "ended")
    assert told["failure"].startswith("IndexError: list index out of range (broken.py:")
    lines = [line for line in broken.lines if "the market's source failed" in line and "[error" in line]
    assert len(lines) == 1
    assert "Traceback" not in broken.output
    broken.signal()
    assert broken.wait() == 1


def test_a_buy_and_a_sell_at_one_price_and_time(tmp_path: Path) -> None:
    """No book could show both, and there is one nevertheless."""
    (tmp_path / "both.csv").write_text(
        "time,price,size,side\n1700000000000,100.1,1,buy\n1700000000000,100.1,1,sell\n1700000060000,100.2,1,buy\n"
    )
    made = tmp_path / "both.parquet"
    command = ["import", "trades", str(tmp_path / "both.csv"), "--out", str(made), "--symbol", "BTC/USD"]
    done = subprocess.run(
        [sys.executable, "-m", "feed", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    with start(str(made), "--speed", "max", "--at-end", "close") as served:
        assert asyncio.run(closed_with(served.url))[0] == 4410
        assert health(served)["status"] == "ok"
