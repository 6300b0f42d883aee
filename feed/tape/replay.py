"""Replay of a recording as a source, with the same interface as an engine.

Trades become columns on disk again, a book is played from its changes, and recorded tickers and candles are
sent unchanged. Data that was not recorded is derived, as in any market.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books, QuoteBlock
from feed.data.columns import QUOTES
from feed.data.inference import held_quotes
from feed.data.messages import RecordedRows
from feed.data.ticks import NEVER, Batch, Instrument, Source, StatusChange, TickBlock
from feed.errors import failure
from feed.tape.book import RecordedBooks, read_changes
from feed.tape.cache import RunningLots
from feed.tape.columns import Pace, ReplayedRows, Texts, gather_rows
from feed.tape.layout import RecordingInfo
from feed.tape.quotes import QuotedBooks
from feed.tape.reader import open_recording
from feed.tape.slices import Slice, info_of_slice, rows_of_slice
from feed.tape.statuses import read_statuses
from feed.units import HOUR, parse_step

__all__ = ["BookMaker", "RecordingSource", "instruments_of", "read_recording"]

BookMaker = Callable[[str, Callable[[int, int], TickBlock], Callable[[int], TickBlock]], Books]
"""Function that makes a symbol's book from its name, its ticks of a range of time, and its first N ticks."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BATCH_ROWS = 4096
MAX_BATCH = HOUR
"""Maximum length of a batch, however few rows it has."""
MAX_LEVELS = 1000
"""Maximum number of levels of a book that was recorded whole."""
AS_THEY_WERE = ("ticker", "candles")


