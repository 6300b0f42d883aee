"""`reset-handshake`: handshakes that are cut off."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.door import HandshakeFault, Welcome

__all__ = ["ResetHandshake"]


class ResetHandshake(HandshakeFault):
    """Fault that resets the TCP connection in place of an answer to the handshake."""

    summary: ClassVar[str] = "The connection is reset before the handshake is answered."
    remedy: ClassVar[str] = "Tries again with a growing pause and jitter."
    watched: ClassVar[str] = "backoff"

    kind: Literal["reset-handshake"] = "reset-handshake"

    def welcome(self) -> Welcome:
        """Return the reset."""
        return Welcome("reset")
