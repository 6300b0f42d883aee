"""`corrupt-json`: messages that are no JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel

__all__ = ["CorruptJson"]


class CorruptJson(Fault):
    """Fault that breaks the JSON of a message: one of its signs is missing."""

    summary: ClassVar[str] = "The text of a message is no JSON."
    remedy: ClassVar[str] = "Ignores the message, says so in its log, and goes on with the next one."
    group: ClassVar[FaultGroup] = "content"
    watched: ClassVar[str] = "survived"

    kind: Literal["corrupt-json"] = "corrupt-json"
    direction: Literal["out"] = "out"

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the message without one of the signs that JSON needs, chosen by chance."""
        payload = strike.framing.payload(parcel.data)
        signs = [place for place, sign in enumerate(payload) if sign in b"{}[]:"]
        place = signs[int(strike.draw("sign") * len(signs))] if signs else len(payload) // 2
        broken = payload[:place] + b"\x20" + payload[place + 1 :]
        return strike.pass_on(parcel._replace(data=strike.framing.text(broken)))
