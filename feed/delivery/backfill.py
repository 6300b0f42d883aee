"""Past messages sent to a subscriber before it joins the live stream, in pages, as fast as it reads."""

from __future__ import annotations

from feed.delivery.recall import Chronicle, Form, Shown
from feed.delivery.subscriber import Subscriber
from feed.protocol.effects import Stream

__all__ = ["Backfill"]

PAGE_MESSAGES = 512
"""The number of messages encoded in one turn of the event loop."""

HIGH_WATER = 128 * 1024
"""The number of bytes that may wait for the reader before the next page is encoded."""


class Backfill:
    """Transfer of the past of one stream to one subscriber.

    Args:
        chronicle: source of the messages.
        stream: the stream.
        form: the form of its frames.
        after: the `seq` after which it begins.
        snapshot_until: messages up to this seq are marked as a snapshot.
    """

    __slots__ = ("_chronicle", "_form", "_snapshot_until", "after", "stream")

    def __init__(self, chronicle: Chronicle, stream: Stream, form: Form, after: int, snapshot_until: int) -> None:
        self.stream = stream
        self.after = after
        self._chronicle = chronicle
        self._form = form
        self._snapshot_until = snapshot_until

    @property
    def done(self) -> bool:
        """True if the live stream continues exactly here."""
        return self.after >= self._chronicle.seq(self.stream)

    def send_page(self, subscriber: Subscriber) -> bool:
        """Send the next page if the reader has room for it. Return False if the messages due now are no longer kept."""
        if self.done or subscriber.outbox.waiting > HIGH_WATER:
            return True
        in_snapshot = self.after < self._snapshot_until
        count = min(PAGE_MESSAGES, self._snapshot_until - self.after) if in_snapshot else PAGE_MESSAGES
        kind: Shown = "snapshot" if in_snapshot else "update"
        frames = self._chronicle.missed(self.stream, self.after, count, self._form, kind)
        if not frames:
            return False
        self.after += len(frames)
        subscriber.show(self.stream, self.after, frames)
        return True
