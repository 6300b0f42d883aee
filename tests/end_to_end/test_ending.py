"""A command that writes a file leaves nothing behind when it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT
from tests.support.waiting import PATIENCE, wait_until

ENDLESS = "20000d"
"""A length of market time that no machine has written before the signal reaches it."""

HELD = """
import time
from feed.cli import main
from feed.tape.parquet import RecordingFile
def hold(*_):
    print("held", flush=True)
    time.sleep(3600)
RecordingFile.finish = hold
main()
"""
"""The command, held behind its last row, which it says: it can't have ended before the signal reaches it."""


def end(command: list[str], folder: Path, number: int, how: tuple[str, ...] = ("-m", "feed")) -> int:
    """Start it, send the signal once it has begun to write, and return its exit code."""
    process = subprocess.Popen(
        [sys.executable, *how, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        if HELD in how:
            assert process.stdout.readline() == b"held\n"
        wait_until(lambda: list(folder.glob(".*")) or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(number)
        return process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("name", "number"), [("ticks.parquet", signal.SIGTERM), ("ticks.csv.gz", signal.SIGTERM), ("t.csv", signal.SIGINT)]
)
def test_generate_leaves_nothing_behind(tmp_path: Path, name: str, number: signal.Signals) -> None:
    """Whoever ends it: there is no file, and no hidden part of one."""
    code = end(["generate", "calm", "--for", ENDLESS, "--out", str(tmp_path / name)], tmp_path, number)
    assert code == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_import_leaves_nothing_behind(tmp_path: Path) -> None:
    """The file that it reads is as it was."""
    source, made = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    made.mkdir()
    rows = "".join(f"{1_700_000_000_000 + row},100.5,1.25\n" for row in range(1000))
    (source / "t.csv").write_text("time,price,size\n" + rows)
    command = ["import", "trades", str(source / "t.csv"), "--symbol", "X", "--out", str(made / "x.parquet")]
    assert end(command, made, signal.SIGTERM, ("-c", HELD)) == 128 + signal.SIGTERM
    assert list(made.iterdir()) == []
