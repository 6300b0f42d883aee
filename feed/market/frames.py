"""What one subscriber can be given of a market: states, messages that were missed, and the newest for late readers."""

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
    """The part of a market that frames what is not sent to everybody alike.

    Attributes:
        catalog: the streams of the present source.
        chores: the thread that makes what takes long.
        hub: the streams and who listens to them.
        run: the present epoch.
    """

    catalog: Catalog
    chores: Chores
    hub: Hub
    run: Epoch

    @property
    def history(self) -> History:
        """What of the present epoch can be sent again."""
        return self.run.history

    @property
    def published(self) -> int:
        """Market time up to which everything has been published, in ns, without the anchor."""
        return self.run.published

    def seq(self, stream: Stream) -> int:
        """The last `seq` published on a stream; where nobody ever listened, what would have been."""
        return self.run.seq(self.catalog.number(stream))

    def listen(self, stream: Stream) -> None:
        """Publish a stream that somebody is about to join: what is told of its `seq` is what its snapshot has."""
        raise NotImplementedError

    def missed(self, stream: Stream, after_seq: int, count: int, form: Form, kind: Kind = "update") -> list[bytes]:
        """At most `count` framed messages behind `after_seq`; as `update` they are byte for byte what was published.

        Nothing where the message behind `after_seq` is not kept any more.
        """
        number, seq = self.catalog.number(stream), self.seq(stream)
        if after_seq + 1 < self.history.first_seq(number, seq):
            return []
        last = min(seq, after_seq + count)
        if kind == "snapshot" and (fills := self.history.trades(number, after_seq, last)) is not None:
            # One piece, for dialects that have one message for all of it.
            return write_frames(form, stream, fills, after_seq + 1, kind, epoch=self.run.number)
        return self.history.frames(number, after_seq, last, form, kind)

    def keeps(self, stream: Stream, after_seq: int) -> bool:
        """Whether everything behind that seq, as far as it was published, can be sent."""
        return after_seq + 1 >= self.history.first_seq(self.catalog.number(stream), self.seq(stream))

    def snapshot_begins(self, stream: Stream, count: int) -> int:
        """The seq behind which the last `count` messages of a stream begin, as far as they are kept."""
        seq = self.seq(stream)
        return max(seq - count, self.history.first_seq(self.catalog.number(stream), seq) - 1)

    def state_rows(self, stream: Stream, count: int) -> Rows | None:
        """The last `count` states of a stream, all of its `seq` by now; None where its messages are its state."""
        self.listen(stream)
        return _rows_of(self.catalog.snapshot(stream, self.published, count))

    def state_apart(self, who: object, stream: Stream, count: int, form: Form) -> Future[bytes | None] | None:
        """What `state_of` gives now, made in another thread; None where it is at hand.

        It is the state of this moment, and has this moment's seq, however long it takes to make it.
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
        """The last `count` states of a stream as framed snapshots; None where its messages are its state."""
        rows = self.state_rows(stream, count)
        if rows is None:
            return None
        return _snapshot(form, stream, rows, self.seq(stream), skipped, epoch=self.run.number)

    def newest(self, stream: Stream, since: int, form: Form) -> bytes:
        """The newest message of a stream, framed, for one who has those up to `since` and skips what is between.

        Empty where it is not kept. Of a channel whose messages are differences it is the state, or one difference
        where the dialect has no other word for that.
        """
        number, seq = self.catalog.number(stream), self.hub.topics[stream].seq
        skipped = max(seq - since - 1, 0)
        if not self.catalog.channel(stream).differences:
            return self.history.newest(number, seq, form, skipped)
        change = self.history.change(number, stream, since, seq, form) if form.dialect.wants_net_change else None
        return self.state_of(stream, 1, form, skipped) or b"" if change is None else change


def _rows_of(state: Track | None) -> Rows | None:
    """The rows of a state, where there are any."""
    return None if state is None or not len(state.times) else state.rows(0, len(state.times))


def _snapshot(form: Form, stream: Stream, rows: Rows, seq: int, skipped: int = 0, *, epoch: int) -> bytes:
    """Frame a state. All of its rows stand for what had been published by then: they share its seq."""
    return b"".join(write_frames(form, stream, rows, seq, "state", skipped, epoch=epoch))
