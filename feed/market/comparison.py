"""Comparison of recorded traffic with what a market makes anew: which byte differs first, if one does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.delivery.framing import payload_of
from feed.delivery.hub import Run
from feed.dialects.base import Form
from feed.dialects.registry import NATIVE, PLAIN
from feed.market.market import Market
from feed.market.segment import Segment

__all__ = ["Difference", "TrafficComparison"]

FORMS = (PLAIN, Form(NATIVE, (("numbers", "string"),)))
"""The forms in which the native dialect writes messages."""

Key = tuple[int, str, int]
"""Number of the epoch, key of the stream, and seq."""


@dataclass(frozen=True, slots=True)
class Difference:
    """First message of a connection that is not made again as it was.

    Attributes:
        connection: the name of the connection.
        line: the line of its traffic.
        stream: the key of the stream.
        seq: the number of the message.
        byte: the place of the first byte that differs, from 0; None: the message is not made at all.
        recorded: the message as it was sent.
        made: the message as it is made now.
    """

    connection: str
    line: int
    stream: str
    seq: int
    byte: int | None
    recorded: bytes
    made: bytes = b""

    def __str__(self) -> str:
        place = f"connection {self.connection}, line {self.line} of its traffic: {self.stream} seq {self.seq}"
        if self.byte is None:
            return f"{place} does not come"
        lo, hi = max(0, self.byte - 20), self.byte + 20
        was, now = self.recorded[lo:hi].decode(errors="replace"), self.made[lo:hi].decode(errors="replace")
        return f"{place} differs at byte {self.byte}: it was …{was}…, and is …{now}…"


@dataclass(frozen=True, slots=True)
class _Sent:
    connection: str
    line: int
    payload: bytes


@dataclass(slots=True)
class TrafficComparison:
    """Tap of a market that compares its messages with those that were sent.

    Compared are data messages as they were published: no snapshots, no conflated messages, none that a fault has
    changed, and none in another dialect than the native one.

    Attributes:
        compared: the number of messages that are equal.
        passed_over: the number of data messages that are not compared.
    """

    compared: int = 0
    passed_over: int = 0
    _wanted: dict[Key, list[_Sent]] = field(default_factory=dict)
    _differences: list[Difference] = field(default_factory=list)
    _market: Market | None = None

    def add(self, name: str, content: bytes, changed: set[tuple[str, str, int]]) -> None:
        """Add the traffic of a connection, as it was written down.

        Args:
            name: the connection.
            content: the JSON lines.
            changed: connection, stream and seq of messages that faults have changed.
        """
        epoch: int | None = None
        for line, text in _texts_out(content):
            message = _event(text)
            told = message.get("epoch")
            if isinstance(told, str) and told.rpartition("-")[2].isdigit():
                epoch = int(told.rpartition("-")[2])
            if message.get("event") != "data" or not isinstance(message.get("data"), dict):
                continue
            stream, seq = _stream_of(message), message.get("seq")
            fits = message.get("type") == "update" and "skipped" not in message and isinstance(seq, int)
            if epoch is None or not fits or (name, stream, seq) in changed:
                self.passed_over += 1
                continue
            self._wanted.setdefault((epoch, stream, int(str(seq))), []).append(_Sent(name, line, text.encode()))

    def attach(self, market: Market) -> None:
        """Get every message of the streams that were sent, from now on."""
        self._market = market
        keys = {stream for _, stream, _ in self._wanted}
        market.record(self, [stream for stream in market.streams if stream.key in keys])

    @property
    def is_busy(self) -> bool:
        """Return whether a market should wait: never."""
        return False

    def take(self, segment: Segment, runs: list[Run], now: int) -> None:
        """Compare published messages with what was sent."""
        assert self._market is not None
        for number, lo, hi in runs:
            if number >= len(self._market.streams):
                # Bundles have no streams of exchanges.
                continue
            stream, first = self._market.streams[number].key, segment.base[number] + 1
            for row in range(lo, hi):
                for sent in self._wanted.pop((segment.epoch, stream, first + row), ()):
                    self._compare(segment, number, row, sent, (stream, first + row))

    def _compare(self, segment: Segment, number: int, row: int, sent: _Sent, what: tuple[str, int]) -> None:
        made = [payload_of(b"".join(segment.frames(number, row, row + 1, form))) for form in FORMS]
        if sent.payload in made:
            self.compared += 1
            return
        nearest = max(made, key=lambda payload: _common(payload, sent.payload))
        at = _common(nearest, sent.payload)
        self._differences.append(Difference(sent.connection, sent.line, *what, at, sent.payload, nearest))

    def difference(self) -> Difference | None:
        """Return the first difference of the first connection that has one, once everything has been played."""
        missing = [
            Difference(sent.connection, sent.line, stream, seq, None, sent.payload)
            for (_, stream, seq), each in self._wanted.items()
            for sent in each
        ]
        return min([*self._differences, *missing], key=lambda it: (it.connection, it.line), default=None)


def _texts_out(content: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.splitlines(), 1):
        document = _event(line)
        if document.get("dir") == "out" and isinstance(document.get("text"), str):
            yield number, document["text"]


def _event(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _stream_of(message: Mapping[str, Any]) -> str:
    data = message["data"]
    part = next((str(each[key]) for key in ("interval", "depth") for each in (message, data) if key in each), "")
    return ":".join(filter(None, (str(message.get("channel")), str(message.get("symbol")), part)))


def _common(first: bytes, second: bytes) -> int:
    """Return the number of bytes with which both begin."""
    shorter = min(len(first), len(second))
    return next((place for place in range(shorter) if first[place] != second[place]), shorter)
