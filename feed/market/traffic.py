"""Traffic of a market's connections: the newest of it is kept, and written down frame by frame."""

from __future__ import annotations

import base64
import json
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from feed.faults.traffic import Traffic

__all__ = ["KeptTraffic", "traffic_lines"]

PIECE_OVERHEAD = 200
"""Memory of a piece of traffic besides its bytes."""

OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

FIN, RSV1 = 0x80, 0x40

LENGTH_16, LENGTH_64 = 126, 127
"""Markers of a longer length in the second byte of a frame (RFC 6455, 5.2)."""

DEFLATE_TAIL = b"\x00\x00\xff\xff\x03\x00"
"""What a compressed message leaves out at its end (RFC 7692, 7.2.1), and an empty last block."""


class KeptTraffic:
    """Traffic of all connections of one market, up to a number of bytes: older traffic gives way.

    Args:
        limit: the most bytes that it keeps in memory.

    Attributes:
        dropped: for each connection, the pieces that have given way.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: deque[Traffic] = deque()
        self._size = 0
        self.dropped: dict[str, int] = {}

    def take(self, traffic: Traffic) -> None:
        """Keep bytes that were written or have arrived."""
        self._kept.append(traffic)
        self._size += len(traffic.data) + PIECE_OVERHEAD
        while self._size > self._limit:
            oldest = self._kept.popleft()
            self._size -= len(oldest.data) + PIECE_OVERHEAD
            self.dropped[oldest.connection] = self.dropped.get(oldest.connection, 0) + 1

    @property
    def size(self) -> int:
        """The bytes of memory that it takes."""
        return self._size

    def pieces(self) -> tuple[Traffic, ...]:
        """Return what is kept, in order."""
        return tuple(self._kept)


def traffic_lines(pieces: Iterable[Traffic], dropped: dict[str, int]) -> dict[str, bytes]:
    """Return the traffic of each connection as JSON lines, by the name of the connection.

    The first line tells the connection, and how many pieces before the rest are not kept. Every other line is a frame,
    whole and in order: `dir` (`in` or `out`), `time` (market time, ns) and `text`, or `kind` and `base64`.
    """
    by_connection: dict[str, list[Traffic]] = {}
    for piece in pieces:
        by_connection.setdefault(piece.connection, []).append(piece)
    return {
        name: b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in _lines(name, own, dropped))
        for name, own in by_connection.items()
    }


def _lines(name: str, pieces: list[Traffic], dropped: dict[str, int]) -> Iterator[dict[str, Any]]:
    yield {"connection": name, "ordinal": pieces[0].ordinal, "dropped": dropped.get(name, 0)}
    unfinished = b""
    for piece in pieces:
        told = {"dir": piece.direction, "time": piece.market_time}
        if piece.direction == "in":
            yield told | _content("text", piece.data)
            continue
        unfinished += piece.data
        while (frame := _first_frame(unfinished)) is not None:
            kind, payload, length = frame
            unfinished = unfinished[length:]
            yield told | _content(kind, payload)
    if unfinished:
        yield {"dir": "out", "kind": "unfinished", "base64": base64.b64encode(unfinished).decode()}


def _first_frame(data: bytes) -> tuple[str, bytes, int] | None:
    """Return kind, payload and length of the frame at the beginning of unmasked bytes; None if it is not whole."""
    if len(data) < 2:
        return None
    length, at = data[1] & 0x7F, 2
    extra = {LENGTH_16: 2, LENGTH_64: 8}.get(length, 0)
    if extra:
        length, at = int.from_bytes(data[2 : 2 + extra], "big"), 2 + extra
    end = at + length
    if len(data) < end:
        return None
    payload = data[at:end]
    if data[0] & RSV1:
        payload = zlib.decompress(payload + DEFLATE_TAIL, -zlib.MAX_WBITS)
    return OPCODES.get(data[0] & 0x0F, "unknown"), payload, end


def _content(kind: str, payload: bytes) -> dict[str, Any]:
    if kind == "text":
        try:
            return {"text": payload.decode()}
        except UnicodeDecodeError:
            pass
    return {"kind": kind, "base64": base64.b64encode(payload).decode()}
