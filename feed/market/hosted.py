"""Market of a server, with its player and its control, and limits of all of them."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from feed.clock import Clock
from feed.market.barrier import Barrier
from feed.market.control import MarketControl
from feed.market.market import Market
from feed.market.player import Player
from feed.market.spec import MarketSpec
from feed.units import MIB, MILLISECOND, SECOND

__all__ = ["MAIN", "HostedMarket", "MarketsLimits", "OpenedMarket"]

MAIN = "main"
"""The name of the shared market, which connections join by default."""

PRIVATE_LAG = 1 * SECOND
"""The lag (ns) above which the clock of a market that is not the shared one waits: nobody compares it with a clock."""


@dataclass(frozen=True, slots=True)
class MarketsLimits:
    """Limits of all markets together, and settings of their players; times in ns.

    Attributes:
        markets: the most markets besides the shared one.
        memory: the most bytes that they may hold, by an estimate; none is made beyond that.
        idle: the time that a market without connections and requests is kept.
        gather: the longest time that data waits for more to share a write with.
        patience: at full speed, the longest time that one slow reader may hold up a market.
        max_lag: how late the shared market may be before its clock waits; others at most `PRIVATE_LAG`.
    """

    markets: int = 256
    memory: int = 512 * MIB
    idle: int = 60 * SECOND
    gather: int = MILLISECOND
    patience: int = SECOND
    max_lag: int = 10 * SECOND


@dataclass(frozen=True, slots=True)
class OpenedMarket:
    """Market that has been opened and is not played yet.

    Attributes:
        market: the market.
        spec: its specification, with every default filled in.
        is_own: whether it plays the server's own scenario, because none was requested.
    """

    market: Market
    spec: MarketSpec
    is_own: bool = True


class HostedMarket:
    """Market with its player and its control.

    Attributes:
        is_own: whether it plays the server's own scenario.
        is_nameless: whether it belongs to one connection, and is removed with it.
        first: the state that it was opened with.
        ordinals: the counter that numbers its connections.
        barrier: the connections, for commands that wait for their clients.
    """

    def __init__(self, name: str, opened: OpenedMarket, clock: Clock, limits: MarketsLimits, *, nameless: bool) -> None:
        self.name = name
        self.market = opened.market
        self.spec = opened.spec
        self.is_own = opened.is_own
        self.first = opened.market.state
        self.is_nameless = nameless
        self.ordinals = itertools.count(1)
        self.player = Player(
            opened.market,
            clock,
            wait_for=opened.spec.wait_for or 0,
            gather=limits.gather,
            patience=limits.patience,
            max_lag=limits.max_lag if name == MAIN else min(limits.max_lag, PRIVATE_LAG),
        )
        self.barrier = Barrier()
        self.control = MarketControl(opened.market, self.player, clock, barrier=self.barrier)
        self.player.on_awaited = self.control.begin
        self.used_at = clock.now()
        self.playing: asyncio.Task[None] | None = None

    def idle(self, now: int) -> int:
        """Return for how long (ns) nobody has been in it or asked for it, at monotonic time `now`."""
        return 0 if self.market.attendance else max(0, now - self.used_at)

    @property
    def is_shared(self) -> bool:
        """Return whether this is the shared market."""
        return self.name == MAIN
