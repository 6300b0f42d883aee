"""Subscriptions of one client: the past of each stream first, then the live stream, whole or sampled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from feed.clock import Clock
from feed.delivery.backfill import Backfill
from feed.delivery.pulse import MAX_FIRST_WAIT
from feed.delivery.sampler import Sampler
from feed.delivery.subscriber import Subscriber
from feed.dialects.base import Form
from feed.log import get_logger
from feed.market.market import Market
from feed.protocol.effects import Join, Leave, Stream, View
from feed.units import SECOND

__all__ = ["PeerStreams"]


log = get_logger("feed")


class _Leg(NamedTuple):
    """One subscription: a stream in a view."""

    stream: Stream
    view: View = ()


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
        "_live",
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
        self._awaited: dict[_Leg, Future[bytes | None]] = {}
        self._loop = asyncio.get_running_loop()
        self._backfills: dict[_Leg, Backfill] = {}
        self._samplers: dict[_Leg, Sampler] = {}
        self._live: dict[_Leg, None] = {}
        # Subscriptions for which the market publishes their stream.
        self._held: dict[_Leg, None] = {}
        self._closed = False

    def join(self, join: Join) -> None:
        """Send the requested past of a stream, and then its live messages."""
        stream, market, hub = join.stream, self._market, self._market.hub
        leg = _Leg(stream, join.view)
        form = self._form_of(leg)
        # A repeated subscription with a history gets that again, and then the one stream goes on.
        self._drop(leg)
        self._held[leg] = None
        market.hold(stream)
        if join.max_rate is not None:
            self._samplers[leg] = Sampler(
                hub, stream, form, self._subscriber, join.max_rate, clock=self._clock, timers=self._loop
            )
        if join.after_seq is not None:
            self._begin(leg, None, join.after_seq, 0)
            return
        made = market.state_apart(self, stream, join.snapshot, form) if join.snapshot else None
        if made is not None:
            self._await_state(leg, made, market.seq(stream))
            return
        after, seq = market.snapshot_begins(stream, join.snapshot), market.seq(stream)
        state = market.state_of(stream, join.snapshot, form) if join.snapshot else None
        self._begin(leg, state, after if state is None else market.seq(stream), seq)

    def reform(self, options: View) -> None:
        """Write all streams with these options from the next message on."""
        live = list(self._live)
        for leg in live:
            self._market.leave(self._subscriber, leg.stream, self._form_of(leg))
        self._form = self._form._replace(options=options)
        for leg in live:
            self._market.join(self._subscriber, leg.stream, self._form_of(leg))

    def _form_of(self, leg: _Leg) -> Form:
        return self._form._replace(options=self._form.options + leg.view) if leg.view else self._form

    def _await_state(self, leg: _Leg, made: Future[bytes | None], seq: int) -> None:
        """Wait for a state computed in another thread; it is the state as of now, so messages since then follow it."""
        self._awaited[leg] = made
        self._market.put_off += 1

        def done() -> None:
            self._market.put_off -= 1
            if self._closed or self._awaited.get(leg) is not made:
                return
            del self._awaited[leg]
            if (error := made.exception()) is not None:
                log.error("! the state cannot be made", stream=leg.stream.key, error=str(error))
                self._on_failed()
                return
            state, after = made.result(), seq
            if not self._market.keeps(leg.stream, after):
                state, after = self._market.state_of(leg.stream, 1, self._form_of(leg)), self._market.seq(leg.stream)
            self._begin(leg, state, after, 0)

        made.add_done_callback(lambda _: self._tell(done))

    def _tell(self, done: Callable[[], None]) -> None:
        """Call `done` in the event loop from another thread; the server may have stopped by then."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(done)

    def _begin(self, leg: _Leg, state: bytes | None, after: int, snapshot_until: int) -> None:
        """Send the state, the messages after `after` up to now, and then the live stream."""
        if self._is_thinned(leg):
            # In front of the first data: so the answer does not have to wait for the reader of that.
            self._market.hub.ask(self._subscriber)
        if state:
            self._subscriber.show_state(leg.stream, after, state)
        self._page(leg, Backfill(self._market, leg.stream, self._form_of(leg), after, snapshot_until))

    def leave(self, leave: Leave) -> None:
        """Send no more of a stream."""
        self._drop(_Leg(leave.stream, leave.view))

    def _drop(self, leg: _Leg) -> None:
        self._awaited.pop(leg, None)
        self._backfills.pop(leg, None)
        self._live.pop(leg, None)
        self._market.leave(self._subscriber, leg.stream, self._form_of(leg))
        if leg in self._held:
            del self._held[leg]
            self._market.release(leg.stream)
        if (sampler := self._samplers.pop(leg, None)) is not None:
            sampler.stop()

    def resume(self) -> None:
        """Continue transfers that stopped because the client had no room."""
        self.sample()
        for leg, backfill in list(self._backfills.items()):
            self._page(leg, backfill)

    def sample(self) -> None:
        """Send the newest message of each sampled stream that has waited for the client."""
        for sampler in list(self._samplers.values()):
            sampler.resume()

    def sent_at(self, stream: Stream) -> int:
        """Return the time data of a stream was last sent, in monotonic ns, kept per stream and not per client."""
        sampler = self._samplers.get(_Leg(stream))
        return self._market.hub.written_at(stream, self._form) if sampler is None else sampler.last_sent

    def stop(self) -> None:
        """Send nothing more: the connection is closing or gone."""
        self._closed = True
        self._awaited.clear()
        self._backfills.clear()
        for sampler in self._samplers.values():
            sampler.stop()
        self._samplers.clear()
        self._live.clear()
        for leg in self._held:
            self._market.release(leg.stream)
        self._held.clear()
        self._market.hub.dismiss(self._subscriber)

    def _page(self, leg: _Leg, backfill: Backfill) -> None:
        outbox = self._subscriber.outbox
        if self._closed:
            return
        if backfill.done:
            self._backfills.pop(leg, None)
            self._go_live(leg)
            return
        first = leg not in self._backfills
        self._backfills[leg] = backfill
        if not backfill.send_page(self._subscriber):
            self._on_too_slow("what it has yet to get is no longer kept")
        elif backfill.done or (first and not outbox.waiting):
            self._page(leg, backfill)
        elif not outbox.waiting:
            self._loop.call_soon(self._next_page, leg, backfill)

    def _next_page(self, leg: _Leg, backfill: Backfill) -> None:
        if self._backfills.get(leg) is backfill:
            try:
                self._page(leg, backfill)
            except Exception:  # Of the market's source, for one.
                self._on_failed()

    def _go_live(self, leg: _Leg) -> None:
        self._live[leg] = None
        if self._is_thinned(leg):
            self._keep_fresh()
            if self._subscriber.is_new:
                self._loop.call_later(MAX_FIRST_WAIT / SECOND, self._stop_measuring)
        sampler = self._samplers.get(leg)
        if sampler is None:
            self._market.join(self._subscriber, leg.stream, self._form_of(leg))
        else:
            self._market.count_in(self._subscriber, leg.stream)
            sampler.start()

    def _stop_measuring(self) -> None:
        self._market.hub.stop_measuring(self._subscriber)
        self.sample()

    def _is_thinned(self, leg: _Leg) -> bool:
        """Return True if the client gets only the newest message of a stream when it does not keep up."""
        return leg in self._samplers or not self._market.is_lossless(leg.stream)
