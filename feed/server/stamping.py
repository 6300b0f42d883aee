"""Wire of a connection whose messages carry numbers of their own, put in when they are sent."""

from __future__ import annotations

from collections.abc import Callable

from feed.delivery.framing import frames_in, payload_of, text_frame
from feed.delivery.outbox import Wire

__all__ = ["StampedWire"]

TEXT = 0x81
"""First byte of a whole, uncompressed text frame."""


class StampedWire:
    """Wire that stamps each message.

    Args:
        wire: the wire behind it.
        stamp: function that returns a message with its numbers.
    """

    __slots__ = ("_stamp", "_wire")

    def __init__(self, wire: Wire, stamp: Callable[[bytes], bytes]) -> None:
        self._wire = wire
        self._stamp = stamp

    def write(self, data: bytes) -> None:
        """Send framed bytes, each text frame stamped."""
        self._wire.write(b"".join(map(self._stamped, frames_in(data))))

    def waiting(self) -> int:
        """Return the number of bytes taken but not yet on the socket."""
        return self._wire.waiting()

    def _stamped(self, frame: bytes) -> bytes:
        return text_frame(self._stamp(payload_of(frame))) if frame[0] == TEXT else frame
