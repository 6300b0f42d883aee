"""What one reader is not ready for yet: it stays in the order in which it was published."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feed.delivery.group import Group

__all__ = ["Deferred"]

THINNED_AFTER = 1024
"""So many entries are kept before those are dropped for which a newer one stands."""


class _Entry(NamedTuple):
    """Messages of one group, those behind `since` up to `seq`; lossless ones with their frames."""

    group: Group
    since: int
    seq: int
    frames: bytes


class Deferred:
    """Messages of several groups for one reader.

    Of a lossless group the frames are kept. Of a conflated one only the place is: when the reader is ready it gets
    the newest message, at the place of that one, or all of them, each at its own.
    """

    __slots__ = ("_entries", "_thin_at", "_thinned", "lossless")

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._thin_at = THINNED_AFTER
        self._thinned = False
        # Bytes of lossless messages.
        self.lossless = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, group: Group, since: int, seq: int, frames: bytes) -> None:
        """The messages of a group behind `since` up to `seq` have been published."""
        if group.is_conflated:
            frames = b""
        else:
            self.lossless += len(frames)
        self._entries.append(_Entry(group, since, seq, frames))
        if len(self._entries) >= self._thin_at:
            self._entries = _newest_only(self._entries)
            self._thinned = True
            self._thin_at = max(THINNED_AFTER, 2 * len(self._entries))

    def drop(self, group: Group) -> None:
        """The reader has left this conflated group."""
        self._entries = [entry for entry in self._entries if entry.group is not group]

    def clear(self) -> None:
        """Nothing is wanted any more."""
        self._entries.clear()
        self.lossless = 0
        self._thinned = False
        self._thin_at = THINNED_AFTER

    def take(self, room: int, *, whole: bool) -> tuple[bytes, dict[Group, int]]:
        """Frames from the front, in order: at least one entry's, and no more than there is room for.

        Args:
            room: in bytes.
            whole: every message, if all of them are kept and there is room for them.

        Returns:
            The frames, and up to which `seq` the reader has each group with them.
        """
        if whole and not self._thinned:
            frames = _all_of(self._entries)
            if frames and sum(map(len, frames)) <= room:
                reached = {entry.group: entry.seq for entry in self._entries}
                self.clear()
                return b"".join(frames), reached
        return self._take_newest(room)

    def _take_newest(self, room: int) -> tuple[bytes, dict[Group, int]]:
        entries = _newest_only(self._entries)
        taken: list[bytes] = []
        reached: dict[Group, int] = {}
        size = 0
        for entry in entries:
            frames = entry.frames or entry.group.newest(entry.since)
            if taken and size + len(frames) > room:
                break
            taken.append(frames)
            size += len(frames)
            reached[entry.group] = entry.seq
        left = entries[len(taken) :]
        self.clear()
        self._entries = left
        self._thinned = bool(left)
        self.lossless = sum(len(entry.frames) for entry in left)
        return b"".join(taken), reached


def _newest_only(entries: Sequence[_Entry]) -> list[_Entry]:
    """Of a conflated group the last entry alone, standing for those before it."""
    since: dict[Group, int] = {}
    last: dict[Group, int] = {}
    for place, (group, first, _, _) in enumerate(entries):
        since.setdefault(group, first)
        last[group] = place
    return [
        entry._replace(since=since[entry.group]) if entry.group.is_conflated else entry
        for place, entry in enumerate(entries)
        if not entry.group.is_conflated or last[entry.group] == place
    ]


def _all_of(entries: Sequence[_Entry]) -> list[bytes]:
    """The frames of every entry, or nothing where those of one are not kept any more."""
    found: list[bytes] = []
    for group, since, seq, frames in entries:
        frames = frames or group.missed(since, seq)
        if not frames:
            return []
        found.append(frames)
    return found
