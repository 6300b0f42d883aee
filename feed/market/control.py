"""Control of one market: commands are decided, logged, obeyed and answered, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from feed.clock import Clock
from feed.market.actions.base import Action, Decision, Instant
from feed.market.actions.registry import find_action
from feed.market.actions.resume import RESUME
from feed.market.ahead import Ahead
from feed.market.barrier import Barrier, Settling, read_settling
from feed.market.chores import exhausted
from feed.market.commands import Command, CommandError, Done, Entry
from feed.market.ledger import ConflictError, Ledger, MemoryLedger
from feed.market.market import Market
from feed.market.player import Player
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode

__all__ = ["MarketControl"]

MAX_ATTEMPTS = 50
"""The most times that a command is decided, when other commands come first."""

RENEWING = frozenset({"seek", "restart", "shock"})
"""Actions after which a recording could not continue, because they begin a new epoch."""


class MarketControl:
    """Control through which all changes of a market's time and epoch are made.

    Args:
        market: the market.
        player: the player of the market.
        clock: real time.
        ledger: the store of its log.
        barrier: the connections of the market, for commands that wait for their clients.
    """

    def __init__(
        self,
        market: Market,
        player: Player,
        clock: Clock,
        ledger: Ledger | None = None,
        barrier: Barrier | None = None,
    ) -> None:
        self._barrier = barrier or Barrier()
        self._market = market
        self._player = player
        self._clock = clock
        self._ahead = Ahead(market)
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
        await self._wait_until_ready()
        # Before it is its turn, so that a long search holds up no other command.
        seen = self._market.state, await self._look(found, command.keys)
        async with self._turns:
            if found.name in RENEWING and not self._market.state.moving:
                # A long step may not be finished: its data is sent first, at the pace of its readers.
                await self._player.come_to(self._market.state.at)
            entry, decision = await self._append(found, command, seen)
        until = max(entry.effect, entry.state.at) if decision.until is None else decision.until
        await self._player.reach(until)
        self._check_played()
        facts = dict(decision.facts)
        if decision.until is not None:
            state = self._market.state
            facts["reached"] = (state.number, state.moving, state.at) == (entry.state.number, False, until)
        return await self._done(action, entry.number, facts, settling)

    async def repeat(self, entry: Entry) -> None:
        """Obey an entry of another log, whose effect the market has come to; it is logged as the next one."""
        async with self._turns:
            await self._prepare(entry.state)
            await self._ledger.append(replace(entry, number=self._newest + 1))

    async def settle(self, given: Mapping[str, object]) -> Done:
        """Wait until everything published so far has been written to every connection, and answered by every client."""
        settling, rest = read_settling(given)
        for name in rest:
            hint = "only settle_ms, the most milliseconds to wait"
            raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown key", field=name[:64], hint=hint)
        self._check_played()
        self._market.catch_up()
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
        with contextlib.suppress(CommandError):
            # Of a source that fails here, the player will have to say so.
            await self._wait_until_ready()
        if self._market.state.waits:
            await self._append(RESUME, Command("resume"), (None, None))

    async def _append(
        self, action: Action, command: Command, seen: tuple[MarketState | None, Any]
    ) -> tuple[Entry, Decision]:
        """Decide on the newest state and log the decision; try again if another command came first.

        Args:
            action: the action.
            command: the command.
            seen: a state, and what was found ahead of it.
        """
        prepared = False
        for _ in range(MAX_ATTEMPTS):
            state = self._market.state
            found = seen[1] if state is seen[0] else await self._look(action, command.keys)
            if state is not self._market.state:
                continue
            with _source_errors():
                decision = action.decide(state, command.keys, replace(self._instant(), found=found), self._ahead)
            if decision.state.number != state.number and not prepared:
                prepared = True
                if await self._prepare(decision.state):
                    continue
            entry = Entry(self._newest + 1, command, decision.effect, decision.state)
            try:
                await self._ledger.append(entry)
            except ConflictError:
                continue
            return entry, decision
        raise CommandError(ErrorCode.NOT_POSSIBLE, "Too many commands at once", hint="try again")

    def _instant(self) -> Instant:
        market = self._market
        return Instant(self._clock.now(), market.here, market.shift, market.source.start)

    async def _look(self, action: Action, keys: Mapping[str, Any]) -> Any:
        """Search for what an action depends on: first in what has been made, then further ahead in another thread."""
        if action.look is None:
            return None
        state, instant = self._market.state, self._instant()
        limit = (state.at if not state.moving else instant.here) + action.reach(keys)
        with _source_errors():
            near = self._ahead.near(limit)
            found = exhausted(action.look(state, keys, instant, near))
            if found is None and near.limit < limit and self._market.catalog.shared.past is not None:
                chore = action.look(state, keys, instant, self._ahead.far(limit))
                found = await asyncio.wrap_future(self._market.chores.start(object(), chore))
        return found

    async def _wait_until_ready(self) -> None:
        """Wait until the first messages of the present epoch have been made, in another thread."""
        run = self._market.run
        preparing = self._market.catalog.shared.prepare(run.begins) if run.segment is None else None
        if preparing is not None:
            with _source_errors():
                await asyncio.shield(asyncio.wrap_future(preparing))

    async def _prepare(self, state: MarketState) -> bool:
        """Make the first messages of a new epoch; return whether that took time."""
        preparing = self._ahead.prepare(state.plan, state.begins)
        if preparing is None:
            return False
        with _source_errors():
            await asyncio.shield(asyncio.wrap_future(preparing))
        return True

    def _obey(self, entry: Entry) -> None:
        self._newest = entry.number
        self._market.obey(entry.state, entry.effect)
        self._player.notice()


@contextlib.contextmanager
def _source_errors() -> Iterator[None]:
    """Turn any error of a source into a refusal."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:  # Of whatever the source reads.
        raise CommandError(ErrorCode.NOT_POSSIBLE, f"The market's source failed: {error}") from error
