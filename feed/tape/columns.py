"""Conversion of a recording's rows for replay: checked columns of ticks, and the text of other messages by stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.book import QuoteBlock
from feed.data.inference import synthetic_quotes, tick_rule
from feed.data.ticks import BUY, SELL, Instrument, TickBlock
from feed.data.volume import DayVolume
from feed.errors import RecordingError, failure
from feed.tape.cache import TickCache
from feed.tape.layout import words_of
from feed.tape.quoted_book import QuotedBooks
from feed.tape.steps import EXACT, StepReader
from feed.tape.tied import CHANNELS, Ties, rank_of
from feed.units import DAY

__all__ = ["Key", "ReplayedRows", "Texts", "gather_rows"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Key = tuple[str, str, str]
"""Channel, symbol, and interval or depth."""

BATCH_ROWS = 4096
"""Approximate number of rows between two edges."""
MOST_VOLUME = 2**62
VOLUME_ERROR = 2.0**-50
LOSSLESS = ("trading", "status")
"""Channels without conflation. On others the newest message may replace several: a skipped number there is no loss."""


class Texts:
    """Messages of one stream in order: their times, whether each is a snapshot, and their `data` objects."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.snapshots: list[bool] = []
        self.data: list[str] = []

    def __iter__(self) -> Iterator[tuple[int, bool, str]]:
        return zip(self.times, self.snapshots, self.data, strict=True)


