"""`feed serve` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
URL = re.compile(r"wss?://[\w.\[\]:]+:\d+")


@dataclass
class Served:
    """A running `feed serve`."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def http(self) -> str:
        """The same address for plain HTTP."""
        return self.url.replace("ws://", "http://")

    @property
    def output(self) -> str:
        """Everything that it has printed."""
        return "\n".join(self.lines)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Its exit code."""
        return self.process.wait(timeout)


@contextlib.contextmanager
def start(*arguments: str, **environment: str) -> Iterator[Served]:
    """Start the command on any free port, and end it with the block."""
    with start_command("-m", "feed", "serve", *arguments, **environment) as served:
        yield served


@contextlib.contextmanager
def start_command(*arguments: str, **environment: str) -> Iterator[Served]:
    """The same with Python and arguments that end in those of `feed serve`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FEED_")}
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", "0"],
        cwd=ROOT,
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    served = Served(process)
    found = threading.Event()
    reader = threading.Thread(target=_read, args=(served, found), daemon=True)
    reader.start()
    try:
        found.wait(PATIENCE)
        assert served.url, f"feed serve {' '.join(arguments)} did not start:\n{served.output}"
        yield served
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        assert process.stdout is not None
        process.stdout.close()


def _read(served: Served, found: threading.Event) -> None:
    assert served.process.stdout is not None
    for line in served.process.stdout:
        served.lines.append(line.rstrip("\n"))
        if not served.url and (match := URL.search(line)):
            served.url = match.group()
            found.set()
    found.set()


@pytest.fixture(scope="session")
def calm() -> Iterator[Served]:
    """One server with the default scenario, for tests that change nothing about it."""
    with start() as served:
        yield served
