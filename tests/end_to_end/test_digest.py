"""Equal digests, equal bytes: what a socket gives, what `feed digest` hashes, and what names a market."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from feed.cli.app import app
from tests.end_to_end.conftest import start

LIVELY = """
name = "lively"
[market]
orders_per_second = 1
[[symbols]]
symbol = "BTC/USD"
[[symbols]]
symbol = "ETH/USD"
start_price = 3400
[[events]]
kind = "halt"
at = "5s"
for = "4s"
auction = "3s"
"""
CHANNELS = ["trading", "status", "ticker", "candles", "book"]


def told(*arguments: str) -> dict[str, Any]:
    """What `feed digest --json` prints."""
    done = CliRunner().invoke(app, ["digest", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(folder: Path, text: str, name: str = "lively.toml") -> str:
    """A scenario file's path."""
    file = folder / name
    file.write_text(text)
    return str(file)


async def read_all(url: str) -> tuple[dict[str, Any], dict[tuple[str, str, str], bytes]]:
    """The status frame, and all frames of each stream up to the market's end, each with a line feed behind it."""
    frames: dict[tuple[str, str, str], bytes] = defaultdict(bytes)
    everything = {"interval": "*", "depth": "*"}
    async with asyncio.timeout(60), connect(url, max_queue=None) as client:
        status = json.loads(await client.recv())
        # One message, so that all of them are there at the beginning.
        await client.send(json.dumps({"event": "subscribe", "channel": CHANNELS, "symbol": "*", **everything}))
        while True:
            frame = await client.recv(decode=False)
            message = json.loads(frame)
            if message["event"] == "market" and message["state"] == "ended":
                return status, frames
            if message["event"] == "data":
                data = message["data"]
                part = str(data.get("interval", data.get("depth", "")))
                frames[message["channel"], message["symbol"], part] += frame + b"\n"


@pytest.mark.timeout(120)
async def test_what_is_hashed_is_what_a_socket_gives(tmp_path: Path) -> None:
    """The frames of every stream of all channels, and the digest that the server tells."""
    file = write(tmp_path, LIVELY)
    with start(file, "--speed", "max", "--until", "20s", "--at-end", "hold") as served:
        status, frames = await read_all(served.url)
    expected = told(file, "--until", "20s", "--frames", "1000000")
    assert status["digest"] == expected["digest"]
    assert status["epoch"] == expected["digest"] + "-1"
    hashed = {tuple(entry["stream"]): entry["sha256"] for entry in expected["streams"]}
    assert set(hashed) >= set(frames)
    assert len(frames) == 2 * (3 + 9 + 3)
    assert {stream: hashlib.sha256(data).hexdigest() for stream, data in frames.items()} == hashed


def test_what_comes_late_changes_the_digest(tmp_path: Path) -> None:
    """An event behind all the frames that anybody would hash, another end, beginning or seed: other bytes."""
    file = write(tmp_path, LIVELY)
    later = LIVELY + '[[events]]\nkind = "jump"\nat = "30h"\n'
    digests = [
        told(*arguments, "--frames", "1")["digest"]
        for arguments in (
            [file],
            [write(tmp_path, later, "later.toml")],
            [file, "--seed", "2"],
            [file, "--at", "1s"],
            [file, "--until", "1h"],
        )
    ]
    assert len(set(digests)) == len(digests)
    assert (
        told(write(tmp_path, LIVELY.replace("lively", "renamed"), "renamed.toml"), "--frames", "1")["digest"]
        == (digests[0])
    )


@pytest.mark.timeout(120)
def test_a_replayed_file_counts_by_its_content(tmp_path: Path) -> None:
    """The same trades in a file of another name are the same market; other trades are another."""
    rows = "".join(f"{1_700_000_000_000 + 500 * n},{100 + n % 3},1,buy\n" for n in range(40))
    one = write(tmp_path, "time,price,size,side\n" + rows, "one.csv")
    other = write(tmp_path, "time,price,size,side\n" + rows, "other.csv")
    changed = write(tmp_path, "time,price,size,side\n" + rows.replace(",1,buy\n", ",2,buy\n", 1), "changed.csv")
    first = told(one)
    assert told(other) == {**first, "scenario": "other"}
    assert told(changed)["digest"] != first["digest"]
    section = '\n[source]\nfile = "{}"\nside = "side"\n'
    by_source = [
        told(write(tmp_path, 'name = "x"' + section.format(name), f"{name}.toml"))["digest"]
        for name in ("one.csv", "other.csv", "changed.csv")
    ]
    assert by_source[0] == by_source[1] != by_source[2]