class RecordingSource(Source):
    """Source that replays a recording.

    Args:
        rows: all of its rows.
        info: its metadata.
        around: makes the book of a symbol whose book was not recorded; see `BookMaker`.

    Raises:
        RecordingError: names the file, and the row or the place of the first mistake.
    """

    def __init__(self, rows: ReplayedRows, info: RecordingInfo, around: BookMaker) -> None:
        self._around = around
        self.info = info
        if not rows.symbols or rows.last < rows.first:
            raise failure(rows.path, "", "there is nothing in it to play", "a replay needs trades, quotes, or a book")
        known = instruments_of(info)
        self._instruments = tuple(known[symbol] for symbol in known if symbol in rows.symbols)
        # What the recording says of its begin and end is said by the exchange's clock.
        told = (None, None) if rows.pace == "received" else (info.begins, info.ends)
        self._start = rows.first if told[0] is None else min(told[0], rows.first_event)
        self._end = rows.last + 1 if told[1] is None else max(told[1], rows.last + 1)
        self._edges = np.unique(np.array(rows.edges, np.int64)) + 1
        self._trades = [rows.ticks(instrument.symbol) for instrument in self._instruments]
        self._caches = [trades.cache for trades in self._trades]
        self._times = [cache.column("time") for cache in self._caches]
        self._traded = [RunningLots(cache.column("size")) for cache in self._caches]
        self._opening, self._changes = read_statuses(rows, [instrument.symbol for instrument in self._instruments])
        self._rows = {key: _as_they_were(texts) for key, texts in rows.texts.items() if key[0] in AS_THEY_WERE}
        self._quotes = [
            rows.quotes[instrument.symbol].books() if instrument.symbol in rows.quotes else None
            for instrument in self._instruments
        ]
        self._books = [self._book(index, rows) for index in range(len(self._instruments))]
        self._touches = [self._touch(index) for index in range(len(self._instruments))]
        self._numbering = {":".join(filter(None, key)): first - 1 for key, first in rows.first_seq.items()}
        self._notices = tuple(self._notices_of(rows))

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols that the recording has messages of."""
        return self._instruments

    @property
    def notices(self) -> tuple[str, ...]:
        """Data that is shown but not in the file, and data missing in it."""
        return self._notices

    @property
    def numbering(self) -> Mapping[str, int]:
        """The `seq` of the message before the first one in the recording, by stream."""
        return self._numbering

    @property
    def start(self) -> int:
        """Time of the first message, ns UTC, or the begin stated by the recording."""
        return self._start

    @property
    def end(self) -> int:
        """Time just after the last message, ns UTC, or the end stated by the recording."""
        return self._end

    def batches(self, at: int) -> Iterator[Batch]:
        """Yield batches from market time `at` on; messages of the same time stay in one batch."""
        begin = at
        while begin < self._end:
            later = int(np.searchsorted(self._edges, begin, side="right"))
            end = int(self._edges[later]) if later < len(self._edges) else self._end
            # Tickers and candles come every second, also where nothing is traded for days.
            end = min(end, begin // MAX_BATCH * MAX_BATCH + MAX_BATCH)
            ticks = tuple(self.between(index, begin, end) for index in range(len(self._instruments)))
            changes = tuple(change for change in self._changes if begin <= change.time < end)
            yield Batch(begin, end, ticks, changes)
            begin = end

    def between(self, index: int, start: int, end: int) -> TickBlock:
        """Return the ticks of one symbol from `start` up to, not including, `end` (ns UTC)."""
        first, last = np.searchsorted(self._times[index], [start, end], side="left")
        if first == last:
            return TickBlock.empty()
        block = TickBlock(**self._caches[index].rows(int(first), int(last)))
        rows, touch = self._touches[index]
        lo, hi = (int(row) for row in np.searchsorted(rows, [first, last]))
        for name in QUOTES:
            getattr(block, name)[rows[lo:hi] - first] = getattr(touch, name)[lo:hi]
        return block

    def rows_between(self, index: int, start: int, end: int) -> tuple[int, int]:
        """Return the rows of a symbol's ticks from `start` up to, not including, `end` (ns UTC): first and last."""
        first, last = np.searchsorted(self._times[index], [start, end], side="left")
        return int(first), max(int(first), int(last))

    def column(self, index: int, name: str, first: int, last: int) -> Ints:
        """Return a column of a symbol's ticks, rows `first` up to, not including, `last`."""
        if first == last:
            return np.zeros(0, np.int64)
        column = self._caches[index].part(name, first, last)
        rows, touch = self._touches[index]
        if name in QUOTES and len(rows):
            lo, hi = (int(row) for row in np.searchsorted(rows, [first, last]))
            column[rows[lo:hi] - first] = getattr(touch, name)[lo:hi]
        return column

    def ticks(self, index: int, start: int, end: int) -> Iterator[TickBlock]:
        """Yield the ticks of one symbol in a range of time, a batch at a time."""
        begin = start
        while begin < min(end, self._end):
            later = int(np.searchsorted(self._edges, begin, side="right"))
            until = int(self._edges[later]) if later < len(self._edges) else self._end
            yield self.between(index, begin, min(until, end))
            begin = until

    def first_trade(self, index: int) -> int:
        """Return the time of the first trade of a symbol."""
        return self.trade_from(index, self._start)

    def trade_from(self, index: int, at: int) -> int:
        """Return the time of the first trade of a symbol at market time `at` or later; `NEVER` where there is none."""
        times = self._times[index]
        row = int(np.searchsorted(times, at))
        return int(times[row]) if row < len(times) else NEVER

    def last_trade(self, index: int, at: int) -> int | None:
        """Return the time of the last trade of a symbol before market time `at`."""
        rows = int(np.searchsorted(self._times[index], at))
        return int(self._times[index][rows - 1]) if rows else None

    def lots(self, index: int, at: int) -> int:
        """Return the volume traded of a symbol before market time `at`, in lots."""
        return self._traded[index].before(int(np.searchsorted(self._times[index], at, side="left")))

    def ids(self, index: int, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last trade id of a symbol in a range of time; 0 and 0 where there is none."""
        first, last = (int(row) for row in np.searchsorted(self._times[index], [start, end], side="left"))
        ids = self._caches[index].column("trade_id")
        return (int(ids[first]), int(ids[last - 1])) if first < last else (0, 0)

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Return the statuses in force at market time `at`; online where nothing else was recorded."""
        found = {
            instrument.symbol: StatusChange(self._start, instrument.symbol, "online", "", "replay")
            for instrument in self._instruments
        }
        found |= {change.symbol: change for change in self._opening if change.symbol in found}
        found |= {change.symbol: change for change in self._changes if change.time <= at}
        return tuple(found[instrument.symbol] for instrument in self._instruments)

    def books(self, index: int) -> Books:
        """Return the recorded book of a symbol; a book around the trades where there is none."""
        return self._books[index]

    def quotes(self, index: int) -> QuotedBooks | None:
        """Return the recorded quotes of a symbol as a book of one level; None where there are none."""
        return self._quotes[index]

    def invented(self, index: int) -> NDArray[np.bool_]:
        """Return for each trade of a symbol whether no quote before it was recorded, so that its quote is made up."""
        invented = self._trades[index].invented.copy()
        invented[self._touches[index][0]] = False
        return invented

    def moved(self, index: int) -> tuple[Ints, Ints]:
        """Return the trades of a symbol that are played in another millisecond than their own, and their own times."""
        return self._trades[index].moved, self._trades[index].own

    def seqs(self, index: int) -> Ints:
        """Return the recorded `seq` of each trade of a symbol; none where not every trade has one."""
        return self._trades[index].seqs

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """Return a stream's messages, where they were recorded unchanged."""
        return self._rows.get((channel, symbol, part))

    def _book(self, index: int, rows: ReplayedRows) -> Books:
        instrument = self._instruments[index]
        parts = [key[2] for key in rows.texts if key[:2] == ("book", instrument.symbol)]
        if not parts:
            quoted = self._quotes[index]
            if quoted is not None:
                return quoted
            return self._around(instrument.symbol, partial(self._held, index), partial(self._first, index))
        deepest = max(parts, key=lambda part: int(part) if part else MAX_LEVELS)
        texts = rows.texts["book", instrument.symbol, deepest]
        try:
            changes = list(read_changes(texts, instrument))
        except ValueError as error:
            raise failure(rows.path, f"book of {instrument.symbol}", f"cannot be read: {error}") from None
        return RecordedBooks(changes, int(deepest) if deepest else MAX_LEVELS, int(deepest or 0))

    def _touch(self, index: int) -> tuple[Ints, QuoteBlock]:
        """Return the trades without a quote of their own that a recorded book has one for, and those quotes."""
        books = self._books[index]
        rows = np.flatnonzero(self._trades[index].invented)
        if not isinstance(books, RecordedBooks) or not len(rows) or not len(books):
            return np.zeros(0, np.int64), QuoteBlock.empty()
        touch = books.quotes(0, len(books))
        # A change of the same time as a trade was recorded before it.
        place = np.searchsorted(touch.time, self._times[index][rows], side="right") - 1
        known = (place >= 0) & (touch.bid_size[place] > 0) & (touch.ask_size[place] > 0)
        place = place[known]
        return rows[known], QuoteBlock(touch.time[place], *(getattr(touch, name)[place] for name in QUOTES))

    def _held(self, index: int, start: int, end: int) -> TickBlock:
        """Return ticks for a book around them: each quote is widened to hold its trade."""
        return _held(self.between(index, start, end))

    def _first(self, index: int, count: int) -> TickBlock:
        """Return the first ticks of a symbol, for a book around them."""
        cache = self._caches[index]
        return _held(TickBlock(**cache.rows(0, min(len(cache), count)))) if len(cache) else TickBlock.empty()

    def _notices_of(self, rows: ReplayedRows) -> Iterator[str]:
        if not self.info.complete:
            yield "the recording was cut off, and recovered as far as it was whole"
        if rows.missing:
            yield f"{rows.missing} messages are missing in the recording: the numbers go on without them"
        if rows.moved:
            yield f"{rows.moved} messages have times that contradict their order: they are played in their order"
        if rows.doubts.unsided:
            yield f"{rows.doubts.unsided} trades have no side: inferred by the tick rule"
        invented = sum(int(self.invented(index).sum()) for index in range(len(self._instruments)))
        if invented:
            yield f"{invented} trades have no quote: each sits at a touch one tick wide"
        if rows.doubts.widened:
            yield f"{rows.doubts.widened} trades lie outside their quote: the quote is widened to hold them"
        if rows.doubts.outside:
            yield f"{rows.doubts.outside} trades lie outside the quote that was recorded before them"
        kinds = [
            (instrument.symbol, type(book)) for instrument, book in zip(self._instruments, self._books, strict=True)
        ]
        without = ", ".join(symbol for symbol, kind in kinds if kind not in (RecordedBooks, QuotedBooks))
        if without:
            yield f"no book was recorded of {without}: one is made up around the trades"
        quoted = ", ".join(symbol for symbol, kind in kinds if kind is QuotedBooks)
        if quoted:
            yield f"of {quoted} there are only quotes: they are shown as a book of one level"
        yield from self.info.notes


def read_recording(
    path: Path, around: BookMaker, chosen: Slice | None = None, pace: Pace = "exchange"
) -> RecordingSource:
    """Open a finished recording, or a slice of it, as a source. What is opened is read and checked once.

    Args:
        path: the file.
        around: makes the book of a symbol whose book was not recorded; see `BookMaker`.
        chosen: the part to open; else all of it.
        pace: the clock by which it is played: the exchange's, or the recorder's.

    Raises:
        RecordingError: names the file, and the row or the place of the first mistake.
        UsageError: there is nothing in the slice.
    """
    with open_recording(path) as reader:
        part = None if chosen is None or chosen.is_whole else chosen
        info = reader.info if part is None else info_of_slice(reader, part)
        batches = reader.batches() if part is None else rows_of_slice(reader, part)
        return RecordingSource(gather_rows(path, instruments_of(info), batches, pace), info, around)


def instruments_of(info: RecordingInfo) -> dict[str, Instrument]:
    """Return the symbols in a recording's metadata, with their steps."""
    return {
        symbol: Instrument(symbol, parse_step(tick), parse_step(lot))
        for symbol, (tick, lot) in info.instruments.items()
    }


def _as_they_were(texts: Texts) -> RecordedRows:
    """Return the rows without the snapshots at the start of a subscription, which are no messages of the stream."""
    first = texts.opening
    opening = texts.data[first - 1].encode() if first else None
    kept = [data.encode() for data in texts.data[first:]]
    return RecordedRows(np.array(texts.times[first:], np.int64), kept, opening)


def _held(block: TickBlock) -> TickBlock:
    bid, ask = held_quotes(block.price, block.side, block.bid, block.ask)
    return replace(block, bid=bid, ask=ask)
