"""The product: same scenario and seed, same bytes, at any speed, for any number of subscribers, after any detour."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.end_to_end.conftest import ROOT, Served, start

FRAMES = 2000
BEGIN = 1_736_172_000_000
SUBSCRIBE = '{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'


async def frames_of(client: ClientConnection) -> AsyncIterator[bytes]:
    """The `data` frames that a client gets, as they are."""
    while True:
        frame = await client.recv(decode=False)
        assert isinstance(frame, bytes)
        if b'"event":"data"' in frame:
            yield frame


async def first_frames(served: Served, subscribers: int, count: int = FRAMES) -> set[bytes]:
    """A digest of the first frames that each of so many subscribers gets."""
    # The library's own bound on what it queues stays: who has read enough leaves, and the others go on.
    clients = [await connect(served.url, ping_interval=None, compression=None) for _ in range(subscribers)]

    async def read(client: ClientConnection) -> bytes:
        await client.send(SUBSCRIBE)
        digest = hashlib.sha256()
        seq = 0
        async for frame in frames_of(client):
            seq += 1
            assert b'"seq":%d,' % seq in frame
            digest.update(frame)
            if seq == count:
                break
        client.transport.abort()
        return digest.digest()

    async with asyncio.timeout(100):
        return set(await asyncio.gather(*(read(client) for client in clients)))


@pytest.mark.timeout(200)
async def test_speed_and_crowd_change_no_byte(tmp_path: Path) -> None:
    """One subscriber at speed 1, five at 30, fifty at full speed: the same frames; and others for another seed."""
    file = tmp_path / "lively.toml"
    file.write_text('name = "lively"\n[market]\norders_per_second = 100\n')
    scenario = str(file)
    with start(scenario) as slow:
        pending = asyncio.create_task(first_frames(slow, 1))
        with start(scenario, "--speed", "max", "--wait-for", "50") as crowd:
            many = await first_frames(crowd, 50)
        with start(scenario, "--speed", "30", "--wait-for", "5") as fast:
            quick = await first_frames(fast, 5)
        with start(scenario, "--speed", "max", "--seed", "8") as other:
            different = await first_frames(other, 1)
        one = await pending
    assert len(one) == 1
    assert one == many == quick
    assert different != one


async def test_beginning_elsewhere_gives_the_same_ticks() -> None:
    """`--at` begins in the middle: other seqs, the same market."""
    with (
        start("flash-crash", "--speed", "max") as whole,
        start("flash-crash", "--speed", "max", "--at", "00:03:00") as part,
    ):
        ticks: dict[int, object] = {}
        async with connect(whole.url) as client:
            await client.send(SUBSCRIBE)
            async for frame in frames_of(client):
                timestamp = int(frame.rpartition(b":")[2].rstrip(b"}"))
                if timestamp >= BEGIN + 180_000:
                    data = json.loads(frame)["data"]
                    ticks[data["trade_id"]] = data
                if timestamp > BEGIN + 190_000:
                    break
            client.transport.abort()
        async with connect(part.url) as client:
            await client.send(SUBSCRIBE)
            seen = 0
            async for frame in frames_of(client):
                message = json.loads(frame)
                seen += 1
                assert message["seq"] == seen
                assert message["data"] == ticks[message["data"]["trade_id"]]
                if seen == 200:
                    break
            client.transport.abort()


def digest(scenario: str, **environment: str) -> str:
    """What `feed digest` prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FEED_")}
    command = [sys.executable, "-W", "error", "-m", "feed", "digest", scenario, "--frames", "400"]
    done = subprocess.run(command, cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True, check=True)
    assert done.stderr == "", done.stderr
    return done.stdout


def cpu_features() -> list[str]:
    """The levels of vector instructions that this numpy would use here, the highest last."""
    import numpy as np

    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return [str(feature) for feature in found]


@pytest.mark.parametrize("scenario", ["calm", "flash-crash", "volatile"])
def test_no_hash_seed_and_no_processor_reaches_the_bytes(scenario: str) -> None:
    """The digest is the same for other hash seeds, thread counts, and with numpy's vector instructions off."""
    expected = digest(scenario, PYTHONHASHSEED="1")
    strange = {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    assert digest(scenario, NPY_DISABLE_CPU_FEATURES=" ".join(cpu_features()), **strange) == expected


def test_no_level_of_instructions_reaches_the_bytes() -> None:
    """Nor does one between the highest and the lowest that this processor has."""
    levels = {" ".join(cpu_features()[level:]) for level in range(1, len(cpu_features()))}
    assert len({digest("flash-crash", NPY_DISABLE_CPU_FEATURES=off) for off in ("", *levels)}) == 1 or not levels
