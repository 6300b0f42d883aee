"""From a batch to messages: each channel says when its messages are due and what they say.

To add a channel, write a class with a `track` and list it in `open_channels`. Everything else (order, seq, history,
resume, fan-out) follows from the times of its tracks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from feed.data.rows import Rows, StatusRows, TradeRows
from feed.data.ticks import Batch, Instrument, Source, StatusChange, TickBlock
from feed.protocol.effects import Stream

__all__ = ["Channel", "StatusChannel", "StatusTrack", "TickTrack", "Track", "TradingChannel", "streams_of"]

Ints = NDArray[np.int64]


class Track(Protocol):
    """The messages of one stream in one batch.

    `times` are market times, by which messages are due. Whoever gets rows sees the market's clients' times: a track is
    the one place where its market's shift is added.
    """

    @property
    def times(self) -> Ints:
        """When each message is due: market time, ns UTC, never falling."""

    def rows(self, lo: int, hi: int) -> Rows:
        """What messages `lo` up to, not including, `hi` say."""


class Channel(Protocol):
    """One channel of a market.

    `parts` are the streams of a symbol (intervals, depths), or one empty name. A `lossless` channel sends every message
    to everybody; of the others only the newest matters: who does not keep up gets that alone, told how many were
    skipped. Where messages are `differences` it gets the snapshot in its place, since the newest alone would leave it
    with a state that never was. A subscription to one that `begins_with_snapshot` gets the state first.
    `on_demand` says that its messages can be counted without making them, so that nothing is made of them until
    somebody listens. `chunk` messages are encoded at a time: a numpy call costs the same for one row as for a hundred,
    but the event loop waits for all of them.
    """

    @property
    def name(self) -> str:
        """What clients subscribe to."""

    @property
    def parts(self) -> tuple[str, ...]:
        """By what the streams of a symbol differ, or one empty text."""

    @property
    def lossless(self) -> bool:
        """Whether each message counts."""

    @property
    def differences(self) -> bool:
        """Whether a message only says what changed. Such a channel has a snapshot."""

    @property
    def begins_with_snapshot(self) -> bool:
        """Whether a subscription begins with the state."""

    @property
    def chunk(self) -> int:
        """How many messages are encoded at a time."""

    @property
    def on_demand(self) -> bool:
        """Whether the number of messages up to a time is known without making them."""

    def track(self, batch: Batch, symbol: int, part: str) -> Track:
        """The messages of one stream in a batch; `symbol` counts the source's instruments."""

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """On demand: messages due at market time `time` or before it, in an epoch that began at `begins`."""

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> Track | None:
        """The state at market time `at`, or the last `count` of it; None where the last messages are the state."""

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Whether `snapshot` takes no more than some milliseconds."""

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Make what is missing for it, some milliseconds of work at a time."""


@dataclass(frozen=True, slots=True)
class TickTrack:
    """One message a fill."""

    block: TickBlock
    instrument: Instrument
    shift: int

    @property
    def times(self) -> Ints:
        """When each fill happened."""
        return self.block.time

    def rows(self, lo: int, hi: int) -> TradeRows:
        """The fills."""
        ticks = self.block[lo:hi]
        return TradeRows(self.instrument, replace(ticks, time=ticks.time + self.shift) if self.shift else ticks)


@dataclass(frozen=True, slots=True)
class StatusTrack:
    """One message a change."""

    changes: tuple[StatusChange, ...]
    shift: int

    @property
    def times(self) -> Ints:
        """When each change happens."""
        return np.array([change.time for change in self.changes], np.int64)

    def rows(self, lo: int, hi: int) -> StatusRows:
        """The changes."""
        return StatusRows(tuple(replace(change, time=change.time + self.shift) for change in self.changes[lo:hi]))


class _Eager:
    """A channel whose messages are what the source has, no more and no less."""

    parts: ClassVar[tuple[str, ...]] = ("",)
    lossless: ClassVar[bool] = True
    differences: ClassVar[bool] = False
    on_demand: ClassVar[bool] = False
    chunk: ClassVar[int] = 256

    def __init__(self, source: Source, shift: int) -> None:
        self._source = source
        self._shift = shift

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Only the messages themselves tell."""
        raise NotImplementedError

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Always."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Nothing."""
        return iter(())


class TradingChannel(_Eager):
    """`trading`: every fill."""

    name: ClassVar[str] = "trading"
    begins_with_snapshot: ClassVar[bool] = False

    def track(self, batch: Batch, symbol: int, part: str) -> TickTrack:
        """The fills of a symbol."""
        return TickTrack(batch.ticks[symbol], self._source.instruments[symbol], self._shift)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> None:
        """The last fills are the state."""


class StatusChannel(_Eager):
    """`status`: every change of a symbol's status or phase."""

    name: ClassVar[str] = "status"
    begins_with_snapshot: ClassVar[bool] = True

    def track(self, batch: Batch, symbol: int, part: str) -> StatusTrack:
        """The changes of a symbol."""
        wanted = self._source.instruments[symbol].symbol
        return StatusTrack(tuple(change for change in batch.statuses if change.symbol == wanted), self._shift)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> StatusTrack:
        """What is in force."""
        wanted = self._source.instruments[symbol].symbol
        changes = tuple(change for change in self._source.statuses(at) if change.symbol == wanted)
        return StatusTrack(changes, self._shift)


def streams_of(
    channels: tuple[Channel, ...], instruments: tuple[Instrument, ...]
) -> Iterator[tuple[Stream, Channel, int]]:
    """Every stream of a market with its channel and the number of its symbol, in the order of their tracks."""
    for channel in channels:
        for symbol, instrument in enumerate(instruments):
            for part in channel.parts:
                yield Stream(channel.name, instrument.symbol, part), channel, symbol
