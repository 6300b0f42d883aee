"""Control of one market: commands are decided, logged, obeyed and answered, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feed.clock import Clock
from feed.data.ticks import batches_between
from feed.market.actions.base import Decision, Instant
from feed.market.actions.registry import find_action
from feed.market.actions.resume import RESUME
from feed.market.barrier import Barrier, Settling, read_settling
from feed.market.commands import Command, CommandError, Done, Entry
from feed.market.ledger import ConflictError, Ledger, MemoryLedger
from feed.market.market import Market
from feed.market.player import Player
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.units import DAY

__all__ = ["MarketControl"]

MAX_ATTEMPTS = 50
"""The most times that a command is decided, when other commands come first."""

REACH = DAY
"""The market time (ns) searched for a trade to step to."""

RENEWING = frozenset({"seek", "restart"})
"""Actions after which a recording could not continue, because they begin a new epoch."""


class MarketControl:
    """Control through which all changes of a market's time and epoch are made.

    Args:
        market: the market.
        player: the player of the market.
        clock: real time.
        digest_of: returns the digest of the market's frames for a seed and a beginning.
        ledger: the store of its log.
        barrier: the connections of the market, for commands that wait for their clients.
    """

    def __init__(
        self,
        market: Market,
        player: Player,
        clock: Clock,
        digest_of: Callable[[int, int], str],
        ledger: Ledger | None = None,
        barrier: Barrier | None = None,
    ) -> None:
        self._barrier = barrier or Barrier()
        self._market = market
        self._player = player
        self._clock = clock
        self._digest_of = digest_of
        self._ledger = ledger or MemoryLedger()
        self._ledger.follow(self._obey)
        self._newest = 0
        # Commands are decided in the order in which they were given.
        self._turns = asyncio.Lock()

    @property
    def log(self) -> Sequence[Entry]:
        """The commands that have been carried out, in order."""
        return self._ledger.entries()

    @property
    def newest(self) -> int:
        """The number of the last command."""
        return self._newest

    async def act(self, action: str, given: Mapping[str, object], by: str) -> Done:
        """Carry out a command; return once all data before it has been written to every connection.

        Raises:
            CommandError: the action is unknown, a key is bad, or it is not possible now; nothing has changed then.
        """
        found = find_action(action)
        settling, keys = read_settling(given)
        command = Command(found.name, found.read(keys), by)
        if found.name in RENEWING and self._market.tap is not None:
            raise CommandError(ErrorCode.NOT_POSSIBLE, "The market is being recorded", hint="use a market of your own")
        self._check_played()
        async with self._turns:
            if found.name in RENEWING and not self._market.state.moving:
                # A long step may not be finished: its data is sent first, at the pace of its readers.
                await self._player.come_to(self._market.state.at)
            entry, facts = await self._append(
                command, lambda state, instant: found.decide(state, command.keys, instant, self)
            )
        await self._player.reach(max(entry.effect, entry.state.at))
        self._check_played()
        return await self._done(action, entry.number, facts, settling)

    async def settle(self, given: Mapping[str, object]) -> Done:
        """Wait until everything published so far has been written to every connection, and answered by every client."""
        settling, rest = read_settling(given)
        for name in rest:
            hint = "only settle_ms, the most milliseconds to wait"
            raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown key", field=name[:64], hint=hint)
        self._check_played()
        await self._player.reach(self._market.published)
        return await self._done("settle", self._newest, {}, settling or Settling())

    async def _done(self, action: str, number: int, facts: Mapping[str, Any], settling: Settling | None) -> Done:
        settled = {} if settling is None else await self._barrier.settle(settling)
        market = self._market
        return Done(action, number, market.epoch, market.virtual_time, market.phase, market.seqs, {**facts, **settled})

    def _check_played(self) -> None:
        if self._player.is_over:
            hint = "GET /markets tells which markets there are, and of a failure"
            raise CommandError(ErrorCode.NOT_POSSIBLE, "The market is not played any more", hint=hint)

    def begin(self) -> None:
        """Start a market that has waited for its first subscribers; the start is logged as a command."""
        # Kept, so that it is not collected before it has run.
        self._beginning = asyncio.get_running_loop().create_task(self._begin())

    async def _begin(self) -> None:
        if self._market.state.waits:
            await self._append(Command("resume"), lambda state, instant: RESUME.decide(state, {}, instant, self))

    async def _append(
        self, command: Command, decide: Callable[[MarketState, Instant], Decision]
    ) -> tuple[Entry, Mapping[str, Any]]:
        """Decide on the newest state and log the decision; try again if another command came first."""
        for _ in range(MAX_ATTEMPTS):
            market = self._market
            instant = Instant(self._clock.now(), market.here, market.shift, market.source.start)
            try:
                decision = decide(market.state, instant)
            except CommandError:
                raise
            except Exception as error:  # Any error of the source when it is asked for future messages.
                raise CommandError(ErrorCode.NOT_POSSIBLE, f"The market's source failed: {error}") from error
            entry = Entry(self._newest + 1, command, decision.effect, decision.state)
            try:
                await self._ledger.append(entry)
            except ConflictError:
                continue
            return entry, decision.facts
        raise CommandError(ErrorCode.NOT_POSSIBLE, "Too many commands at once", hint="try again")

    def _obey(self, entry: Entry) -> None:
        self._newest = entry.number
        self._market.obey(entry.state, entry.effect)
        self._player.notice()

    # Queries of actions about the future.

    def nth_trade(self, after: int, count: int, symbol: str | None) -> tuple[int, int] | None:
        """Return market time of the `count`-th trade after `after`, and the trades up to it; None beyond `REACH`."""
        source = self._market.source
        wanted = self._indices(symbol)
        found = 0
        for batch in batches_between(source, after + 1, after + 1 + REACH):
            times = sorted(time for index in wanted for time in batch.ticks[index].time.tolist())
            if found + len(times) >= count:
                at = times[count - found - 1]
                return at, found + sum(time <= at for time in times)
            found += len(times)
        return None

    def trades_until(self, after: int, until: int, symbol: str | None) -> int:
        """Return the number of trades after `after`, up to and including `until`."""
        if until <= after:
            return 0
        batches = batches_between(self._market.source, after + 1, until + 1)
        wanted = self._indices(symbol)
        return sum(len(batch.ticks[index]) for batch in batches for index in wanted)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the market."""
        return self._market.channels

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the market."""
        return self._market.symbols

    def digest_of(self, seed: int, begins: int) -> str:
        """Return the digest that this market's frames would have if it began at `begins` with that seed."""
        return self._digest_of(seed, begins)

    def _indices(self, symbol: str | None) -> range | tuple[int]:
        symbols = self._market.symbols
        if symbol is None:
            return range(len(symbols))
        if symbol not in symbols:
            raise CommandError(
                ErrorCode.UNKNOWN_SYMBOL, "Unknown symbol", field="symbol", hint=f"one of {', '.join(symbols)}"
            )
        return (symbols.index(symbol),)
