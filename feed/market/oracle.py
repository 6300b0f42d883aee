"""Oracle: what a correct client shows after any message of the present epoch, whether the client ever got it or not.

Everything comes from the source alone, so faults, slow readers and conflation change nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from feed.data.rows import BookRows, CandleRows, Rows, StatusRows, TickerRows, TradeRows
from feed.data.ticks import TickBlock
from feed.market.ahead import Search
from feed.market.catalog import Catalog
from feed.market.channels.base import Channel
from feed.market.channels.derived import INTERVALS
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.market import Market
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Stream

__all__ = ["Question", "Truth", "consult", "question_of"]


@dataclass(frozen=True, slots=True)
class Question:
    """Question to the oracle: the state after message `seq` of a stream, or now.

    Attributes:
        stream: the stream.
        seq: the number of the message; now, the last one.
        depth: the depth of the book in the answer.
        is_now: whether it is about now: the last message may have come a while ago.
    """

    stream: Stream
    seq: int
    depth: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """State after a message.

    Attributes:
        question: the question.
        epoch: the name of the epoch.
        time: the time of the message, as clients see it, ns.
        trade: the last trade; None before the first.
        book: the whole book.
        candles: the open candle of each interval; none before the first trade.
        ticker: the figures of 24 hours; None before the first trade.
        status: the status of the symbol.
    """

    question: Question
    epoch: str
    time: int
    trade: TradeRows | None
    book: BookRows
    candles: Mapping[str, CandleRows]
    ticker: TickerRows | None
    status: StatusRows | None


def question_of(
    market: Market,
    channel: str,
    symbol: str | None,
    *,
    seq: int | None = None,
    interval: str | None = None,
    depth: str | None = None,
) -> Question:
    """Return a question; without `seq` it is about now.

    Raises:
        CommandError: there is no such stream, or the message has not been published yet.
    """
    market.catch_up()
    search = Search(market, market.published, apart=False)
    if symbol is None and len(market.symbols) > 1:
        hint = f"one of {', '.join(market.symbols)}"
        raise CommandError(ErrorCode.INVALID_REQUEST, "Which symbol?", field="symbol", hint=hint)
    part = interval if channel == "candles" else depth if channel == "book" else None
    stream = search.stream(channel, symbol or market.symbols[0], part)
    depths = market.parts("book")
    shown = depth or (stream.part if channel == "book" else depths[0])
    if shown not in depths:
        hint = f"one of {', '.join(depths)}"
        raise CommandError(ErrorCode.INVALID_REQUEST, f"There is no depth {shown[:20]}", field="depth", hint=hint)
    last = market.seq(stream)
    if seq is not None and not 0 <= seq <= last:
        message = f"Message {seq} of {stream.key} has not been published: the last one is {last}"
        raise CommandError(ErrorCode.NOT_REACHED, message, field="seq", hint="leave it out for the state of now")
    return Question(stream, last if seq is None else seq, shown, seq is None)


def consult(market: Market, question: Question) -> Chore[Truth]:
    """Return the answer, some milliseconds of work at a time, for the thread of slow work."""
    # All that the market may change meanwhile is taken now.
    search = Search(market, market.published, apart=True, whole=True)
    return _Answering(market, question, search).answer(market.published)


class _Answering:
    """Making of one answer."""

    def __init__(self, market: Market, question: Question, search: Search) -> None:
        self._catalog: Catalog = market.catalog
        self._begins = market.state.begins
        self._question = question
        self._epoch = market.epoch
        self._search = search
        self._shift = market.shift
        self._index = search.index(question.stream.symbol)

    def answer(self, now: int) -> Chore[Truth]:
        """Return the state at the message that was asked for; `now` is the market time up to which all is published."""
        question = self._question
        at, nth = (now, None) if question.is_now else (yield from self._place())
        trade = yield from self._trade(at, nth if question.stream.channel == "trading" else None)
        candles = {}
        for interval in INTERVALS:
            rows = yield from self._state("candles", interval, at)
            if isinstance(rows, CandleRows):
                candles[interval] = rows
        ticker = yield from self._state("ticker", "", at)
        status = yield from self._state("status", "", at)
        return Truth(
            question,
            self._epoch,
            at + self._shift,
            trade,
            self._book(at, nth if question.stream.channel == "book" else None),
            candles,
            ticker if isinstance(ticker, TickerRows) else None,
            status if isinstance(status, StatusRows) else None,
        )

    def _place(self) -> Chore[tuple[int, int | None]]:
        """Return the market time of the message, and its place among those of its stream at that instant."""
        stream, seq = self._question.stream, self._question.seq
        if seq <= self._catalog.first_seq(stream, self._begins):
            # Nothing of this epoch has come yet.
            return self._begins - 1, None
        found = yield from self._search.place(stream, seq)
        assert found is not None, "a published message has its place"
        return found

    def _channel(self, name: str, part: str) -> Channel:
        return self._search.channel(Stream(name, self._question.stream.symbol, part))

    def _state(self, name: str, part: str, at: int) -> Chore[Rows | None]:
        channel = self._channel(name, part)
        yield from channel.making(self._index, part, at, 1)
        track = channel.snapshot(self._index, part, at, 1)
        return None if track is None or not len(track.times) else track.rows(0, len(track.times))

    def _trade(self, at: int, nth: int | None) -> Chore[TradeRows | None]:
        """Return the last trade at `at`, or the `nth` one of that instant."""
        block: TickBlock | None = yield from self._search.last_trades(self._index, at)
        if block is None:
            return None
        row = len(block) - 1 if nth is None else int(block.time.searchsorted(at)) + nth - 1
        ticks = block[row : row + 1]
        instrument = self._catalog.instruments[self._index]
        return TradeRows(instrument, replace(ticks, time=ticks.time + self._shift))

    def _book(self, at: int, nth: int | None) -> BookRows:
        """Return the book at `at`, or after the `nth` change of that instant."""
        levels = int(self._question.depth)
        books = self._search.source.books(self._index)
        if nth is None:
            [ladder] = books.during(at + 1, at + 1).ladders(-1, 0, levels)
        else:
            [ladder] = books.during(at, at + 1).ladders(nth - 1, nth, levels)
        return BookRows(self._catalog.instruments[self._index], levels, [at + self._shift], [ladder], whole=True)
