"""`data` frames of the native dialect for books: whole ones, and what changed since the one before.

The checksum is the CRC32 of the ten best asks and then the ten best bids, the best first: of each level the price and
then the size, as they are written, without the point and without zeros in front, all in one row (as Kraken v2 has it).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.books import Ladder
from feed.dialects.native import Variant
from feed.dialects.native_bars import DecimalWriter
from feed.ticks import Instrument
from feed.units import MILLISECOND

__all__ = ["CHECKED", "book_checksum", "encode_book_updates", "encode_books"]

CHECKED = 10
"""Levels of a side that the checksum covers."""

Levels = Iterable[tuple[int, int]]
Ints = NDArray[np.int64]


def book_checksum(ladder: Ladder, instrument: Instrument) -> int:
    """The checksum of a book, an unsigned number of 32 bits."""
    tick, lot = instrument.tick_units, instrument.lot_units
    levels = (*ladder.asks[:CHECKED], *ladder.bids[:CHECKED])
    return zlib.crc32("".join([f"{price * tick}{size * lot}" for price, size in levels]).encode())


def encode_books(
    ladders: Sequence[Ladder],
    times: Ints,
    instrument: Instrument,
    depth: int,
    *,
    first_seq: int,
    shift: int,
    variant: Variant,
    kind: str,
) -> list[bytes]:
    """One payload a book, with all of its levels."""
    write = _BookWriter(instrument, depth, variant, kind)
    return [
        write.frame(seq, ladder.bids, ladder.asks, ladder, (time + shift) // MILLISECOND)
        for seq, (ladder, time) in enumerate(zip(ladders, times.tolist(), strict=True), first_seq)
    ]


def encode_book_updates(
    ladders: Sequence[Ladder],
    times: Ints,
    instrument: Instrument,
    depth: int,
    *,
    first_seq: int,
    shift: int,
    variant: Variant,
    kind: str,
) -> list[bytes]:
    """One payload a change: `ladders` has one more than `times`, the book before the first change.

    A level that is there no more has the size 0, also where it is only beyond the depth now: a reader who applies all
    changes has exactly the best `depth` levels.
    """
    write = _BookWriter(instrument, depth, variant, kind)
    return [
        write.frame(
            seq,
            _changed(old.bids, new.bids, -1),
            _changed(old.asks, new.asks, 1),
            new,
            (time + shift) // MILLISECOND,
        )
        for seq, ((old, new), time) in enumerate(zip(pairwise(ladders), times.tolist(), strict=True), first_seq)
    ]


def _changed(old: Levels, new: Levels, side: int) -> list[tuple[int, int]]:
    """The levels that differ, the best first."""
    before, after = dict(old), dict(new)
    if before == after:
        return []
    changed = [(price, size) for price, size in after.items() if before.get(price) != size]
    changed += [(price, 0) for price in before if price not in after]
    changed.sort(reverse=side < 0)
    return changed


class _BookWriter:
    """Books of one stream as payloads."""

    __slots__ = ("_begin", "_inner", "_instrument", "_write")

    def __init__(self, instrument: Instrument, depth: int, variant: Variant, kind: str) -> None:
        self._instrument = instrument
        self._write = DecimalWriter(instrument, variant)
        symbol = orjson.dumps(instrument.symbol).decode()
        self._begin = f'{{"event":"data","channel":"book","symbol":{symbol},"type":"{kind}","seq":'
        self._inner = f',"data":{{"symbol":{symbol},"depth":{depth},"bids":['

    def frame(self, seq: int, bids: Levels, asks: Levels, whole: Ladder, milliseconds: int) -> bytes:
        """One payload; `whole` is the book that the checksum is of."""
        return (
            f'{self._begin}{seq}{self._inner}{self._levels(bids)}],"asks":[{self._levels(asks)}],'
            f'"checksum":{book_checksum(whole, self._instrument)},"timestamp":{milliseconds}}}}}'
        ).encode()

    def _levels(self, levels: Levels) -> str:
        price, size = self._write.price, self._write.size
        return ",".join([f"[{price(ticks)},{size(lots)}]" for ticks, lots in levels])
