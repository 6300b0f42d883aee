"""JSON objects of the native dialect for order books: whole books, and changes since the one before."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import orjson

from feed.data.book import Ladder, Level, changed_levels, ladder_checksum
from feed.data.rows import BookRows
from feed.data.ticks import Instrument
from feed.dialects.decimals import DecimalWriter
from feed.units import MILLISECOND

__all__ = ["book_objects"]


def book_objects(rows: BookRows, *, quoted: bool) -> list[bytes]:
    """Return one object per book with all of its levels, or one per change."""
    write = _BookWriter(rows.instrument, rows.depth, quoted=quoted)
    if rows.whole:
        books = zip(rows.ladders, rows.times, strict=True)
        return [write.book(it.bids, it.asks, it, time // MILLISECOND) for it, time in books]
    return [
        write.book(
            changed_levels(old.bids, new.bids, descending=True),
            changed_levels(old.asks, new.asks, descending=False),
            new,
            time // MILLISECOND,
        )
        for (old, new), time in zip(pairwise(rows.ladders), rows.times, strict=True)
    ]


class _Texts(dict[Level, str]):
    """Cache of written levels: the same ones are written for every depth, and again on removal."""

    MOST = 5_000

    def __init__(self, instrument: Instrument, *, quoted: bool) -> None:
        super().__init__()
        self._write = DecimalWriter(instrument, quoted=quoted)
        self.units = instrument.tick_units, instrument.lot_units

    def __missing__(self, level: Level) -> str:
        if len(self) >= self.MOST:
            self.clear()
        text = self[level] = f"[{self._write.price(level[0])},{self._write.size(level[1])}]"
        return text


@lru_cache(maxsize=16)
def _texts(instrument: Instrument, quoted: bool) -> _Texts:
    return _Texts(instrument, quoted=quoted)


class _BookWriter:
    """Writer of the books of one stream as objects."""

    __slots__ = ("_begin", "_texts")

    def __init__(self, instrument: Instrument, depth: int, *, quoted: bool) -> None:
        self._texts = _texts(instrument, quoted)
        symbol = orjson.dumps(instrument.symbol).decode()
        self._begin = f'{{"symbol":{symbol},"depth":{depth},"bids":['

    def book(self, bids: Iterable[Level], asks: Iterable[Level], whole: Ladder, milliseconds: int) -> bytes:
        """Return one object; `whole` is the book for the checksum."""
        texts = self._texts
        checksum = ladder_checksum(whole, *texts.units)
        return (
            f"{self._begin}{','.join([texts[level] for level in bids])}],"
            f'"asks":[{",".join([texts[level] for level in asks])}],'
            f'"checksum":{checksum},"timestamp":{milliseconds}}}'
        ).encode()
