"""What was cut off: everything that was flushed comes back, damage is named, and nothing is joined silently."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feed.cli.app import app
from feed.clock import ManualClock, SystemClock
from feed.errors import RecordingError, UsageError
from feed.tape.journal import JournalWriter, part_of
from feed.tape.layout import RecordingGap
from feed.tape.reader import open_recording
from feed.tape.recover import recover
from feed.tape.rows import batch_of
from feed.tape.store import RecordingStore
from feed.tape.writer import RecordingWriter
from tests.tape.trades import INFO, ticks


def seqs_in(path: Path) -> list[int]:
    """Of every row."""
    with open_recording(path) as recording:
        return [seq for batch in recording.batches(["seq"]) for seq in batch.column("seq").to_pylist()]


def journal_of(path: Path, batches: int = 4, rows: int = 5) -> list[int]:
    """A journal of as many batches; where each begins."""
    writer = JournalWriter(path)
    offsets = []
    for number in range(batches):
        offsets.append(writer.size)
        writer.append(batch_of([ticks(rows, number * rows + 1)]), INFO)
    writer.close()
    return [*offsets, writer.size]


def test_fifty_kills(tmp_path: Path) -> None:
    """Killed at fifty random moments: all that was flushed is there, and flushed is what was added a while before."""
    seed = str(random.randrange(10**6))
    command = [sys.executable, "-m", "tests.tape.killed", str(tmp_path), "50", seed]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lives = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lives) == 50
    late = 0
    for life in lives:
        part, out = part_of(Path(life["path"])), Path(life["path"])
        recovery = recover(part, out)
        assert recovery.rows >= life["written"], (seed, life)
        late += recovery.rows < life["early"]
        assert seqs_in(out) == list(range(1, recovery.rows + 1)), (seed, life)
        assert all(damage.torn for damage in recovery.damages), (seed, life)
    # What holds up the writer just before a kill is the machine's: it must not be the rule.
    assert late <= 2, seed
    assert sum(life["early"] for life in lives) > 1000


def test_a_killed_recording_is_not_complete(tmp_path: Path) -> None:
    """It says so, and from where it comes."""
    store = RecordingStore(tmp_path / "x.parquet", INFO, ManualClock())
    store.append(batch_of([ticks(5)]), INFO.model_copy(update={"gaps": [GAP]}))
    store.append(batch_of([ticks(5, 6)]), INFO)
    store.abandon()
    (tmp_path / ".x.parquet.123.tmp").touch()
    recovery = recover(tmp_path / "x.parquet.part", tmp_path / "x.parquet")
    assert (recovery.batches, recovery.rows, recovery.time, recovery.is_whole) == (3, 10, 10_000, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.parquet", "x.parquet.part"]
    with open_recording(tmp_path / "x.parquet") as recording:
        assert not recording.info.complete
        assert recording.info.notes == ["recovered from x.parquet.part: 10 messages in 3 batches"]
        assert recording.info.gaps == [GAP]
        assert recording.info.scenario == "calm"
        assert recording.info.streams["trading:BTC/USD"].last_seq == 10


GAP = RecordingGap(stream="trading:BTC/USD", after=3, before=9, time=12)


def test_damage_stops_it_and_is_named(tmp_path: Path) -> None:
    """What is behind is counted and left out; where the stream goes on tells what is missing."""
    part = tmp_path / "x.parquet.part"
    offsets = journal_of(part)
    damaged = bytearray(part.read_bytes())
    damaged[offsets[1] + 200] ^= 4
    part.write_bytes(damaged)
    recovery = recover(part, tmp_path / "x.parquet")
    assert [str(damage)[:20] for damage in recovery.damages] == [f"batch 1, byte {offsets[1]}: "[:20]]
    assert (recovery.batches, recovery.rows) == (1, 5)
    assert (recovery.behind_batches, recovery.behind_rows) == (2, 10)
    assert [(gap.after, gap.before) for gap in recovery.gaps] == [(5, 11)]
    assert seqs_in(tmp_path / "x.parquet") == [1, 2, 3, 4, 5]


def test_what_is_behind_damage_is_taken_when_asked_for(tmp_path: Path) -> None:
    """With the gap in the recording's own list."""
    part = tmp_path / "x.parquet.part"
    offsets = journal_of(part)
    damaged = bytearray(part.read_bytes())
    damaged[offsets[2] : offsets[2] + 20] = bytes(20)
    part.write_bytes(damaged)
    recover(part, tmp_path / "x.parquet", past_damage=True)
    assert seqs_in(tmp_path / "x.parquet") == [*range(1, 11), *range(16, 21)]
    with open_recording(tmp_path / "x.parquet") as recording:
        assert [(gap.after, gap.before) for gap in recording.info.gaps] == [(10, 16)]
        assert not recording.info.complete


