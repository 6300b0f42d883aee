"""Recorder from the wire: everything that a server sends, in order, across any number of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from feed.client.link import ClientLink, Connected, Disconnected, Frame
from feed.client.venue import Message, VenueLink
from feed.clock import Clock
from feed.errors import ConnectError, SubscriptionError
from feed.importing.events import EventRows
from feed.tape.intake import RecordingCounters
from feed.tape.layout import RecordingInfo
from feed.tape.rows import Row
from feed.tape.wire import FrameRows, facts_of
from feed.tape.writer import RecordingWriter
from feed.units import format_time
from feed.venues.events import Note
from feed.venues.registry import Parser
from feed.version import __version__

__all__ = ["FeedRecording", "VenueRecording", "WireCounters"]

HALF = 0.5
"""Fill level of the queue above which reading pauses: the server waits, too, or resends the missed messages."""

WAIT = 0.005
"""Pause between two checks of the queue, in seconds."""

MOST_NOTES = 100

TELL_EVERY = 256
"""Number of messages after which a venue's recording is updated with the steps of its prices."""


@dataclass(slots=True)
class WireCounters:
    """Counters of received data."""

    state: str = "connecting"
    messages: int = 0
    data: int = 0
    size: int = 0
    lost: int = 0
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

    def _gap(self, stream: str, after: int, before: int) -> None:
        self.counters.lost += before - after - 1
        self.writer.add_gap(stream, after, before)

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

    async def run(self) -> None:
        """Record.

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
        finally:
            await self._link.close()

    def _take(self, frame: Frame) -> bool:
        """Record a frame; return whether it was the last one."""
        counters, body = self.counters, frame.body
        counters.messages += 1
        counters.size += len(frame.payload)
        counters.data += frame.event == "data"
        for gap in frame.gaps:
            if gap.count is None:
                self._note(f"{gap.stream.key} began anew behind seq {gap.after}: {gap.reason}")
            else:
                self._gap(gap.stream.key, gap.after, gap.after + gap.count + 1)
        self.writer.add_message(self._rows.row(frame.payload, body, self._wall(frame.received)))
        if frame.event == "error":
            raise SubscriptionError(f"the server answers: {body.get('message')}: {body.get('code')} {body.get('hint')}")
        if frame.event == "status":
            self.writer.tell(**facts_of(body))
        if frame.event in ("status", "market"):
            self._ended = body.get("state") == "ended"
        # Nothing has come for a while, and nothing more will.
        return self._ended and frame.event == "heartbeat"


class VenueRecording(_WireRecording):
    """Recorder of a real venue: its messages as rows of our channels, its parser's notes as events and gaps.

    Args:
        link: the connection to the venue.
        make_parser: makes a parser for a new connection.
        path: the recording to write.
        clock: real time.
    """

    def __init__(self, link: VenueLink, make_parser: Callable[[], Parser], path: Path, clock: Clock) -> None:
        super().__init__(link.url, path, clock)
        self._link = link
        self._make_parser = make_parser
        self._parser = make_parser()
        self._rows = EventRows()

    def close(self) -> RecordingCounters | None:
        """Close the recording; the steps of prices and sizes are inferred from the messages."""
        if self._writer is not None:
            self._tell_steps()
        return super().close()

    async def run(self) -> None:
        """Record until it is cancelled. Raises ConnectError where no server answers."""
        async for happening in self._link.happenings():
            if isinstance(happening, Connected):
                self._connected()
                self._parser = self._make_parser()
            elif isinstance(happening, Disconnected):
                self._disconnected(happening.reason, happening.code, happening.retry_in)
            else:
                self._take(happening)
                await self._breathe()

    def _take(self, message: Message) -> None:
        self.counters.messages += 1
        self.counters.size += len(message.text)
        if self.counters.messages % TELL_EVERY == 0:
            self._tell_steps()
        received = self._wall(message.received)
        for event in self._parser.parse(message.text, received):
            if isinstance(event, Note):
                self._take_note(event, message, received)
                continue
            self._rows.add(event, received, received if event.time is None else event.time)
            self.counters.data += 1
            for row in self._rows.take().to_pylist():
                self.writer.add_message(Row(**row))

    def _tell_steps(self) -> None:
        steps = {name: (_step(each.price), _step(each.size)) for name, each in self._rows.places.items()}
        self.writer.tell(instruments=steps)

    def _take_note(self, note: Note, message: Message, received: int) -> None:
        """Record a note: frames without data unchanged, losses as gaps in our own numbers."""
        if note.kind == "gap":
            seq = self._rows.seq(note.stream, note.symbol)
            lost = (note.before or 0) - (note.after or 0) - 1
            self.counters.lost += max(lost, 0)
            self.writer.add_gap(f"{note.stream}:{note.symbol}", seq, seq + 1)
        data: dict[str, Any] = {"kind": note.kind, "text": note.text}
        if note.kind in ("malformed", "unknown", "reply"):
            data["message"] = message.text
        self.writer.add_message(
            Row(received, None, "event", note.symbol, type=note.kind, data=orjson.dumps(data).decode())
        )


def _step(places: int) -> str:
    """Return a step of one in the last of N decimals."""
    return f"{Decimal(1).scaleb(-places):f}"
