"""The writer never holds up who is recorded: whatever the disk does, rows are written, kept back or counted as lost."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from feed.clock import SystemClock
from feed.errors import UsageError
from feed.tape.intake import WriterLimits
from feed.tape.journal import part_of
from feed.tape.layout import SCHEMA
from feed.tape.parquet import RecordingFile
from feed.tape.reader import open_recording
from feed.tape.recover import recover
from feed.tape.rows import Piece, Row, Ticks, batch_of
from feed.tape.writer import RecordingWriter
from feed.units import MILLISECOND, SECOND
from tests.support.waiting import PATIENCE, wait_until
from tests.tape.trades import INFO, INSTRUMENT, OTHER, block_of, message, ticks

QUICK = WriterLimits(batch_rows=100, flush_interval=20 * MILLISECOND, sync_interval=20 * MILLISECOND)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordingWriter]:
    """One that flushes quickly."""
    writer = RecordingWriter(tmp_path / "x.parquet", INFO, SystemClock(), QUICK)
    yield writer
    writer.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Stands between the journal and the disk."""
    disk = Disk()
    monkeypatch.setattr(os, "pwrite", disk.pwrite)
    return disk


class Disk:
    """Refuses, or takes its time, as long as it is told to."""

    def __init__(self) -> None:
        self.free: int | None = None
        self.open = threading.Event()
        self.open.set()
        self.is_waited_for = False
        self._pwrite = os.pwrite

    def pwrite(self, descriptor: int, data: Any, at: int) -> int:
        """Write what there is room for, then nothing."""
        self.is_waited_for = not self.open.is_set()
        assert self.open.wait(PATIENCE)
        self.is_waited_for = False
        if self.free is None:
            return self._pwrite(descriptor, data, at)
        if not self.free:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(self.free, len(data))
        self.free -= taken
        return self._pwrite(descriptor, data[:taken], at)


def seqs_in(path: Path) -> list[int]:
    """Of every row."""
    with open_recording(path) as recording:
        return [seq for batch in recording.batches(["seq"]) for seq in batch.column("seq").to_pylist()]


def test_a_row_is_flushed_in_time(tmp_path: Path) -> None:
    """With the limits as they are by default: a single row after a second, a batch at once."""
    writer = RecordingWriter(tmp_path / "x.parquet", INFO, SystemClock())
    begin = time.monotonic()
    # What a second is on this machine, measured beside it.
    second = threading.Thread(target=time.sleep, args=(1.0,))
    second.start()
    writer.add_message(message(1))
    wait_until(lambda: writer.counters.written == 1)
    row = time.monotonic() - begin
    second.join()
    assert row < 2 * (time.monotonic() - begin)
    begin = time.monotonic()
    writer.add_ticks(ticks(8192))
    wait_until(lambda: writer.counters.written == 8193)
    assert time.monotonic() - begin < 0.9 * row
    writer.close()


def test_it_is_there_under_its_name_at_the_end(tmp_path: Path, writer: RecordingWriter) -> None:
    """Whole, with all facts, and nothing beside it."""
    writer.add_ticks(ticks(250))
    writer.add_gap("trading:BTC/USD", 250, 260)
    writer.tell(epoch="e-2")
    assert writer.close().state == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
    with open_recording(tmp_path / "x.parquet") as recording:
        info = recording.info
    assert (info.complete, info.epoch, info.streams["trading:BTC/USD"].rows) == (True, "e-2", 250)
    assert [(gap.after, gap.before) for gap in info.gaps] == [(250, 260)]
    assert info.started is not None
    assert info.ended is not None
    assert info.started <= info.ended


def test_a_full_disk_raises_an_alarm_and_loses_nothing_if_it_is_short(
    tmp_path: Path, disk: Disk, writer: RecordingWriter
) -> None:
    """What is half written is written again; adding goes on all the while; the alarm is raised once."""
    with capture_logs() as logs:
        writer.add_ticks(ticks(100))
        wait_until(lambda: writer.counters.written == 100)
        disk.free = 1500
        writer.add_ticks(ticks(500, 101))
        wait_until(lambda: writer.counters.failures >= 3)
        assert (writer.counters.state, writer.counters.error) == ("failing", "No space left on device")
        writer.add_ticks(ticks(500, 601))
        disk.free = None
        wait_until(lambda: writer.counters.written == 1100)
        assert (writer.counters.state, writer.counters.error) == ("recording", None)
    assert [entry["log_level"] for entry in logs] == ["error", "warning"]
    assert writer.close().lost == 0
    assert seqs_in(tmp_path / "x.parquet") == list(range(1, 1101))


def test_a_disk_that_stays_full_leaves_a_journal(tmp_path: Path, disk: Disk, writer: RecordingWriter) -> None:
    """The end does not wait for it; what was flushed can be recovered, what was not is counted."""
    writer.add_ticks(ticks(300))
    wait_until(lambda: writer.counters.written == 300)
    disk.free = 700
    writer.add_ticks(ticks(300, 301))
    wait_until(lambda: writer.counters.failures >= 2)
    done = writer.close()
    assert (done.state, done.lost, done.written) == ("left", 300, 300)
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet.part"]
    disk.free = None
    recovery = recover(part_of(tmp_path / "x.parquet"), tmp_path / "x.parquet")
    assert recovery.rows == 300
    assert recovery.damages[0].torn


