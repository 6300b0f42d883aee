"""Lines of a capture: messages with their receive times, and the beginnings of connections.

Three spellings, in files that may be packed: `<receive time> <message>`; `<receive time>: <message>` with
`<url> <-> <time>` for a connection, `<url> <- <time>: <message>` for a sent message and `<url> -> <time>: <message>`
for the answer to a request; and messages alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from feed.errors import failure
from feed.importing.columns import Meter
from feed.importing.opening import opened, reading_errors
from feed.importing.times import check_time, unit_of
from feed.units import MICROSECOND, MILLISECOND, SECOND

__all__ = ["Line", "read_lines"]

UNITS = {"s": SECOND, "ms": MILLISECOND, "us": MICROSECOND, "ns": 1}

_MESSAGE = re.compile(r"(\d+(?:\.\d+)?):? +(.*)", re.DOTALL)
_CONNECTED = re.compile(r"(\S+) <-> (\d+(?:\.\d+)?)\s*")
_SENT = re.compile(r"\S+ <- \d+(?:\.\d+)?: .*|configuration: .*", re.DOTALL)
_ANSWER = re.compile(r"(\S+) -> (\d+(?:\.\d+)?): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A message with its receive time (ns UTC, None if it was not recorded), or the beginning of a connection.

    A connection has a URL and no message; with both it is the answer to a request of that URL.
    """

    path: Path
    number: int
    received: int | None
    message: str
    url: str = ""
    last: bool = False

    @property
    def where(self) -> str:
        """File and line number, for people."""
        return f"{self.path.name} line {self.number}"


def read_lines(path: Path, meter: Meter) -> Iterator[Line]:
    """Yield connections and messages in the order of the file; sent messages are left out.

    Raises:
        RecordingError: the file cannot be read, or a line has none of the spellings.
    """
    waiting: Line | None = None
    with reading_errors(path), opened(path) as (stream, raw, _):
        for number, content in enumerate(stream, 1):
            line = _line(path, number, content)
            if line is None:
                continue
            if waiting is not None:
                yield waiting
            waiting = line
            if number % 256 == 0:
                meter.here = raw.tell()
    if waiting is None:
        raise failure(path, "", "there is no message in this file")
    # A recorder that was stopped leaves half a line: only the last line may be incomplete.
    yield Line(path, waiting.number, waiting.received, waiting.message, waiting.url, last=True)
    meter.next_file(path.stat().st_size)


def _line(path: Path, number: int, content: bytes) -> Line | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise failure(path, f"line {number}", "is not text in UTF-8") from None
    text = text.strip()
    if not text or _SENT.fullmatch(text):
        return None
    if text[0] in "{[":
        return Line(path, number, None, text)
    if found := _MESSAGE.fullmatch(text):
        return Line(path, number, _received(path, number, found[1]), found[2])
    if found := _ANSWER.fullmatch(text):
        return Line(path, number, _received(path, number, found[2]), found[3], found[1])
    if found := _CONNECTED.fullmatch(text):
        return Line(path, number, _received(path, number, found[2]), "", found[1])
    hint = "lines are <receive time> <message>, <receive time>: <message>, or a message alone"
    raise failure(path, f"line {number}", f"{text[:60]!r} is no line of a capture", hint)


def _received(path: Path, number: int, text: str) -> int:
    unit = unit_of(text)
    if unit not in UNITS:
        hint = "receive times are s, ms, us or ns since 1970"
        raise failure(path, f"line {number}", f"{text} is no receive time", hint)
    try:
        time = int(Decimal(text) * UNITS[unit])
    except InvalidOperation:
        raise failure(path, f"line {number}", f"{text} is no receive time") from None
    check_time(path, f"line {number}, receive time", time)
    return time
