"""Conversion of a recording's rows for replay: checked columns of ticks and quotes, and other messages as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.ticks import Instrument
from feed.errors import RecordingError, failure
from feed.tape.layout import PAST, words_of
from feed.tape.quotes import RecordedQuotes
from feed.tape.schedule import CHANNELS, Schedule, rank_of
from feed.tape.trades import Doubts, PlayedTrades, RecordedTrades
from feed.units import MILLISECOND

__all__ = ["Key", "Pace", "ReplayedRows", "Texts", "gather_rows"]

Ints = NDArray[np.int64]
Key = tuple[str, str, str]
"""Channel, symbol, and interval or depth."""

Pace = Literal["exchange", "received"]
"""Clock by which a recording is played: that of the exchange, or that of the recorder."""

CLOCKS = {"exchange": "time", "received": "received"}

BATCH_ROWS = 4096
"""Approximate number of rows between two edges."""
LOSSLESS = ("trading", "status")
"""Channels without conflation. On others the newest message may replace several: a skipped number there is no loss."""


class Texts:
    """Messages of one stream in order: their times, their types, and their `data` objects.

    `opening` of the first ones are the state before the recording, and no messages of the stream.
    """

    def __init__(self) -> None:
        self.opening = 0
        self.times: list[int] = []
        self.kinds: list[str] = []
        self.data: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        return zip(self.times, self.kinds, self.data, strict=True)


class ReplayedRows:
    """Collector of a recording's batches, added in order, then finished.

    Args:
        path: for error messages.
        instruments: the steps of its symbols.
        pace: the clock by which it is played.
    """

    def __init__(self, path: Path, instruments: dict[str, Instrument], pace: Pace = "exchange") -> None:
        self.path = path
        self.count = 0
        self.edges: list[int] = []
        self.first, self.first_event, self.last = 2**62, 2**62, -(2**62)
        self.texts: dict[Key, Texts] = defaultdict(Texts)
        self.first_seq: dict[Key, int] = {}
        self.missing = self.moved = 0
        self.doubts = Doubts()
        self.symbols: dict[str, None] = {}
        self.quotes: dict[str, RecordedQuotes] = {}
        self._instruments = instruments
        self.pace = pace
        self._schedule = Schedule()
        self._held: pa.RecordBatch | None = None
        self._seq: dict[Key, int] = {}
        self._begun: set[Key] = set()
        self._ticks: dict[str, RecordedTrades] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next rows."""
        if self._held is not None:
            batch, self._held = _joined(self._held, batch), None
        words, channel = words_of(batch.column("channel"))
        timed = np.flatnonzero(_named(words, channel, CHANNELS) & batch.column("time").is_valid().to_numpy(False))
        time = batch.column("time").take(pa.array(timed)).to_numpy().astype(np.int64)
        count = self._schedule.ready(time, _named(words, channel, ("trading",))[timed])
        if count < len(timed):
            cut = int(timed[count])
            self._held, batch = batch.slice(cut), batch.slice(0, cut)
        if len(batch):
            self._play(batch)

    def finish(self) -> None:
        """Play the last rows."""
        held, self._held = self._held, None
        if held is not None:
            self._play(held)
        for name, quotes in self.quotes.items():
            quotes.seal()
            self.symbols.setdefault(name)

    def ticks(self, symbol: str) -> PlayedTrades:
        """Return the ticks of a symbol, after all rows were added."""
        ticks = self._ticks.get(symbol)
        return PlayedTrades.none() if ticks is None else ticks.finish()

    def discard(self) -> None:
        """Free the disk space after rows could not be added."""
        for cache in (*(each.cache for each in self._ticks.values()), *(each.cache for each in self.quotes.values())):
            cache.discard()

    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> RecordingError:
        """Return the error for a row of the batch that is being added."""
        return failure(self.path, f"row {self.count + int(row) + 1}, {column}", message, hint)

    def _play(self, batch: pa.RecordBatch) -> None:
        kept = self._kept(batch)
        rank = np.full(len(batch), -1, np.int64)
        for key, rows in kept.items():
            events = rows[self._opening(key, batch, rows) :]
            rank[events] = rank_of(*key, self._instruments)
        events = np.flatnonzero(rank >= 0)
        due = batch.column("time").fill_null(-(2**62)).to_numpy().astype(np.int64)
        trades = np.zeros(len(batch), bool)
        for (channel, _, _), rows in kept.items():
            trades[rows] = channel == "trading"
        self._note_opening(batch, kept, events, due)
        clock = due if self.pace == "exchange" else self._received(batch, events)
        own, due[events] = due[events], self._schedule.due(clock[events], rank[events], trades[events])
        if self.pace == "exchange":
            self.moved += int((own // MILLISECOND != due[events] // MILLISECOND).sum())
        self._note_times(due[events])
        for quotes in self.quotes.values():
            quotes.begin()
        # Quotes first: the trades of the batch look back at them.
        for key in sorted(kept, key=lambda key: key[0] != "quote"):
            if len(kept[key]):
                self._add(key, batch, kept[key], due)
        self.count += len(batch)

    def _kept(self, batch: pa.RecordBatch) -> dict[Key, Ints]:
        """Return the rows of each stream that is played, without repeated ones."""
        channels, channel = words_of(batch.column("channel"))
        symbols, symbol = words_of(batch.column("symbol"))
        parts, part = words_of(batch.column("interval"))
        kinds, kind = words_of(batch.column("type"))
        played = _named(channels, channel, CHANNELS) & ~_named(kinds, kind, (PAST,))
        code = (channel * max(len(symbols), 1) + symbol) * max(len(parts), 1) + part
        kept = {}
        for each in np.flatnonzero(np.bincount(code[played])).tolist():
            rest, place = divmod(each, max(len(parts), 1))
            key = (channels[rest // max(len(symbols), 1)], symbols[rest % max(len(symbols), 1)], parts[place])
            if key[0] != "quote" or key[1] in self._instruments:
                kept[key] = self._fresh(key, batch, np.flatnonzero((code == each) & played))
        return kept

    def _fresh(self, key: Key, batch: pa.RecordBatch, rows: Ints) -> Ints:
        """Return the rows without repeated ones: a snapshot of the past, or a message that came twice."""
        # Only these rows count: events have no number, and stand between rows that have one.
        column = batch.column("seq").take(pa.array(rows))
        if column.null_count:
            return rows
        seq: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64)
        before = np.concatenate([[self._seq.get(key, -1)], np.maximum.accumulate(seq)[:-1]])
        whole = _is(batch, "type", "snapshot")[rows]
        # A snapshot of a book has the number of the last change before it.
        fresh = (seq > before) | (whole & (key[0] in ("book", "status")))
        rows, seq, before, whole = rows[fresh], seq[fresh], before[fresh], whole[fresh]
        if not len(rows):
            return rows
        if key not in self.first_seq:
            # An initial snapshot has the number of the last message before it; past trades have their own numbers.
            self.first_seq[key] = int(seq[0]) + int(whole[0] and key[0] != "trading")
            before[0] = seq[0] - 1
        if key[0] in LOSSLESS:
            self.missing += int(np.maximum(seq - before - 1, 0)[~whole].sum())
        self._seq[key] = int(seq.max())
        return rows

    def _opening(self, key: Key, batch: pa.RecordBatch, rows: Ints) -> int:
        """Return how many of the first rows of a stream are the state before it: its initial snapshots."""
        if not len(rows) or key in self._begun or key[0] in ("trading", "quote"):
            return 0
        snapshots = _is(batch, "type", "snapshot")[rows]
        count = len(rows) if snapshots.all() else int(np.argmin(snapshots))
        if key[0] == "book":
            # Each further snapshot of a book is a change of it.
            count = min(count, 1)
        if count < len(rows) or key[0] == "book":
            self._begun.add(key)
        if not (key[0] == "status" and not key[1]):
            self.texts[key].opening += count
        return count

    def _note_opening(self, batch: pa.RecordBatch, kept: dict[Key, Ints], events: Ints, own: Ints) -> None:
        """Note the begin of the recording: just after the initial states of its streams, if any come first."""
        rows = np.sort(np.concatenate([np.zeros(0, np.int64), *kept.values()]))
        opening = rows if not len(events) else rows[rows < events[0]]
        if self.count or not len(opening) or self.pace != "exchange":
            return
        known = own[opening][own[opening] > -(2**62)]
        self.first = int(known.max()) + 1 if len(known) else self.first

    def _note_times(self, due: Ints) -> None:
        if len(due):
            self.first, self.last = min(self.first, int(due[0])), max(self.last, int(due[-1]))
            self.first_event = min(self.first_event, int(due[0]))
            self.edges += due[BATCH_ROWS - 1 :: BATCH_ROWS].tolist()

    def _received(self, batch: pa.RecordBatch, events: Ints) -> Ints:
        column = batch.column("received")
        absent = column.is_null().to_numpy(zero_copy_only=False)[events]
        if absent.any():
            hint = "--pace exchange goes by the times of the exchange"
            raise self.mistake(events[int(np.argmax(absent))], "received", "it is empty: nobody noted it", hint)
        clock: Ints = column.fill_null(0).to_numpy().astype(np.int64)
        return clock

    def _add(self, key: Key, batch: pa.RecordBatch, rows: Ints, due: Ints) -> None:
        channel, symbol, _ = key
        if not symbol and channel == "status":
            # The status of a whole venue.
            self._note_texts(key, batch, rows, due)
            return
        if symbol not in self._instruments:
            raise self.mistake(rows[0], "symbol", f"the steps of {symbol} are not told in the recording")
        instrument = self._instruments[symbol]
        if channel == "quote":
            if symbol not in self.quotes:
                self.quotes[symbol] = RecordedQuotes(self, instrument)
            self.quotes[symbol].add(_taken(batch, rows), rows, due[rows])
            return
        self.symbols[symbol] = None
        if channel != "trading":
            self._note_texts(key, batch, rows, due)
            return
        if symbol not in self._ticks:
            self._ticks[symbol] = RecordedTrades(self, instrument)
        quotes = self.quotes.get(symbol)
        before = None if quotes is None else quotes.before(rows)
        self._ticks[symbol].add(_taken(batch, rows), rows, due[rows], before)

    def _note_texts(self, key: Key, batch: pa.RecordBatch, rows: Ints, due: Ints) -> None:
        chosen = _taken(batch, rows)
        texts = self.texts[key]
        for name in ("time", "data"):
            column = chosen.column(name)
            if column.null_count:
                row = rows[int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))]
                raise self.mistake(row, name, "it is empty")
        texts.times += due[rows].tolist()
        texts.kinds += chosen.column("type").to_pylist()
        texts.data += chosen.column("data").to_pylist()


def gather_rows(
    path: Path, instruments: dict[str, Instrument], batches: Iterable[pa.RecordBatch], pace: Pace = "exchange"
) -> ReplayedRows:
    """Collect all rows of a recording; see `ReplayedRows`. Raises RecordingError for the first mistake."""
    rows = ReplayedRows(path, instruments, pace)
    try:
        for batch in batches:
            rows.add(batch)
        rows.finish()
    except OSError as error:
        rows.discard()
        raise failure(path, "", f"its columns cannot be kept in the temporary folder: {error.strerror}") from None
    except RecordingError:
        rows.discard()
        raise
    return rows


def _joined(one: pa.RecordBatch, other: pa.RecordBatch) -> pa.RecordBatch:
    table = pa.Table.from_batches([one, other]).unify_dictionaries()
    return table.combine_chunks().to_batches()[0]


def _taken(batch: pa.RecordBatch, rows: Ints) -> pa.RecordBatch:
    return batch if len(rows) == len(batch) else batch.take(pa.array(rows))


def _named(words: list[str], code: Ints, names: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.isin(code, [place for place, name in enumerate(words) if name in names])


def _is(batch: pa.RecordBatch, name: str, word: str) -> NDArray[np.bool_]:
    return _named(*words_of(batch.column(name)), (word,))
