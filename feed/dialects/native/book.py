"""`data` frames of the native dialect for books: whole ones, and what changed since the one before.

The checksum is the CRC32 of the ten best asks and then the ten best bids, the best first: of each level the price and
then the size, as they are written, without the point and without zeros in front, all in one row (as Kraken v2 has it).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.book import Ladder
from feed.data.ticks import Instrument
from feed.dialects.native.bars import DecimalWriter
from feed.dialects.native.replies import Variant
from feed.units import MILLISECOND

__all__ = ["CHECKED", "book_checksum", "encode_book_updates", "encode_books"]

CHECKED = 10
"""Levels of a side that the checksum covers."""

Level = tuple[int, int]
Levels = tuple[Level, ...]
Ints = NDArray[np.int64]


def book_checksum(ladder: Ladder, instrument: Instrument) -> int:
    """The checksum of a book, an unsigned number of 32 bits."""
    return _checksum(ladder.asks[:CHECKED], ladder.bids[:CHECKED], instrument.tick_units, instrument.lot_units)


@lru_cache(maxsize=256)
def _checksum(asks: Levels, bids: Levels, tick: int, lot: int) -> int:
    """The books of all depths have the same one."""
    return zlib.crc32("".join([f"{price * tick}{size * lot}" for price, size in (*asks, *bids)]).encode())


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


def _changed(old: Levels, new: Levels, side: int) -> list[Level]:
    """The levels that differ, the best first."""
    if old == new:
        return []
    before, after = set(old), set(new)
    # The order of a set does not matter: they are sorted.
    changed = dict.fromkeys([price for price, _ in before - after], 0)
    changed.update(after - before)
    return sorted(changed.items(), reverse=side < 0)


class _Texts(dict[Level, str]):
    """Levels as they are written. The same ones are written for every depth, and again when they go."""

    MOST = 5_000

    def __init__(self, instrument: Instrument, variant: Variant) -> None:
        super().__init__()
        self._write = DecimalWriter(instrument, variant)
        self.units = instrument.tick_units, instrument.lot_units

    def __missing__(self, level: Level) -> str:
        if len(self) >= self.MOST:
            self.clear()
        text = self[level] = f"[{self._write.price(level[0])},{self._write.size(level[1])}]"
        return text


@lru_cache(maxsize=16)
def _texts(instrument: Instrument, variant: Variant) -> _Texts:
    return _Texts(instrument, variant)


class _BookWriter:
    """Books of one stream as payloads."""

    __slots__ = ("_begin", "_inner", "_texts")

    def __init__(self, instrument: Instrument, depth: int, variant: Variant, kind: str) -> None:
        self._texts = _texts(instrument, variant._replace(deflate=False))
        symbol = orjson.dumps(instrument.symbol).decode()
        self._begin = f'{{"event":"data","channel":"book","symbol":{symbol},"type":"{kind}","seq":'
        self._inner = f',"data":{{"symbol":{symbol},"depth":{depth},"bids":['

    def frame(self, seq: int, bids: Iterable[Level], asks: Iterable[Level], whole: Ladder, milliseconds: int) -> bytes:
        """One payload; `whole` is the book that the checksum is of."""
        texts = self._texts
        checksum = _checksum(whole.asks[:CHECKED], whole.bids[:CHECKED], *texts.units)
        return (
            f"{self._begin}{seq}{self._inner}{','.join([texts[level] for level in bids])}],"
            f'"asks":[{",".join([texts[level] for level in asks])}],'
            f'"checksum":{checksum},"timestamp":{milliseconds}}}}}'
        ).encode()
