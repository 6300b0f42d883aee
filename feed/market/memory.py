"""Past bars of a symbol: bars of any earlier market time, computed from the source on request.

A running market hands over the batches it has generated, so only earlier times are generated for bars alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from feed.data.bars import Bars, bars_of, joined
from feed.data.ticks import BUY, Source, TickBlock, Traded
from feed.units import HOUR, MINUTE, SECOND

__all__ = ["BarMemory", "BarSource", "BoughtMemory", "Hours", "bought", "inherited"]

KEPT_HOURS = 1000
"""The hours of bars that are kept: more than a month, for the candle of a month."""

EARLY_PIECE, LATE_PIECE = 6 * HOUR, 10 * MINUTE
"""The market time (ns) computed at once, before the source's start (where bars are cheap) and after it: some ms."""

NEAR_START = 30 * MINUTE
"""The time (ns) before the start in which bars cost as much as after it."""


class BarSource(Protocol):
    """Part of a source that bars are made of."""

    @property
    def start(self) -> int:
        """Market time of the beginning, ns UTC."""

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        """Yield the fills of one instrument from `start` up to, not including, `end`."""

    def traded(self, index: int, start: int, end: int) -> Iterator[Traded]:
        """Yield the trades of one instrument in this time, from whole minute to whole minute."""

    def last_trade(self, index: int, at: int) -> int | None:
        """Return the time of an instrument's last trade before `at`."""


@dataclass(frozen=True, slots=True)
class _Hour:
    """Minute bars of one hour, from its beginning up to market time `until`."""

    until: int
    bars: Bars


Hours = dict[int, _Hour]
"""Minute bars of one symbol by the number of their hour."""

Quotes = dict[tuple[int, int], TickBlock]
"""Fills of one symbol by the market times between which they lie."""


def inherited(earlier: Hours, until: int) -> Hours:
    """Return the bars of a source that is equal to another one up to market time `until`."""
    last = until // MINUTE * MINUTE
    found: Hours = {}
    for hour, known in list(earlier.items()):
        end = min(known.until, last)
        if end > hour * HOUR:
            bars = known.bars if end == known.until else known.bars[np.flatnonzero(known.bars.time < end)]
            found[hour] = _Hour(end, bars)
    return found


