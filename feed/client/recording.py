"""Recorders from the wire: everything that a server sends, in order, across any number of connections.

What is lost is counted in messages, named and placed; where only the venue knows how many were lost, that is said.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from feed.clock import Clock
from feed.errors import ConnectError
from feed.tape.intake import RecordingCounters
from feed.tape.layout import RecordingInfo
from feed.tape.writer import RecordingWriter
from feed.units import format_time
from feed.version import __version__

__all__ = ["WireCounters", "WireRecording"]

BUSY_ABOVE = 0.5
"""Fill level of the queue above which reading pauses: the server waits, too, or resends the missed messages."""

CHECK_SECONDS = 0.005
"""Pause between two checks of the queue, in seconds."""

MAX_NOTES = 100


@dataclass(slots=True)
class WireCounters:
    """Counters of received data. `lost` counts messages, `unknown` the gaps of which nobody knows how many are lost."""

    state: str = "connecting"
    messages: int = 0
    data: int = 0
    size: int = 0
    lost: int = 0
    unknown: int = 0
    connections: int = 0


class WireRecording:
    """Common base of recordings from the wire: the file, which is created with the first data."""

    def __init__(self, url: str, path: Path, clock: Clock) -> None:
        self.counters = WireCounters()
        self._url = url
        self._path = path
        self._clock = clock
        self._writer: RecordingWriter | None = None
        self._notes: list[str] = []

    def close(self) -> RecordingCounters | None:
        """Flush, sync and finish; None where no data came, and then there is no file. It waits for the disk."""
        if self._writer is None:
            return None
        done = self._writer.close()
        if not self.counters.data:
            self._path.unlink(missing_ok=True)
            return None
        return done

    @property
    def writer(self) -> RecordingWriter:
        """Return the writer of the file."""
        if self._writer is None:
            info = RecordingInfo(version=__version__, source=self._url)
            self._writer = RecordingWriter(self._path, info, self._clock)
        return self._writer

    def _connected(self) -> None:
        self.counters.connections += 1
        self.counters.state = "recording"
        if self.counters.connections > 1:
            self._note("connected again")

    def _disconnected(self, reason: str, code: int | None, retry_in: int | None) -> None:
        if not self.counters.connections:
            raise ConnectError(f"{self._url}: {reason}")
        self.counters.state = "over" if retry_in is None else f"connecting again: {reason}"
        self._note(f"disconnected, {code}: {reason}" if code else f"disconnected: {reason}")

    def _note(self, text: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.append(f"{format_time(self._clock.wall())}: {text}")
            self.writer.tell(notes=list(self._notes))

    def _gap(self, stream: str, after: int, before: int, count: int | None, reason: str) -> None:
        """Record a loss of `count` messages; None if nobody knows how many."""
        if count is None:
            self.counters.unknown += 1
        else:
            self.counters.lost += count
        self.writer.add_gap(stream, after, before, count, reason)

    async def _breathe(self) -> None:
        """Wait for a disk that is slower than the wire, so that nothing is lost."""
        if self.writer.filled > BUSY_ABOVE and self.writer.counters.state == "recording":
            await asyncio.sleep(CHECK_SECONDS)

    def _wall(self, received: int) -> int:
        now = self._clock.read()
        return now.wall - (now.monotonic - received)
