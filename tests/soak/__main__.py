"""Two hundred subscribers at a thousand ticks a second for a minute, ten of which never read.

    uv run --group dev python -m tests.soak [--seconds 60] [--subscribers 200] [--stuck 10] [--rate 1000]

Starts `feed serve` on a file of trades with that rate, reads with raw sockets, and exits with 1 unless every reader
has every seq, the stuck ones are gone, and the server's memory is flat from a quarter of the time to its end.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
SEQ = re.compile(rb'"type":"update","seq":(\d+),')
SUBSCRIBE = b'{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'
MEBI = 1024 * 1024


class Subscriber:
    """A raw WebSocket client that checks each seq as it comes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        mask = b"\0\0\0\0"
        self.socket.sendall(bytes((0x81, 0x80 | len(SUBSCRIBE))) + mask + SUBSCRIBE)
        self.socket.setblocking(False)
        self.last = 0
        self.first = 0
        self.gaps = 0
        self.gone = False
        self._rest = b""

    def read(self) -> None:
        """Take what is there."""
        try:
            data = self.socket.recv(MEBI)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return
        data = self._rest + data
        cut = data.rfind(b"}}") + 2 if b"}}" in data else 0
        self._rest = data[cut:]
        for number in SEQ.findall(data[:cut]):
            seq = int(number)
            self.first = self.first or seq
            self.gaps += bool(self.last) and seq != self.last + 1
            self.last = seq


def write_scenario(folder: Path, rate: int, seconds: int) -> Path:
    """A file of trades with a steady rate, and a scenario that plays it."""
    step = 1_000_000 // rate
    with (folder / "steady.csv").open("w") as file:
        file.write("time,price,size,side\n")
        file.writelines(
            f"{1_736_121_600_000_000 + number * step},{65000 + number * 7 % 100}.{number % 100:02d},0.01,"
            f"{'buy' if number % 2 else 'sell'}\n"
            for number in range(rate * (seconds + 30))
        )
    path = folder / "steady.toml"
    path.write_text(
        'name = "steady"\n[[symbols]]\nsymbol = "BTC/USD"\ntick_size = 0.01\nlot_size = 0.01\norder_size = 0.01\n'
        '[source]\nfile = "steady.csv"\ntime_unit = "us"\nside = "side"\n'
    )
    return path


def started(scenario: Path) -> tuple[subprocess.Popen[str], int]:
    """The server and its port."""
    command = [sys.executable, "-m", "feed", "serve", str(scenario), "--port", "0", "--log-level", "error"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r":(\d+)", process.stdout.readline())
    assert found is not None
    return process, int(found[1])


def soak(arguments: argparse.Namespace, port: int, pid: int) -> bool:
    """Read for the time that was asked for, print what was seen, and judge it."""
    server = psutil.Process(pid)
    readers = [Subscriber(port) for _ in range(arguments.subscribers)]
    stuck = [Subscriber(port) for _ in range(arguments.stuck)]
    selector = selectors.DefaultSelector()
    for reader in readers:
        selector.register(reader.socket, selectors.EVENT_READ, reader)
    memory: list[int] = []
    began = time.monotonic()
    while (now := time.monotonic() - began) < arguments.seconds:
        for key, _ in selector.select(0.05):
            key.data.read()
        if now >= len(memory):
            memory.append(server.memory_info().rss)
    for _ in range(200):
        for reader in stuck:
            reader.read()
    return judged(readers, stuck, memory, server)


def judged(readers: list[Subscriber], stuck: list[Subscriber], memory: list[int], server: psutil.Process) -> bool:
    """Print the figures; True if all is as it should be."""
    quarter = len(memory) // 4
    growth = max(memory[quarter:]) - memory[quarter]
    gaps = sum(reader.gaps for reader in readers)
    counts = sorted(reader.last - reader.first + 1 for reader in readers)
    dropped = sum(reader.gone for reader in stuck)
    cpu = server.cpu_times()
    print(f"readers       {len(readers)}, {counts[0]} to {counts[-1]} ticks each, {gaps} gaps")
    print(f"stuck         {len(stuck)}, {dropped} were closed")
    print(f"memory        {memory[0] / MEBI:.1f} MiB at first, {memory[quarter] / MEBI:.1f} after a quarter, ", end="")
    print(f"{max(memory) / MEBI:.1f} at most, {memory[-1] / MEBI:.1f} at the end")
    print(f"server CPU    {cpu.user + cpu.system:.1f} s")
    lost = any(reader.gone for reader in readers) or gaps > 0
    return not lost and dropped == len(stuck) and growth < 32 * MEBI


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--stuck", type=int, default=10)
    parser.add_argument("--rate", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, port = started(write_scenario(Path(folder), arguments.rate, arguments.seconds))
        try:
            good = soak(arguments, port, process.pid)
        finally:
            process.terminate()
            process.wait(20)
    print("good" if good else "BAD")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
