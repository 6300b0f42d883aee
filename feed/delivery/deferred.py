"""Messages that one reader is not ready for yet: they stay in the order in which they were published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from feed.protocol.effects import Stream

__all__ = ["Deferred", "Due", "Origin"]

THINNED_AFTER = 1024
"""So many entries are kept before those are dropped for which a newer one stands."""


class Origin(Protocol):
    """Where a message comes from: one stream in one form."""

    @property
    def stream(self) -> Stream:
        """The stream."""

    @property
    def is_conflated(self) -> bool:
        """Whether only the newest message matters to a reader that does not keep up."""

    def newest(self, since: int) -> bytes:
        """The message that stands for all behind `since`."""

    def missed(self, since: int, until: int) -> list[bytes]:
        """All messages behind `since` up to `until`, or none where one of them is not kept."""


class Due(NamedTuple):
    """Messages of one origin, those behind `since` up to `seq`; the frames of lossless ones, or what is sent of them.

    Fewer frames than messages are either joined, or the newest alone.
    """

    origin: Origin
    since: int
    seq: int
    frames: Sequence[bytes]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.frames))


class Deferred:
    """Messages of several origins for one reader.

    Of a lossless origin the frames are kept. Of a conflated one only the place is: when the reader is ready it gets
    the newest message, at the place of that one, or all of them, each at its own.

    Attributes:
        lossless: bytes of lossless messages.
    """

    __slots__ = ("_entries", "_thin_at", "_thinned", "lossless")

    def __init__(self) -> None:
        self._entries: list[Due] = []
        self._thin_at = THINNED_AFTER
        self._thinned = False
        self.lossless = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, origin: Origin, since: int, seq: int, frames: Sequence[bytes]) -> None:
        """Note that the messages behind `since` up to `seq` have been published."""
        entry = Due(origin, since, seq, () if origin.is_conflated else frames)
        self.lossless += entry.size
        self._entries.append(entry)
        if len(self._entries) >= self._thin_at:
            self._entries = _newest_only(self._entries)
            self._thinned = True
            self._thin_at = max(THINNED_AFTER, 2 * len(self._entries))

    def drop(self, origin: Origin) -> None:
        """Forget a conflated origin that the reader has left."""
        self._entries = [entry for entry in self._entries if entry.origin is not origin]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.lossless = 0
        self._thinned = False
        self._thin_at = THINNED_AFTER

    def take(self, room: int, *, whole: bool) -> list[Due]:
        """What is sent next, in order: at least one entry, and no more than there is room for.

        Args:
            room: in bytes.
            whole: every message, if all of them are kept and there is room for them.
        """
        if whole and not self._thinned:
            due = _all_of(self._entries)
            if due and sum(entry.size for entry in due) <= room:
                self.clear()
                return due
        return self._take_newest(room)

    def _take_newest(self, room: int) -> list[Due]:
        entries = _newest_only(self._entries)
        taken: list[Due] = []
        size = 0
        for entry in entries:
            due = entry._replace(frames=(entry.origin.newest(entry.since),)) if entry.origin.is_conflated else entry
            if taken and size + due.size > room:
                break
            taken.append(due)
            size += due.size
        left = entries[len(taken) :]
        self.clear()
        self._entries = left
        self._thinned = bool(left)
        self.lossless = sum(entry.size for entry in left)
        return taken


def _newest_only(entries: Sequence[Due]) -> list[Due]:
    """Of a conflated origin the last entry alone, standing for those before it."""
    since: dict[Origin, int] = {}
    last: dict[Origin, int] = {}
    for place, entry in enumerate(entries):
        since.setdefault(entry.origin, entry.since)
        last[entry.origin] = place
    return [
        entry._replace(since=since[entry.origin]) if entry.origin.is_conflated else entry
        for place, entry in enumerate(entries)
        if not entry.origin.is_conflated or last[entry.origin] == place
    ]


def _all_of(entries: Sequence[Due]) -> list[Due]:
    """Every entry with its frames, or nothing where those of one are not kept any more."""
    found: list[Due] = []
    for entry in entries:
        frames = entry.origin.missed(entry.since, entry.seq) if entry.origin.is_conflated else entry.frames
        if not frames:
            return []
        found.append(entry._replace(frames=frames))
    return found
