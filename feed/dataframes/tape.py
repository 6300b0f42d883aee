"""`read` of a recording: its ticks as the common frame, its book, and its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.book import Ladder
from feed.data.columns import DECIMALS
from feed.data.ticks import Instrument
from feed.dataframes.analysis import time_bars
from feed.dataframes.direct import direct_columns
from feed.dataframes.tick_columns import recorded_columns
from feed.dataframes.ticks import COLUMNS, INTEGERS, chosen_columns, polars_frame, tick_frame
from feed.errors import UsageError
from feed.hints import nearest
from feed.sources.files import open_recorded
from feed.tape.book import RecordedBooks
from feed.tape.layout import SCHEMA, RecordingInfo
from feed.tape.reader import open_recording
from feed.tape.replay import RecordingSource, instruments_of
from feed.tape.slices import Slice, info_of_slice, trades_of_slice
from feed.units import MILLISECOND, format_time, parse_duration

if TYPE_CHECKING:
    import polars as pl

__all__ = ["RecordingData"]

Ints = NDArray[np.int64]

SIDES = pd.Index(["bid", "ask"], dtype="str")


class RecordingData:
    """Recording, or the part of it that was asked for, read and checked.

    Args:
        path: the file.
        source: the import of a file that is no recording.
        chosen: the part to read.
        columns: the columns of `ticks`; else all.

    Attributes:
        info: its metadata: scenario, seed, epoch, version, gaps, the counts of its streams.

    Raises:
        RecordingError: names the file, and the place of the first mistake or damage.
        UsageError: nothing was recorded in that time, there is no such symbol, or no such column.
    """

    def __init__(
        self,
        path: Path,
        source: RecordingSource | None = None,
        chosen: Slice | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        self._path = None if source is not None else path
        self._file = path
        self._chosen = chosen or Slice()
        self._columns = chosen_columns(columns)
        if source is not None:
            self._source = source
            self.info: RecordingInfo = source.info
            return
        with open_recording(path) as reader:
            self.info = reader.info if self._chosen.is_whole else info_of_slice(reader, self._chosen)

    @cached_property
    def _source(self) -> RecordingSource:
        """The whole recording, or the slice of it, which books and doubtful trades need."""
        return open_recorded(self._file, self._chosen)

    @property
    def notices(self) -> tuple[str, ...]:
        """Data that is shown but not in the file, and data missing in it, one sentence each."""
        return self._source.notices

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols that the recording has messages of."""
        return self._source.instruments

    @cached_property
    def ticks(self) -> pd.DataFrame:
        """The trades, as `feed.dataframes` describes them, with the recorded `seq`, which jumps at a loss.

        Where none was recorded, `seq` counts from 1. The quote of a trade is the recorded one, and where there is none,
        the last recorded quote or best levels before it. Without any it is made up, one tick wide: then the column
        `invented`, which the recording of a market of ours does not need, is True. `attrs["quotes"]` is `after` for
        such a recording, whose trades have the quote that they leave, and `before` for any other.
        """
        if (frame := self._direct()) is not None:
            return frame
        wanted = self._wanted([instrument.symbol for instrument in self.instruments])
        # A replay numbers its messages without holes; the analysis of a recording needs to see them.
        told = self._path is not None and "seq" in self._columns
        seqs = [self._source.seqs(index) for index in wanted] if told else None
        steps = [name for name in DECIMALS if name in self._columns or INTEGERS[name] in self._columns]
        rows = recorded_columns(self._source, self._bounds(), wanted, steps, seqs)
        frame = tick_frame(rows, [self.instruments[index] for index in wanted], self._columns)
        ours = self.info.scenario is not None
        if self._columns is COLUMNS and not ours:
            frame = self._as_recorded(frame, wanted)
        frame.attrs |= self.facts | {"quotes": "after" if ours else "before"}
        return frame

    def _direct(self) -> pd.DataFrame | None:
        """Return the trades without a replay of all rows, where they need none."""
        if self._path is None or "_source" in self.__dict__:
            return None
        steps = [name for name in DECIMALS if name in self._columns or INTEGERS[name] in self._columns]
        with open_recording(self._path) as reader:
            found = direct_columns(reader, self._chosen, instruments_of(self.info), steps, "trade_id" in self._columns)
        if found is None:
            return None
        frame = tick_frame(*found, self._columns)
        ours = self.info.scenario is not None
        if self._columns is COLUMNS and not ours:
            frame = frame.assign(invented=np.zeros(len(frame), bool))
        frame.attrs |= self.facts | {"quotes": "after" if ours else "before"}
        return frame

    def _as_recorded(self, frame: pd.DataFrame, wanted: Sequence[int]) -> pd.DataFrame:
        """Return the frame with the times of the exchange, where a replay needs others, and with `invented`."""
        stamps, invented = frame["timestamp"].to_numpy().copy(), np.zeros(len(frame), bool)
        for index in wanted:
            rows = np.flatnonzero((frame["symbol"] == self.instruments[index].symbol).to_numpy())
            if not len(rows):
                continue
            lo, hi = self._source.rows_between(index, *self._bounds())
            moved, own = self._source.moved(index)
            shown = (moved >= lo) & (moved < hi)
            stamps[rows[moved[shown] - lo]] = own[shown] // MILLISECOND
            invented[rows] = self._source.invented(index)[lo:hi]
        index_of = pd.DatetimeIndex(stamps.copy().view("datetime64[ms]"), tz="UTC", name="time")
        attrs = frame.attrs
        frame = frame.assign(timestamp=stamps, invented=invented).set_axis(index_of, axis=0)
        frame.attrs = attrs
        return frame

    def _bounds(self) -> tuple[int, int]:
        chosen, source = self._chosen, self._source
        begin = source.start if chosen.begin is None else max(source.start, chosen.begin)
        end = source.end if chosen.end is None else min(source.end, chosen.end)
        if begin >= end:
            told = f"{format_time(source.start)} to {format_time(source.end)}"
            raise UsageError(f"nothing was recorded in that time: there is {told}")
        return begin, end

    def _wanted(self, symbols: list[str]) -> list[int]:
        return [place for place, name in enumerate(symbols) if name in (self._chosen.symbols or symbols)]

    @property
    def table(self) -> pa.Table:
        """The trades as stored in the file, with their times in ns."""
        if self._path is None:
            raise UsageError("feed import makes a recording of this file, which has such a table")
        with open_recording(self._path) as reader:
            return pa.Table.from_batches(trades_of_slice(reader, self._chosen), SCHEMA)

    @property
    def facts(self) -> dict[str, Any]:
        """The recording's origin: scenario, seed, epoch and digest, as far as it is known."""
        told = self.info.model_dump(include={"scenario", "seed", "epoch", "digest"})
        return {name: value for name, value in told.items() if value is not None}

    @property
    def gaps(self) -> pd.DataFrame:
        """The known losses: columns `stream`, `after`, `before` (seq), `time` (UTC), `lost` and `reason`.

        `lost` is the number of lost messages, <NA> if nobody knows.
        """
        columns = ["stream", "after", "before", "time", "lost", "reason"]
        rows = [gap.model_dump(exclude={"count"}) | {"lost": gap.lost} for gap in self.info.gaps]
        frame = pd.DataFrame(rows, columns=columns).astype({"lost": "Int64"})
        frame["time"] = pd.to_datetime(frame["time"].astype("int64"), utc=True)
        return frame

    @cached_property
    def book(self) -> pd.DataFrame:
        """The ten best levels after every change of every recorded book; see `book_frame`."""
        return self.book_frame()

    def book_frame(
        self, symbol: str | None = None, *, levels: int = 10, every: str | float | None = None
    ) -> pd.DataFrame:
        """Return the levels of the recorded book, one row a level.

        Index `time` (UTC, market time). Columns: `timestamp` (int64, ms), `symbol` and `side` (categorical, `bid` or
        `ask`), `level` (from 1, the best), `price`, `size` (floats), `price_ticks`, `size_lots` (int64, exact).

        Args:
            symbol: only this symbol; else all with a recorded book.
            levels: at most this many levels of each side.
            every: sample at the end of each such interval, `1s` say, instead of after every change.

        Raises:
            UsageError: there is no such symbol, or it has no recorded book.
        """
        if levels < 1:
            raise UsageError(f"levels is {levels}; it is a number of levels, 1 or more")
        step = None if every is None else parse_duration(every)
        if step is not None and step < 1:
            raise UsageError(f"every is {every}; it is a length of time above 0")
        parts = [self._levels(index, levels, step) for index in self._with_book(symbol)]
        frame = pd.concat(parts, ignore_index=True).sort_values("time", kind="stable")
        frame["symbol"] = pd.Categorical(
            frame["symbol"], categories=pd.Index(sorted(set(frame["symbol"])), dtype="str")
        )
        return frame.set_index(pd.DatetimeIndex(pd.to_datetime(frame.pop("time"), utc=True), name="time"))

    def candles(self, interval: str = "1m") -> pd.DataFrame:
        """Build bars of equal time, such as `1s`, `1m` or `1h`: `feed.analysis.time_bars` of the ticks."""
        return time_bars(self.ticks, interval)

    def to_pandas(self) -> pd.DataFrame:
        """Return the ticks."""
        return self.ticks

    def to_polars(self) -> pl.DataFrame:
        """Return the ticks for polars, with the index as column `time`. Raises UsageError where polars is missing."""
        return polars_frame(self.ticks)

    def _with_book(self, symbol: str | None) -> list[int]:
        """Return the indices of the selected symbols."""
        names = [instrument.symbol for instrument in self.instruments]
        kept = [place for place in range(len(names)) if isinstance(self._source.books(place), RecordedBooks)]
        recorded = [names[place] for place in kept]
        if symbol is not None and symbol not in recorded:
            near = nearest(symbol, recorded)
            hint = f"did you mean {near}?" if near else f"there is {', '.join(recorded) or 'none'}"
            raise UsageError(f"no book of {symbol} was recorded; {hint}")
        if not recorded:
            raise UsageError("no book was recorded: record it with --record-channel book")
        return kept if symbol is None else [names.index(symbol)]

    def _levels(self, place: int, levels: int, step: int | None) -> pd.DataFrame:
        instrument, books = self.instruments[place], self._source.books(place)
        depth = books.during(self._source.start, self._source.end)
        times = depth.quotes.time
        if step is None:
            rows = np.arange(len(times))
        else:
            ends = np.arange(self._source.start // step + 1, self._source.end // step + 1, dtype=np.int64) * step
            rows = np.searchsorted(times, ends, side="left") - 1
            times = ends[rows >= 0]
            rows = rows[rows >= 0]
        wanted = set(rows.tolist())
        made = depth.ladders(0, int(rows[-1]) + 1 if len(rows) else 0, levels)
        chosen = {row: ladder for row, ladder in enumerate(made) if row in wanted}
        frame = _rows([chosen[row] for row in rows.tolist()], times)
        frame["symbol"] = instrument.symbol
        frame["price"] = frame["price_ticks"] * instrument.tick_units / 10.0**instrument.price_decimals
        frame["size"] = frame["size_lots"] * instrument.lot_units / 10.0**instrument.size_decimals
        columns = ["time", "timestamp", "symbol", "side", "level", "price", "size", "price_ticks", "size_lots"]
        return frame[columns]


def _rows(ladders: list[Ladder], times: np.ndarray) -> pd.DataFrame:
    """Build a frame with one row a level."""
    counts = [len(ladder.bids) + len(ladder.asks) for ladder in ladders]
    sides = [side for ladder in ladders for side, levels in enumerate(ladder) for _ in levels]
    level = [rank for ladder in ladders for levels in ladder for rank in range(1, len(levels) + 1)]
    pairs = [pair for ladder in ladders for levels in ladder for pair in levels]
    steps = np.array(pairs, np.int64).reshape(-1, 2)
    time = np.repeat(times, counts)
    return pd.DataFrame(
        {
            "time": time,
            "timestamp": time // MILLISECOND,
            "side": pd.Categorical.from_codes(np.array(sides, np.int64), categories=SIDES),
            "level": np.array(level, np.int64),
            "price_ticks": steps[:, 0],
            "size_lots": steps[:, 1],
        }
    )
