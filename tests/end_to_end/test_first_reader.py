"""Who comes first to a recording that begins in the middle gets what there is, and nothing that is made up."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.end_to_end.conftest import ROOT, start


@pytest.fixture(scope="module")
def middle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trades of a few seconds of a market that has been running for minutes of its own time."""
    path = tmp_path_factory.mktemp("middle") / "day.parquet"
    with start("--wait-for", "0", "--at", "00:00:30", "--speed", "20") as served:
        asyncio.run(some(served.url, {"channel": "trading"}, 50))
        command = ["record", served.url, "--channel", "trading", "--for", "3s", "--out", str(path)]
        done = subprocess.run(
            [sys.executable, "-m", "feed", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    return path


async def some(url: str, keys: dict[str, Any], count: int) -> list[str]:
    """The first `data` frames of a subscription."""
    found: list[str] = []
    async with asyncio.timeout(30), connect(url, max_queue=None) as websocket:
        await websocket.send(json.dumps({"event": "subscribe", "symbol": "BTC/USD", **keys}))
        async for frame in websocket:
            assert isinstance(frame, str)
            if frame.startswith('{"event":"data"'):
                found.append(frame)
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize("history", [0, 3, 500])
def test_a_history_of_what_has_not_begun_is_empty(middle: Path, history: int) -> None:
    """The first reader is not too slow: it gets the first message as an update, and goes on."""
    with start(str(middle)) as served:
        frames = asyncio.run(some(served.url, {"channel": "trading", "history": history}, 5))
    messages = [json.loads(frame) for frame in frames]
    assert messages[0]["seq"] > 1
    assert {message["type"] for message in messages} == {"update"}
    assert [message["seq"] - messages[0]["seq"] for message in messages] == list(range(5))


@pytest.mark.parametrize("keys", [{"channel": "ticker"}, {"channel": "candles", "interval": "1m", "history": 20}])
def test_nothing_is_said_before_there_is_something(middle: Path, keys: dict[str, Any]) -> None:
    """No snapshot of zeros; the first update comes with the first second that has a trade."""
    with start(str(middle), "--speed", "10") as served:
        frames = asyncio.run(some(served.url, keys, 3))
    assert [json.loads(frame)["seq"] for frame in frames] == [1, 2, 3]
    for frame in frames:
        data = json.loads(frame)["data"]
        assert min(data[key] for key in ("open", "high", "low")) > 1000, frame
