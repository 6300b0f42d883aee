"""Conversion of sent messages to rows of a recording: trades as whole columns, everything else a row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from feed.data.columns import PRICES, SIZES
from feed.data.ticks import BUY, Batch, Instrument, StatusChange, TickBlock
from feed.tape.layout import SCHEMA
from feed.units import MILLISECOND

__all__ = [
    "Piece",
    "Row",
    "Ticks",
    "batch_of",
    "rows_in",
    "rows_of_batch",
    "seqs_of",
    "status_row",
    "stream_key",
    "weight_of",
]

TICK_BYTES = 128
"""Memory of a waiting trade, in bytes: its ten integers and their containers."""

ROW_BYTES = 400
"""Memory of any other waiting message, in bytes, without its text."""

_SIDES = pa.array(["sell", "buy"])

Ints = NDArray[np.int64]


class Row(NamedTuple):
    """Message, with the columns of `SCHEMA`."""

    received: int | None
    time: int | None
    channel: str
    symbol: str = ""
    interval: str = ""
    type: str = "update"
    seq: int | None = None
    price: float | None = None
    size: float | None = None
    side: str | None = None
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None
    volume: float | None = None
    trade_id: int | None = None
    data: str | None = None


class Ticks(NamedTuple):
    """Trades of one symbol that were published together: rows `lo` to `hi` of a block, in the source's steps.

    `shift` is added to their time, `first_seq` is that of row `lo`.
    """

    instrument: Instrument
    block: TickBlock
    lo: int
    hi: int
    first_seq: int
    received: int | None
    shift: int = 0


Piece = Row | Ticks


def rows_in(piece: Piece) -> int:
    """Return the number of rows that an item makes."""
    return piece.hi - piece.lo if isinstance(piece, Ticks) else 1


def weight_of(piece: Piece) -> int:
    """Return the approximate memory of an item, in bytes."""
    if isinstance(piece, Ticks):
        return (piece.hi - piece.lo) * TICK_BYTES
    return ROW_BYTES + len(piece.data or "")


def seqs_of(piece: Piece) -> tuple[int, int] | None:
    """Return the seq of an item's first and last message, where it has one."""
    if isinstance(piece, Ticks):
        return piece.first_seq, piece.first_seq + piece.hi - piece.lo - 1
    return None if piece.seq is None else (piece.seq, piece.seq)


def stream_key(piece: Piece) -> str:
    """Return the name of an item's stream, as used in gaps and counts."""
    if isinstance(piece, Ticks):
        return f"trading:{piece.instrument.symbol}"
    return ":".join(filter(None, (piece.channel, piece.symbol, piece.interval)))


def batch_of(pieces: Sequence[Piece]) -> pa.RecordBatch:
    """Build a record batch of the items' rows, in order."""
    if not pieces:
        return pa.RecordBatch.from_pylist([], SCHEMA)
    ticks = [piece for piece in pieces if isinstance(piece, Ticks)]
    rows = [piece for piece in pieces if isinstance(piece, Row)]
    if not rows:
        return _of_ticks(ticks)
    if not ticks:
        return _of_rows(rows)
    # The position of each row among all: trades first, joined, then the others.
    counts = np.array([rows_in(piece) for piece in pieces])
    is_row = np.repeat([isinstance(piece, Row) for piece in pieces], counts)
    places = np.empty(len(is_row), np.int64)
    places[~is_row] = np.arange(len(is_row) - len(rows))
    places[is_row] = np.arange(len(is_row) - len(rows), len(is_row))
    both = pa.Table.from_batches([_of_ticks(ticks), _of_rows(rows)]).unify_dictionaries()
    return both.take(pa.array(places)).combine_chunks().to_batches()[0]


def rows_of_batch(instruments: Sequence[Instrument], batch: Batch, counts: list[int]) -> pa.RecordBatch:
    """Build a record batch of a source batch's ticks and status changes, in the order in which a market sends them.

    Args:
        counts: for each symbol the `seq` of its last tick before the batch, followed for each symbol by that of its
            last status change; updated in place.
    """
    pieces: list[Piece] = []
    symbols = [instrument.symbol for instrument in instruments]
    for change in batch.statuses:
        place = len(symbols) + symbols.index(change.symbol)
        counts[place] += 1
        pieces.append(status_row(change, "update", change.time, counts[place]))
    for place, (instrument, block) in enumerate(zip(instruments, batch.ticks, strict=True)):
        if len(block):
            pieces.append(Ticks(instrument, block, 0, len(block), counts[place] + 1, None))
            counts[place] += len(block)
    rows = batch_of(pieces)
    if len(pieces) <= 1:
        return rows
    # Stable: at the same time a change of status goes first, and then the earlier symbol, as on the wire.
    return rows.take(pa.array(np.argsort(rows.column("time").to_numpy(), kind="stable")))


