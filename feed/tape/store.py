"""Files of a recording in progress: the journal that survives a kill, and beside it the unfinished Parquet.

The Parquet is written during the recording, so that a long recording ends as fast as a short one.
Where the disk refuses it, it is made from the journal at the end.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pyarrow as pa

from feed.clock import Clock
from feed.tape.disk import sync_folder
from feed.tape.journal import Damage, JournalWriter, part_of, scan
from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.rows import batch_of
from feed.units import SECOND

__all__ = ["FINISH_TIMEOUT", "RecordingStore"]

FINISH_TIMEOUT = 4 * SECOND
"""Time limit (ns) for a Parquet that is made at the end; beyond it only the journal is left."""


class RecordingStore:
    """Files of one recording.

    Args:
        path: the finished file.
        info: the initial facts in the journal.
        clock: for the time limit at the end.

    Raises:
        UsageError: the journal exists already.
        OSError: every method, where the disk refuses; the method may be called again.
    """

    def __init__(self, path: Path, info: RecordingInfo, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._journal = JournalWriter(part_of(path))
        self._file: RecordingFile | None = None
        try:
            # Even after an early kill the file holds the facts of the recording.
            self._journal.append(batch_of([]), info)
            self._journal.sync()
            sync_folder(path.parent)
            self._file = RecordingFile(path)
        except OSError:
            self._journal.close()
            self._journal.path.unlink()
            raise

    @property
    def size(self) -> int:
        """Size of the journal in bytes."""
        return self._journal.size

    def append(self, batch: pa.RecordBatch, info: RecordingInfo) -> None:
        """Store rows, with the new gaps and notes."""
        self._journal.append(batch, info)
        if self._file is not None:
            try:
                self._file.write(batch)
            except (OSError, pa.ArrowException):
                # The journal has them.
                self._give_up()

    def sync(self) -> None:
        """Sync the appended data to disk, so that it survives a crash of the machine."""
        self._journal.sync()

    def abandon(self) -> None:
        """Leave only the journal, unchanged."""
        self._give_up()
        self._journal.close()

    def finish(self, info: RecordingInfo) -> bool:
        """Complete the Parquet; return whether it exists. Otherwise the journal is left, whole and synced."""
        try:
            # Until the Parquet has its name the journal is the only file.
            self._journal.sync()
            finished = self._finish(info)
        except (OSError, pa.ArrowException):
            self._give_up()
            raise
        finally:
            self._journal.close()
        if finished:
            self._journal.path.unlink()
            sync_folder(self._path.parent)
        return finished

    def _finish(self, info: RecordingInfo) -> bool:
        if self._file is None and not self._made_again():
            return False
        assert self._file is not None
        self._file.finish(info)
        return True

    def _made_again(self) -> bool:
        deadline = self._clock.now() + FINISH_TIMEOUT
        self._file = RecordingFile(self._path)
        for found in scan(self._journal.path):
            if isinstance(found, Damage) or self._clock.now() > deadline:
                self._give_up()
                return False
            self._file.write(found.rows)
        return True

    def _give_up(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.discard()
