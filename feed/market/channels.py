"""From a batch to messages: each channel says when its messages are due and how they are written.

To add a channel, write a track and list it in `CHANNELS`. Everything else (order, seq, history, resume, fan-out)
follows from the track's times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feed.dialects.native import Variant
from feed.dialects.native_data import encode_status, encode_ticks
from feed.protocol.effects import Stream
from feed.ticks import Batch, Instrument, Source, StatusChange, TickBlock

__all__ = ["CHANNELS", "Channel", "StatusTrack", "TickTrack", "Track"]


class Track(Protocol):
    """The messages of one stream in one batch."""

    @property
    def times(self) -> NDArray[np.int64]:
        """When each message is due: market time, ns UTC, never falling."""

    def encode(self, lo: int, hi: int, first_seq: int, variant: Variant, kind: str) -> list[bytes]:
        """The payloads of messages `lo` up to, not including, `hi`, the first with `first_seq`."""


@dataclass(frozen=True, slots=True)
class TickTrack:
    """`trading`: one message a fill."""

    block: TickBlock
    instrument: Instrument
    shift: int

    @property
    def times(self) -> NDArray[np.int64]:
        """When each fill happened."""
        return self.block.time

    def encode(self, lo: int, hi: int, first_seq: int, variant: Variant, kind: str) -> list[bytes]:
        """The fills as payloads."""
        rows = self.block[lo:hi]
        return encode_ticks(rows, self.instrument, first_seq=first_seq, shift=self.shift, variant=variant, kind=kind)


@dataclass(frozen=True, slots=True)
class StatusTrack:
    """`status`: one message a change."""

    changes: tuple[StatusChange, ...]
    shift: int

    @property
    def times(self) -> NDArray[np.int64]:
        """When each change happens."""
        return np.array([change.time for change in self.changes], np.int64)

    def encode(self, lo: int, hi: int, first_seq: int, variant: Variant, kind: str) -> list[bytes]:
        """The changes as payloads."""
        del variant  # It has no decimals.
        return encode_status(self.changes[lo:hi], first_seq=first_seq, shift=self.shift, kind=kind)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of every market.

    `tracks` gives one track an instrument, in their order. `snapshot`, where there is one, gives the state of a symbol
    at a market time as a payload's track of one message; a subscription to such a channel begins with it.
    """

    name: str
    tracks: Callable[[tuple[Instrument, ...], Batch, int], list[Track]]
    snapshot: Callable[[Source, Instrument, int, int], Track] | None = None


def _tick_tracks(instruments: tuple[Instrument, ...], batch: Batch, shift: int) -> list[Track]:
    return [TickTrack(block, instrument, shift) for instrument, block in zip(instruments, batch.ticks, strict=True)]


def _status_tracks(instruments: tuple[Instrument, ...], batch: Batch, shift: int) -> list[Track]:
    by_symbol: dict[str, list[StatusChange]] = {instrument.symbol: [] for instrument in instruments}
    for change in batch.statuses:
        by_symbol[change.symbol].append(change)
    return [StatusTrack(tuple(changes), shift) for changes in by_symbol.values()]


def _status_snapshot(source: Source, instrument: Instrument, at: int, shift: int) -> Track:
    current = tuple(change for change in source.statuses(at) if change.symbol == instrument.symbol)
    return StatusTrack(current, shift)


# The order is that of messages with the same market time: a halt is told before the last trade's print.
CHANNELS = (
    Channel("status", _status_tracks, _status_snapshot),
    Channel("trading", _tick_tracks),
)


def streams_of(instruments: tuple[Instrument, ...]) -> tuple[Stream, ...]:
    """Every stream of a market with these instruments, in the order of their tracks."""
    return tuple(Stream(channel.name, instrument.symbol) for channel in CHANNELS for instrument in instruments)


def tracks_of(instruments: tuple[Instrument, ...], batch: Batch, shift: int) -> list[Track]:
    """One track a stream, in the order of `streams_of`."""
    return [track for channel in CHANNELS for track in channel.tracks(instruments, batch, shift)]