def status_row(change: StatusChange, kind: str, time: int, seq: int) -> Row:
    """Build a row of a status; for a snapshot `time` is the time of the query."""
    data = {
        "symbol": change.symbol,
        "status": change.status,
        "reason": change.reason,
        "phase": change.phase,
        "timestamp": change.time // MILLISECOND,
    }
    return Row(None, time, "status", change.symbol, "", kind, seq, data=orjson.dumps(data).decode())


def _of_rows(rows: Sequence[Row]) -> pa.RecordBatch:
    arrays = []
    for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True):
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(column, pa.string()).dictionary_encode().cast(field.type))
        else:
            arrays.append(pa.array(column, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _of_ticks(runs: Sequence[Ticks]) -> pa.RecordBatch:
    blocks = _blocks(runs)
    columns = _columns(blocks)
    lengths = np.array([run.hi - run.lo for run in runs])
    lows = np.array([run.lo for run in runs])
    offsets = np.array([blocks[id(run.block)].offset for run in runs])
    # For each row, its index in its block.
    row = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths - lows, lengths)
    if len(runs) > 1:
        index = row + np.repeat(offsets, lengths)
        columns = {name: column[index] for name, column in columns.items()}
    columns["seq"] = row + np.repeat(np.array([run.first_seq for run in runs]) - lows, lengths)
    # Generated rows have no arrival time.
    if all(run.received is not None for run in runs):
        columns["received"] = np.repeat(np.array([run.received for run in runs], np.int64), lengths)
    columns["time"] = columns["time"] + np.repeat(np.array([run.shift for run in runs]), lengths)
    return pa.RecordBatch.from_arrays(_arrays(columns, list(blocks.values())), schema=SCHEMA)


class _Span(NamedTuple):
    """Needed rows of a block, and the offset from a row's index to its position among all spans."""

    instrument: Instrument
    block: TickBlock
    lo: int
    hi: int
    offset: int


def _blocks(runs: Sequence[Ticks]) -> dict[int, _Span]:
    """Collect each block once, however many runs are cut from it: a row of many symbols has a run for each trade."""
    reach: dict[int, tuple[Ticks, int, int]] = {}
    for run in runs:
        known = reach.get(id(run.block))
        lo, hi = (run.lo, run.hi) if known is None else (min(known[1], run.lo), max(known[2], run.hi))
        reach[id(run.block)] = (run, lo, hi)
    begins = [0, *np.cumsum([hi - lo for _, lo, hi in reach.values()]).tolist()]
    return {
        key: _Span(run.instrument, run.block, lo, hi, begin - lo)
        for (key, (run, lo, hi)), (begin, _) in zip(reach.items(), pairwise(begins), strict=True)
    }


def _columns(spans: dict[int, _Span]) -> dict[str, NDArray[np.generic]]:
    """Concatenate the blocks' columns, with steps as floats."""
    parts: list[dict[str, NDArray[np.generic]]] = []
    for number, span in enumerate(spans.values()):
        block, each = span.block[span.lo : span.hi], span.instrument
        price, size = 10.0**each.price_decimals, 10.0**each.size_decimals
        # An exact integer through an exact power of ten: the float that is nearest to the decimal.
        part: dict[str, NDArray[np.generic]] = {name: getattr(block, name) * each.tick_units / price for name in PRICES}
        part |= {name: getattr(block, name) * each.lot_units / size for name in SIZES}
        part |= {"time": block.time, "trade_id": block.trade_id, "side": block.side == BUY}
        part["span"] = np.full(len(block), number, np.int32)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _arrays(columns: dict[str, NDArray[np.generic]], spans: Sequence[_Span]) -> list[pa.Array]:
    count = len(columns["time"])
    symbols = list(dict.fromkeys(span.instrument.symbol for span in spans))
    codes = np.array([symbols.index(span.instrument.symbol) for span in spans], np.int16)
    names = {
        "symbol": pa.DictionaryArray.from_arrays(pa.array(codes[columns["span"]]), pa.array(symbols)),
        "side": pa.DictionaryArray.from_arrays(pa.array(columns["side"].astype(np.int8)), _SIDES),
        "channel": _constant("trading", count),
        "interval": _constant("", count),
        "type": _constant("update", count),
        "data": pa.nulls(count, pa.string()),
        **({} if "received" in columns else {"received": pa.nulls(count, pa.int64())}),
    }
    return [names.get(name) if name in names else pa.array(columns[name]) for name in SCHEMA.names]


def _constant(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([text]))
