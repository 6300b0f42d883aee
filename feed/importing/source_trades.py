"""From a file's chunks to checked columns of trades: order, sides, quotes, volume of the day, ids.

What a chunk needs of those before it is carried along, so a file of any length takes the memory of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from feed.data.inference import synthetic_quotes, tick_rule
from feed.data.ticks import BUY, Instrument, TickBlock
from feed.errors import failure
from feed.importing.cells import Ints, read_ids, read_sides, read_steps, read_times, zero_where_missing
from feed.importing.chunks import Chunk, read_chunks
from feed.scenario.tickfile import TickFile
from feed.units import DAY

__all__ = ["Tally", "read_trades"]

BLOCK_COLUMNS = tuple(field.name for field in fields(TickBlock))

MAX_LOTS = 2**62
"""What the volume of a day may come to."""


@dataclass(slots=True)
class Tally:
    """What was read so far, and what had to be made up."""

    rows: int = 0
    empty: int = 0
    outside: int = 0
    last_time: int = -(2**62)
    last_price: int = 0
    last_side: int = BUY
    last_id: int = -1
    day: int = -1
    volume: int = 0

    def notices(self, spec: TickFile) -> tuple[str, ...]:
        """What a reader of the numbers should know: everything that is not in the file as it is shown."""
        said = []
        if spec.side is None:
            said.append("the file has no side: inferred by the tick rule")
        if spec.rounding:
            said.append("prices and sizes are rounded to the symbol's steps")
        if spec.bid is None:
            said.append("the file has no quotes: each trade sits at a touch one tick wide, of the trade's own size")
        if self.outside:
            said.append(f"{self.outside} trades lie outside their quote: the quote is widened to hold them")
        if self.empty:
            said.append(f"{self.empty} rows without a size are left out")
        return tuple(said)


def read_trades(spec: TickFile, path: Path, instrument: Instrument, tally: Tally) -> Iterator[TickBlock]:
    """The trades of a file, in order, some at a time.

    Raises:
        RecordingError: names the column and the row of the first mistake.
    """
    for chunk in read_chunks(spec, path):
        block = _block(spec, path, instrument, chunk, tally)
        if len(block):
            yield block
    if not tally.rows:
        raise failure(path, "", "the file has no rows")
    if tally.rows == tally.empty:
        raise failure(path, "size", "every row has size 0")


def _block(spec: TickFile, path: Path, instrument: Instrument, chunk: Chunk, tally: Tally) -> TickBlock:
    row = tally.rows + 1
    time = read_times(spec, path, chunk["time"], row)
    if not len(time):
        return TickBlock.empty()
    _check_order(path, time, tally)
    rounded = spec.rounding
    price = read_steps(path, "price", chunk["price"], instrument.tick_size, row, rounded=rounded)
    sizes = zero_where_missing(chunk["size"]) if spec.missing_size == "skip" else chunk["size"]
    size = read_steps(path, "size", sizes, instrument.lot_size, row, least=0, rounded=rounded)
    if "side" in chunk:
        side = read_sides(spec, path, chunk["side"], row)
    else:
        side = tick_rule(price, tally.last_price, tally.last_side)
    bid, ask = _quotes(spec, path, instrument, chunk, price, side, tally)
    block = TickBlock(
        time=time,
        price=price,
        size=size,
        side=side,
        bid=bid,
        bid_size=_quote_size(spec, path, instrument, chunk, "bid_size", size, row),
        ask=ask,
        ask_size=_quote_size(spec, path, instrument, chunk, "ask_size", size, row),
        volume=_volumes(path, time, size, tally),
        trade_id=_ids(path, chunk, row, len(time), tally),
    )
    tally.rows += len(time)
    tally.last_time, tally.last_price, tally.last_side = int(time[-1]), int(price[-1]), int(side[-1])
    return _without_empty(block, tally)


def _check_order(path: Path, time: Ints, tally: Tally) -> None:
    steps = np.diff(time, prepend=tally.last_time)
    if (steps < 0).any():
        first = int(np.argmax(steps < 0)) + tally.rows + 1
        raise failure(path, f"row {first}, time", f"is earlier than row {first - 1}", "sort the file by time")


def _quotes(
    spec: TickFile, path: Path, instrument: Instrument, chunk: Chunk, price: Ints, side: Ints, tally: Tally
) -> tuple[Ints, Ints]:
    if "bid" not in chunk:
        return synthetic_quotes(price, side)
    row = tally.rows + 1
    bid = read_steps(path, "bid", chunk["bid"], instrument.tick_size, row, rounded=spec.rounding)
    ask = read_steps(path, "ask", chunk["ask"], instrument.tick_size, row, rounded=spec.rounding)
    crossed = np.flatnonzero(bid >= ask)
    if len(crossed):
        raise failure(path, f"row {row + int(crossed[0])}, bid", "is not below the ask", "are bid and ask swapped?")
    tally.outside += int(np.count_nonzero((price < bid) | (price > ask)))
    return np.minimum(bid, price), np.maximum(ask, price)


def _quote_size(
    spec: TickFile, path: Path, instrument: Instrument, chunk: Chunk, key: str, size: Ints, row: int
) -> Ints:
    if key not in chunk:
        return size
    return read_steps(path, key, chunk[key], instrument.lot_size, row, rounded=spec.rounding)


def _volumes(path: Path, time: Ints, size: Ints, tally: Tally) -> Ints:
    """Lots since UTC midnight, each trade included."""
    total = np.cumsum(size)
    if float(np.sum(size, dtype=np.float64)) + tally.volume > MAX_LOTS:
        raise failure(path, "size", "the volume of a day is too large", "set a larger lot_size")
    days = time // DAY
    begins = np.flatnonzero(np.diff(days, prepend=tally.day))
    before = np.zeros(len(time), np.int64)
    before[begins] = total[begins] - size[begins]
    # Sums never fall, so the last one that was noted holds for the whole day.
    before = np.maximum.accumulate(before)
    volume = total - before
    volume[: begins[0] if len(begins) else None] += tally.volume
    tally.day, tally.volume = int(days[-1]), int(volume[-1])
    return volume


def _ids(path: Path, chunk: Chunk, row: int, count: int, tally: Tally) -> Ints:
    if "trade_id" not in chunk:
        return np.arange(row, row + count, dtype=np.int64)
    ids = read_ids(path, chunk["trade_id"], row)
    steps = np.diff(ids, prepend=tally.last_id)
    if (steps <= 0).any():
        first = row + int(np.argmax(steps <= 0))
        hint = "leave trade_id out to count the rows"
        raise failure(path, f"row {first}, trade_id", "is not greater than the one before", hint)
    tally.last_id = int(ids[-1])
    return ids


def _without_empty(block: TickBlock, tally: Tally) -> TickBlock:
    kept = block.size > 0
    if kept.all():
        return block
    tally.empty += int(np.count_nonzero(~kept))
    return TickBlock(*(getattr(block, name)[kept] for name in BLOCK_COLUMNS))
