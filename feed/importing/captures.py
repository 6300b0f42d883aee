"""Captures of sessions: lines read by a venue's parser, with a report of missing, repeated or wrong messages.

Several files are several connections of the same recorder; their messages are merged by the receive clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from feed.errors import failure
from feed.importing.columns import Meter
from feed.importing.events import Data, EventRows
from feed.importing.findings import Findings, span
from feed.importing.format import Beginning, Format, Reader
from feed.importing.lines import Line, read_lines
from feed.importing.options import Options
from feed.importing.times import check_time
from feed.venues.events import Event, Note, Quote, Trade, VenueBookEnd, VenueBookSnapshot
from feed.venues.registry import VENUES, Parser, SnapshotParser, parser

__all__ = ["CaptureFiles", "capture_format"]

TABLE_ROWS = 8192
"""The number of rows gathered before they are passed on as a table."""

OFFSET_MESSAGES = 1000
"""The number of messages with both clocks that give the clocks' difference, for messages that have one clock only."""

QUIET = ("reply",)
"""Kinds of notes that concern nothing but the recorder's own requests."""

LOSSES = ("gap", "checksum")
"""Kinds of notes after which messages of a stream are missing."""

Timed = tuple[Line, Event]


@dataclass(slots=True)
class CaptureFiles(Reader):
    """Reader of captures of one venue, as tables of rows."""

    paths: Sequence[Path]
    venue: str
    findings: Findings
    meter: Meter
    sort: bool = False
    rows: EventRows = field(default_factory=EventRows)
    _parsers: dict[Path, Parser] = field(default_factory=dict)
    _connected: set[Path] = field(default_factory=set)
    _latest: int | None = None
    _last: dict[tuple[str, str], int] = field(default_factory=dict)
    _offset: int | None = None
    _untimed: int = 0

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of each symbol: one unit of the last decimal used."""
        return {
            name: (Decimal(1).scaleb(-each.price), Decimal(1).scaleb(-each.size))
            for name, each in self.rows.places.items()
        }

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows in the order in which the messages came in.

        Raises:
            RecordingError: names the file and the line of the first mistake.
        """
        for line, event in self._with_offset(self._events()):
            if isinstance(event, Note):
                self._note(line, event)
                continue
            time = self._time(line, event)
            if time is None or not self._holds(line, event):
                continue
            self._check_order(line, event, time)
            self.rows.add(event, line.received, time)
            if len(self.rows) >= TABLE_ROWS:
                yield self.rows.take()
        if len(self.rows):
            yield self.rows.take()
        if self._untimed and self._offset is not None:
            sign = "plus" if self._offset <= 0 else "minus"
            self.findings.say(
                f"{self._untimed} messages have no time of the exchange: theirs is the receive time"
                f" {sign} {span(abs(self._offset))}, the median difference of the first that have both"
            )

    def _lines(self) -> Iterator[Line]:
        streams = [_ordered(read_lines(path, self.meter), self.sort, self.findings) for path in self.paths]
        return heapq.merge(*streams, key=lambda line: line.received or 0) if len(streams) > 1 else streams[0]

    def _events(self) -> Iterator[Timed]:
        line: Line | None = None
        for line in self._lines():
            following = self._parser(line.path)
            if line.url:
                events = self._answer(line, following) if line.message else self._connection(line, following)
            else:
                events = following.parse(line.message, line.received or 0)
            for event in events:
                yield line, event
        for following in dict.fromkeys(self._parsers.values()):
            for event in following.finish():
                assert line is not None
                yield line, event

    def _parser(self, path: Path) -> Parser:
        """Return the parser of a file's session; a snapshot that was fetched may be in another file than its book."""
        if path not in self._parsers:
            known = next(iter(self._parsers.values()), None)
            self._parsers[path] = known if isinstance(known, SnapshotParser) else parser(self.venue)
        return self._parsers[path]

    def _connection(self, line: Line, following: Parser) -> list[Event]:
        """Return the losses before a connection that is not the first one of its file."""
        if line.path not in self._connected:
            self._connected.add(line.path)
            return []
        self.findings.count("new connection", "", line.where, "messages between may be missing")
        return following.disconnected()

    def _answer(self, line: Line, following: Parser) -> list[Event]:
        """Return the events of an answer to a request: of snapshots, and no others."""
        snapshots = VENUES[self.venue].snapshots
        symbol = None if snapshots is None else snapshots.symbol(line.url)
        if symbol is not None and isinstance(following, SnapshotParser):
            return following.snapshot(symbol, line.message, line.received or 0)
        self.findings.count("answer to another request", "", line.where, "is left out")
        return []

    def _note(self, line: Line, note: Note) -> None:
        if note.kind == "malformed":
            if not line.last:
                raise failure(line.path, f"line {line.number}", f"is no message of {self.venue}: {note.text}")
            self.findings.say(f"{line.where}: the last line was cut off and is left out")
            return
        if note.kind in QUIET:
            return
        self.findings.count(note.kind, note.symbol, line.where, note.text)
        if note.kind in LOSSES:
            seq = self.rows.seq(note.stream, note.symbol) + 1
            self.findings.gap(f"{note.stream}:{note.symbol}", seq, line.received, note.missing, note.text)

    def _with_offset(self, events: Iterator[Timed]) -> Iterator[Timed]:
        """Yield the same events, after the difference of the clocks is known."""
        held: list[Timed] = []
        differences: list[int] = []
        for line, event in events:
            held.append((line, event))
            if not isinstance(event, Note) and event.time is not None and line.received is not None:
                differences.append(line.received - event.time)
            if len(differences) >= OFFSET_MESSAGES or len(held) >= 50 * OFFSET_MESSAGES:
                break
        self._offset = int(median(differences)) if differences else None
        times = (event.time for _, event in held if not isinstance(event, Note) and event.time is not None)
        self._latest = next(times, None)
        yield from held
        yield from events

    def _time(self, line: Line, event: Data) -> int | None:
        """Return the exchange's time; for a message without one, the receive time converted to the exchange's clock."""
        if event.time is not None:
            check_time(line.path, f"line {line.number}, time", event.time)
            if line.received is not None:
                self.findings.offsets.add(line.received - event.time)
            self._latest = event.time
            return event.time
        if line.received is None:
            if isinstance(event, VenueBookSnapshot | VenueBookEnd) and self._latest is not None:
                # Without it no change of the book could be used: it has the time of the message before.
                return self._latest
            kind = type(event).__name__.removeprefix("Venue").lower()
            self.findings.count(f"{kind} without any time", event.symbol, line.where, "is left out")
            return None
        self._untimed += 1
        return line.received - (self._offset or 0)

    def _holds(self, line: Line, event: Data) -> bool:
        """Tell whether an event is kept: a trade needs a price and a size; a crossed quote is reported and kept."""
        if isinstance(event, Trade) and not (float(event.price) > 0 and float(event.size) > 0):
            text = f"price {event.price}, size {event.size}: is left out"
            self.findings.count("trade without price or size", event.symbol, line.where, text)
            return False
        if isinstance(event, Quote) and float(event.bid) >= float(event.ask):
            text = f"bid {event.bid} is not below ask {event.ask}"
            self.findings.count("crossed quote", event.symbol, line.where, text)
        return True

    def _check_order(self, line: Line, event: Data, time: int) -> None:
        if event.time is None:
            return
        key = (type(event).__name__.removeprefix("Venue").replace("Snapshot", "").replace("Update", ""), event.symbol)
        last = self._last.get(key, 0)
        if time < last:
            text = f"a {key[0].lower()} is {span(last - time)} earlier than the one before"
            self.findings.count("exchange time that falls", event.symbol, line.where, text)
        self._last[key] = max(last, time)


