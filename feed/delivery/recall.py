"""The ports of delivery: what gives the frames of a run, and what gives what a reader has missed."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

from feed.protocol.effects import Stream

__all__ = ["Chronicle", "Encoded", "Form", "Recall", "Shown"]

Form: TypeAlias = Any
"""The key of equal bytes: readers of equal forms share every frame. Delivery never looks into it."""

Shown = Literal["update", "snapshot"]
"""How messages are shown: as those of the live stream, or as what was before a subscription."""


class Encoded(Protocol):
    """Messages that are ready to be published, by the number of their stream and their rows.

    A frame may be empty: then a form has nothing to say of its message.
    """

    def joined(self, number: int, lo: int, hi: int, form: Form, /) -> bytes:
        """The frames of rows `lo` up to, not including, `hi` as one piece of bytes."""

    def frames(self, number: int, lo: int, hi: int, form: Form, /) -> list[bytes]:
        """The same, each on its own."""


class Recall(Protocol):
    """What has been published on the streams of a market, as far as it is kept.

    A frame may be empty: then a form has nothing to say of its message.
    """

    def newest(self, stream: Stream, since: int, form: Form, /) -> bytes:
        """The frame that stands for all behind `since`; empty where it is not kept."""

    def missed(self, stream: Stream, after: int, count: int, form: Form, kind: Shown = "update", /) -> list[bytes]:
        """At most `count` frames behind `after`; none where the first of them is not kept any more."""


class Chronicle(Recall, Protocol):
    """What has been published, and how far that has got."""

    def seq(self, stream: Stream, /) -> int:
        """The last `seq` of a stream, whether anybody listens or not."""
