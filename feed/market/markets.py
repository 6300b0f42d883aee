"""Registry of all markets of one server, shared and private: opened, joined and removed here."""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from feed.clock import Clock
from feed.errors import FeedError
from feed.hints import nearest
from feed.log import get_logger
from feed.market.commands import CommandError
from feed.market.hosted import MAIN, HostedMarket, MarketsLimits, OpenedMarket
from feed.market.spec import NAME, MarketSpec
from feed.protocol.codes import ErrorCode
from feed.protocol.events import MarketPhase
from feed.units import MIB, SECOND

__all__ = ["Markets"]


SOURCE_WEIGHT = MIB // 2
"""The bytes that the source of a market holds, and that markets of the same scenario and seed share."""


log = get_logger("feed")


class Markets:
    """Markets by name.

    Args:
        opener: opens a market by name and spec; raises `CommandError` or `FeedError` if that is not possible.
        clock: real time.
        limits: the limits of all markets.

    Attributes:
        on_ended: called when the source of a market has come to its end.
        on_failed: called when the source of a market has failed.
        on_removed: called when a market is removed while there may be connections in it.
    """

    def __init__(self, opener: Callable[[str, MarketSpec], OpenedMarket], clock: Clock, limits: MarketsLimits) -> None:
        self._opener = opener
        self._clock = clock
        self._limits = limits
        self._hosted: dict[str, HostedMarket] = {}
        self._numbers = itertools.count(1)
        self.on_ended: Callable[[HostedMarket], None] | None = None
        self.on_failed: Callable[[HostedMarket], None] | None = None
        self.on_removed: Callable[[HostedMarket], None] | None = None

    def __iter__(self) -> Iterator[HostedMarket]:
        return iter(list(self._hosted.values()))

    def __len__(self) -> int:
        return len(self._hosted)

    @property
    def main(self) -> HostedMarket:
        """The shared market."""
        return self._hosted[MAIN]

    @property
    def names(self) -> list[str]:
        """The names of all markets that can be joined by name."""
        return [name for name, hosted in self._hosted.items() if not hosted.is_nameless]

    def idle_seconds(self, hosted: HostedMarket) -> float:
        """Return for how many seconds nobody has been in a market or asked for it."""
        return round(hosted.idle(self._clock.now()) / SECOND, 3)

    def find(self, name: str, *, asks: bool = True) -> HostedMarket:
        """Return the market of a name, which is not idle then if it `asks` something of it.

        Raises:
            CommandError: there is none.
        """
        hosted = self._hosted.get(name)
        if hosted is None:
            near = nearest(name, self.names)
            hint = f"did you mean {near}?" if near else f"there is {', '.join(self.names[:8])}"
            raise CommandError(ErrorCode.UNKNOWN_MARKET, f"There is no market {name[:64]!r}", field="market", hint=hint)
        if asks:
            hosted.used_at = self._clock.now()
        return hosted

    def join(self, name: str | None, spec: MarketSpec) -> tuple[HostedMarket, bool]:
        """Return the market that a client requests, opened if it is missing, and whether it was opened now.

        Raises:
            CommandError: the name is bad, a key contradicts the market's own, or there are too many markets.
        """
        if name is None and spec == MarketSpec():
            return self.main, False
        if name is not None and (hosted := self._hosted.get(name)) is not None:
            self._check_same(hosted, spec)
            hosted.used_at = self._clock.now()
            return hosted, False
        if name is not None and not NAME.fullmatch(name):
            hint = "1 to 64 of A-Z a-z 0-9 . _ -"
            raise CommandError(ErrorCode.INVALID_REQUEST, "This is no name for a market", field="market", hint=hint)
        return self.host(name, spec), True

    def host(self, name: str | None, spec: MarketSpec) -> HostedMarket:
        """Open a market, and play it."""
        hosted = self.open(name, spec)
        self.play(hosted)
        return hosted

    def open(self, name: str | None, spec: MarketSpec) -> HostedMarket:
        """Open a market that is not played yet."""
        self._check_room()
        chosen = name if name is not None else f"~{next(self._numbers)}"
        opened = self._opener(chosen, spec)
        hosted = HostedMarket(chosen, opened, self._clock, self._limits, nameless=name is None)
        self._hosted[chosen] = hosted
        self._watch(hosted)
        if not hosted.is_shared:
            log.info("market opened", market=chosen, scenario=opened.spec.scenario, seed=opened.spec.seed)
        return hosted

    def play(self, hosted: HostedMarket) -> None:
        """Begin to play a market."""
        hosted.playing = asyncio.get_running_loop().create_task(self._play(hosted), name=f"market {hosted.name}")

    def leave(self, hosted: HostedMarket) -> None:
        """Note that a connection has left; remove an empty market, at once if nameless, else after a while."""
        hosted.used_at = self._clock.now()
        if hosted.market.attendance or hosted.is_shared:
            return
        if hosted.is_nameless:
            self.remove(hosted)
        else:
            self._watch(hosted)

    def remove(self, hosted: HostedMarket) -> None:
        """Stop and remove a market."""
        if self._hosted.pop(hosted.name, None) is None:
            return
        if hosted.playing is not None:
            hosted.playing.cancel()
        log.info("market closed", market=hosted.name)
        if self.on_removed is not None:
            self.on_removed(hosted)

    async def close(self) -> None:
        """Stop playing all markets."""
        playing = [hosted.playing for hosted in self if hosted.playing is not None]
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    @property
    def memory(self) -> int:
        """The bytes that all markets besides the shared one hold, by an estimate."""
        own = [hosted.market for hosted in self._hosted.values() if not hosted.is_shared]
        sources = {id(market.catalog.shared): market.catalog.shared for market in own}
        return sum(market.weight for market in own) + len(sources) * SOURCE_WEIGHT

    def _check_room(self) -> None:
        """Raise `CommandError` if there is no room for one more market."""
        limits = self._limits
        if len(self._hosted) > limits.markets:
            raise CommandError(
                ErrorCode.LIMIT_EXCEEDED,
                f"The server has all the {limits.markets} markets it takes",
                field="market",
                hint="end one with DELETE /markets/NAME, or start with a larger --max-markets",
            )
        held = self.memory
        if held > limits.memory:
            raise CommandError(
                ErrorCode.LIMIT_EXCEEDED,
                f"The {len(self._hosted) - 1} markets hold {held // MIB} MiB, and may hold {limits.memory // MIB} MiB",
                field="market",
                hint="end some with DELETE /markets/NAME, or start with a larger --max-market-memory",
            )

    def _check_same(self, hosted: HostedMarket, spec: MarketSpec) -> None:
        conflict = spec.conflict(hosted.spec)
        if conflict is not None:
            key, wanted, present = conflict
            raise CommandError(
                ErrorCode.MARKET_EXISTS,
                f'The market "{hosted.name}" was made with {key}={_shown(present)}, not {_shown(wanted)}',
                field=key,
                hint="leave the key out to join it, or choose another name",
            )

    def _watch(self, hosted: HostedMarket) -> None:
        """Remove a market once it has been empty for long enough."""
        if not hosted.is_shared:
            asyncio.get_running_loop().call_later(self._limits.idle / SECOND, self._expire, hosted)

    def _expire(self, hosted: HostedMarket) -> None:
        if self._hosted.get(hosted.name) is not hosted or hosted.market.attendance:
            return
        if self._clock.now() - hosted.used_at >= self._limits.idle:
            self.remove(hosted)
        else:
            self._watch(hosted)

    async def _play(self, hosted: HostedMarket) -> None:
        hosted.market.on_phase = partial(self._hear, hosted)
        try:
            await hosted.player.run()
        except Exception as error:  # Any error of a source ends its market, and nothing else.
            place = f"{type(error).__name__}: {error} ({_place_of(error)})"
            reason = str(error) if isinstance(error, FeedError) else place
            log.error("the market's source failed", market=hosted.name, error=reason)
            log.debug("where it failed", exc_info=error)
            hosted.market.fail(reason)
            if self.on_failed is not None:
                self.on_failed(hosted)

    def _hear(self, hosted: HostedMarket, phase: MarketPhase) -> None:
        if phase == "ended" and self.on_ended is not None:
            self.on_ended(hosted)


def _shown(value: Any) -> str:
    """Return a value of a specification as clients write it."""
    if isinstance(value, tuple):
        return orjson.dumps([fault.document for fault in value]).decode()[:100]
    if isinstance(value, bool):
        return str(value).lower()
    return "nothing" if value is None else str(value)


def _place_of(error: Exception) -> str:
    """Return file and line at which an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "nobody knows where"