def test_what_a_slow_disk_does_not_take_becomes_a_gap(tmp_path: Path, disk: Disk) -> None:
    """Adding never waits for it, and memory is bounded."""
    limits = WriterLimits(100, 20 * MILLISECOND, SECOND, max_waiting=1000 * 128)
    writer = RecordingWriter(tmp_path / "x.parquet", INFO, SystemClock(), limits)
    disk.open.clear()
    writer.add_ticks(ticks(100))
    wait_until(lambda: disk.is_waited_for)
    with capture_logs() as logs:
        for number in range(30):
            writer.add_ticks(ticks(100, 101 + 100 * number))
        assert disk.is_waited_for
        assert (writer.counters.state, writer.counters.lost) == ("behind", 2000)
        assert [entry["log_level"] for entry in logs] == ["error"]
    disk.open.set()
    # Before it has taken what waits there is no room for more.
    wait_until(lambda: writer.counters.state == "recording" and writer.filled == 0)
    writer.add_ticks(ticks(100, 3101))
    writer.close()
    assert seqs_in(tmp_path / "x.parquet") == [*range(1, 1101), *range(3101, 3201)]
    with open_recording(tmp_path / "x.parquet") as recording:
        assert [(gap.stream, gap.after, gap.before) for gap in recording.info.gaps] == [("trading:BTC/USD", 1100, 3101)]
        assert "2000 messages are lost" in recording.info.notes[0]


def test_a_parquet_that_fails_on_the_way_is_made_of_the_journal(
    tmp_path: Path, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has every row."""
    writer.add_ticks(ticks(150))
    wait_until(lambda: writer.counters.written == 150)

    def refuse(self: RecordingFile, batch: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(RecordingFile, "write", refuse)
        writer.add_ticks(ticks(150, 151))
        wait_until(lambda: writer.counters.written == 300)
    assert writer.close().state == "finished"
    assert seqs_in(tmp_path / "x.parquet") == list(range(1, 301))
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_a_message_that_is_none_does_not_end_it(tmp_path: Path, writer: RecordingWriter) -> None:
    """As a foreign server may send it: it is lost and counted, the next is recorded."""
    writer.add_message(Row(1, 2**70, "trading", seq=1))
    wait_until(lambda: writer.counters.lost == 1)
    writer.add_ticks(ticks(5, 2))
    assert writer.close().state == "finished"
    assert seqs_in(tmp_path / "x.parquet") == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["x.csv", "there.parquet", "none/x.parquet"])
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is recorded."""
    (tmp_path / "there.parquet").touch()
    with pytest.raises(UsageError):
        RecordingWriter(tmp_path / name, INFO, SystemClock())


BIG = st.integers(-(2**62), 2**62)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOATS = st.none() | st.floats(allow_nan=False)
ROWS = st.builds(
    Row, received=st.none() | BIG, time=st.none() | BIG, channel=st.sampled_from(["status", "book", "event"]),
    symbol=TEXT, interval=st.sampled_from(["", "1m", "25"]), type=st.sampled_from(["update", "snapshot"]),
    seq=st.none() | BIG, price=FLOATS, size=FLOATS, side=st.sampled_from([None, "buy", "sell"]), bid=FLOATS,
    bid_size=FLOATS, ask=FLOATS, ask_size=FLOATS, volume=FLOATS, trade_id=st.none() | BIG, data=st.none() | TEXT,
)  # fmt: skip
BLOCKS = (block_of(20), block_of(20, 1000))


@st.composite
def runs(draw: st.DrawFn) -> Ticks:
    """A run of a block that other runs may be cut from, too."""
    number = draw(st.integers(0, 1))
    lo = draw(st.integers(0, 19))
    hi = draw(st.integers(lo + 1, 20))
    return Ticks((INSTRUMENT, OTHER)[number], BLOCKS[number], lo, hi, draw(st.integers(0, 10**9)), draw(BIG), 7)


def row_of(run: Ticks, row: int) -> Row:
    """What a recording should have of a trade, by exact decimals."""
    block, each = run.block, run.instrument
    price = {name: float(int(getattr(block, name)[row]) * each.tick_size) for name in ("price", "bid", "ask")}
    names = ("size", "bid_size", "ask_size", "volume")
    size = {name: float(int(getattr(block, name)[row]) * each.lot_size) for name in names}
    columns: dict[str, Any] = {**price, **size, "side": "buy" if block.side[row] == 1 else "sell"}
    time, number = int(block.time[row]) + run.shift, int(block.trade_id[row])
    seq = run.first_seq + row - run.lo
    whole = Row(run.received, time, "trading", each.symbol, seq=seq, trade_id=number)
    return whole._replace(**columns)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS | runs(), max_size=12))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> None:
    """Messages and trades in any order: every column of every row, in that order, floats to the bit."""
    expected = [
        row
        for piece in pieces
        for row in ([piece] if isinstance(piece, Row) else [row_of(piece, n) for n in range(piece.lo, piece.hi)])
    ]
    assert [Row(**row) for row in batch_of(pieces).to_pylist()] == expected
    path = tmp_path_factory.mktemp("trip") / "x.parquet"
    file = RecordingFile(path)
    for piece in pieces:
        file.write(batch_of([piece]))
    file.finish(INFO)
    with open_recording(path) as recording:
        batches = list(recording.batches())
    assert all(batch.schema.equals(SCHEMA) for batch in batches)
    assert [Row(**row) for batch in batches for row in batch.to_pylist()] == expected
