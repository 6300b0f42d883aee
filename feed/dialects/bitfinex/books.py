"""Books of the exchange: windows of levels or of made-up orders, rounded to a precision, with their checksums."""

from __future__ import annotations

import zlib
from itertools import zip_longest

from feed.data.book import Ladder, Level, Levels
from feed.data.rows import BookRows
from feed.data.ticks import Instrument
from feed.dialects.bitfinex.names import BULK, CHECKSUMS, TIMESTAMP, BitfinexChannel, Numbers, scripted
from feed.dialects.exchange.texts import changes_of
from feed.units import MILLISECOND, SECOND

__all__ = ["book_rows", "snapshot_text", "window_of"]

CHECKED = 25
"""Number of levels of each side that a checksum covers."""

CHECK_EVERY = 2 * SECOND

FIGURES = {"P1": 4, "P2": 3, "P3": 2, "P4": 1}
"""Significant figures of prices in each precision; P0 has the instrument's own ticks."""


def book_rows(rows: BookRows, channel: BitfinexChannel, flags: int) -> list[bytes]:
    """Return the snapshot, or the messages of each gathered change: removals first, then the rest."""
    write = Numbers(rows.instrument, flags)
    if rows.whole:
        window = window_of(rows.ladders[0], channel, rows.instrument)
        levels = snapshot_text(window, channel, write)
        first = _message(channel, levels, rows.times[0], flags)
        return [first, *[b""] * (len(rows) - 1)]
    found, old = [], window_of(rows.ladders[0], channel, rows.instrument)
    for row in range(len(rows)):
        new = window_of(rows.ladders[row + 1], channel, rows.instrument)
        messages = _changes(old, new, channel, write, rows.times[row])
        if messages and flags & CHECKSUMS and _is_checked(rows, row, channel):
            checksum = checksum_of(new, channel, rows.instrument)
            messages.append(_message(channel, f'"cs",{checksum}', rows.times[row], flags))
        found.append(b"\n".join(messages))
        old = new
    return found


def window_of(ladder: Ladder, channel: BitfinexChannel, each: Instrument) -> Ladder:
    """Return the best levels of a book, as many as a channel has."""
    if channel.prec in FIGURES:
        figures = FIGURES[channel.prec]
        ladder = Ladder(_rounded(ladder.bids, figures, each, up=False), _rounded(ladder.asks, figures, each, up=True))
    return ladder.cut(int(channel.length))


def snapshot_text(window: Ladder, channel: BitfinexChannel, write: Numbers) -> str:
    """Return all levels, bids before asks, the best first."""
    bids = [_level(channel, write, level, 1) for level in window.bids]
    asks = [_level(channel, write, level, -1) for level in window.asks]
    return f"[{','.join([*bids, *asks])}]"


def checksum_of(window: Ladder, channel: BitfinexChannel, each: Instrument) -> int:
    """Return the signed checksum of the best levels, bids and asks in turn."""
    parts: list[str] = []
    for bid, ask in zip_longest(window.bids[:CHECKED], window.asks[:CHECKED]):
        for level, sign in ((bid, 1), (ask, -1)):
            if level is not None:
                name = str(order_id(level[0], sign)) if channel.prec == "R0" else _script_price(level[0], each)
                parts += [name, scripted(sign * level[1] * each.lot_units, each.size_decimals)]
    number = zlib.crc32(":".join(parts).encode())
    return number - 2**32 if number >= 2**31 else number


def order_id(price: int, sign: int) -> int:
    """Return the id of the made-up order at a price."""
    return 10**10 + 2 * price + (sign < 0)


def _script_price(price: int, each: Instrument) -> str:
    return scripted(price * each.tick_units, each.price_decimals)


def _is_checked(rows: BookRows, row: int, channel: BitfinexChannel) -> bool:
    if channel.freq == "F1" or not rows.earlier:
        return True
    return rows.times[row] // CHECK_EVERY != rows.earlier[row] // CHECK_EVERY


def _changes(old: Ladder, new: Ladder, channel: BitfinexChannel, write: Numbers, time: int) -> list[bytes]:
    bids = changes_of(old.bids, new.bids, descending=True)
    asks = changes_of(old.asks, new.asks, descending=False)
    # No message leaves a crossed book: what goes is told before what comes.
    levels = [
        _level(channel, write, level, sign)
        for removed in (True, False)
        for side, sign in ((bids, 1), (asks, -1))
        for level in side
        if (level[1] == 0) == removed
    ]
    if write.flags & BULK and levels:
        return [_message(channel, f"[{','.join(levels)}]", time, write.flags)]
    return [_message(channel, level, time, write.flags) for level in levels]


def _level(channel: BitfinexChannel, write: Numbers, level: Level, sign: int) -> str:
    price, size = level
    if channel.prec == "R0":
        shown = write.price(price if size else 0)
        return f"[{order_id(price, sign)},{shown},{write.size(sign * size) if size else write.decimal(sign, 0)}]"
    amount = write.size(sign * size) if size else write.decimal(sign, 0)
    return f"[{write.price(price)},{1 if size else 0},{amount}]"


def _message(channel: BitfinexChannel, data: str, time: int, flags: int) -> bytes:
    stamp = f",{time // MILLISECOND}" if flags & TIMESTAMP else ""
    return f"[{channel.number},{data}{stamp}]".encode()


def _rounded(levels: Levels, figures: int, each: Instrument, *, up: bool) -> Levels:
    """Return levels added up at prices of so many significant figures."""
    sums: dict[int, int] = {}
    for price, size in levels:
        units = price * each.tick_units
        step = max(10 ** (len(str(units)) - figures), each.tick_units)
        edge = -(-units // step) * step if up else units // step * step
        place = edge // each.tick_units
        sums[place] = sums.get(place, 0) + size
    return tuple(sums.items())
