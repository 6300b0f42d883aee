"""The journal: self-contained batches; a flipped bit or a torn tail is found wherever it is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.errors import RecordingError, UsageError
from feed.tape.journal import Damage, JournalBatch, JournalWriter, scan
from feed.tape.rows import Piece, batch_of
from tests.tape.trades import INFO, message, ticks


def written(path: Path) -> tuple[bytes, list[int]]:
    """A journal of three batches; its bytes, and where each batch begins."""
    writer = JournalWriter(path)
    offsets = []
    batches: tuple[list[Piece], ...] = ([ticks(3)], [message(1), ticks(2, 4), message(2)], [ticks(1, 6)])
    for pieces in batches:
        offsets.append(writer.size)
        writer.append(batch_of(pieces), INFO)
    writer.close()
    return path.read_bytes(), offsets


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, list[int]]:
    """One for all tests of this module, which write it anew."""
    path = tmp_path_factory.mktemp("journal") / "x.part"
    return path, *written(path)


def before_damage(path: Path) -> list[JournalBatch]:
    """The batches before the first damage."""
    found = itertools.takewhile(lambda each: isinstance(each, JournalBatch), scan(path))
    return [each for each in found if isinstance(each, JournalBatch)]


def test_batches_come_back(journal: tuple[Path, bytes, list[int]]) -> None:
    """In order, each with its facts."""
    path, whole, offsets = journal
    path.write_bytes(whole)
    batches = before_damage(path)
    assert [batch.number for batch in batches] == [0, 1, 2]
    assert [batch.offset for batch in batches] == offsets
    assert batches[1].rows.column("channel").to_pylist() == ["status", "trading", "trading", "status"]
    assert batches[2].info.seed == 7


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_every_flipped_bit_is_found(journal: tuple[Path, bytes, list[int]], data: st.DataObject) -> None:
    """Whichever it is, no batch that has it is given, and the batch is named; those before it are whole."""
    path, whole, offsets = journal
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    if bit // 8 < offsets[0]:
        with pytest.raises(RecordingError, match="first bytes"):
            list(scan(path))
        return
    place = sum(offset <= bit // 8 for offset in offsets) - 1
    assert len(before_damage(path)) == place
    found = list(scan(path))
    assert next(each for each in found if isinstance(each, Damage)).number == place
    # And what is behind it is found again.
    assert [each.number for each in found if isinstance(each, JournalBatch)] == [n for n in range(3) if n != place]


def test_every_torn_tail_is_found(journal: tuple[Path, bytes, list[int]]) -> None:
    """Cut in the first batch or around an end, whole batches are there, and the torn one is named."""
    path, whole, offsets = journal
    ends = [*offsets[1:], len(whole)]
    near = {end + step for end in ends for step in range(-60, 60) if end + step < len(whole)}
    for length in sorted({*range(offsets[1]), *near}):
        path.write_bytes(whole[:length])
        found = list(scan(path))
        batches = [each for each in found if isinstance(each, JournalBatch)]
        torn = [each for each in found if isinstance(each, Damage)]
        assert len(batches) == sum(end <= length for end in ends)
        if length in (offsets[0], *ends):
            assert not torn
        else:
            assert len(torn) == 1
            assert torn[0].torn
            assert torn[0].number == len(batches)


def test_garbage_behind_the_last_batch_is_found(journal: tuple[Path, bytes, list[int]]) -> None:
    """As a file system may leave it after a power cut."""
    path, whole, _ = journal
    path.write_bytes(whole + bytes(5000))
    found = list(scan(path))
    assert str(found[-1]) == f"batch 3, byte {len(whole)}: no batch begins here"


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    """It is all that is left of an earlier recording."""
    JournalWriter(tmp_path / "x.parquet.part").close()
    with pytest.raises(UsageError, match="an earlier recording was cut off; feed recover"):
        JournalWriter(tmp_path / "x.parquet.part")
