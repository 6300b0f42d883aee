"""Rows of a recording for a writer: by channel, in order, in bounded memory, with decimals exact to the last digit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feed.data.columns import PRICES
from feed.data.ticks import Instrument
from feed.errors import UsageError
from feed.tape.layout import RecordingInfo, words_of
from feed.tape.reader import RecordingReader
from feed.tape.slices import Slice, info_of_slice, rows_of_slice
from feed.tape.tickcsv import units_text
from feed.units import parse_step
from feed.venues.registry import VENUES

__all__ = ["BookMessage", "ExportRows", "clock_column", "exact_text", "units_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BookMessage:
    """Message of a book: times in ns UTC, whether it holds the whole book, and levels as written."""

    symbol: str
    time: int
    received: int
    whole: bool
    bids: list[tuple[Any, Any]]
    asks: list[tuple[Any, Any]]


class ExportRows:
    """Rows of a recording, or of a slice of it.

    Args:
        reader: the recording.
        chosen: the slice.

    Raises:
        UsageError: there is nothing in the slice.
    """

    def __init__(self, reader: RecordingReader, chosen: Slice) -> None:
        self._reader = reader
        self._chosen = chosen
        self.info: RecordingInfo = info_of_slice(reader, chosen)
        known = {
            name: Instrument(name, parse_step(tick), parse_step(lot))
            for name, (tick, lot) in self.info.instruments.items()
        }
        self.instruments = {
            name: each for name, each in known.items() if chosen.symbols is None or name in chosen.symbols
        }

    @property
    def venue(self) -> str:
        """The exchange that the recording's source names; `feed` if it names none."""
        known = (name for name in VENUES if re.search(rf"\b{name.partition('-')[0]}\b", self.info.source))
        return next(known, "feed").partition("-")[0]

    @property
    def channels(self) -> list[str]:
        """The channels of the recording that have data."""
        found = dict.fromkeys(name.split(":")[0] for name in self.info.streams)
        return [name for name in found if name not in ("", "event")]

    def only_symbol(self, target: str) -> Instrument:
        """Return the only symbol. Raises UsageError where there are several: the target's files have one each."""
        if len(self.instruments) != 1:
            names = ", ".join(self.instruments)
            raise UsageError(f"{target} has one symbol a file, and there is {names}: choose one with --symbol")
        return next(iter(self.instruments.values()))

    def tables(self, *channels: str) -> Iterator[pa.Table]:
        """Yield the rows of some channels in order, with the columns of a recording; all channels if none is named."""
        batches = self._reader.batches() if self._chosen.is_whole else rows_of_slice(self._reader, self._chosen)
        for batch in batches:
            rows = pa.Table.from_batches([batch])
            if channels:
                rows = rows.filter(pc.is_in(rows["channel"].cast(pa.string()), pa.array(channels)))
            if len(rows):
                yield rows

    def books(self) -> Iterator[BookMessage]:
        """Yield the messages of all books, of each symbol those of its deepest recorded book."""
        deepest = self._deepest()
        for table in self.tables("book"):
            for row in table.select(["received", "time", "symbol", "interval", "type", "data"]).to_pylist():
                if deepest.get(row["symbol"]) == row["interval"]:
                    yield _book_message(row)

    def _deepest(self) -> Mapping[str, str]:
        depths: dict[str, list[str]] = {}
        for name in self.info.streams:
            channel, _, rest = name.partition(":")
            if channel == "book":
                symbol, _, depth = rest.partition(":")
                depths.setdefault(symbol, []).append(depth)
        return {
            symbol: max(found, key=lambda depth: int(depth) if depth else 2**31) for symbol, found in depths.items()
        }


def _book_message(row: Mapping[str, Any]) -> BookMessage:
    told = orjson.loads(row["data"])
    time = row["received"] if row["time"] is None else row["time"]
    received = time if row["received"] is None else row["received"]
    sides = ([(price, size) for price, size in told.get(name, ())] for name in ("bids", "asks"))
    return BookMessage(row["symbol"], time, received, row["type"] == "snapshot", *sides)


def clock_column(rows: pa.Table, name: str) -> Ints:
    """Return one of the clocks, ns UTC; the other one where it was not given."""
    other = "time" if name == "received" else "received"
    filled: Ints = pc.fill_null(pc.coalesce(rows[name], rows[other]), 0).to_numpy().astype(np.int64)
    return filled


def units_of(values: NDArray[np.float64], name: str, instrument: Instrument) -> Ints:
    """Return prices or sizes as exact counts of the instrument's last decimal."""
    decimals = instrument.price_decimals if name in PRICES else instrument.size_decimals
    units: Ints = np.rint(values * 10.0**decimals).astype(np.int64)
    return units


def exact_text(rows: pa.Table, name: str, instruments: Mapping[str, Instrument]) -> pa.Array:
    """Return a column of decimals as text, with the decimals of each row's symbol; null stays null."""
    symbols, code = words_of(rows["symbol"])
    column = rows[name].combine_chunks()
    parts, places = [], []
    for each in np.unique(code).tolist():
        rows_of = np.flatnonzero(code == each)
        values = column.take(pa.array(rows_of))
        parts.append(_text(values, name, instruments.get(symbols[each])))
        places.append(rows_of)
    order = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_arrays(parts).take(pa.array(order))


def _text(values: pa.Array, name: str, instrument: Instrument | None) -> pa.Array:
    if instrument is None:
        return values.cast(pa.string())
    decimals = instrument.price_decimals if name in PRICES else instrument.size_decimals
    units = units_of(pc.fill_null(values, 0).to_numpy(zero_copy_only=False), name, instrument)
    text = units_text(units, decimals)
    return pc.if_else(values.is_valid(), text, pa.scalar(None, pa.string())) if values.null_count else text
