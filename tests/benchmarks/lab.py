"""What private markets cost: opening one, two hundred at once, and a hundred that run beside the shared market.

`uv run --group dev python -m tests.benchmarks.lab` starts a server and prints a table. Latency is shown as a ratio of
the shared market with the others to the same alone, in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import orjson
import psutil
from websockets.asyncio.client import ClientConnection, connect

SUBSCRIBE = orjson.dumps({"event": "subscribe", "channel": "trading", "symbol": "BTC/USD"}).decode()

STEP = orjson.dumps({"event": "control", "action": "step", "id": 1}).decode()


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    """Serve a busy scenario in a process of its own, at the present date; gives the port and the process."""
    command = [sys.executable, "-m", "feed", "serve", "flash-crash", "--port", "0", "--anchor", "now"]
    with subprocess.Popen(
        [*command, "--wait-for", "0", "--max-markets", "1000", "--log-level", "warning"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if "ws://" in line)
            found = re.search(r"ws://[^:]+:(\d+)", line)
            assert found is not None
            yield int(found[1]), process.pid
        finally:
            process.terminate()


async def opened(port: int, query: str) -> tuple[float, float]:
    """The seconds until a market of one's own greets, and until its first trade was stepped to."""
    begin = time.perf_counter()
    async with connect(f"ws://127.0.0.1:{port}/?paused=true&{query}", open_timeout=60) as client:
        await client.recv()
        greeted = time.perf_counter() - begin
        await client.send(SUBSCRIBE)
        await client.send(STEP)
        while orjson.loads(await client.recv())["event"] != "done":
            pass
        return greeted, time.perf_counter() - begin


async def openings(port: int, queries: list[str]) -> tuple[list[float], list[float]]:
    """Open markets one after the other."""
    found = [await opened(port, query) for query in queries]
    return [greeted for greeted, _ in found], [stepped for _, stepped in found]


async def crowd(port: int, queries: list[str]) -> tuple[list[float], list[float]]:
    """Open markets all at once."""
    found = await asyncio.gather(*(opened(port, query) for query in queries))
    return [greeted for greeted, _ in found], [stepped for _, stepped in found]


async def latencies(port: int, seconds: float) -> list[float]:
    """How late, in ms of the wall clock, the trades of the shared market come."""
    found = []
    async with connect(f"ws://127.0.0.1:{port}/", max_queue=None) as client:
        await client.send(SUBSCRIBE)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                message = orjson.loads(await asyncio.wait_for(client.recv(), left))
                if message["event"] == "data":
                    found.append(time.time() * 1000 - message["data"]["timestamp"])
    return found


@contextlib.asynccontextmanager
async def readers(port: int, count: int) -> AsyncIterator[None]:
    """Markets at speed 1, each with its own seed and a reader."""

    async def read(client: ClientConnection) -> None:
        with contextlib.suppress(Exception):
            async for _ in client:
                pass

    async with contextlib.AsyncExitStack() as stack:
        tasks = []
        for number in range(count):
            path = f"ws://127.0.0.1:{port}/?scenario=calm&seed={number}"
            client = await stack.enter_async_context(connect(path, max_queue=None))
            await client.send(SUBSCRIBE)
            tasks.append(asyncio.create_task(read(client)))
        await asyncio.sleep(3)
        yield
        for task in tasks:
            task.cancel()


async def measure(port: int, process: psutil.Process, rounds: int, seconds: float) -> None:
    """Print everything."""
    await opened(port, "scenario=flash-crash&seed=1")
    print(
        "| what | greeted ms: median / worst | first step ms: median / worst | server CPU ms each |\n|---|---|---|---|"
    )
    same = ["scenario=flash-crash&seed=1"]
    rows: list[tuple[str, Callable[[], Awaitable[tuple[list[float], list[float]]]]]] = [
        ("one like others", lambda: openings(port, same * 20)),
        ("one of a new seed", lambda: openings(port, [f"scenario=calm&seed={n}" for n in range(900, 920)])),
        (
            "one late in the day",
            lambda: openings(port, [f"scenario=calm&at=23:50:00&seed={n}" for n in range(910, 914)]),
        ),
        ("200 at once, alike", lambda: crowd(port, same * 200)),
        ("200 at once, 200 seeds", lambda: crowd(port, [f"scenario=halt&seed={n}" for n in range(200)])),
    ]
    for name, work in rows:
        before = process.cpu_times()
        greeted, stepped = await work()
        after = process.cpu_times()
        spent = (after.user + after.system - before.user - before.system) / len(greeted)
        cells = [f"{statistics.median(it) * 1000:.1f} / {max(it) * 1000:.1f}" for it in (greeted, stepped)]
        print(f"| {name} | {' | '.join(cells)} | {spent * 1000:.1f} |", flush=True)
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(_percentiles(await latencies(port, seconds)))
        async with readers(port, 100):
            beside.append(_percentiles(await latencies(port, seconds)))
    for place, name in enumerate(("median", "p99")):
        one, other = (statistics.median(each[place] for each in found) for found in (alone, beside))
        print(
            f"latency of the shared market, {name}: {one:.2f} ms alone, {other:.2f} ms beside 100: x{other / one:.2f}"
        )


def _percentiles(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


def main() -> None:
    """Measure with a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with server() as (port, pid):
        asyncio.run(measure(port, psutil.Process(pid), given.rounds, given.seconds))


if __name__ == "__main__":
    main()
