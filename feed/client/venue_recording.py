"""Recorder of a real venue from the wire: its messages as rows of our channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from feed.client.backoff import BackOff
from feed.client.happenings import Connected, Disconnected
from feed.client.recording import WireRecording
from feed.client.snapshots import SnapshotFetcher
from feed.client.venue import Message, VenueLink
from feed.clock import Clock
from feed.importing.events import EventRows
from feed.tape.intake import RecordingCounters
from feed.tape.rawlines import RawLines
from feed.tape.rows import Row
from feed.units import SECOND
from feed.venues.events import Event, Note
from feed.venues.registry import SnapshotParser, Venue

__all__ = ["VenueRecording"]

TELL_EVERY = 256
"""Number of messages after which a venue's recording is updated with the steps of its prices."""

LOSSES = ("gap", "checksum")
"""Kinds of notes after which messages of a stream are missing."""

AS_THEY_CAME = ("malformed", "unknown", "reply")
"""Kinds of notes on messages that make no rows, and are kept as they came."""

RENEW_AFTER = 5 * SECOND
"""Time (ns) after which a book's snapshot is asked for again in the stream."""


class VenueRecording(WireRecording):
    """Recorder of a real venue: its messages as rows of our channels, its parser's notes as events and gaps.

    Args:
        link: the connection to the venue.
        venue: the venue.
        path: the recording to write.
        clock: real time.
        rest: the host of snapshots in place of the venue's own.
        back_off: makes the waits between the attempts to fetch a snapshot.
        raw: takes the messages as they come, beside the rows.
    """

    def __init__(
        self,
        link: VenueLink,
        venue: Venue,
        path: Path,
        clock: Clock,
        *,
        rest: str | None = None,
        back_off: Callable[[], BackOff] = BackOff,
        raw: RawLines | None = None,
    ) -> None:
        super().__init__(link.url, path, clock)
        self._raw = raw
        self._link = link
        self._venue = venue
        self._parser = venue.parser()
        self._rows = EventRows()
        self._renewed: dict[str, int] = {}
        self._fetcher: SnapshotFetcher | None = None
        if venue.snapshots is not None:
            url = partial(venue.snapshots.url, stream_url=link.url, rest=rest)
            self._fetcher = SnapshotFetcher(url, self._needs_snapshot, self._take_snapshot, self._note, back_off)

    def close(self) -> RecordingCounters | None:
        """Close the recording; the steps of prices and sizes are inferred from the messages."""
        if self._raw is not None:
            self._raw.close()
            if self._raw.failure:
                self._note(f"{self._raw.path.name} ends early: {self._raw.failure}")
        if self._writer is not None and not self._writer.closed:
            self._take_events(self._parser.finish(), b"", self._clock.wall())
            self._tell_steps()
        return super().close()

    async def run(self) -> None:
        """Record until it is cancelled; what waits unread then is recorded, too.

        Raises:
            ConnectError: no server answers.
        """
        try:
            async for happening in self._link.happenings():
                if isinstance(happening, Connected):
                    self._connected()
                    if self._raw is not None:
                        self._raw.connected(self._url, self._clock.wall())
                elif isinstance(happening, Disconnected):
                    self._disconnected(happening.reason, happening.code, happening.retry_in)
                    self._take_events(self._parser.disconnected(), b"", self._clock.wall())
                else:
                    self._take(happening)
                    if self._parser.awaiting:
                        await self._seek_snapshots()
                    await self._breathe()
        except asyncio.CancelledError:
            async for message in self._link.rest():
                self._take(message)
            raise
        finally:
            if self._fetcher is not None:
                await self._fetcher.close()
            await self._link.close()

    def _take(self, message: Message) -> None:
        counters = self.counters
        counters.messages += 1
        counters.size += len(message.data)
        if counters.messages % TELL_EVERY == 0:
            self._tell_steps()
        data, received = message
        if self._raw is not None:
            self._raw.message(data, received)
        self._take_events(self._parser.parse(data, received), data, received)

    def _take_events(self, events: Iterable[Event], message: bytes, received: int) -> None:
        rows = []
        for event in events:
            if isinstance(event, Note):
                rows.append(self._row_of_note(event, message, received))
                continue
            rows.append(self._rows.row(event, received, received if event.time is None else event.time))
            self.counters.data += 1
        if rows:
            self.writer.add(rows)

    def _row_of_note(self, note: Note, message: bytes, received: int) -> Row:
        """Return the event of a note, with a message without data as it came; record a loss as a gap in our numbers."""
        if note.kind in LOSSES:
            seq = self._rows.seq(note.stream, note.symbol)
            self._gap(f"{note.stream}:{note.symbol}", seq, seq + 1, note.missing, note.text)
        data: dict[str, Any] = {"kind": note.kind, "text": note.text}
        if note.kind in AS_THEY_CAME:
            data["message"] = message.decode(errors="replace")
        return Row(received, None, "event", note.symbol, type=note.kind, data=orjson.dumps(data).decode())

    def _tell_steps(self) -> None:
        steps = {name: (_step(each.price), _step(each.size)) for name, each in self._rows.places.items()}
        self.writer.tell(instruments=steps)

    async def _seek_snapshots(self) -> None:
        """Ask for the snapshots of the books that need one: beside the stream, or in it."""
        renew = self._venue.renew_messages
        for symbol, name in list(self._parser.awaiting.items()):
            if self._fetcher is not None:
                self._fetcher.ask(name)
            elif renew is not None and self._clock.now() - self._renewed.get(symbol, -RENEW_AFTER) >= RENEW_AFTER:
                self._renewed[symbol] = self._clock.now()
                for request in renew(name):
                    await self._link.send(request)

    def _needs_snapshot(self, name: str) -> bool:
        return name in self._parser.awaiting.values()

    def _take_snapshot(self, name: str, body: bytes) -> None:
        assert isinstance(self._parser, SnapshotParser)
        received = self._clock.wall()
        if self._raw is not None:
            self._raw.message(body, received)
        self._take_events(self._parser.snapshot(name, body, received), body, received)


def _step(places: int) -> str:
    """Return a step of one in the last of N decimals."""
    return f"{Decimal(1).scaleb(-places):f}"
