"""Channels, which turn a batch into messages: the due time and the content of each.

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
    """Messages of one stream in one batch.

    `times` are the market times at which messages are due. Rows contain the times that clients see: a track is the one
    place that adds the market's shift.
    """

    @property
    def times(self) -> Ints:
        """The due time of each message: market time, ns UTC, never decreasing."""

    def rows(self, lo: int, hi: int) -> Rows:
        """Return the content of messages `lo` up to, not including, `hi`."""


class Channel(Protocol):
    """Channel of a market.

    `parts` are the streams of a symbol (intervals, depths), or one empty name. A `lossless` channel sends every message
    to every subscriber; in the others only the newest matters: a slow subscriber receives only that, with the number of
    skipped messages. If messages are `differences`, it receives a snapshot instead, since the newest difference alone
    would leave it with a state that never existed. A subscription to a channel that `begins_with_snapshot` receives the
    state first. `on_demand` means that messages can be counted without generating them, so none are generated until
    there is a subscriber. `chunk` messages are encoded at a time: a numpy call costs the same for one row as for a
    hundred, but the event loop waits for all of them.
    """

    @property
    def name(self) -> str:
        """The name that clients subscribe to."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The intervals or depths that tell a symbol's streams apart, or one empty text."""

    @property
    def lossless(self) -> bool:
        """Return whether every message is sent to every subscriber."""

    @property
    def differences(self) -> bool:
        """Return whether messages contain only changes. Such a channel has a snapshot."""

    @property
    def begins_with_snapshot(self) -> bool:
        """Return whether a subscription begins with the state."""

    @property
    def chunk(self) -> int:
        """The number of messages encoded at a time."""

    @property
    def on_demand(self) -> bool:
        """Return whether the messages up to a time can be counted without generating them."""

    def track(self, batch: Batch, symbol: int, part: str) -> Track:
        """Return the messages of one stream in a batch; `symbol` is an index into the source's instruments."""

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Count messages due at or before market time `time`, in an epoch begun at `begins`; for on-demand channels."""

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> Track | None:
        """Return the state at market time `at`, or the last `count` states; None if the last messages are the state."""

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return whether `snapshot` takes no more than some milliseconds."""

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Compute the missing data for `snapshot`, some milliseconds of work at a time."""


@dataclass(frozen=True, slots=True)
class TickTrack:
    """Track with one message a fill."""

    block: TickBlock
    instrument: Instrument
    shift: int

    @property
    def times(self) -> Ints:
        """The market time of each fill."""
        return self.block.time

    def rows(self, lo: int, hi: int) -> TradeRows:
        """Return the fills as trade rows."""
        ticks = self.block[lo:hi]
        return TradeRows(self.instrument, replace(ticks, time=ticks.time + self.shift) if self.shift else ticks)


@dataclass(frozen=True, slots=True)
class StatusTrack:
    """Track with one message a status change."""

    changes: tuple[StatusChange, ...]
    shift: int
    instrument: Instrument | None = None

    @property
    def times(self) -> Ints:
        """The market time of each status change."""
        return np.array([change.time for change in self.changes], np.int64)

    def rows(self, lo: int, hi: int) -> StatusRows:
        """Return the status changes as rows."""
        changes = tuple(replace(change, time=change.time + self.shift) for change in self.changes[lo:hi])
        return StatusRows(changes, self.instrument)


class _Eager:
    """Channel whose messages are exactly the events of the source."""

    parts: ClassVar[tuple[str, ...]] = ("",)
    lossless: ClassVar[bool] = True
    differences: ClassVar[bool] = False
    on_demand: ClassVar[bool] = False
    chunk: ClassVar[int] = 256

    def __init__(self, source: Source, shift: int) -> None:
        self._source = source
        self._shift = shift

    def seq_at(self, time: int, begins: int, symbol: int, part: str) -> int:
        """Raise NotImplementedError: these messages can only be counted by generating them."""
        raise NotImplementedError

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return True: the state is always available at once."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Return an empty iterator: there is nothing to compute."""
        return iter(())


class TradingChannel(_Eager):
    """Channel `trading`: every fill."""

    name: ClassVar[str] = "trading"
    begins_with_snapshot: ClassVar[bool] = False

    def track(self, batch: Batch, symbol: int, part: str) -> TickTrack:
        """Return the fills of a symbol in a batch."""
        return TickTrack(batch.ticks[symbol], self._source.instruments[symbol], self._shift)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> None:
        """Return None: the last fills are the state."""


class StatusChannel(_Eager):
    """Channel `status`: every change of a symbol's status or phase."""

    name: ClassVar[str] = "status"
    begins_with_snapshot: ClassVar[bool] = True

    def track(self, batch: Batch, symbol: int, part: str) -> StatusTrack:
        """Return the status changes of a symbol in a batch."""
        wanted = self._source.instruments[symbol]
        changes = tuple(change for change in batch.statuses if change.symbol == wanted.symbol)
        return StatusTrack(changes, self._shift, wanted)

    def snapshot(self, symbol: int, part: str, at: int, count: int) -> StatusTrack:
        """Return the status and phase in force at `at`."""
        wanted = self._source.instruments[symbol]
        changes = tuple(change for change in self._source.statuses(at) if change.symbol == wanted.symbol)
        return StatusTrack(changes, self._shift, wanted)


def streams_of(
    channels: tuple[Channel, ...], instruments: tuple[Instrument, ...]
) -> Iterator[tuple[Stream, Channel, int]]:
    """Yield every stream of a market with its channel and the index of its symbol, in the order of tracks."""
    for channel in channels:
        for symbol, instrument in enumerate(instruments):
            for part in channel.parts:
                yield Stream(channel.name, instrument.symbol, part), channel, symbol
