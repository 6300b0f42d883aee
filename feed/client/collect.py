"""`collect`: messages of a running server, up to a number or a duration, as a DataFrame."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from feed.client.backoff import BackOff
from feed.client.happenings import Connected, Disconnected, Frame
from feed.client.link import ClientLink
from feed.client.progress import Gap
from feed.client.subscription import Subscription
from feed.client.tables import Row, data_frame, instruments_of, row_of, ticks_frame
from feed.clock import Clock, SystemClock
from feed.errors import ConnectError, SubscriptionError, UsageError
from feed.units import SECOND

__all__ = ["collect", "collect_sync"]

RECONNECT_SECONDS = 60.0
"""Default time to wait for a server to come back, in seconds."""


async def collect(
    url: str,
    *,
    channel: str = "trading",
    symbol: str = "*",
    n: int | None = None,
    seconds: float | None = None,
    history: int | None = None,
    interval: str | None = None,
    depth: int | None = None,
    token: str | None = None,
    arrivals: bool = False,
    back_off: BackOff | None = None,
    patience: float = RECONNECT_SECONDS,
) -> pd.DataFrame:
    """Collect messages of a running server as a table; for `trading` the one that `feed.dataframes.ticks` describes.

    Stops after `n` messages or `seconds`, whichever comes first; without either, when the market ends. Reconnects
    when the connection breaks, and resumes. `attrs` holds the market's scenario, seed, epoch and
    digest, and `reconnects`, `lost` and `gaps`: a loss that cannot be made good is a warning, too.

    Args:
        url: such as `ws://127.0.0.1:8765`.
        channel: such as `trading`.
        symbol: one, or `*` for all.
        n: the maximum number of messages.
        seconds: the maximum duration, in real time.
        history: begin with at most this many of the last messages of each stream.
        interval: of candles, such as `1m`.
        depth: of a book, such as 10.
        token: required if the server asks for one.
        arrivals: add the column `received`: the time of each arrival, wall clock, ns UTC.
        back_off: waits between attempts to reconnect.
        patience: seconds after which a server that does not come back is given up.

    Raises:
        ConnectError: no server answers, or the server ends the conversation for good before the market does.
        SubscriptionError: the server refuses the channel or the symbol.
    """
    if n is not None and n < 1:
        raise UsageError("n is a number of messages, 1 or more")
    clock = SystemClock()
    link = ClientLink(
        url, [Subscription(channel, symbol, history, interval, depth)], token=token, back_off=back_off, clock=clock
    )
    gathered = _Gathered(channel, n)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await _gather(link, gathered, clock, round(patience * SECOND))
    finally:
        await link.close()
    frame = gathered.frame(clock if arrivals else None)
    frame.attrs |= gathered.facts | {"reconnects": max(0, link.attempts - 1), "lost": link.progress.lost}
    if gathered.gaps:
        warnings.warn(f"{link.progress.lost} messages are lost: see attrs['gaps']", stacklevel=2)
    return frame


def collect_sync(url: str, **options: Any) -> pd.DataFrame:
    """`collect` for code without `await`; works in a notebook, too, whose own event loop is running.

    The server must not run on that same loop: it stands still until this returns.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(collect(url, **options))
    outcome: list[pd.DataFrame | BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(collect(url, **options)))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="feed-collect", daemon=True)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


@dataclass(slots=True)
class _Gathered:
    """Messages collected so far."""

    channel: str
    wanted: int | None
    rows: list[Row] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    symbols: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    ended: bool = False

    def take(self, frame: Frame) -> bool:
        """Store a frame; return whether it was the last one."""
        self.gaps += frame.gaps
        body = frame.body
        if frame.event == "data":
            if body.get("channel") == self.channel:
                self._data(body, frame.received)
        elif frame.event == "status":
            self.symbols = body["symbols"]
            self.facts = {name: body.get(name) for name in ("scenario", "seed", "epoch", "digest")}
            self.ended = body.get("state") == "ended"
        elif frame.event == "market":
            self.ended = body.get("state") == "ended"
            return self.ended
        elif frame.event == "error":
            hint = body.get("hint")
            raise SubscriptionError(f"{body.get('message')}: {body.get('code')}" + (f" ({hint})" if hint else ""))
        # Nothing has come for a while, and nothing more will.
        return len(self.seqs) == self.wanted or (self.ended and frame.event == "heartbeat")

    def frame(self, clock: Clock | None) -> pd.DataFrame:
        """Return all messages as a table; with the times of arrival if there is a clock."""
        if self.channel == "trading":
            frame, _ = ticks_frame(self.rows, self.seqs, self.received, instruments_of(self.symbols))
        else:
            frame = data_frame(self.bodies, self.seqs)
        if clock is not None:
            now = clock.read()
            frame["received"] = [moment + now.wall - now.monotonic for moment in self.received]
        frame.attrs["gaps"] = list(self._told())
        return frame

    def _data(self, body: dict[str, Any], received: int) -> None:
        if self.channel == "trading":
            self.rows.append(row_of(body["data"]))
        else:
            self.bodies.append(body["data"])
        self.seqs.append(body["seq"])
        self.received.append(received)

    def _told(self) -> Iterator[dict[str, Any]]:
        for gap in self.gaps:
            yield {"stream": gap.stream.key, "after": gap.after, "count": gap.count, "reason": gap.reason}


async def _gather(link: ClientLink, gathered: _Gathered, clock: Clock, patience: int) -> None:
    heard = clock.now()
    while (happening := await link.pull()) is not None:
        if isinstance(happening, Frame):
            heard = happening.received
            if gathered.take(happening):
                return
        elif isinstance(happening, Disconnected):
            _check(happening, link, gathered)
            if clock.now() - heard > patience:
                raise ConnectError(f"{link.url}: gone for {patience / SECOND:g} s, {happening.reason}")
        else:
            assert isinstance(happening, Connected)


def _check(lost: Disconnected, link: ClientLink, gathered: _Gathered) -> None:
    """Check whether to wait for a reconnect: only after a connection that worked, and may work again."""
    if not link.attempts:
        raise ConnectError(f"{link.url}: {lost.reason}")
    if lost.retry_in is None and not gathered.ended:
        raise ConnectError(f"{link.url}: closed with {lost.code}, {lost.reason}")
