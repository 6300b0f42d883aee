"""Subscriptions of one client: the past of each stream first, then the live stream, whole or sampled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from feed.clock import Clock
from feed.delivery.backfill import Backfill
from feed.delivery.pulse import FIRST
from feed.delivery.sampler import Sampler
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.market.market import Market
from feed.protocol.effects import Join, Stream
from feed.units import SECOND

__all__ = ["PeerStreams"]


log = structlog.get_logger("feed")


class PeerStreams:
    """Subscriptions of one client.

    Args:
        market: the market of the streams.
        subscriber: the receiver.
        form: the form of their frames.
        clock: real time.
        keep_fresh: called when the client wants only the newest of something.
        on_too_slow: called when messages that the client has yet to get are no longer kept.
        on_failed: called when a state that the client waits for cannot be computed.
    """

    __slots__ = (
        "_awaited",
        "_backfills",
        "_clock",
        "_closed",
        "_form",
        "_held",
        "_keep_fresh",
        "_loop",
        "_market",
        "_on_failed",
        "_on_too_slow",
        "_samplers",
        "_subscriber",
    )

    def __init__(
        self,
        market: Market,
        subscriber: Subscriber,
        form: Form,
        clock: Clock,
        *,
        keep_fresh: Callable[[], None],
        on_too_slow: Callable[[str], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._market = market
        self._subscriber = subscriber
        self._form = form
        self._clock = clock
        self._keep_fresh = keep_fresh
        self._on_too_slow = on_too_slow
        self._on_failed = on_failed
        # States being computed in another thread.
        self._awaited: dict[Stream, Future[bytes | None]] = {}
        self._loop = asyncio.get_running_loop()
        self._backfills: dict[Stream, Backfill] = {}
        self._samplers: dict[Stream, Sampler] = {}
        # Streams that the market publishes for this client.
        self._held: set[Stream] = set()
        self._closed = False

    def join(self, join: Join) -> None:
        """Send the requested past of a stream, and then its live messages."""
        stream, market, hub = join.stream, self._market, self._market.hub
        # A repeated subscription with a history gets that again, and then the one stream goes on.
        self.leave(stream)
        self._held.add(stream)
        market.hold(stream)
        if join.max_rate is not None:
            self._samplers[stream] = Sampler(
                hub, stream, self._form, self._subscriber, join.max_rate, clock=self._clock, timers=self._loop
            )
        if join.after_seq is not None:
            self._begin(stream, None, join.after_seq, 0)
            return
        made = market.state_apart(self, stream, join.snapshot, self._form) if join.snapshot else None
        if made is not None:
            self._await_state(stream, made, market.seq(stream))
            return
        after, seq = market.snapshot_begins(stream, join.snapshot), market.seq(stream)
        state = market.state_of(stream, join.snapshot, self._form) if join.snapshot else None
        self._begin(stream, state, after if state is None else market.seq(stream), seq)

    def _await_state(self, stream: Stream, made: Future[bytes | None], seq: int) -> None:
        """Wait for a state computed in another thread; it is the state as of now, so messages since then follow it."""
        self._awaited[stream] = made
        self._market.put_off += 1

        def done() -> None:
            self._market.put_off -= 1
            if self._closed or self._awaited.get(stream) is not made:
                return
            del self._awaited[stream]
            if (error := made.exception()) is not None:
                log.error("! the state cannot be made", stream=stream.key, error=str(error))
                self._on_failed()
                return
            state, after = made.result(), seq
            if not self._market.keeps(stream, after):
                state, after = self._market.state_of(stream, 1, self._form), self._market.seq(stream)
            self._begin(stream, state, after, 0)

        made.add_done_callback(lambda _: self._tell(done))

    def _tell(self, done: Callable[[], None]) -> None:
        """Call `done` in the event loop from another thread; the server may have stopped by then."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(done)

    def _begin(self, stream: Stream, state: bytes | None, after: int, snapshot_until: int) -> None:
        """Send the state, the messages after `after` up to now, and then the live stream."""
        if self._is_thinned(stream):
            # In front of the first data: so the answer does not have to wait for the reader of that.
            self._market.hub.ask(self._subscriber)
        if state:
            self._subscriber.show_state(stream, after, state)
        self._page(Backfill(self._market, stream, self._form, after, snapshot_until))

    def leave(self, stream: Stream) -> None:
        """Send no more of a stream."""
        self._awaited.pop(stream, None)
        self._backfills.pop(stream, None)
        self._market.leave(self._subscriber, stream, self._form)
        if stream in self._held:
            self._held.remove(stream)
            self._market.release(stream)
        if (sampler := self._samplers.pop(stream, None)) is not None:
            sampler.stop()

    def resume(self) -> None:
        """Continue transfers that stopped because the client had no room."""
        self.sample()
        for backfill in list(self._backfills.values()):
            self._page(backfill)

    def sample(self) -> None:
        """Send the newest message of each sampled stream that has waited for the client."""
        for sampler in list(self._samplers.values()):
            sampler.resume()

    def sent_at(self, stream: Stream) -> int:
        """Return the time data of a stream was last sent, in monotonic ns, kept per stream and not per client."""
        sampler = self._samplers.get(stream)
        return self._market.hub.written_at(stream, self._form) if sampler is None else sampler.last_sent

    def stop(self) -> None:
        """Send nothing more: the connection is closing or gone."""
        self._closed = True
        self._awaited.clear()
        self._backfills.clear()
        for sampler in self._samplers.values():
            sampler.stop()
        self._samplers.clear()
        for stream in self._held:
            self._market.release(stream)
        self._held.clear()
        self._market.hub.dismiss(self._subscriber)

    def _page(self, backfill: Backfill) -> None:
        stream, outbox = backfill.stream, self._subscriber.outbox
        if self._closed:
            return
        if backfill.done:
            self._backfills.pop(stream, None)
            self._go_live(stream)
            return
        first = stream not in self._backfills
        self._backfills[stream] = backfill
        if not backfill.send_page(self._subscriber):
            self._on_too_slow("what it has yet to get is no longer kept")
        elif backfill.done or (first and not outbox.waiting):
            self._page(backfill)
        elif not outbox.waiting:
            self._loop.call_soon(self._next_page, backfill)

    def _next_page(self, backfill: Backfill) -> None:
        if self._backfills.get(backfill.stream) is backfill:
            try:
                self._page(backfill)
            except Exception:  # Of the market's source, for one.
                self._on_failed()

    def _go_live(self, stream: Stream) -> None:
        if self._is_thinned(stream):
            self._keep_fresh()
            if self._subscriber.is_new:
                self._loop.call_later(FIRST / SECOND, self._stop_measuring)
        sampler = self._samplers.get(stream)
        if sampler is None:
            self._market.join(self._subscriber, stream, self._form)
        else:
            self._market.count_in(self._subscriber, stream)
            sampler.start()

    def _stop_measuring(self) -> None:
        self._market.hub.stop_measuring(self._subscriber)
        self.sample()

    def _is_thinned(self, stream: Stream) -> bool:
        """Return True if the client gets only the newest message of a stream when it does not keep up."""
        return stream in self._samplers or not self._market.is_lossless(stream)
