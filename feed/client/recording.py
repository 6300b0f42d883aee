"""Recorders from the wire: everything that a server sends, in order, across any number of connections.

What is lost is counted in messages, named and placed; where only the venue knows how many were lost, that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from feed.client.backoff import BackOff
from feed.client.link import ClientLink, Connected, Disconnected, Frame
from feed.client.progress import stream_of
from feed.client.snapshots import SnapshotFetcher
from feed.client.venue import Message, VenueLink
from feed.clock import Clock
from feed.errors import ConnectError, SubscriptionError
from feed.importing.events import EventRows
from feed.protocol.effects import Stream
from feed.tape.intake import RecordingCounters
from feed.tape.layout import RecordingInfo
from feed.tape.rawlines import RawLines
from feed.tape.rows import Row
from feed.tape.wire import FrameRows, facts_of
from feed.tape.writer import RecordingWriter
from feed.units import SECOND, format_time
from feed.venues.events import Event, Note
from feed.venues.registry import SnapshotParser, Venue
from feed.version import __version__

__all__ = ["FeedRecording", "VenueRecording", "WireCounters"]

HALF = 0.5
"""Fill level of the queue above which reading pauses: the server waits, too, or resends the missed messages."""

WAIT = 0.005
"""Pause between two checks of the queue, in seconds."""

MOST_NOTES = 100

TELL_EVERY = 256
"""Number of messages after which a venue's recording is updated with the steps of its prices."""

LOSSES = ("gap", "checksum")
"""Kinds of notes after which messages of a stream are missing."""

AS_THEY_CAME = ("malformed", "unknown", "reply")
"""Kinds of notes on messages that make no rows, and are kept as they came."""

RENEW_AFTER = 5 * SECOND
"""Time (ns) after which a book's snapshot is asked for again in the stream."""


@dataclass(slots=True)
class WireCounters:
    """Counters of received data. `lost` counts messages, `unknown` the gaps of which nobody knows how many are lost."""

    state: str = "connecting"
    messages: int = 0
    data: int = 0
    size: int = 0
    lost: int = 0
    unknown: int = 0
    connections: int = 0


class _WireRecording:
    """Common base of recordings from the wire: the file, which is created with the first data."""

    def __init__(self, url: str, path: Path, clock: Clock) -> None:
        self.counters = WireCounters()
        self._url = url
        self._path = path
        self._clock = clock
        self._writer: RecordingWriter | None = None
        self._notes: list[str] = []

    def close(self) -> RecordingCounters | None:
        """Flush, sync and finish; None where no data came, and then there is no file. It waits for the disk."""
        if self._writer is None:
            return None
        done = self._writer.close()
        if not self.counters.data:
            self._path.unlink(missing_ok=True)
            return None
        return done

    @property
    def writer(self) -> RecordingWriter:
        """Return the writer of the file."""
        if self._writer is None:
            info = RecordingInfo(version=__version__, source=self._url)
            self._writer = RecordingWriter(self._path, info, self._clock)
        return self._writer

    def _connected(self) -> None:
        self.counters.connections += 1
        self.counters.state = "recording"
        if self.counters.connections > 1:
            self._note("connected again")

    def _disconnected(self, reason: str, code: int | None, retry_in: int | None) -> None:
        if not self.counters.connections:
            raise ConnectError(f"{self._url}: {reason}")
        self.counters.state = "over" if retry_in is None else f"connecting again: {reason}"
        self._note(f"disconnected, {code}: {reason}" if code else f"disconnected: {reason}")

    def _note(self, text: str) -> None:
        if len(self._notes) < MOST_NOTES:
            self._notes.append(f"{format_time(self._clock.wall())}: {text}")
            self.writer.tell(notes=list(self._notes))

    def _gap(self, stream: str, after: int, before: int, count: int | None, reason: str) -> None:
        """Record a loss of `count` messages; None if nobody knows how many."""
        if count is None:
            self.counters.unknown += 1
        else:
            self.counters.lost += count
        self.writer.add_gap(stream, after, before, count, reason)

    async def _breathe(self) -> None:
        """Wait for a disk that is slower than the wire, so that nothing is lost."""
        if self.writer.filled > HALF and self.writer.counters.state == "recording":
            await asyncio.sleep(WAIT)

    def _wall(self, received: int) -> int:
        now = self._clock.read()
        return now.wall - (now.monotonic - received)


class FeedRecording(_WireRecording):
    """Recorder of a server of ours, until it says that reconnecting is pointless or the market has ended.

    Args:
        link: the connection, with its subscriptions.
        path: the recording to write.
        clock: the clock of the link.
    """

    def __init__(self, link: ClientLink, path: Path, clock: Clock) -> None:
        super().__init__(link.url, path, clock)
        self._link = link
        self._rows = FrameRows()
        self._ended = False
        # The last seq of each stream whose message is in the recording.
        self._seqs: dict[Stream, int] = {}

    async def run(self) -> None:
        """Record. What waits unread when it is cancelled is recorded, too.

        Raises:
            ConnectError: no server answers.
            SubscriptionError: the server refuses a channel or a symbol.
        """
        try:
            while (happening := await self._link.pull()) is not None:
                if isinstance(happening, Connected):
                    self._connected()
                elif isinstance(happening, Disconnected):
                    self._disconnected(happening.reason, happening.code, happening.retry_in)
                elif self._take(happening):
                    return
                else:
                    await self._breathe()
        except asyncio.CancelledError:
            async for frame in self._link.rest():
                self._take(frame)
            raise
        finally:
            await self._link.close()

    def _take(self, frame: Frame) -> bool:
        """Record a frame; return whether it was the last one."""
        counters, body = self.counters, frame.body
        counters.messages += 1
        counters.size += len(frame.payload)
        for gap in frame.gaps:
            if gap.count is None:
                self._seqs.pop(gap.stream, None)
                self._note(f"{gap.stream.key} began anew behind seq {gap.after}: {gap.reason}")
            else:
                self._seqs[gap.stream] = gap.after + gap.count
                self._gap(gap.stream.key, gap.after, gap.after + gap.count + 1, gap.count, gap.reason)
        if frame.event == "data":
            counters.data += 1
            self._check(body)
        self.writer.add_message(self._rows.row(frame.payload, body, self._wall(frame.received)))
        if frame.event == "error":
            raise SubscriptionError(f"the server answers: {body.get('message')}: {body.get('code')} {body.get('hint')}")
        if frame.event == "status":
            self.writer.tell(**facts_of(body))
        if frame.event in ("status", "market"):
            self._ended = body.get("state") == "ended"
        # Nothing has come for a while, and nothing more will.
        return self._ended and frame.event == "heartbeat"

    def _check(self, body: dict[str, Any]) -> None:
        """Record the messages in place of which a slow reader gets a newer one: a client needs no other, we do."""
        seq = body.get("seq")
        if not isinstance(seq, int):
            return
        stream, whole = stream_of(body), body.get("type") == "snapshot"
        last = self._seqs.get(stream)
        if last is not None and seq > last + (not whole):
            # A snapshot stands for the message of its number, which is lost as well.
            missing = seq - last - (not whole)
            reason = "a snapshot came in their place" if whole else "only the newest one came"
            self._gap(stream.key, last, last + missing + 1, missing, f"this recorder was too slow: {reason}")
        if last is None or seq > last:
            self._seqs[stream] = seq


class VenueRecording(_WireRecording):
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
