"""Messages that one reader is not ready for yet, in the order in which they were published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from feed.protocol.effects import Stream

__all__ = ["Deferred", "Due", "Origin"]

THINNED_AFTER = 1024
"""The number of entries kept before the ones replaced by a newer entry are dropped."""


class Origin(Protocol):
    """Source of a message: one stream in one form."""

    @property
    def stream(self) -> Stream:
        """The stream."""

    @property
    def is_conflated(self) -> bool:
        """Return True if only the newest message matters to a reader that does not keep up."""

    def newest(self, since: int) -> bytes:
        """Return the message that stands for all messages after `since`."""

    def missed(self, since: int, until: int) -> list[bytes]:
        """Return all messages after `since` up to `until`, or an empty list if one of them is no longer kept."""


class Due(NamedTuple):
    """Messages of one origin after `since` up to `seq`, with the frames of lossless ones, or the frames to send.

    If there are fewer frames than messages, the frames are either joined, or only the newest is present.
    """

    origin: Origin
    since: int
    seq: int
    frames: Sequence[bytes]

    @property
    def size(self) -> int:
        """The total size of the frames in bytes."""
        return sum(map(len, self.frames))

    @property
    def missing(self) -> int:
        """The number of messages of a conflated origin that the frames stand for without being sent."""
        return max(0, self.seq - self.since - len(self.frames)) if self.origin.is_conflated else 0


class Deferred:
    """Queue of the messages of several origins for one reader.

    For a lossless origin the frames are kept. For a conflated one only the positions are kept: when the reader is
    ready, it gets either the newest message at its position, or all messages, each at its own position.

    Attributes:
        lossless: size of the waiting lossless messages in bytes.
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
        """Note that the messages after `since` up to `seq` have been published."""
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
        """Remove and return the entries to send next, in order: at least one, and otherwise no more than fit in `room`.

        Args:
            room: the available space in bytes.
            whole: return every message, if all of them are still kept and fit in `room`.
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
    """Reduce each conflated origin to its last entry, which stands for the entries before it."""
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
    """Return every entry with its frames, or an empty list if the frames of one entry are no longer kept."""
    found: list[Due] = []
    for entry in entries:
        frames = entry.origin.missed(entry.since, entry.seq) if entry.origin.is_conflated else entry.frames
        if not frames:
            return []
        found.append(entry._replace(frames=frames))
    return found
