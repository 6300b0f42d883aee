"""`wrong-accept`: handshakes with a wrong key."""

from __future__ import annotations

from typing import ClassVar, Literal

from feed.faults.door import HandshakeFault, Welcome

__all__ = ["WrongAccept"]


class WrongAccept(HandshakeFault):
    """Fault that answers a handshake with a key that does not belong to the request."""

    summary: ClassVar[str] = (
        "The answer to the handshake has a wrong Sec-WebSocket-Accept, as from a proxy that answers for the server."
    )
    remedy: ClassVar[str] = "Its library refuses the connection; it tries again with back-off."
    watched: ClassVar[str] = "backoff"

    kind: Literal["wrong-accept"] = "wrong-accept"

    def welcome(self) -> Welcome:
        """Return the wrong key."""
        return Welcome("wrong-accept")
