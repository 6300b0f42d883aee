"""Writes a source's ticks to a file, one row a fill, in the memory of a row group whatever the length.

The file appears under its name when it is whole, and not before.
"""

from __future__ import annotations

import contextlib
import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feed.data.columns import SIZES
from feed.data.ticks import BUY, Batch, Instrument, Source, TickBlock, batches_between
from feed.errors import FeedError, UsageError
from feed.tape.disk import keep

__all__ = ["INSTRUMENTS_KEY", "SUFFIXES", "Progress", "generate", "tick_tables"]

SUFFIXES = (".parquet", ".csv", ".csv.gz")

INSTRUMENTS_KEY = "feed.instruments"
"""Where a Parquet file's metadata has `{symbol: [tick size, lot size]}`."""

GROUP_ROWS = 131_072
"""Rows that are gathered in memory; a row group of Parquet."""

_NAME = pa.dictionary(pa.int8(), pa.string())
_SIDES = pa.array(["sell", "buy"])

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: rows written, and market time that has passed, ns."""

    rows: int
    passed: int


class _Writer(Protocol):
    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def generate(
    source: Source,
    path: Path,
    *,
    length: int | None = None,
    at: int = 0,
    force: bool = False,
    metadata: Mapping[str, str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Progress:
    """Write the ticks of `length` ns of market time, from `at` ns after the source's start, as the name of `path` says.

    Columns: `time` (ns UTC), `symbol`, `price`, `size`, `side`, `bid`, `bid_size`, `ask`, `ask_size`, `trade_id`,
    `volume` (since the UTC day of market time began). Parquet also tells the steps of each symbol, as JSON under
    `feed.instruments`.

    Raises:
        UsageError: for a name of no known kind, a file that is there, or an endless source without a length.
        FeedError: when the file cannot be written.
    """
    begin = source.start + at
    end = _end(source, begin, length)
    kind = _kind(path, force)
    facts = {**(metadata or {}), INSTRUMENTS_KEY: _steps(source.instruments)}
    done = Progress(0, 0)
    try:
        with _written_whole(path) as part, contextlib.closing(_writer(kind, part, facts)) as writer:
            for table, passed in tick_tables(source, begin, end, text=kind != ".parquet"):
                writer.write_table(table)
                done = Progress(done.rows + len(table), passed)
                if on_progress is not None:
                    on_progress(done)
    except OSError as error:
        raise FeedError(f"{path} cannot be written: {error.strerror or error}") from error
    return done


def tick_tables(source: Source, begin: int, end: int, *, text: bool = False) -> Iterator[tuple[pa.Table, int]]:
    """The ticks from market time `begin` to `end` as tables of bounded size, each with the time passed by its end.

    Args:
        text: numbers as text with the instrument's decimals instead of floats.
    """
    tables: list[pa.Table] = []
    rows, passed = 0, 0
    for batch in batches_between(source, begin, end):
        table = _batch_table(source.instruments, batch, text=text)
        tables.append(table)
        rows += len(table)
        passed = batch.end - begin
        if rows >= GROUP_ROWS:
            yield from ((part, passed) for part in _sliced(pa.concat_tables(tables)))
            tables, rows = [], 0
    if rows:
        yield from ((part, passed) for part in _sliced(pa.concat_tables(tables)))


def _sliced(table: pa.Table) -> Iterator[pa.Table]:
    for first in range(0, len(table), GROUP_ROWS):
        yield table.slice(first, GROUP_ROWS)


def _steps(instruments: tuple[Instrument, ...]) -> str:
    """Floats do not tell the steps that they are multiples of."""
    steps = {each.symbol: [f"{each.tick_size:f}", f"{each.lot_size:f}"] for each in instruments}
    return orjson.dumps(steps).decode()


def _end(source: Source, begin: int, length: int | None) -> int:
    ends = [time for time in (source.end, None if length is None else begin + length) if time is not None]
    if not ends:
        raise UsageError("this scenario never ends: say how much of it, such as --for 7d")
    if begin >= min(ends):
        raise UsageError("there is nothing to write: the scenario has ended by then")
    return min(ends)


def _kind(path: Path, force: bool) -> str:
    kind = next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)
    if kind is None:
        raise UsageError(f"{path} names no kind of file that can be written; end it with {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise UsageError(f"{path} is a folder")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it")
    return kind


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[Path]:
    """A name to write to; what is there at the end of the block gets the real name, and nothing after an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        keep(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _writer(kind: str, part: Path, metadata: Mapping[str, str]) -> _Writer:
    if kind == ".parquet":
        schema = _schema(pa.float64()).with_metadata(dict(metadata))
        return _typed(pq.ParquetWriter(part, schema, compression="zstd"))
    return _CsvFile(part, packed=kind == ".csv.gz")


def _typed(writer: Any) -> _Writer:
    """A writer of pyarrow, which has no types."""
    return writer  # type: ignore[no-any-return]


class _CsvFile:
    """A CSV, packed as it is written."""

    def __init__(self, part: Path, *, packed: bool) -> None:
        # Without a time in its header a packed file is the same bytes on every run.
        self._stack = contextlib.ExitStack()
        raw = self._stack.enter_context(part.open("wb"))
        out = self._stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)) if packed else raw
        options = pc_csv.WriteOptions(quoting_style="none", quoting_header="none")
        self._writer = self._stack.enter_context(
            pc_csv.CSVWriter(pa.PythonFile(out, "w"), _schema(pa.string()), write_options=options)
        )

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._stack.close()


