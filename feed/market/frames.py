"""Frames for single subscribers: states, missed messages, and the newest message for slow subscribers."""

from __future__ import annotations

from concurrent.futures import Future

from feed.data.rows import Rows
from feed.delivery.hub import Hub
from feed.dialects.base import Form, Kind
from feed.market.catalog import Catalog
from feed.market.channels.base import Track
from feed.market.chores import Chore, Chores
from feed.market.epoch import Epoch
from feed.market.history import History
from feed.market.segment import write_frames
from feed.protocol.effects import Stream

__all__ = ["MarketFrames"]


class MarketFrames:
    """Part of a market that builds frames for single subscribers.

    Attributes:
        catalog: the streams of the present source.
        hub: the streams and their subscribers.
        run: the present epoch.
    """

    catalog: Catalog
    hub: Hub
    run: Epoch

    @property
    def chores(self) -> Chores:
        """The thread for slow work on the present source."""
        return self.catalog.shared.chores

    @property
    def history(self) -> History:
        """The messages of the present epoch that can be sent again."""
        return self.run.history

    @property
    def published(self) -> int:
        """Market time up to which everything has been published, in ns, without the anchor."""
        return self.run.published

    def seq(self, stream: Stream) -> int:
        """Return the last `seq` published on a stream; without subscribers so far, the number that it would have."""
        return self.run.seq(self.catalog.number(stream))

    def listen(self, stream: Stream) -> None:
        """Publish a stream that is about to be joined, so that the reported `seq` is the one of its snapshot."""
        raise NotImplementedError

    def missed(self, stream: Stream, after_seq: int, count: int, form: Form, kind: Kind = "update") -> list[bytes]:
        """Return at most `count` framed messages after `after_seq`; as `update` they equal the published bytes.

        Empty if the message after `after_seq` is not kept any more.
        """
        number, seq = self.catalog.number(stream), self.seq(stream)
        if after_seq + 1 < self.history.first_seq(number, seq):
            return []
        last = min(seq, after_seq + count)
        if kind == "snapshot" and (fills := self.history.trades(number, after_seq, last)) is not None:
            # In one piece, for dialects that have one message for all of it.
            return write_frames(form, stream, fills, after_seq + 1, kind, epoch=self.run.number)
        return self.history.frames(number, after_seq, last, form, kind)

    def keeps(self, stream: Stream, after_seq: int) -> bool:
        """Return whether every published message after `after_seq` can be sent again."""
        return after_seq + 1 >= self.history.first_seq(self.catalog.number(stream), self.seq(stream))

    def snapshot_begins(self, stream: Stream, count: int) -> int:
        """Return the seq after which the last `count` messages of a stream begin, as far as they are kept."""
        seq = self.seq(stream)
        return max(seq - count, self.history.first_seq(self.catalog.number(stream), seq) - 1)

    def state_rows(self, stream: Stream, count: int) -> Rows | None:
        """Return the last `count` states of a stream, all of its present `seq`; None if messages are the state."""
        self.listen(stream)
        return _rows_of(self.catalog.snapshot(stream, self.published, count))

    def state_apart(self, who: object, stream: Stream, count: int, form: Form) -> Future[bytes | None] | None:
        """Compute the present result of `state_of` in another thread; return None if it is available at once.

        It is the state and the seq at the time of the call, however long the computation takes.
        """
        self.listen(stream)
        at, seq, epoch, catalog = self.published, self.seq(stream), self.run.number, self.catalog
        if not catalog.is_slow(stream, at, count):
            return None

        def chore() -> Chore[bytes | None]:
            rows = _rows_of((yield from catalog.make_apart(stream, at, count)))
            return None if rows is None else _snapshot(form, stream, rows, seq, epoch=epoch)

        return self.chores.start(who, chore())

    def state_of(self, stream: Stream, count: int, form: Form, skipped: int = 0) -> bytes | None:
        """Return the last `count` states of a stream as framed snapshots; None if its messages are its state."""
        rows = self.state_rows(stream, count)
        if rows is None:
            return None
        return _snapshot(form, stream, rows, self.seq(stream), skipped, epoch=self.run.number)

    def newest(self, stream: Stream, since: int, form: Form) -> bytes:
        """Return the newest message, framed, for a subscriber that has those up to `since` and skips the rest.

        Empty if it is not kept. If the channel's messages are differences, it is the state, or one net difference if
        the dialect has no message for a later state.
        """
        number, seq = self.catalog.number(stream), self.hub.topics[stream].seq
        skipped = max(seq - since - 1, 0)
        if not self.catalog.channel(stream).differences:
            return self.history.newest(number, seq, form, skipped)
        change = self.history.change(number, stream, since, seq, form) if form.dialect.wants_net_change else None
        return self.state_of(stream, 1, form, skipped) or b"" if change is None else change


def _rows_of(state: Track | None) -> Rows | None:
    """Return the rows of a state; None if there are none."""
    return None if state is None or not len(state.times) else state.rows(0, len(state.times))


def _snapshot(form: Form, stream: Stream, rows: Rows, seq: int, skipped: int = 0, *, epoch: int) -> bytes:
    """Frame a state. All of its rows share one seq, the last one published by then."""
    return b"".join(write_frames(form, stream, rows, seq, "state", skipped, epoch=epoch))
