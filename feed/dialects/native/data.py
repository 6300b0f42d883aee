"""Objects and frames of the native dialect: from columns of integers to payloads, a whole slice at a time.

A payload is one `%` operation on a byte template, which is built once per instrument and form and filled from columns
that numpy has already split at the decimal point. No float is ever formatted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import orjson

from feed.data.columns import PRICES, SIZES
from feed.data.rows import StatusRows, TradeRows
from feed.data.ticks import BUY, Instrument
from feed.dialects.base import Kind
from feed.dialects.exchange.texts import split
from feed.units import MILLISECOND

__all__ = ["frames_of", "status_objects", "trade_frames", "trade_objects"]


def frames_of(
    channel: str, symbol: str, objects: Sequence[bytes], first_seq: int, kind: Kind, skipped: int
) -> list[bytes]:
    """Return objects inside a head with their stream and `seq`, the first also with the number skipped before it."""
    head, seqs = _head(channel, symbol, kind), _seqs(first_seq, len(objects), kind)
    frames = [b'%b%d,"data":%b}' % (head, seq, each) for seq, each in zip(seqs, objects, strict=True)]
    if skipped:
        frames[0] = b'%b%d,"skipped":%d,"data":%b}' % (head, first_seq, skipped, objects[0])
    return frames


def trade_objects(rows: TradeRows, *, quoted: bool) -> list[bytes]:
    """Return one object per fill."""
    template = _trade_template(rows.instrument, quoted)
    return [template % row for row in zip(*_columns(rows), strict=True)]


def trade_frames(channel: str, rows: TradeRows, first_seq: int, kind: Kind, *, quoted: bool) -> list[bytes]:
    """Return one payload per fill: head and object share one template for speed."""
    template = _frame_template(channel, rows.instrument, quoted, kind)
    seqs = _seqs(first_seq, len(rows), kind)
    return [template % row for row in zip(seqs, *_columns(rows), strict=True)]


def status_objects(rows: StatusRows) -> list[bytes]:
    """Return one object per change of status."""
    return [
        orjson.dumps(
            {
                "symbol": change.symbol,
                "status": change.status,
                "reason": change.reason,
                "phase": change.phase,
                "timestamp": change.time // MILLISECOND,
            }
        )
        for change in rows.changes
    ]


def _seqs(first: int, count: int, kind: Kind) -> Iterable[int]:
    return repeat(first, count) if kind == "state" else range(first, first + count)


@lru_cache(maxsize=4096)
def _head(channel: str, symbol: str, kind: Kind) -> bytes:
    shown = "update" if kind == "update" else "snapshot"
    name = orjson.dumps(symbol).decode()
    return f'{{"event":"data","channel":"{channel}","symbol":{name},"type":"{shown}","seq":'.encode()


def _columns(rows: TradeRows) -> Iterator[Sequence[Any]]:
    """Yield the columns of fills in the order of the object's keys."""
    ticks, each = rows.ticks, rows.instrument
    prices = {name: split(getattr(ticks, name), each.tick_units, each.price_decimals) for name in PRICES}
    sizes = {name: split(getattr(ticks, name), each.lot_units, each.size_decimals) for name in SIZES}
    yield from (*prices["price"], *sizes["size"])
    yield [b"buy" if taker == BUY else b"sell" for taker in ticks.side.tolist()]
    yield from (*prices["bid"], *sizes["bid_size"], *prices["ask"], *sizes["ask_size"], *sizes["volume"])
    yield ticks.trade_id.tolist()
    yield (ticks.time // MILLISECOND).tolist()


@lru_cache(maxsize=4096)
def _frame_template(channel: str, instrument: Instrument, quoted: bool, kind: Kind) -> bytes:
    head = _head(channel, instrument.symbol, kind).replace(b"%", b"%%")
    return head + b"%d" + b',"data":' + _trade_template(instrument, quoted) + b"}"


@lru_cache(maxsize=4096)
def _trade_template(instrument: Instrument, quoted: bool) -> bytes:
    # The text becomes part of a template, in which a percent sign must be doubled.
    symbol = orjson.dumps(instrument.symbol).replace(b"%", b"%%")
    price = _decimal(instrument.price_decimals, quoted)
    size = _decimal(instrument.size_decimals, quoted)
    return (
        b'{"symbol":' + symbol + b',"price":' + price + b',"size":' + size + b',"side":"%b",'
        b'"bid":' + price + b',"bid_size":' + size + b',"ask":' + price + b',"ask_size":' + size + b","
        b'"volume":' + size + b',"trade_id":%d,"timestamp":%d}'
    )


def _decimal(decimals: int, quoted: bool) -> bytes:
    digits = b"%d.%0" + str(decimals).encode() + b"d" if decimals else b"%d"
    return b'"' + digits + b'"' if quoted else digits
