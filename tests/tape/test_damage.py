"""Any damage of a recording, finished or not, is one sentence that names the place; nothing damaged passes as whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import feed
from feed.cli.app import app
from feed.clock import ManualClock
from feed.errors import FeedError
from feed.tape.rows import batch_of
from feed.tape.store import RecordingStore
from tests.tape.trades import INFO, message, ticks

FLIP = 0x80
"""A bit that makes most texts no UTF-8 any more."""


def stored(path: Path) -> RecordingStore:
    """A recording of three batches."""
    store = RecordingStore(path, INFO, ManualClock())
    for number in range(3):
        store.append(batch_of([ticks(5, 1 + 5 * number), message(number + 1)]), INFO)
    return store


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A recording that was cut off."""
    path = tmp_path_factory.mktemp("damage") / "x.parquet"
    stored(path).abandon()
    part = path.with_name("x.parquet.part")
    return part, part.read_bytes()


def flipped(whole: bytes, at: int) -> bytes:
    """The same with another bit."""
    return whole[:at] + bytes([whole[at] ^ FLIP]) + whole[at + 1 :]


def check_recovery(part: Path, damaged: bytes, *options: str) -> None:
    """The command ends in order: with what is whole and what is lost, or with one sentence."""
    part.write_bytes(damaged)
    out = part.with_suffix("")
    out.unlink(missing_ok=True)
    done = CliRunner().invoke(app, ["recover", str(part), *options])
    assert isinstance(done.exception, SystemExit | None), repr(done.exception)
    assert done.exit_code in (0, 2, 3)
    if done.exit_code == 2:
        assert done.stderr.startswith(f"feed: {part}: ")
        assert len(done.stderr.splitlines()) == 1
        assert not out.exists()
    else:
        # And every command takes what it wrote, also where no message is left.
        assert CliRunner().invoke(app, ["recover", str(out)]).exit_code == 0


@pytest.mark.parametrize("options", [(), ("--past-damage",)])
def test_every_damage_of_a_journal_is_told(journal: tuple[Path, bytes], options: tuple[str, ...]) -> None:
    """Bits all over it, and every kind of cut."""
    part, whole = journal
    for at in range(0, len(whole), len(whole) // 20):
        check_recovery(part, flipped(whole, at), *options)
        check_recovery(part, whole[:at], *options)


def test_every_damage_of_a_finished_file_is_told(tmp_path: Path) -> None:
    """Also of the names in its footer, which Arrow reads as text; none makes it a file of somebody else."""
    path = tmp_path / "x.parquet"
    store = stored(path)
    store.finish(INFO)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for at in range(footer, len(whole), 9):
        path.write_bytes(flipped(whole, at))
        with pytest.raises(FeedError, match=r"x\.parquet"):
            assert not len(feed.read(path).ticks), "it passes as whole"
