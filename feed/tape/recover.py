"""Recovery of an interrupted recording, with a report of the losses. Damaged data is never treated as whole."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import UsageError, failure
from feed.tape.disk import lock
from feed.tape.journal import PART_SUFFIX, Damage, JournalBatch, scan
from feed.tape.layout import RecordingGap, RecordingInfo, StreamInfo
from feed.tape.parquet import RecordingFile, count_streams

__all__ = ["Recovery", "recover", "target_of"]


@dataclass(slots=True)
class Recovery:
    """Result of a recovery.

    Attributes:
        out: the recovered recording.
        time: market time of the last message in it, ns UTC.
        damages: every damaged range.
        behind: whole batches after the first damage, and their rows.
        gaps: messages missing between two kept ones, or between the last kept and the first left out.
    """

    out: Path
    batches: int = 0
    rows: int = 0
    time: int | None = None
    damages: list[Damage] = field(default_factory=list)
    behind_batches: int = 0
    behind_rows: int = 0
    gaps: list[RecordingGap] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether all flushed data was recovered."""
        return not self.damages


def target_of(part: Path) -> Path:
    """Return the path of the finished recording for a journal."""
    if part.suffix != PART_SUFFIX:
        raise UsageError(f"{part}: a recording that was cut off ends with {PART_SUFFIX}; name another with --out")
    return part.with_suffix("")


def recover(
    part: Path, out: Path, *, past_damage: bool = False, on_progress: Callable[[int], None] | None = None
) -> Recovery:
    """Write the whole batches of a journal as a recording; the journal stays.

    Args:
        part: the journal.
        out: the recording to write, which must not exist.
        past_damage: include the whole batches after damage, too; the missing messages become a gap.
        on_progress: called with the number of rows so far.

    Raises:
        RecordingError: the file is no journal, or nothing of it is whole.
        UsageError: the output file exists.
        OSError: the disk refuses the write.
    """
    if out.exists():
        raise UsageError(f"{out} is there already; name another file with --out")
    with part.open("rb") as held:
        if not lock(held.fileno()):
            raise UsageError(f"{part} is still being recorded; stop that first, it then makes {out} by itself")
    # The interrupted Parquet is useless, and no process uses it any more.
    for stale in part.parent.glob(f".{glob.escape(part.stem)}.*.tmp"):
        stale.unlink(missing_ok=True)
    recovery, file = Recovery(out), RecordingFile(out)
    try:
        facts = _Facts(recovery, past_damage=past_damage)
        for batch in facts.kept(part):
            file.write(batch.rows)
            if on_progress is not None:
                on_progress(recovery.rows)
        file.finish(facts.told(part))
    except BaseException:
        file.discard()
        raise
    return recovery


class _Facts:
    """Facts of the recording, merged from its batches."""

    def __init__(self, recovery: Recovery, *, past_damage: bool) -> None:
        self._recovery = recovery
        self._past_damage = past_damage
        self._info: RecordingInfo | None = None
        self._gaps: list[RecordingGap] = []
        self._last: dict[str, int] = {}
        # Streams that have been seen after the damage.
        self._seen: set[str] = set()

    def kept(self, part: Path) -> Iterator[JournalBatch]:
        """Yield the batches that go into the recording."""
        recovery = self._recovery
        for found in scan(part):
            if isinstance(found, Damage):
                recovery.damages.append(found)
                self._seen.clear()
                continue
            if recovery.damages:
                recovery.behind_batches += 1
                recovery.behind_rows += len(found.rows)
            self._compare(found)
            if recovery.is_whole or self._past_damage:
                self._keep(found)
                yield found

    def told(self, part: Path) -> RecordingInfo:
        """Return the facts of the recording."""
        recovery = self._recovery
        if self._info is None:
            what = str(recovery.damages[0]) if recovery.damages else "it is empty"
            raise failure(part, "", f"nothing of it is whole: {what}")
        complete = self._info.ended is not None and recovery.is_whole
        notes = list(self._info.notes)
        if not complete:
            notes.append(f"recovered from {part.name}: {recovery.rows} messages in {recovery.batches} batches")
        notes += [f"damaged: {damage}" for damage in recovery.damages]
        gaps = self._gaps + (recovery.gaps if self._past_damage else [])
        return self._info.model_copy(update={"complete": complete, "notes": notes, "gaps": gaps})

    def _keep(self, found: JournalBatch) -> None:
        recovery = self._recovery
        self._info = found.info
        self._gaps += found.info.gaps
        recovery.batches += 1
        recovery.rows += len(found.rows)
        last = pc.max(found.rows.column("time")).as_py()
        if last is not None:
            recovery.time = max(last, recovery.time or last)

    def _compare(self, found: JournalBatch) -> None:
        """Add a gap where a stream continues after damage, with the number of messages missing."""
        recovery = self._recovery
        streams: dict[str, StreamInfo] = {}
        count_streams(streams, pa.Table.from_batches([found.rows]))
        for name, stream in streams.items():
            if stream.first_seq is None or stream.last_seq is None:
                continue
            after, self._last[name] = self._last.get(name), stream.last_seq
            if recovery.damages and name not in self._seen:
                self._seen.add(name)
                if after is not None and stream.first_seq > after + 1:
                    time = found.rows.column("received")[0].as_py() or 0
                    recovery.gaps.append(RecordingGap(stream=name, after=after, before=stream.first_seq, time=time))