class BarMemory:
    """Minute bars of one symbol, an hour at a time; the newest hours are kept.

    Only one thread uses it. It shares its hours with the memories made by `beside`, for other threads: an hour is
    replaced as a whole, and two threads that compute the same hour compute the same bars.

    Args:
        source: the source of ticks; no other thread uses it.
        index: the index of the instrument in the source.
        hours: the bars that are known, shared with other memories of an equal source.
        quotes: the fills whose quotes were asked for last, shared in the same way.
    """

    def __init__(self, source: BarSource, index: int, hours: Hours | None = None, quotes: Quotes | None = None) -> None:
        self._source = source
        self._index = index
        self._hours: Hours = {} if hours is None else hours
        self._quotes: Quotes = {} if quotes is None else quotes
        self._seconds: tuple[int, int, Bars] | None = None

    def beside(self, source: BarSource) -> BarMemory:
        """Return a memory for another thread, with another instance of the source and the same hours."""
        return BarMemory(source, self._index, self._hours, self._quotes)

    def knows(self, start: int, end: int) -> bool:
        """Return whether the `minutes` from `start` to `end` are all known already."""
        return all(self._known(hour) >= min(end, (hour + 1) * HOUR) for hour in _hours(start, end))

    def minutes(self, start: int, end: int) -> Bars:
        """Return the minute bars that begin at `start` or later and before `end` (ns UTC, whole minutes)."""
        if start >= end:
            return Bars.empty()
        whole = joined(self._whole(start, end))
        lo, hi = np.searchsorted(whole.time, [start, end])
        self._forget(start // HOUR)
        return whole[slice(int(lo), int(hi))]

    def _whole(self, start: int, end: int) -> list[Bars]:
        while True:
            for _ in self.making(start, end):
                pass
            # Another thread may have dropped an hour meanwhile.
            kept = [self._hours.get(hour) for hour in _hours(start, end)]
            if None not in kept:
                return [hour.bars for hour in kept if hour is not None]

    def making(self, start: int, end: int) -> Iterator[None]:
        """Compute the missing bars from `start` to `end`, some milliseconds of work between two values."""
        for first, last in self._gaps(start, end):
            lo = first
            while lo < last:
                is_early = lo < self._source.start - NEAR_START
                edge = self._source.start - NEAR_START if is_early else last
                hi = min(
                    lo + (EARLY_PIECE if is_early else LATE_PIECE), max(edge // MINUTE * MINUTE, lo + MINUTE), last
                )
                self._make(lo, hi)
                yield
                lo = hi

    def until(self, start: int, at: int) -> Bars:
        """Return bars from `start` up to, not including, `at`: minute bars, and second bars for partial minutes.

        `start` is a whole second.
        """
        first, last = -(-start // MINUTE) * MINUTE, at - at % MINUTE
        if first >= last:
            return self.seconds(start, at)
        return joined([self.seconds(start, first), self.minutes(first, last), self.seconds(last, at)])

    def seconds(self, start: int, at: int) -> Bars:
        """Return the second bars from `start` up to `at`; only the last result of `making_seconds` is kept."""
        if self._seconds is not None and self._seconds[:2] == (start, at):
            return self._seconds[2]
        return _in_seconds([bars_of(block, SECOND) for block in self.ticks(start, at)])

    def making_seconds(self, start: int, at: int) -> Iterator[None]:
        """Compute these second bars, a block of trades between two values."""
        parts: list[Bars] = []
        for block in self.ticks(start, at):
            parts.append(bars_of(block, SECOND))
            yield
        self._seconds = start, at, _in_seconds(parts)

    def last(self, at: int) -> Bars:
        """Return the last trade before `at` as a second bar, however old; empty if there is none."""
        time = self._source.last_trade(self._index, at)
        return Bars.empty() if time is None else self.seconds(time // SECOND * SECOND, time + 1)

    def ticks(self, start: int, end: int) -> Iterator[TickBlock]:
        """Return the fills from `start` up to, not including, `end`."""
        return self._source.ticks(self._index, start, end) if start < end else iter(())

    def quotes(self, start: int, end: int) -> TickBlock:
        """Return the fills from `start` up to `end`, for their prices and quotes alone: they may have no `volume`."""
        key = start, end
        block = self._quotes.get(key)
        if block is None:
            block = TickBlock.joined(list(self.ticks(start, end)))
            # One block is kept, and replaced as a whole: another thread may have been here.
            self._quotes.clear()
            self._quotes[key] = block
        return block

    def learn(self, start: int, end: int, block: TickBlock) -> None:
        """Keep the bars of these fills, all from `start` to `end`, as far as they continue the known bars."""
        hours = _hours(start, end)
        if all(self._known(hour) < max(start, hour * HOUR) for hour in hours):
            return
        if all(self._known(hour) >= min(end, (hour + 1) * HOUR) // MINUTE * MINUTE for hour in hours):
            # Another market with the same source was here before.
            return
        self._take(start, end, bars_of(block, MINUTE))
        self._forget(end // HOUR)

    def _known(self, hour: int) -> int:
        """Return the market time up to which an hour is known."""
        kept = self._hours.get(hour)
        return hour * HOUR if kept is None else kept.until

    def _gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the missing times as the fewest possible stretches."""
        gaps: list[tuple[int, int]] = []
        for hour in _hours(start, end):
            known, until = self._known(hour), min(end, (hour + 1) * HOUR)
            if known < until:
                joins = bool(gaps) and gaps[-1][1] == known
                first = gaps.pop()[0] if joins else known
                gaps.append((first, until))
        return gaps

    def _make(self, start: int, end: int) -> None:
        parts = [bars_of(part, MINUTE) for part in self._source.traded(self._index, start, end)]
        self._take(start, end, joined(parts).coarser(MINUTE))

    def _take(self, start: int, end: int, bars: Bars) -> None:
        """Keep these bars as far as they continue the known ones; the last one may be of a partial minute."""
        for hour in _hours(start, end):
            before = self._hours.get(hour)
            known = hour * HOUR if before is None else before.until
            until = min(end, (hour + 1) * HOUR) // MINUTE * MINUTE
            if max(start, hour * HOUR) <= known < until:
                lo, hi = np.searchsorted(bars.time, [known, until])
                # Copied: views of six hours would hold all of them.
                more = [bars[np.arange(lo, hi)]]
                self._hours[hour] = _Hour(until, joined(more if before is None else [before.bars, *more]))

    def _forget(self, keep: int) -> None:
        """Drop the oldest hours, but none from hour `keep` on."""
        if len(self._hours) > KEPT_HOURS:
            for hour in sorted(self._hours)[: len(self._hours) - KEPT_HOURS]:
                if hour < keep:
                    self._hours.pop(hour, None)


class _Bought:
    """Source of the fills in which the taker bought."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def start(self) -> int:
        return self._source.start

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        return map(bought, self._source.ticks(index, start, end))

    def traded(self, index: int, start: int, end: int) -> Iterator[Traded]:
        # Cheaper trades than the fills have no side.
        return map(Traded.of, self.ticks(index, start, end))

    def last_trade(self, index: int, at: int) -> int | None:
        return self._source.last_trade(index, at)


class BoughtMemory(BarMemory):
    """Past bars of the fills in which the taker bought; they cost more than those of all trades.

    Args:
        source: the source of ticks; no other thread uses it.
        index: the index of the instrument in the source.
    """

    def __init__(self, source: Source, index: int) -> None:
        super().__init__(_Bought(source), index)

    def apart(self, source: Source) -> BarMemory:
        """Return a memory for another thread, with the same hours."""
        return self.beside(_Bought(source))


def bought(block: TickBlock) -> TickBlock:
    """Return the fills in which the taker bought."""
    return block.where(block.side == BUY)


def _in_seconds(parts: list[Bars]) -> Bars:
    # A block may end inside of a bar.
    return joined(parts).coarser(SECOND)


def _hours(start: int, end: int) -> range:
    return range(start // HOUR, -(-end // HOUR))