class ReplayedRows:
    """Collector of a recording's batches, added in order.

    Args:
        path: for error messages.
        instruments: the steps of its symbols.
    """

    def __init__(self, path: Path, instruments: dict[str, Instrument]) -> None:
        self.path = path
        self.count = 0
        self.edges: list[int] = []
        self.first, self.last = 2**62, -(2**62)
        self.texts: dict[Key, Texts] = defaultdict(Texts)
        self.first_seq: dict[Key, int] = {}
        self.missing = self.unsided = self.unquoted = self.outside = 0
        self.symbols: dict[str, None] = {}
        self._instruments = instruments
        self._ties = Ties()
        self._quotes: dict[str, list[QuoteBlock]] = {}
        self._seq: dict[Key, int] = {}
        self._ticks: dict[str, _Ticks] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the next rows."""
        channels, channel = words_of(batch.column("channel"))
        symbols, symbol = words_of(batch.column("symbol"))
        parts, part = words_of(batch.column("interval"))
        played = np.isin(channel, [code for code, name in enumerate(channels) if name in CHANNELS])
        code = (channel * max(len(symbols), 1) + symbol) * max(len(parts), 1) + part
        keys = {}
        for each in np.unique(code[played]).tolist():
            rest, place = divmod(each, max(len(parts), 1))
            key = (channels[rest // max(len(symbols), 1)], symbols[rest % max(len(symbols), 1)], parts[place])
            keys[each] = key
        batch = self._in_order(batch, keys, code, np.flatnonzero(played))
        for each, key in keys.items():
            rows = np.flatnonzero(code == each)
            self._add(key, batch, self._fresh(key, batch, rows))
        quotes = np.isin(channel, [code for code, name in enumerate(channels) if name == "quote"])
        self._note_quotes(batch, symbols, symbol, quotes)
        self._note_times(batch, np.flatnonzero(played))
        self.count += len(batch)

    def _in_order(self, batch: pa.RecordBatch, keys: dict[int, Key], code: Ints, rows: Ints) -> pa.RecordBatch:
        """Return the batch with times adjusted so that rows of different streams keep their order in the file."""
        column = batch.column("time")
        rows = rows[~_is(batch, "type", "snapshot")[rows] & column.is_valid().to_numpy(zero_copy_only=False)[rows]]
        if not len(rows):
            return batch
        ranks = np.array([rank_of(*key, self._instruments) for key in keys.values()], np.int64)
        time = column.take(pa.array(rows)).to_numpy().astype(np.int64)
        apart = self._ties.apart(time, ranks[np.searchsorted(np.array(list(keys), np.int64), code[rows])])
        if apart is time:
            return batch
        moved = column.fill_null(0).to_numpy().astype(np.int64)
        moved[rows] = apart
        replaced = pa.array(moved, column.type, mask=column.is_null().to_numpy(zero_copy_only=False))
        return batch.set_column(batch.schema.get_field_index("time"), "time", replaced)

    def _note_quotes(self, batch: pa.RecordBatch, names: list[str], symbol: Ints, quotes: NDArray[np.bool_]) -> None:
        """Store quotes, which serve as the book of a symbol without a recorded book."""
        for place in np.unique(symbol[quotes]).tolist():
            name = names[place]
            if name in self.symbols or name not in self._instruments:
                continue
            rows = np.flatnonzero(quotes & (symbol == place))
            part, steps = batch.take(pa.array(rows)), StepReader(self, self._instruments[name])
            columns = (steps.steps(part, each, rows, missing=0) for each in ("bid", "bid_size", "ask", "ask_size"))
            self._quotes.setdefault(name, []).append(QuoteBlock(_ints(part, "time"), *columns))

    def quoted(self) -> dict[str, QuotedBooks]:
        """Return the books of the symbols that have only quotes. Call it once, after all rows were added."""
        found = {name: QuotedBooks(blocks) for name, blocks in self._quotes.items() if name not in self.symbols}
        for name in found:
            self.symbols[name] = None
            for block in self._quotes[name]:
                self.first, self.last = min(self.first, int(block.time.min())), max(self.last, int(block.time.max()))
                self.edges += block.time[BATCH_ROWS - 1 :: BATCH_ROWS].tolist()
        return found

    def _note_times(self, batch: pa.RecordBatch, rows: Ints) -> None:
        """Update begin and end of the recording: just after the initial states of its streams, if any come first."""
        snapshots = _is(batch, "type", "snapshot")[rows]
        happened = rows[~snapshots]
        if not self.count and len(rows) and snapshots[0]:
            opening = batch.column("time").take(pa.array(rows[: int(np.argmin(snapshots))])).drop_null().to_numpy()
            self.first = int(opening.max()) + 1 if len(opening) else self.first
        time = batch.column("time").take(pa.array(happened)).drop_null().to_numpy()
        if len(time):
            self.first, self.last = min(self.first, int(time.min())), max(self.last, int(time.max()))
            self.edges += time[BATCH_ROWS - 1 :: BATCH_ROWS].tolist()

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

    def _add(self, key: Key, batch: pa.RecordBatch, rows: Ints) -> None:
        if not len(rows):
            return
        channel, symbol, _ = key
        if not symbol and channel == "status":
            # The status of a whole venue.
            self._note_texts(key, batch, rows)
            return
        self.symbols[symbol] = None
        self._quotes.pop(symbol, None)
        if symbol not in self._instruments:
            raise self.mistake(rows[0], "symbol", f"the steps of {symbol} are not told in the recording")
        if channel == "trading":
            ticks = self._ticks.get(symbol)
            if ticks is None:
                ticks = self._ticks[symbol] = _Ticks(self, self._instruments[symbol])
            ticks.add(batch.take(pa.array(rows)), rows)
            return
        self._note_texts(key, batch, rows)

    def _note_texts(self, key: Key, batch: pa.RecordBatch, rows: Ints) -> None:
        chosen = batch.take(pa.array(rows))
        texts = self.texts[key]
        times, data = chosen.column("time"), chosen.column("data")
        for name, column in (("time", times), ("data", data)):
            if column.null_count:
                row = rows[int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))]
                raise self.mistake(row, name, "it is empty")
        texts.times += times.to_pylist()
        texts.snapshots += [name == "snapshot" for name in chosen.column("type").to_pylist()]
        texts.data += data.to_pylist()

    def mistake(self, row: int, column: str, message: str, hint: str | None = None) -> RecordingError:
        """Return the error for a row of the batch that is being added."""
        return failure(self.path, f"row {self.count + int(row) + 1}, {column}", message, hint)

    def discard(self) -> None:
        """Free the disk space after rows could not be added."""
        for ticks in self._ticks.values():
            ticks.cache.discard()

    def ticks(self, symbol: str) -> TickCache:
        """Return the ticks of a symbol, after all rows were added."""
        ticks = self._ticks.get(symbol)
        cache = TickCache() if ticks is None else ticks.cache
        cache.seal()
        return cache


def gather_rows(path: Path, instruments: dict[str, Instrument], batches: Iterable[pa.RecordBatch]) -> ReplayedRows:
    """Collect all rows of a recording; see `ReplayedRows`. Raises RecordingError for the first mistake."""
    rows = ReplayedRows(path, instruments)
    try:
        for batch in batches:
            rows.add(batch)
    except OSError as error:
        rows.discard()
        raise failure(path, "", f"its columns cannot be kept in the temporary folder: {error.strerror}") from None
    except RecordingError:
        rows.discard()
        raise
    return rows


class _Ticks(StepReader):
    """Converter from the trades of one symbol to columns of integers."""

    def __init__(self, rows: ReplayedRows, instrument: Instrument) -> None:
        super().__init__(rows, instrument)
        self._found = rows
        self.cache = TickCache()
        self._time, self._price, self._side, self._id = -(2**62), 0, BUY, 0
        self._volume = DayVolume()

    def add(self, batch: pa.RecordBatch, rows: Ints) -> None:
        """Add the next trades; `rows` gives their positions in the file."""
        self._check(batch, rows)
        time = _ints(batch, "time")
        price, size = self.steps(batch, "price", rows), self.steps(batch, "size", rows)
        side = self._sides(batch, price)
        bid, ask = self._touch(batch, rows, price, side)
        sizes = [np.where(known >= 1, known, size) for known in (
            self.steps(batch, "bid_size", rows, missing=0), self.steps(batch, "ask_size", rows, missing=0)
        )]  # fmt: skip
        volume, trade_id = self._volumes(batch, rows, time, size), self._ids(batch, len(time))
        self.cache.append(TickBlock(time, price, size, side, bid, sizes[0], ask, sizes[1], volume, trade_id))
        self._time, self._price, self._side = int(time[-1]), int(price[-1]), int(side[-1])

    def _check(self, batch: pa.RecordBatch, rows: Ints) -> None:
        for name in ("time", "price", "size"):
            column = batch.column(name)
            if column.null_count:
                row = rows[int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))]
                raise self._rows.mistake(row, name, "it is empty")
        time = _ints(batch, "time")
        steps = np.diff(time, prepend=self._time)
        if (steps < 0).any():
            raise self._rows.mistake(rows[int(np.argmax(steps < 0))], "time", "it is earlier than the trade before it")

    def _sides(self, batch: pa.RecordBatch, price: Ints) -> Ints:
        words, code = words_of(batch.column("side"))
        told = np.array([{"buy": BUY, "sell": SELL}.get(word, 0) for word in words], np.int64).take(code)
        self._found.unsided += int((told == 0).sum())
        return np.where(told == 0, tick_rule(price, self._price, self._side), told) if (told == 0).any() else told

    def _touch(self, batch: pa.RecordBatch, rows: Ints, price: Ints, side: Ints) -> tuple[Ints, Ints]:
        bid, ask = (self.steps(batch, name, rows, missing=0) for name in ("bid", "ask"))
        known = (bid > 0) & (ask > 0)
        held = np.minimum(bid, price), np.maximum(ask, price)
        self._found.outside += int((known & ((price < bid) | (price > ask))).sum())
        self._found.unquoted += int((~known).sum())
        made = synthetic_quotes(price, side)
        known &= held[0] < held[1]
        return np.where(known, held[0], made[0]), np.where(known, held[1], made[1])

    def _volumes(self, batch: pa.RecordBatch, rows: Ints, time: Ints, size: Ints) -> Ints:
        """Return the recorded volumes; where none was recorded, the sum since the UTC day began."""
        if batch.column("volume").null_count:
            return self._volume.add(time, size)
        before = self._volume.before(int(time[0]))
        volume = self.steps(batch, "volume", rows, most=MOST_VOLUME)
        if (volume > EXACT).any():
            volume = _exact_volume(volume, size, np.diff(time // DAY, prepend=int(time[0]) // DAY) != 0, before)
        self._volume.note(int(time[-1]), int(volume[-1]))
        return volume

    def _ids(self, batch: pa.RecordBatch, count: int) -> Ints:
        column = batch.column("trade_id")
        ids = _ints(batch, "trade_id") if not column.null_count else self._id + 1 + np.arange(count, dtype=np.int64)
        self._id = int(ids[-1])
        return ids


def _exact_volume(volume: Ints, size: Ints, begins: NDArray[np.bool_], before: int) -> Ints:
    """Return volumes too large for exact floating point: each trade adds its size, unless some are missing."""
    exact = volume.copy()
    for row in np.flatnonzero(volume > EXACT).tolist():
        earlier = 0 if begins[row] else int(exact[row - 1]) if row else before
        added = earlier + int(size[row])
        if abs(added - int(volume[row])) <= int(volume[row]) * VOLUME_ERROR:
            exact[row] = added
    return exact


def _is(batch: pa.RecordBatch, name: str, word: str) -> NDArray[np.bool_]:
    words, code = words_of(batch.column(name))
    return np.isin(code, [place for place, known in enumerate(words) if known == word])


def _ints(batch: pa.RecordBatch, name: str) -> Ints:
    numbers: Ints = batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
