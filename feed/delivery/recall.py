"""Ports of delivery: the sources of the frames of a run and of the messages that a reader has missed."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

from feed.protocol.effects import Stream

__all__ = ["Chronicle", "Encoded", "Form", "Recall", "Shown"]

Form: TypeAlias = Any
"""Key of the encoding: readers with equal forms share every frame. Delivery never inspects it."""

Shown = Literal["update", "snapshot"]
"""Kind of a message as sent: an update of the live stream, or part of the snapshot from before a subscription."""


class Encoded(Protocol):
    """Messages ready to be published, addressed by stream number and rows.

    A frame may be empty: the form then has no representation of that message.
    """

    def joined(self, number: int, lo: int, hi: int, form: Form, /) -> bytes:
        """Return the frames of rows `lo` up to, not including, `hi`, joined into one bytes object."""

    def frames(self, number: int, lo: int, hi: int, form: Form, /) -> list[bytes]:
        """Return the frames of rows `lo` up to, not including, `hi` as separate items."""


class Recall(Protocol):
    """Access to the messages published on the streams of a market, as far as they are kept.

    A frame may be empty: the form then has no representation of that message.
    """

    def newest(self, stream: Stream, since: int, form: Form, /) -> bytes:
        """Return the frame that stands for all messages after `since`; empty if it is not kept."""

    def missed(self, stream: Stream, after: int, count: int, form: Form, kind: Shown = "update", /) -> list[bytes]:
        """Return at most `count` frames after `after`; an empty list if the first of them is no longer kept."""


class Chronicle(Recall, Protocol):
    """Access to the published messages and to the last `seq` of each stream."""

    def seq(self, stream: Stream, /) -> int:
        """Return the last `seq` of a stream, with or without subscribers."""
