"""Server processes: started, asked for their port, looked at, and surely ended."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.tools import MissingError

__all__ = ["ROOT", "Running", "memory_kib", "running"]

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 20.0
STOP_TIMEOUT = 2.0
PORT = re.compile(r"PORT (\d+)\n|(?:ws|http)://127\.0\.0\.1:(\d+)(?=\D)")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    port: int
    pid: int


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a server, wait for the line that names its port, and end it afterwards.

    Raises:
        MissingError: it ended, or named no port in time; the message carries what it said.
    """
    with tempfile.TemporaryFile() as said:  # A pipe that nobody reads would stop a server that logs.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Running(_port(process, said.fileno()), process.pid)
        finally:
            process.kill()
            process.wait(STOP_TIMEOUT)
            if process.stdin is not None:
                process.stdin.close()


def _port(process: subprocess.Popen[bytes], output: int) -> int:
    said = ""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = os.pread(output, 65536, 0).decode(errors="replace")
        if found := PORT.search(said):
            return int(next(group for group in found.groups() if group))
        if ended:
            break
        time.sleep(0.01)
    last = said.strip().splitlines()[-1:]
    raise MissingError(f"the server named no port: {last[0] if last else 'it said nothing'}")


def memory_kib(pid: int) -> int:
    """The process's proportional share of memory.

    Raises:
        MissingError: the kernel has no such figure.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError as error:
        raise MissingError(f"no smaps_rollup: {error}") from error
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
