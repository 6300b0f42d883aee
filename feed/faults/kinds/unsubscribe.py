"""`unsubscribe`: subscriptions that the server ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.acts import EndStream
from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.keeping import StatefulEffect
from feed.faults.link import Delivery, Parcel, act_parcel
from feed.protocol.effects import Stream

__all__ = ["ForcedUnsubscribe"]


class ForcedUnsubscribe(Fault):
    """Fault that ends the subscription of the message that it strikes, and says so."""

    summary: ClassVar[str] = (
        "The server ends a subscription with `unsubscribed`, unasked; nothing more of the stream arrives."
    )
    remedy: ClassVar[str] = (
        "Subscribes again after a moment, or tells its user; does not show the last price as the present one."
    )
    group: ClassVar[FaultGroup] = "protocol"
    watched: ClassVar[str] = "resynced"
    once: ClassVar[bool] = True
    by_stream: ClassVar[bool] = True

    kind: Literal["unsubscribe"] = "unsubscribe"
    direction: Literal["out"] = "out"

    def begin(self) -> _Ending:
        """Return the effect on one connection."""
        return _Ending()


class _Ending(StatefulEffect):
    """Streams that were ended; what is on its way of them is dropped until the client subscribes again."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: set[Stream] = set()

    def hear(self, name: str) -> None:
        """Let everything through again once the client subscribes."""
        if name == "subscribe":
            self._ended.clear()

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the end of the subscription in place of the message."""
        if parcel.stream is None:
            return strike.pass_on(parcel)
        self._ended.add(parcel.stream)
        return strike.pass_on(act_parcel(EndStream(parcel.stream)))

    def let_by(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return nothing for a stream that was ended."""
        return () if parcel.stream in self._ended else strike.pass_on(parcel)
