"""A command that writes a file leaves nothing behind when it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT


def end(command: list[str], folder: Path, number: int) -> int:
    """Start it, send the signal once it has begun to write, and return its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "feed", *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        limit = time.monotonic() + 60
        while not list(folder.glob(".*")):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.01)
        process.send_signal(number)
        return process.wait(30)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["ticks.parquet", "ticks.csv.gz"])
def test_generate_leaves_nothing_behind(tmp_path: Path, name: str, number: signal.Signals) -> None:
    """Whoever ends it: there is no file, and no hidden part of one."""
    code = end(["generate", "calm", "--for", "30d", "--out", str(tmp_path / name)], tmp_path, number)
    assert code == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_import_leaves_nothing_behind(tmp_path: Path) -> None:
    """The file that it reads is as it was."""
    source, made = tmp_path / "source", tmp_path / "made"
    source.mkdir()
    made.mkdir()
    rows = "".join(f"{1_700_000_000_000 + row},100.5,1.25\n" for row in range(1_500_000))
    (source / "t.csv").write_text("time,price,size\n" + rows)
    command = ["import", "trades", str(source / "t.csv"), "--symbol", "X", "--out", str(made / "x.parquet")]
    assert end(command, made, signal.SIGTERM) == 128 + signal.SIGTERM
    assert list(made.iterdir()) == []