def test_a_batch_that_is_missing_is_found(tmp_path: Path) -> None:
    """Each by itself is whole: the numbers tell."""
    part = tmp_path / "x.parquet.part"
    offsets = journal_of(part)
    whole = part.read_bytes()
    part.write_bytes(whole[: offsets[1]] + whole[offsets[2] :])
    recovery = recover(part, tmp_path / "x.parquet")
    assert "batch 2 is in its place" in str(recovery.damages[0])
    assert seqs_in(tmp_path / "x.parquet") == [1, 2, 3, 4, 5]


def test_a_recording_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    """It makes its own file when it ends."""
    writer = RecordingWriter(tmp_path / "x.parquet", INFO, SystemClock())
    with pytest.raises(UsageError, match="still being recorded"):
        recover(tmp_path / "x.parquet.part", tmp_path / "y.parquet")
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def invoke(*arguments: Path) -> tuple[int, str, str]:
    """The command: its exit code and what it said."""
    done = CliRunner().invoke(app, ["recover", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_tells_what_is_whole(tmp_path: Path) -> None:
    """Of a journal and of a finished file: exit code 0."""
    journal_of(tmp_path / "x.parquet.part")
    code, told, _ = invoke(tmp_path / "x.parquet.part")
    assert code == 0
    assert "x.parquet: 20 messages of 4 batches, up to market time 1970-01-01T00:00:00" in told
    assert invoke(tmp_path / "x.parquet") == (0, f"{tmp_path}/x.parquet: whole, 20 messages\n", "")


def test_the_command_tells_what_is_lost(tmp_path: Path) -> None:
    """Where, what, how much, and what is left behind it: exit code 3, for a finished file as well."""
    part, out = tmp_path / "x.parquet.part", tmp_path / "x.parquet"
    offsets = journal_of(part)
    damaged = bytearray(part.read_bytes())
    damaged[offsets[1] + 100] ^= 1
    part.write_bytes(damaged)
    code, told, _ = invoke(part)
    assert code == 3
    assert f"damaged, batch 1, byte {offsets[1]}: the checksum of its" in told
    assert "behind it: 2 whole batches, 10 messages, left out; --past-damage takes them" in told
    assert "lost: 5 messages of trading:BTC/USD, seq 5 to 11" in told
    damaged = bytearray(out.read_bytes())
    damaged[1000] ^= 1
    out.write_bytes(damaged)
    code, _, told = invoke(out)
    assert code == 3
    assert "row group 0 (rows 1 to 5), column" in told


def test_refusals(tmp_path: Path) -> None:
    """No journal, nothing whole in it, a target that is there: each has its sentence, and leaves nothing behind."""
    part = tmp_path / "x.parquet.part"
    part.write_bytes(b"something else altogether")
    with pytest.raises(RecordingError, match="no recording in the making"):
        recover(part, tmp_path / "x.parquet")
    part.write_bytes(b"FEEDREC1")
    with pytest.raises(RecordingError, match="nothing of it is whole"):
        recover(part, tmp_path / "x.parquet")
    (tmp_path / "y.parquet").touch()
    with pytest.raises(UsageError, match="there already"):
        recover(part, tmp_path / "y.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.parquet.part", "y.parquet"]
