"""The product: the real `feed serve`, the whole way from a market to the socket, on a market of a fixed rate.

The market is a file of trades at equal distances, which the source of recorded trades replays. Product frames carry no
clock time, so for latency a thin launcher (`tests.benchmarks.logged`) notes the clock when the market hands a message
to its hub, before it is encoded, in a file that the load generator maps and looks sequence numbers up in.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import urllib.request
from pathlib import Path

from tests.benchmarks.tools import MissingError

__all__ = ["LOG_SLOTS", "command", "messages_a_write", "publish_log", "write_scenario"]

LOG_SLOTS = 1 << 20
BEGIN_US = 1_704_067_200_000_000
MARKET_SECONDS = 20
RUSH_ROWS = 300_000
SCENARIO = """\
name = "benchmark"

[source]
file = "trades.csv"
time = "time"
time_unit = "us"
price = "price"
size = "size"
side = "side"
"""


def write_scenario(folder: Path, *, rate: int) -> Path:
    """A scenario of so many trades a second, and its file of trades; a rate of 0 makes as many as there may be."""
    rows = rate * MARKET_SECONDS if rate > 0 else RUSH_ROWS
    step = 1_000_000 / (rate or 10_000)
    with (folder / "trades.csv").open("w") as file:
        file.write("time,price,size,side\n")
        for i in range(max(2, rows)):
            price = 67_000 + (i * 7919 % 1000) / 10
            file.write(f"{BEGIN_US + round(i * step)},{price:.1f},0.{1000 + i % 8999},{'buy' if i % 3 else 'sell'}\n")
    path = folder / "benchmark.toml"
    path.write_text(SCENARIO)
    return path


def command(
    scenario: Path, *, gather_us: int, rush: bool, deflate: bool, log: Path | None, symbols: tuple[int, int] | None
) -> list[str]:
    """The command that serves the scenario, or so many symbols with so many ticks a second each.

    Raises:
        MissingError: there is no such command yet.
    """
    if importlib.util.find_spec("feed.cli") is None or importlib.util.find_spec("feed.service.serving") is None:
        raise MissingError("there is no `feed serve`")
    feed = [str(Path(sys.executable).parent / "feed")]
    if log is not None:
        feed = [sys.executable, "-m", "tests.benchmarks.logged", str(log)]
    if symbols is not None:
        feed = [sys.executable, "-m", "tests.benchmarks.metronome", *map(str, symbols)]
    options = {
        "--port": "0",
        "--speed": "max" if rush else "1",
        "--gather": f"{gather_us / 1e6:.6f}",
        "--compression": "on" if deflate else "off",
        "--max-connections": "20000",
        "--log-level": "error",
        "--at-end": "hold",
    }
    return [*feed, "serve", str(scenario), *(word for pair in options.items() for word in pair)]


def publish_log(path: Path) -> Path:
    """An empty log of publish times: one nanosecond clock reading a sequence number, modulo its length."""
    with path.open("wb") as file:
        os.truncate(file.fileno(), LOG_SLOTS * 8)
    return path


def messages_a_write(port: int) -> float:
    """How many messages the server says that it put into one write, so that gathered figures can't pass for others.

    Raises:
        MissingError: the server does not say.
    """
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    rows = [line.replace("{", " ").split() for line in lines if not line.startswith("#")]
    found = {row[0]: float(row[-1]) for row in rows}
    if not found.get("feed_writes_total"):
        raise MissingError("the server does not count its writes")
    return found["feed_deliveries_total"] / found["feed_writes_total"]
