"""What other systems lack is taken away here: Windows has no fork, no positioned writes and no signals in its loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from feed.pictures import beside
from feed.pictures.preview import PreviewStretch
from feed.scenario.find import find_scenario
from feed.server import connection
from feed.service.process import start_server
from feed.sources.opening import open_source
from feed.tape.disk import lock
from feed.tape.reader import open_recording
from feed.units import HOUR
from tests.end_to_end.conftest import start
from tests.server.conftest import Running, receive, serving

LACKS = """
import asyncio, os, sys
for name in ("pwrite", "pread", "O_DIRECTORY", "O_CLOEXEC"):
    delattr(os, name)
sys.modules["fcntl"] = sys.modules["resource"] = None
fsync = os.fsync
def only_writers(descriptor):
    os.write(descriptor, b"")  # Windows refuses who may only read.
    fsync(descriptor)
os.fsync = only_writers
def lacks(*_):
    raise NotImplementedError
asyncio.SelectorEventLoop.add_signal_handler = asyncio.SelectorEventLoop.remove_signal_handler = lacks
from feed.cli import main
main()
"""
"""Runs the command where the calls are missing that Windows does not have."""


def command(*words: str) -> list[str]:
    """The command line of `feed` on such a system."""
    return [sys.executable, "-c", LACKS, *words]


def finished(file: Path) -> int:
    """How many messages a recording has, all of them under their checksums."""
    with open_recording(file) as recording:
        recording.check()
        return recording.rows


def test_recording_needs_no_call_of_one_system(tmp_path: Path) -> None:
    """`feed record` until Ctrl-C, and `feed recover` of what a kill leaves: the same without any of them."""
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    with start("volatile", "--speed", "20") as served:
        for out, number in ((whole, signal.SIGINT), (cut, signal.SIGKILL)):
            process = subprocess.Popen(command("record", served.url, "--out", str(out)), stdout=subprocess.PIPE)
            part = out.with_name(f"{out.name}.part")
            while process.poll() is None and (not part.exists() or part.stat().st_size < 20_000):
                pass
            process.send_signal(number)
            process.communicate(timeout=60)
            assert process.returncode == (0 if number == signal.SIGINT else -number)
    assert finished(whole) > 100
    assert not cut.exists()
    assert subprocess.run(command("recover", f"{cut}.part"), check=False, timeout=60).returncode == 0
    assert finished(cut) > 100


def test_serving_and_recording_end_by_a_signal_of_the_process(tmp_path: Path) -> None:
    """Where the loop has no signals, Ctrl-C still ends the server in order."""
    out = tmp_path / "day.parquet"
    words = command("serve", "quiet", "--port", "0", "--wait-for", "0", "--speed", "100", "--record", str(out))
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    while "market time begins" not in (line := process.stdout.readline()):
        assert line, "the server ended"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    finished(out)


def test_a_server_of_ones_own_is_asked_as_the_system_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows takes no SIGINT for another process; what stands for it here is SIGTERM, and the recording is whole."""
    sent: list[int] = []
    send = subprocess.Popen.send_signal

    def send_signal(process: subprocess.Popen[str], number: int) -> None:
        assert number != signal.SIGINT, "Unsupported signal"
        sent.append(number)
        send(process, number)

    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM, raising=False)
    monkeypatch.setattr(subprocess.Popen, "send_signal", send_signal)
    out = tmp_path / "day.parquet"
    server = start_server("quiet", record=out, wait_for=0)
    server.stop()
    assert sent == [signal.SIGTERM]
    finished(out)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_previews_fork_only_where_that_is_safe(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere one process makes all of it, and the same."""

    def no_processes(*_: object) -> None:
        raise AssertionError("a process was forked")

    source = open_source(*find_scenario("quiet"), 1)
    stretch = PreviewStretch(source, (0,), source.start, 2 * HOUR, HOUR)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(beside, "ProcessPoolExecutor", no_processes)
    done: list[str] = []
    parts = beside.read_beside(stretch, lambda: done.append("meanwhile"))
    assert done == ["meanwhile"]
    assert sum(len(steps.fills) for part in parts for steps in part.steps[0]) > 0


async def test_sockets_are_no_files_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their numbers are handles there: a write to one as to a file would hit something else, or nothing."""
    monkeypatch.setattr(connection, "os", SimpleNamespace(name="nt"))
    serve: Callable[..., AbstractAsyncContextManager[Running]] = serving
    async with serve() as running:
        written: list[int] = []
        write = os.write

        def note(descriptor: int, data: bytes) -> int:
            written.append(descriptor)
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", note)
        client = await running.subscriber()
        seqs = [message["seq"] for _ in range(30) if (message := await receive(client))["event"] == "data"]
        assert seqs == list(range(1, len(seqs) + 1))
        assert client.transport.get_extra_info("socket").fileno() not in written


def test_a_file_is_locked_without_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one byte of it, which Windows can; and where there is nothing of the kind nobody is kept out."""
    held: set[int] = set()

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        inode = os.fstat(descriptor).st_ino
        if inode in held:
            raise PermissionError("locked")
        held.add(inode)

    file = tmp_path / "x"
    file.write_bytes(b"12345")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    with file.open("rb") as one, file.open("rb") as other:
        one.seek(3)
        assert lock(one.fileno())
        assert one.tell() == 3
        assert not lock(other.fileno())
        monkeypatch.setitem(sys.modules, "msvcrt", None)
        assert lock(other.fileno())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_old_code_page_ends_no_command(encoding: str) -> None:
    """What it does not have is a question mark."""
    done = subprocess.run(
        [sys.executable, "-m", "feed", "preview", "quiet"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"quiet, seed" in done.stdout
