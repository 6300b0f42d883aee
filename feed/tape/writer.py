"""Non-blocking recorder: messages are queued, and a separate thread writes them.

Rows are flushed once there are `BATCH_ROWS` of them or `FLUSH_INTERVAL` has passed, whichever comes first: a kill of
the process loses only the rows after the last flush. Once a `SYNC_INTERVAL` the flushed data is synced, too:
a power cut loses that much more. Where the disk is too slow, or full, at most `MAX_WAITING` bytes wait; messages
that do not fit are counted as lost and become a gap.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from feed.clock import Clock
from feed.errors import UsageError
from feed.log import get_logger
from feed.tape.intake import Intake, RecordingCounters, Taken, WriterLimits
from feed.tape.journal import part_of
from feed.tape.layout import RecordingInfo
from feed.tape.rows import Piece, Row, Ticks, batch_of
from feed.tape.store import RecordingStore

__all__ = ["RecordingWriter", "check_target"]

CALM_BELOW = 0.5
"""Fill level of the queue, 0 to 1, up to which the writer has caught up."""

log = get_logger("feed.recording")


def check_target(path: Path) -> None:
    """Check that a recording can be made. Raises UsageError where it cannot."""
    if path.suffix.lower() != ".parquet":
        raise UsageError(f"{path}: a recording is a Parquet file; end its name with .parquet")
    if path.exists():
        raise UsageError(f"{path} is there already; a recording never replaces another file")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")


class RecordingWriter:
    """Writer of one recording. Every method but `close` returns at once, whatever the disk does.

    Args:
        path: the finished file; during the recording, `.part` is appended to its name.
        info: the initial facts.
        clock: for the times of gaps and flushes.
        limits: when rows are flushed.

    Raises:
        UsageError: the file exists, or cannot be made.
    """

    def __init__(self, path: Path, info: RecordingInfo, clock: Clock, limits: WriterLimits | None = None) -> None:
        check_target(path)
        self.path = path
        self._clock = clock
        self._limits = limits or WriterLimits()
        info = info.model_copy(update={"started": clock.wall()})
        try:
            self._store = RecordingStore(path, info, clock)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
        self._intake = Intake(info, clock, self._limits)
        self.counters: RecordingCounters = self._intake.counters
        self.counters.file = str(path)
        self._synced = clock.now()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    @property
    def filled(self) -> float:
        """The used share of the queue's capacity, 0 to 1."""
        return self._intake.filled

    @property
    def closed(self) -> bool:
        """Whether the recording has been closed."""
        return self._intake.closing

    def add(self, pieces: Sequence[Piece]) -> None:
        """Record messages and runs of trades, in this order."""
        self._intake.add(pieces)

    def add_ticks(self, ticks: Ticks) -> None:
        """Record trades that were published together."""
        self._intake.add((ticks,))

    def add_message(self, row: Row) -> None:
        """Record any other message."""
        self._intake.add((row,))

    def add_gap(self, stream: str, after: int, before: int, count: int | None = None, reason: str = "") -> None:
        """Record a gap: messages of a stream between these two are known to be missing; see `RecordingGap`."""
        self._intake.add_gap(stream, after, before, count, reason)

    def tell(self, **facts: Any) -> None:
        """Update the facts with details that became known after the beginning."""
        self._intake.tell(**facts)

    def close(self) -> RecordingCounters:
        """Flush, sync and finish: waits for the disk. The result is logged and returned, never raised."""
        self._intake.close()
        self._thread.join()
        return self.counters

    # Methods of the writer's own thread.

    def _run(self) -> None:
        try:
            self._record()
        except Exception as error:
            # An error in a thread would otherwise go unnoticed.
            log.exception("the recording has ended", file=str(self.path))
            self.counters.state, self.counters.error = "left", repr(error)
            self._store.abandon()

    def _record(self) -> None:
        while True:
            closing = self._intake.closing
            taken = self._intake.take()
            if taken.pieces or taken.info.gaps:
                self._write(taken)
            elif closing:
                break
            self._sync()
        self._finish()

    def _write(self, taken: Taken) -> None:
        try:
            batch = batch_of(taken.pieces)
        except (pa.ArrowException, ValueError, OverflowError, TypeError) as error:
            # Only data from a foreign server can fail here.
            self._alarm(f"{len(taken.pieces)} messages cannot be written: {error}")
            self._intake.forsake(taken.pieces)
            return
        while True:
            # After `close` there is one last attempt: no caller waits for a disk to become empty.
            last = self._intake.closing
            if self._append(batch, taken.info):
                self._calm()
                return
            if last:
                self._intake.forsake(taken.pieces)
                return
            self._intake.pause()

    def _append(self, batch: pa.RecordBatch, info: RecordingInfo) -> bool:
        try:
            self._store.append(batch, info)
        except OSError as error:
            self._alarm(error.strerror or str(error))
            return False
        self.counters.written += len(batch)
        self.counters.size = self._store.size
        return True

    def _sync(self) -> None:
        """Sync the journal once an interval."""
        now = self._clock.now()
        if now - self._synced < self._limits.sync_interval:
            return
        self._synced = now
        try:
            self._store.sync()
        except OSError as error:
            self._alarm(error.strerror or str(error))

    def _finish(self) -> None:
        """Complete the Parquet, or at least leave a whole journal."""
        counters = self.counters
        info = self._intake.settle()
        # The journal has had the gaps before this; now it also records the end.
        self._append(batch_of([]), info.model_copy(update={"gaps": []}))
        try:
            counters.state = "finished" if self._store.finish(info) else "left"
        except (OSError, pa.ArrowException) as error:
            self._alarm(str(error))
            counters.state = "left"
        told = {"file": str(self.path), "messages": counters.written, "lost": counters.lost, "gaps": counters.gaps}
        if counters.state == "finished":
            log.info("the recording is finished", **told)
        else:
            hint = f"feed recover {part_of(self.path)} makes the recording of it"
            log.error("the recording is not finished", **told, hint=hint)

    def _alarm(self, what: str) -> None:
        counters = self.counters
        counters.failures += 1
        counters.error = what
        if counters.state != "failing":
            counters.state = "failing"
            log.error("the recording fails, and is tried again", file=str(self.path), error=what)

    def _calm(self) -> None:
        counters = self.counters
        if counters.state == "recording" or self.filled > CALM_BELOW:
            return
        log.warning("the recording goes on", file=str(self.path), lost=counters.lost)
        counters.state, counters.error = "recording", None