def _schema(number: pa.DataType) -> pa.Schema:
    numbers = [(name, number) for name in ("bid", "bid_size", "ask", "ask_size")]
    name = _NAME if number != pa.string() else pa.string()
    head = [("time", pa.int64()), ("symbol", name), ("price", number), ("size", number), ("side", name)]
    return pa.schema([*head, *numbers, ("trade_id", pa.int64()), ("volume", number)])


def _batch_table(instruments: tuple[Instrument, ...], batch: Batch, *, text: bool) -> pa.Table:
    schema = _schema(pa.string() if text else pa.float64())
    symbols = pa.array([instrument.symbol for instrument in instruments])
    tables = [
        _block_table(instrument, block, index, symbols, schema)
        for index, (instrument, block) in enumerate(zip(instruments, batch.ticks, strict=True))
    ]
    if len(tables) == 1:
        return tables[0]
    # Stable: at the same time the earlier symbol goes first, as on the wire.
    order = np.argsort(np.concatenate([block.time for block in batch.ticks]), kind="stable")
    return pa.concat_tables(tables).take(pa.array(order))


def _block_table(
    instrument: Instrument, block: TickBlock, index: int, symbols: pa.Array, schema: pa.Schema
) -> pa.Table:
    price_units, size_units = instrument.tick_units, instrument.lot_units
    prices = {name: getattr(block, name) * price_units for name in ("price", "bid", "ask")}
    sizes = {name: getattr(block, name) * size_units for name in SIZES}
    kind = schema.field("price").type
    numbers = {name: _numbers(units, instrument.price_decimals, kind) for name, units in prices.items()}
    numbers |= {name: _numbers(units, instrument.size_decimals, kind) for name, units in sizes.items()}
    columns = {
        "time": pa.array(block.time),
        "symbol": _named(np.full(len(block), index, np.int8), symbols, schema),
        "side": _named((block.side == BUY).astype(np.int8), _SIDES, schema),
        "trade_id": pa.array(block.trade_id),
        **numbers,
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _named(codes: NDArray[np.int8], names: pa.Array, schema: pa.Schema) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), names).cast(schema.field("side").type)


def _numbers(units: Ints, decimals: int, kind: pa.DataType) -> pa.Array:
    # An exact integer through an exact power of ten: the float that is nearest to the decimal, and prints as it.
    if kind != pa.string():
        return pa.array(units / 10.0**decimals)
    whole, rest = np.divmod(units, 10**decimals)
    if not decimals:
        return pa.array(whole).cast(pa.string())
    digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), decimals, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), digits, ".")
