"""Progress of each stream of a client, for finding losses and resuming. No sockets and no clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.protocol.effects import PART_KEYS, Stream

__all__ = ["Gap", "Progress", "stream_of"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Loss of `count` messages after the seq `after` of a stream; None: it began anew, the number is unknown."""

    stream: Stream
    after: int
    count: int | None
    reason: str


@dataclass(slots=True)
class Progress:
    """Subscribed streams, and the last `seq` of each, within one epoch.

    `lost` counts every missing message, found by `seq`, by a heartbeat or by a resume that was refused.
    """

    epoch: str | None = None
    standing: dict[Stream, None] = field(default_factory=dict)
    seqs: dict[Stream, int] = field(default_factory=dict)
    lost: int = 0
    _left: dict[Stream, int] = field(default_factory=dict)
    _due: dict[Stream, int] = field(default_factory=dict)

    def note(self, body: Mapping[str, Any]) -> list[Gap]:
        """Process an event of the server; return the losses that it reveals."""
        event = body.get("event")
        if event == "data":
            found = self._data(body)
        elif event == "subscribed":
            self._enter(body)
            self.standing[stream_of(body)] = None
            found = self._subscribed(body)
        elif event == "heartbeat":
            found = list(self._heartbeat(body))
        else:
            if event in ("status", "market"):
                self._enter(body)
            elif event == "unsubscribed":
                self._forget(stream_of(body))
            return []
        self.lost += sum(gap.count or 0 for gap in found)
        return found

    def _enter(self, body: Mapping[str, Any]) -> None:
        """Enter the server's epoch: numbers of another one are discarded."""
        epoch = body.get("epoch")
        if not isinstance(epoch, str) or epoch == self.epoch:
            return
        if self.epoch is not None:
            self._left |= self.seqs
        self.seqs.clear()
        self._due.clear()
        self.epoch = epoch

    def _forget(self, stream: Stream) -> None:
        for noted in (self.standing, self.seqs, self._due, self._left):
            noted.pop(stream, None)

    def _data(self, body: Mapping[str, Any]) -> list[Gap]:
        seq, stream = body.get("seq"), stream_of(body)
        if not isinstance(seq, int):
            return []
        last = self.seqs.get(stream)
        if last is not None and seq <= last and body.get("type") != "snapshot":
            return []
        self.seqs[stream] = seq
        if last is None or body.get("type") == "snapshot":
            return []
        # A slow reader of a state channel gets only the newest message, with the number that it replaces.
        missed = seq - last - 1 - int(body.get("skipped") or 0)
        return [Gap(stream, last, missed, "left out")] if missed > 0 else []

    def _subscribed(self, body: Mapping[str, Any]) -> list[Gap]:
        seq, stream = body.get("seq"), stream_of(body)
        if not isinstance(seq, int):
            return []
        if body.get("recovered") is True:
            self._due[stream] = seq
            return []
        last, left = self.seqs.get(stream), self._left.pop(stream, None)
        self.seqs[stream] = self._due[stream] = seq
        if last is not None and seq > last and body.get("recovered") is False:
            return [Gap(stream, last, seq - last, "too long ago to resume")]
        return [] if left is None else [Gap(stream, left, None, "the market began anew")]

    def _heartbeat(self, body: Mapping[str, Any]) -> Iterator[Gap]:
        told = body.get("last")
        if not isinstance(told, dict):
            return
        for stream, last in list(self.seqs.items()):
            seq = told.get(stream.key)
            # A heartbeat is sent after a pause: the messages that it names were sent before it. Only the
            # initial snapshot of a subscription may still be in transit.
            if isinstance(seq, int) and seq > last >= self._due.get(stream, 0):
                self.seqs[stream] = seq
                yield Gap(stream, last, seq - last, "told by a heartbeat")


def stream_of(body: Mapping[str, Any]) -> Stream:
    """Return the stream of an event; a message names its candles or its book in its `data`."""
    channel = str(body.get("channel"))
    key = PART_KEYS.get(channel)
    if key is None:
        return Stream(channel, str(body.get("symbol")))
    data = body.get("data")
    part = body.get(key) if key in body or not isinstance(data, dict) else data.get(key)
    return Stream(channel, str(body.get("symbol")), str(part or ""))
