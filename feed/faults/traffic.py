"""Traffic of a connection: what really went over the wire in both directions, for those who keep it."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

__all__ = ["Traffic", "TrafficTap"]


class Traffic(NamedTuple):
    """Bytes of one connection.

    Attributes:
        connection: the name of the connection.
        ordinal: its number in its market, from 1.
        direction: `out` for whole frames (or parts of sliced ones) as they are written, `in` for payloads of the
            client's text messages as they arrive, before any fault.
        market_time: market time in ns as clients see it.
        data: the bytes.
    """

    connection: str
    ordinal: int
    direction: Literal["in", "out"]
    market_time: int
    data: bytes


class TrafficTap(Protocol):
    """Receiver of the traffic of all connections of a market."""

    def take(self, traffic: Traffic) -> None:
        """Take bytes, in the order in which they are written or arrive on their connection."""
