"""Playlist of recordings: in sequence, cut, repeated, or followed by a generated market, as one source.

The first part keeps its own times, and every other is moved to the end of the one before it. A moved part counts the
volume of its day anew, and its trade ids continue to grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Books
from feed.data.messages import RecordedRows
from feed.data.ticks import NEVER, Batch, Instrument, Source, StatusChange, TickBlock, batches_between
from feed.sources.parts import Cut, Part, PlaylistBooks, Tail
from feed.units import DAY

__all__ = ["Playlist"]

Ints = NDArray[np.int64]


class Playlist(Source):
    """Source that plays cuts one after the other.

    Args:
        cuts: at least one; those of the same symbol have the same steps.
        loop: begin again, without end.
        tail: the generated market after them, where they are not repeated.
        notices: the notices of the recordings.
    """

    def __init__(
        self, cuts: Sequence[Cut], *, loop: bool = False, tail: Tail | None = None, notices: Sequence[str] = ()
    ) -> None:
        self._cuts = tuple(cuts)
        self._loop = loop
        self._tail = tail
        known = {instrument.symbol: instrument for cut in cuts for instrument in cut.source.instruments}
        self._instruments = tuple(known.values())
        self._places = [
            {instrument.symbol: place for place, instrument in enumerate(cut.source.instruments)} for cut in cuts
        ]
        lengths = [cut.length for cut in cuts]
        self._offsets = [0, *accumulate(lengths)]
        self._length = self._offsets[-1]
        self._turn = self._whole_turn()
        self._notices = tuple(notices)

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices of the recordings."""
        return self._notices

    @property
    def script_start(self) -> int:
        """The begin of the generated market."""
        return self.start if self._tail is None else self._tail.begin

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The symbols of all parts."""
        return self._instruments

    @property
    def start(self) -> int:
        """The begin of the first part."""
        return self._cuts[0].begin

    @property
    def end(self) -> int | None:
        """The end of the last part."""
        if self._loop:
            return None
        return self.start + self._length if self._tail is None else self._tail.source.end

    @property
    def numbering(self) -> Mapping[str, int]:
        """The numbering of the first recording, where it is played from its beginning."""
        first = self._cuts[0]
        return first.source.numbering if first.begin == first.source.start else {}

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """Return messages to send unchanged; because they contain their times, only where nothing is moved."""
        if self._loop or self._tail is not None or len(self._cuts) > 1:
            return None
        return self._cuts[0].source.recorded(channel, symbol, part)

    def batches(self, at: int) -> Iterator[Batch]:
        """Yield batches from market time `at` on, of one part after the other."""
        if at < self.start:
            yield Batch(at, self.start, tuple(TickBlock.empty() for _ in self._instruments))
            at = self.start
        for piece in self.pieces(at):
            begin = max(at, piece.begin)
            for batch in batches_between(piece.cut.source, begin - piece.shift, piece.cut.end):
                yield self._moved(piece, batch)
        if self._tail is not None:
            yield from self._continued(self._tail, max(at, self._tail.begin))

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Return the statuses in force at market time `at`."""
        if self._tail is not None and at >= self._tail.begin:
            return self._tail.source.statuses(at)
        piece = next(self.pieces(max(at, self.start)), None) or self._piece(0, len(self._cuts) - 1)
        local = {change.symbol: change for change in piece.cut.source.statuses(at - piece.shift)}
        since = StatusChange(self.start, "", "online", "", "replay")
        return tuple(
            replace(local.get(it.symbol, since), symbol=it.symbol, time=local.get(it.symbol, since).time + piece.shift)
            for it in self._instruments
        )

    def first_trade(self, index: int) -> int:
        """Return the time of the first trade of a symbol in any part."""
        symbol = self._instruments[index].symbol
        for number, (cut, places) in enumerate(zip(self._cuts, self._places, strict=True)):
            found = NEVER if symbol not in places else cut.source.trade_from(places[symbol], cut.begin)
            if found < cut.end:
                return found - cut.begin + self.start + self._offsets[number]
        return NEVER if self._tail is None else self._tail.begin

    def books(self, index: int) -> Books:
        """Return the parts' books, one after the other."""
        return PlaylistBooks(self, index)

    def quotes(self, index: int) -> Books | None:
        """Return the parts' recorded quotes, one after the other; None if no part has any."""
        symbol = self._instruments[index].symbol
        parts = zip(self._cuts, self._places, strict=True)
        if all(symbol not in places or cut.source.quotes(places[symbol]) is None for cut, places in parts):
            return None
        return PlaylistBooks(_QuotedParts(self), index)

    def quotes_at(self, piece: Part, index: int) -> Books | None:
        """Return the recorded quotes of a symbol in a part; None where the part has none."""
        place = self._places[self._cuts.index(piece.cut)].get(self._instruments[index].symbol)
        return None if place is None else piece.cut.source.quotes(place)

    def pieces(self, at: int) -> Iterator[Part]:
        """Yield the parts from the one that is played at `at` on."""
        turn, into = divmod(at - self.start, self._length)
        if turn and not self._loop:
            return
        first = next(number for number in range(len(self._cuts)) if into < self._offsets[number + 1])
        while True:
            for number in range(first, len(self._cuts)):
                yield self._piece(turn, number)
            if not self._loop:
                return
            turn, first = turn + 1, 0

    def book_at(self, piece: Part, index: int) -> Books | None:
        """Return the book of a symbol in a part; None where the part does not have it."""
        place = self._places[self._cuts.index(piece.cut)].get(self._instruments[index].symbol)
        return None if place is None else piece.cut.source.books(place)

    @property
    def tail(self) -> Tail | None:
        """The generated market after the recordings."""
        return self._tail

    def _piece(self, turn: int, number: int) -> Part:
        cut = self._cuts[number]
        begin = self.start + turn * self._length + self._offsets[number]
        lots, ids = self._turn[number]
        all_lots, all_ids = self._turn[-1]
        return Part(
            cut,
            begin - cut.begin,
            tuple(whole * turn + own for whole, own in zip(all_lots, lots, strict=True)),
            tuple(whole * turn + own for whole, own in zip(all_ids, ids, strict=True)),
        )

    def _whole_turn(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return, for each symbol, the lots traded before each part and in all, and the offsets of its trade ids."""
        count = len(self._instruments)
        lots, last, first = [0] * count, [0] * count, [0] * count
        found = []
        for cut, places in zip(self._cuts, self._places, strict=True):
            ids = [0] * count
            before = tuple(lots)
            for index, instrument in enumerate(self._instruments):
                if (place := places.get(instrument.symbol)) is None:
                    continue
                lots[index] += cut.source.lots(place, cut.end) - cut.source.lots(place, cut.begin)
                low, high = cut.source.ids(place, cut.begin, cut.end)
                ids[index] = max(0, last[index] + 1 - low) if last[index] else 0
                first[index] = first[index] or low
                last[index] = max(last[index], high + ids[index])
            found.append((before, tuple(ids)))
        turn = tuple(high + 1 - low if high else 0 for low, high in zip(first, last, strict=True))
        return [*found, (tuple(lots), turn)]

    def _moved(self, piece: Part, batch: Batch) -> Batch:
        places = self._places[self._cuts.index(piece.cut)]
        ticks = []
        for index, instrument in enumerate(self._instruments):
            place = places.get(instrument.symbol)
            block = TickBlock.empty() if place is None else batch.ticks[place]
            ticks.append(self._moved_block(piece, index, block) if len(block) and self._is_moved else block)
        changes = tuple(replace(change, time=change.time + piece.shift) for change in batch.statuses)
        return Batch(batch.start + piece.shift, batch.end + piece.shift, tuple(ticks), changes)

    @property
    def _is_moved(self) -> bool:
        """Tell whether anything differs from the recording: one part that is only cut keeps its figures of the day."""
        return self._loop or len(self._cuts) > 1

    def _moved_block(self, piece: Part, index: int, block: TickBlock) -> TickBlock:
        time = block.time + piece.shift
        # The sum of all volume ever traded may overflow.
        earlier = self.lots(index, int(time[0]))
        days = time // DAY
        before = {int(day): earlier - self.lots(index, max(int(day) * DAY, self.start)) for day in np.unique(days)}
        volume = np.cumsum(block.size) + np.array([before[day] for day in days.tolist()], np.int64)
        return replace(block, time=time, volume=volume, trade_id=block.trade_id + piece.ids[index])

    def lots(self, index: int, at: int) -> int:
        """Return the volume traded of a symbol before market time `at`, in lots."""
        piece = next(self.pieces(at), None)
        if piece is None:
            return self._turn[-1][0][index]
        place = self._places[self._cuts.index(piece.cut)].get(self._instruments[index].symbol)
        if place is None:
            return piece.lots[index]
        source = piece.cut.source
        return piece.lots[index] + source.lots(place, at - piece.shift) - source.lots(place, piece.cut.begin)

    def _continued(self, tail: Tail, at: int) -> Iterator[Batch]:
        """Yield the generated market: its ids, and on its first day its volume, continue from the recording's."""
        day = tail.begin // DAY
        carried = self._carried(tail)
        for batch in tail.source.batches(at):
            ticks = tuple(
                replace(
                    block,
                    volume=block.volume + np.where(block.time // DAY == day, lots, 0),
                    trade_id=block.trade_id + ids,
                )
                for block, (lots, ids) in zip(batch.ticks, carried, strict=True)
            )
            yield replace(batch, ticks=ticks)

    def _carried(self, tail: Tail) -> list[tuple[int, int]]:
        """Return, for each symbol, the offset of the generated volume of that day, and of all ids."""
        day = tail.begin // DAY * DAY
        found = []
        for index, block in enumerate(next(tail.source.batches(tail.begin)).ticks):
            generated = int(block.volume[0] - block.size[0]) if len(block) else 0
            recorded = self.lots(index, tail.begin) - self.lots(index, max(day, self.start))
            first = int(block.trade_id[0]) if len(block) else 0
            found.append((recorded - generated, max(0, self._last_id(index) + 1 - first)))
        return found

    def _last_id(self, index: int) -> int:
        """Return the greatest id of a symbol in the recordings."""
        symbol = self._instruments[index].symbol
        parts = zip(self._cuts, self._places, self._turn[:-1], strict=True)
        return max(
            cut.source.ids(places[symbol], cut.begin, cut.end)[1] + ids[index]
            for cut, places, (_, ids) in parts
            if symbol in places
        )


class _QuotedParts:
    """Parts of a playlist with their quotes as their books; the generated market after them has none."""

    tail: Tail | None = None

    def __init__(self, playlist: Playlist) -> None:
        self.start = playlist.start
        self.pieces = playlist.pieces
        self.book_at = playlist.quotes_at
