"""Rerun of a market's log: the commands take effect again where they did, and so every byte is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from feed.clock import Clock
from feed.errors import UsageError
from feed.log import get_logger
from feed.market.commands import Command, Entry
from feed.market.control import MarketControl
from feed.market.market import SLICE_MESSAGES, Market
from feed.market.player import Player
from feed.market.state import state_from
from feed.units import SECOND

__all__ = ["Rerun", "entries_from", "play_log"]

log = get_logger("feed")


def entries_from(documents: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Return the entries of a log as it was written down.

    Raises:
        UsageError: names the entry that is none, or where entries are missing.
    """
    entries: list[Entry] = []
    for place, document in enumerate(documents, 1):
        try:
            keys = dict(document["command"])
            command = Command(str(keys.pop("action")), keys, str(document["by"]))
            entry = Entry(int(document["n"]), command, int(document["effect"]), state_from(document["state"]))
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise UsageError(f"entry {place} of the log cannot be read: {error!r}") from None
        if entry.number != place:
            raise UsageError(f"the log has entry {entry.number} where entry {place} is due: its beginning is not kept")
        entries.append(entry)
    return entries


def play_log(market: Market, entries: Sequence[Entry], until: int) -> None:
    """Play a market that nobody listens to through a log, up to market time `until`, as fast as it goes."""
    for entry in entries:
        _publish(market, entry.effect)
        market.obey(entry.state, entry.effect)
        if not entry.state.moving:
            _publish(market, entry.state.at)
    _publish(market, until)


def _publish(market: Market, until: int) -> None:
    while (due := market.next_time()) is not None and due <= until:
        market.publish_due(until, SLICE_MESSAGES)


class Rerun:
    """Rerun of a log on a market that is served, at the speeds that it had; where it stood it goes on at once.

    As after a command, everything before an entry has been written to every connection when it takes effect.

    It ends with the last entry, or as soon as somebody else gives the market a command.

    Args:
        market: the market, which has just been opened as the first one was.
        player: its player.
        control: its control.
        entries: the log.
        clock: real time.
    """

    def __init__(
        self, market: Market, player: Player, control: MarketControl, entries: Sequence[Entry], clock: Clock
    ) -> None:
        self._market = market
        self._player = player
        self._control = control
        self._entries = entries
        self._clock = clock
        self._running: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, because the first subscribers are there."""
        # Kept, so that it is not collected before it has run.
        self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        for done, entry in enumerate(self._entries):
            await self._reach(entry.effect)
            if self._control.newest != done:
                log.info("the rerun ends: a command has come", market=self._market.identity.name, entry=entry.number)
                return
            state = replace(entry.state, since=self._clock.now())
            await self._control.repeat(replace(entry, state=state))
            if not state.moving:
                await self._player.reach(state.at)
        log.info("the log is at its end", market=self._market.identity.name, entries=len(self._entries))

    async def _reach(self, effect: int) -> None:
        """Let a moving market come to the market time of the next entry, and no further."""
        market = self._market
        state = market.state
        if not state.moving:
            return
        stop = effect if state.stop is None else min(effect, state.stop)
        market.obey(replace(state, stop=stop))
        self._player.notice()
        if not state.is_max:
            await asyncio.sleep(max(0, state.when(stop) - self._clock.now()) / SECOND)
        await self._player.reach(stop)