def _ordered(lines: Iterator[Line], sort: bool, findings: Findings) -> Iterator[Line]:
    """Yield lines by receive time: sorted, or in the order of the file, which is then checked."""
    if sort:
        yield from sorted(lines, key=_received)
        return
    last: Any = 0
    for line in lines:
        if line.received is not None:
            if line.received < last:
                text = f"was received {span(last - line.received)} before the line above"
                raise failure(line.path, f"line {line.number}", text, "--sort brings lines into order")
            last = line.received
        yield line


def _received(line: Line) -> int:
    return line.received or 0


def capture_format(venue: str) -> Format:
    """Return the format of a venue's captured sessions.

    Detected by the URL of a connection, or by messages that the venue's parser turns into data.
    """

    def reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> CaptureFiles:
        options.only("a captured session")
        return CaptureFiles(paths, venue, findings, meter, sort=options.sort)

    def detect(beginning: Beginning) -> str | None:
        url = next((line.url for line in beginning.lines if line.url), "")
        if url and _venue_of(url) is not None:
            return f"a connection to {url}" if _venue_of(url) == venue else None
        return _by_messages(venue, [line for line in beginning.lines if line.message])

    return Format(venue, f"a captured session of {venue}", reader, detect)


def _venue_of(url: str) -> str | None:
    """Return the venue whose host is in this URL; of several, the one with the longest host."""
    fitting = [(len(host), name) for name, each in VENUES.items() for host in each.hosts if host in url]
    return max(fitting)[1] if fitting else None


def _by_messages(venue: str, lines: Sequence[Line]) -> str | None:
    """Return the reason to take messages as the venue's (its parser gets data, with one failure at most), or None."""
    following = parser(venue)
    events = [event for line in lines for event in following.parse(line.message, line.received or 0)]
    strange = [event for event in events if isinstance(event, Note) and event.kind in ("malformed", "unknown")]
    if len(strange) <= 1 and any(not isinstance(event, Note) for event in events):
        return f"the first {len(lines)} messages are such as {venue} sends"
    return None
