"""Records in many processes and kills each at a random moment: `python -m tests.tape.killed FOLDER COUNT SEED`.

A line of JSON a process tells what it had done: `written` were flushed, `early` were added so long before the kill
that they must have been flushed. It is a program of its own since it forks: nothing may run beside that.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
from pathlib import Path

from feed.clock import SystemClock
from feed.tape.intake import WriterLimits
from feed.tape.writer import RecordingWriter
from tests.tape.trades import INFO, message, ticks

INTERVAL = 200_000_000

SLACK = 5
"""Beats before the kill: who beats sleeps as long as the writer does, so a busy machine holds up both."""

STEP = 0.02
SLOTS = 512
WAVE = 25


def record(path: Path, shared: mmap.mmap, batch_rows: int) -> None:
    """Until the kill. Every `STEP` the number of rows is noted; the flushed ones each time."""
    writer = RecordingWriter(path, INFO, SystemClock(), WriterLimits(batch_rows, INTERVAL, INTERVAL))
    seq, slot, begin = 1, 0, time.monotonic()
    threading.Thread(target=beat, args=(shared,), daemon=True).start()
    while True:
        writer.add_ticks(ticks(31, seq))
        writer.add_message(message(seq + 31)._replace(channel="trading"))
        seq += 32
        struct.pack_into("<q", shared, 0, writer.counters.written)
        while slot < SLOTS - 2 and time.monotonic() - begin > slot * STEP:
            slot += 1
            struct.pack_into("<qq", shared, 16 * slot, seq - 1, struct.unpack_from("<q", shared, 8)[0])
        time.sleep(0.003)


def beat(shared: mmap.mmap) -> None:
    """Count how often a thread of that process has slept as long as the writer's does, from 1 on."""
    for number in itertools.count(1):
        struct.pack_into("<q", shared, 8, number)
        time.sleep(INTERVAL / 1e9)


def early(shared: mmap.mmap) -> int:
    """How many rows had been added `SLACK` beats before the last."""
    last = struct.unpack_from("<q", shared, 8)[0]
    noted = [struct.unpack_from("<qq", shared, 16 * slot) for slot in range(1, SLOTS)]
    return max((rows for rows, at in noted if rows and at <= last - SLACK), default=0)


def run_wave(folder: Path, numbers: range, dice: random.Random) -> None:
    """Some processes at a time."""
    lives = []
    for number in numbers:
        shared = mmap.mmap(-1, 16 * SLOTS)
        path = folder / f"{number}.parquet"
        batch_rows = dice.choice((16, 256, 8192))
        child = os.fork()
        if not child:
            record(path, shared, batch_rows)
        lives.append((time.monotonic() + dice.uniform(0.2, 2.2), child, path, shared))
    for end, child, path, shared in sorted(lives, key=lambda life: life[0]):
        time.sleep(max(0.0, end - time.monotonic()))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        written = struct.unpack_from("<q", shared, 0)[0]
        told = {"path": str(path), "written": written, "early": early(shared)}
        sys.stdout.write(json.dumps(told) + "\n")


def main() -> None:
    """All of them."""
    folder, count, dice = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    for first in range(0, count, WAVE):
        run_wave(folder, range(first, min(first + WAVE, count)), dice)


if __name__ == "__main__":
    main()
