"""The load generator's Python side: a load in, a measurement out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmarks.processes import Running
from tests.benchmarks.tools import MissingError, compiled

__all__ = ["Load", "Measurement", "holding", "measure"]

SUBSCRIBE = '{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'
HOLD_TIMEOUT = 60.0
READ_EVERY_US = 1000
"""Where latency is not measured, the sockets are looked at this often: a server pays nothing to wake remote clients."""


@dataclass(frozen=True, slots=True)
class Load:
    """Who connects and for how long frames are counted.

    Args:
        connections: subscribers that read.
        idle: connections that never subscribe.
        stalled: subscribers that read nothing.
        streams: a `%d` in the subscribe message runs through this many numbers.
        latency: `none`, `sent` (messages carry their time), or the file that a product writes publish times to.
    """

    connections: int = 100
    idle: int = 0
    stalled: int = 0
    streams: int = 1
    seconds: float = 1.0
    warmup: float = 0.2
    subscribe: str = SUBSCRIBE
    path: str = "/"
    deflate: bool = False
    latency: str = "none"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the load generator saw in the window, and the server's CPU time in it."""

    connections: int
    frames: int
    bytes: int
    seconds: float
    cpu_seconds: float
    fewest: int
    most: int
    gaps: int
    unchecked: int
    disconnects: int
    other_frames: int
    deflated: int
    samples: int
    p50_us: int
    p99_us: int

    @property
    def per_cpu_second(self) -> float:
        """Deliveries for each second of the server's CPU time."""
        return self.frames / self.cpu_seconds if self.cpu_seconds else 0.0


def measure(server: Running, load: Load) -> Measurement:
    """Put a load on a server.

    Raises:
        MissingError: the load generator failed; the message says how.
    """
    command = [*_command(server, load), "--seconds", str(load.seconds), "--warmup", str(load.warmup)]
    timeout = 60 + load.seconds + load.warmup
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise MissingError("the load generator did not end in time") from error
    if result.returncode:
        raise MissingError(result.stderr.strip()[-300:] or f"the load generator ended with {result.returncode}")
    return Measurement(**json.loads(result.stdout))


@contextmanager
def holding(server: Running, idle: int, *, deflate: bool = False) -> Iterator[None]:
    """Keep that many idle connections open."""
    command = [
        *_command(server, Load(connections=0, idle=idle, deflate=deflate)),
        "--timeout",
        str(HOLD_TIMEOUT),
        "--hold",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise MissingError("the idle connections were not opened")
            yield
        finally:
            process.kill()


def _command(server: Running, load: Load) -> list[str]:
    options = {
        "connections": load.connections,
        "idle": load.idle,
        "stalled": load.stalled,
        "streams": load.streams,
        "subscribe": load.subscribe,
        "path": load.path,
        "latency": load.latency,
        "pid": server.pid,
        "every": READ_EVERY_US if load.latency == "none" else 0,
    }
    flat = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [str(compiled("sink")), str(server.port), *flat, *(["--deflate"] if load.deflate else [])]
