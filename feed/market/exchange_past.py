"""Past trades and candles of a market as exchanges number and cut them, for REST requests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from feed.data.rows import CandleRow, Rows
from feed.data.spans import CandleSpan
from feed.data.ticks import TickBlock
from feed.market.channels.candles import SecondCandleTrack, bought_from
from feed.market.channels.exchange import ExchangeGround
from feed.market.channels.tickers import WindowChannel
from feed.market.chores import Chore
from feed.units import DAY, HOUR, MINUTE, SECOND

__all__ = ["ExchangePast", "NumberedTrades"]

MAX_REACH = 7 * DAY
"""The longest time (ns) that an answer covers; of candles of a day and longer, `LONG_REACH`."""

LONG_REACH = 40 * DAY

STEPS = (5 * MINUTE, HOUR, 6 * HOUR, DAY)
"""The growing lengths (ns) of the stretches that are searched for trades."""


@dataclass(frozen=True, slots=True)
class NumberedTrades:
    """Trades in order, of which the first has the `seq` given; times are those that clients see."""

    block: TickBlock
    first: int


class ExchangePast:
    """Past of one market, as chores for another thread than the market's.

    Args:
        ground: the data of the market, for that thread. Times of arguments are market times, ns, inclusive.
    """

    def __init__(self, ground: ExchangeGround) -> None:
        self._ground = ground

    def trades(
        self, symbol: int, start: int | None, until: int, limit: int, *, forward: bool = False
    ) -> Chore[NumberedTrades]:
        """Return the last `limit` trades from `start` to `until`, or the first ones if `forward`."""
        if forward and start is not None:
            return (yield from self._first_trades(symbol, start, until, limit))
        earliest = max(until - MAX_REACH, 0 if start is None else start)
        found = yield from self._last_trades(symbol, earliest, until, limit)
        number = yield from self._number(symbol, until)
        return self._numbered(found, number - len(found) + 1)

    def trades_from(self, symbol: int, number: int, now: int, limit: int) -> Chore[NumberedTrades]:
        """Return `limit` trades from a number on, as far as they have happened `now`."""
        newest = yield from self._number(symbol, now)
        wanted = max(newest - number + 1, 0)
        found = yield from self._last_trades(symbol, now - MAX_REACH, now, wanted)
        return self._numbered(found[:limit], newest - len(found) + 1)

    def candles(
        self,
        symbol: int,
        span: CandleSpan,
        name: str,
        start: int | None,
        until: int,
        limit: int,
        now: int,
        *,
        bought: bool,
    ) -> Chore[list[CandleRow]]:
        """Return the last `limit` candles with trades that begin from `start` to `until`, as of `now`.

        With a `start` they are the first ones instead, if `limit` is smaller than their number.
        """
        ground, reach = self._ground, LONG_REACH if span.length >= DAY else MAX_REACH
        last = span.begin(min(until, now))
        earliest = max(span.begin(now - reach), span.begin(ground.source.first_trade(symbol)))
        first = span.earlier(last, min(limit - 1, reach // span.length))
        if start is not None:
            begins = span.begin(start)
            first = begins if begins == start else span.end(begins)
            last = min(last, span.earlier(first, 1 - limit) if not span.is_month else last)
        first = max(first, earliest)
        if first > last:
            return []
        ends, begin = [], first
        while begin <= last:
            begin = span.end(begin)
            ends.append(min(begin - 1, now))
        for memory, begin in (
            (ground.memories[symbol], first),
            *([(ground.bought[symbol], max(first, bought_from(ground)))] if bought else []),
        ):
            if span.length < MINUTE:
                yield from memory.making_seconds(min(begin, ends[-1] + 1), ends[-1] + 1)
            else:
                yield from memory.making(begin // MINUTE * MINUTE, (ends[-1] + 1) // MINUTE * MINUTE)
        times = np.array(ends, np.int64)
        track = SecondCandleTrack(
            ground, symbol, name, TickBlock.empty(), times, ends[-1] + 1, bought_too=bought, span=span
        )
        rows = []
        for lo in range(0, len(ends), 200):
            rows += [row for row in track.rows(lo, min(lo + 200, len(ends))).candles if row.trades]
            yield
        number = yield from self._number(symbol, ends[-1])
        numbered = []
        for row in reversed(rows):
            numbered.append(replace(row, last_trade=number))
            number -= row.trades
        return numbered[::-1]

    def ticker(self, symbol: int, window: str, at: int) -> Chore[Rows | None]:
        """Return the statistics of a window as of `at`; None before the first trade."""
        channel = WindowChannel(self._ground)
        yield from channel.making(symbol, window, at, 1)
        track = channel.snapshot(symbol, window, at, 1)
        return None if track is None else track.rows(0, 1)

    def _first_trades(self, symbol: int, start: int, until: int, limit: int) -> Chore[NumberedTrades]:
        begin = max(start, until - LONG_REACH)
        blocks: list[TickBlock] = []
        at, found = begin, 0
        while at <= until and found < limit:
            end = min(at + HOUR, until + 1)
            for block in self._ground.source.ticks(symbol, at, end):
                blocks.append(block)
                found += len(block)
                yield
            at = end
        number = yield from self._number(symbol, begin - 1)
        return self._numbered(TickBlock.joined(blocks)[:limit], number + 1)

    def _last_trades(self, symbol: int, earliest: int, until: int, limit: int) -> Chore[TickBlock]:
        blocks: list[TickBlock] = []
        found, end = 0, until + 1
        for step in itertools.chain(STEPS, itertools.repeat(STEPS[-1])):
            if found >= limit or end <= earliest:
                break
            begin = max(earliest, end - step)
            part: list[TickBlock] = []
            for block in self._ground.source.ticks(symbol, begin, end):
                part.append(block)
                yield
            blocks[:0] = part
            found += sum(map(len, part))
            end = begin
        return TickBlock.joined(blocks)[-limit:] if limit else TickBlock.empty()

    def _number(self, symbol: int, time: int) -> Chore[int]:
        """Return the `seq` of the last trade at or before a time; those before the epoch are counted down."""
        numbers, begins = self._ground.numbers, self._ground.numbers.begins
        if time >= begins - 1:
            return numbers.trades(symbol, time)
        memory, whole = self._ground.memories[symbol], -(-(time + 1) // MINUTE) * MINUTE
        yield from memory.making(whole, begins // MINUTE * MINUTE)
        later = sum(map(len, memory.ticks(time + 1, min(whole, begins))))
        if whole < begins:
            later += int(memory.until(whole // SECOND * SECOND, begins).trades.sum())
        return numbers.trades(symbol, begins - 1) - later

    def _numbered(self, block: TickBlock, first: int) -> NumberedTrades:
        return NumberedTrades(replace(block, time=block.time + self._ground.shift), first)
