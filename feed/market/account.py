"""Account of a market: what it is, where it stands and what it publishes, for sessions and for HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from feed.clock import Clock
from feed.data.ticks import Instrument, Source
from feed.market.frames import MarketFrames
from feed.market.history import ResumeWindow
from feed.market.lateness import Lateness
from feed.market.state import MarketState
from feed.protocol.effects import Stream
from feed.protocol.events import MarketPhase, Status
from feed.units import MILLISECOND
from feed.version import __version__

__all__ = ["MarketAccount", "MarketIdentity"]


@dataclass(frozen=True, slots=True)
class MarketIdentity:
    """Names of a market: its own and the scenario's."""

    name: str
    scenario: str


class MarketAccount(MarketFrames):
    """Part of a market that tells what it is and where it stands.

    Attributes:
        identity: the names of the market.
        state: the state that its commands have led to.
        streams: the streams that it publishes.
        lateness: whether it keeps its speed.
        failure: the reason why it can't go on, once its source has failed.
    """

    identity: MarketIdentity
    state: MarketState
    streams: tuple[Stream, ...]
    lateness: Lateness
    failure: str | None
    _clock: Clock
    _limits: dict[str, int | float]
    _phase: MarketPhase
    _window: ResumeWindow
    _shift: int

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that the market publishes."""
        return self.catalog.channels

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments: symbols with their price and size steps."""
        return self.catalog.instruments

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the market publishes, in their fixed order."""
        return tuple(instrument.symbol for instrument in self.catalog.instruments)

    @property
    def source(self) -> Source:
        """The source of the events of the present epoch."""
        return self.catalog.source

    def parts(self, channel: str) -> tuple[str, ...]:
        """Return the intervals or depths that tell a channel's streams apart; one empty text for a single stream."""
        return self.catalog.parts(channel)

    @property
    def epoch(self) -> str:
        """The name of the present epoch: the market's digest and the number of the epoch."""
        return self.state.epoch

    @property
    def phase(self) -> MarketPhase:
        """The phase last announced: `running`, `paused` or `ended`."""
        return self._phase

    @property
    def speed(self) -> float | str:
        """Market seconds a real second, or `max`."""
        return "max" if self.state.speed is None else float(self.state.speed)

    @property
    def summary(self) -> dict[str, Any]:
        """The identity and present state of the market, as answered over HTTP."""
        return {
            "scenario": self.identity.scenario,
            "seed": self.state.seed,
            "epoch": self.epoch,
            "digest": self.state.digest,
            "state": self.phase,
            "speed": self.speed,
            "virtual_time": self.virtual_time,
            **self._behind,
            "memory": {"bytes": self.history.nbytes, "limit": self._window.memory},
            "symbols": self.symbols,
            "channels": self.channels,
            **({} if self.failure is None else {"failure": self.failure}),
        }

    @property
    def _behind(self) -> dict[str, float]:
        behind = self.lateness.behind
        return {} if behind is None else {"real_speed": behind.speed, "behind_ms": behind.lag // MILLISECOND}

    @property
    def here(self) -> int:
        """Current market time in ns, without the anchor."""
        if self.state.moving and self.state.is_max:
            return max(self.state.at, self.run.published)
        return self.state.position(self._clock.now())

    @property
    def shift(self) -> int:
        """Nanoseconds added to market time for the time that clients see."""
        return self._shift

    @property
    def virtual_time(self) -> int:
        """Market time in milliseconds, as clients see it."""
        return (max(self.here, self.state.begins) + self._shift) // MILLISECOND

    @property
    def epoch_number(self) -> int:
        """The number of the present epoch, from 1."""
        return self.state.number

    @property
    def shown_time(self) -> int:
        """Market time up to which everything has been published, in ns as clients see it."""
        return max(self.published, self.state.begins) + self._shift

    def symbol_status(self, symbol: str) -> str:
        """Return the status of a symbol: `online`, `halted`, `auction` or `maintenance`."""
        changes = self.source.statuses(max(self.published, self.state.begins))
        return next((change.status for change in changes if change.symbol == symbol), "online")

    @property
    def seqs(self) -> dict[str, int]:
        """The last `seq` of each stream that native clients see and that is published, by the stream's key."""
        active = [number for number in sorted(self.run.active) if number < len(self.streams)]
        return {self.streams[number].key: self.hub.numbered[number].seq for number in active}

    def status(self, connection: str) -> Status:
        """Return the first event for a connection."""
        return Status(
            status="online",
            version=__version__,
            connection=connection,
            market=self.identity.name,
            scenario=self.identity.scenario,
            seed=self.state.seed,
            epoch=self.epoch,
            digest=self.state.digest,
            state=self.phase,
            virtual_time=self.virtual_time,
            speed=self.speed,
            channels=self.channels,
            limits=self._limits,
        )
