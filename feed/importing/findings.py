"""Findings of an import, counted, with the first place of each kind: every repair is reported here."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from feed.tape.layout import RecordingGap
from feed.units import MILLISECOND, SECOND

__all__ = ["Findings", "Offsets", "span"]

MOST_GAPS = 1000
"""The largest number of gaps that are listed one by one; all are counted."""

MIN_SAMPLES = 16_384
"""Least number of differences between receive and exchange clock that are kept, once there are more; evenly spread."""

DRIFT_WINDOWS = 8
MIN_DRIFT = 50 * MILLISECOND
"""Difference (ns) between medians of eighths of the rows above which it counts as drift, not as network noise."""


@dataclass(slots=True)
class _Counted:
    first: str
    count: int = 1


class Offsets:
    """Differences of two clocks; of a large number of them, evenly spread samples."""

    def __init__(self) -> None:
        self._kept: list[int] = []
        self._stride = 1
        self._seen = 0

    def add(self, difference: int) -> None:
        """Add a difference: receive time minus exchange time, ns."""
        if self._seen % self._stride == 0:
            self._kept.append(difference)
            if len(self._kept) >= 2 * MIN_SAMPLES:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    @property
    def median(self) -> int | None:
        """The median difference in ns; None without any."""
        return int(statistics.median(self._kept)) if self._kept else None

    def notes(self) -> list[str]:
        """Return the notes for a reader on the two clocks."""
        middle = self.median
        if middle is None:
            return []
        where = "behind" if middle < 0 else "after"
        said = [f"the receive clock is {span(abs(middle))} {where} the exchange's (median)"]
        size = len(self._kept) // DRIFT_WINDOWS
        if size:
            medians = [statistics.median(self._kept[i * size : (i + 1) * size]) for i in range(DRIFT_WINDOWS)]
            if (drift := int(max(medians) - min(medians))) > MIN_DRIFT:
                said.append(f"warning: the two clocks drift against each other, by up to {span(drift)}")
        return said


@dataclass(slots=True)
class Findings:
    """Collector of findings while files are read.

    Attributes:
        said: facts, one sentence each.
        gaps: the first thousand gaps, by stream and row.
        offsets: differences of the two clocks.
    """

    said: list[str] = field(default_factory=list)
    gaps: list[RecordingGap] = field(default_factory=list)
    offsets: Offsets = field(default_factory=Offsets)
    _counted: dict[tuple[str, str], _Counted] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Note a fact, once."""
        if sentence not in self.said:
            self.said.append(sentence)

    def count(self, kind: str, about: str, where: str, text: str, times: int = 1) -> None:
        """Count a finding; the first of its kind is reported in full.

        Args:
            kind: kind of finding, such as `gap`.
            about: a symbol, or empty.
            where: file and row.
            text: the mistake at that place.
        """
        known = self._counted.get((kind, about))
        if known is None:
            self._counted[kind, about] = _Counted(f"{where}: {text}", times)
        else:
            known.count += times

    def gap(self, stream: str, seq: int, time: int | None, count: int | None = None, reason: str = "") -> None:
        """Note that messages, `count` of them if that is known, are missing before row `seq` of a stream."""
        if len(self.gaps) < MOST_GAPS:
            told = {"stream": stream, "after": seq - 1, "before": seq, "time": time or 0}
            self.gaps.append(RecordingGap(**told, count=count, reason=reason))

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of findings of each kind, by kind and symbol."""
        return {key: counted.count for key, counted in self._counted.items()}

    def notes(self) -> list[str]:
        """Return all findings, one sentence each."""
        kinds = {kind: [key for key in self._counted if key[0] == kind] for kind, _ in self._counted}
        counted = [self._sentence(kind, keys) for kind, keys in kinds.items()]
        return [*self.said, *self.offsets.notes(), *counted]

    def _sentence(self, kind: str, keys: list[tuple[str, str]]) -> str:
        """Return the sentence on a kind of finding: its number, its symbols, and the first."""
        names = [about for _, about in keys if about]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        times = sum(self._counted[key].count for key in keys)
        return f"{kind}{f' of {shown}' if names else ''}: {times}, first at {self._counted[keys[0]].first}"


def span(nanoseconds: int) -> str:
    """Return a short time (ns) for people: `1.274 s`, `12.5 ms`."""
    if nanoseconds >= SECOND:
        return f"{nanoseconds / SECOND:.3f} s"
    return f"{nanoseconds / MILLISECOND:.3f} ms"
