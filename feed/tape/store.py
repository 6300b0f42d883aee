"""Where a recording is kept while it is made: the journal that survives a kill, and beside it the Parquet to come.

The Parquet is written along the way, so that the end of a long recording takes no longer than that of a short one.
Where the disk refuses it, it is made of the journal at the end.
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
"""A Parquet that was not written along the way may take so long at the end; else the journal is left."""


class RecordingStore:
    """One recording's files.

    Args:
        path: the finished file.
        info: what the journal begins with.
        clock: for how long the end may take.

    Raises:
        UsageError: the journal is there already.
        OSError: every method, where the disk does not take it; it may be called again.
    """

    def __init__(self, path: Path, info: RecordingInfo, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._journal = JournalWriter(part_of(path))
        self._file: RecordingFile | None = None
        try:
            # However early the kill comes, the file tells what it was going to be.
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
        """Bytes of the journal."""
        return self._journal.size

    def append(self, batch: pa.RecordBatch, info: RecordingInfo) -> None:
        """Keep rows, with the gaps and notes that are new."""
        self._journal.append(batch, info)
        if self._file is not None:
            try:
                self._file.write(batch)
            except (OSError, pa.ArrowException):
                # The journal has them.
                self._give_up()

    def sync(self) -> None:
        """What was appended survives the machine, too."""
        self._journal.sync()

    def abandon(self) -> None:
        """Leave the journal as it is, and nothing else."""
        self._give_up()
        self._journal.close()

    def finish(self, info: RecordingInfo) -> bool:
        """Make the Parquet of all rows; whether there is one now. Without one the journal is left, whole and synced."""
        try:
            # Until the Parquet has its name the journal is what there is.
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
