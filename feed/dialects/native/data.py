"""Objects and frames of the native dialect: from columns of integers to payloads, a whole slice at a time.

A payload is one `%` of a byte template that is made once for an instrument and a form, filled from columns that numpy
has already split at the decimal point. No float is ever formatted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.columns import PRICES, SIZES
from feed.data.rows import StatusRows, TradeRows
from feed.data.ticks import BUY, Instrument
from feed.dialects.base import Kind
from feed.units import MILLISECOND

__all__ = ["frames_of", "status_objects", "trade_frames", "trade_objects"]

SHORT_SLICE = 4
"""Up to so many rows are split one by one: a call of numpy costs more than that."""


def frames_of(
    channel: str, symbol: str, objects: Sequence[bytes], first_seq: int, kind: Kind, skipped: int
) -> list[bytes]:
    """Objects inside of the head that tells their stream and their `seq`, the first also what was skipped before it."""
    head, seqs = _head(channel, symbol, kind), _seqs(first_seq, len(objects), kind)
    frames = [b'%b%d,"data":%b}' % (head, seq, each) for seq, each in zip(seqs, objects, strict=True)]
    if skipped:
        frames[0] = b'%b%d,"skipped":%d,"data":%b}' % (head, first_seq, skipped, objects[0])
    return frames


def trade_objects(rows: TradeRows, *, quoted: bool) -> list[bytes]:
    """One object a fill."""
    template = _trade_template(rows.instrument, quoted)
    return [template % row for row in zip(*_columns(rows), strict=True)]


def trade_frames(rows: TradeRows, first_seq: int, kind: Kind, *, quoted: bool) -> list[bytes]:
    """One payload a fill: head and object as one template, for there are many of them."""
    template = _frame_template(rows.instrument, quoted, kind)
    seqs = _seqs(first_seq, len(rows), kind)
    return [template % row for row in zip(seqs, *_columns(rows), strict=True)]


def status_objects(rows: StatusRows) -> list[bytes]:
    """One object a change of status."""
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
    """The columns of a fill in the order of its object."""
    ticks, each = rows.ticks, rows.instrument
    prices = {name: _split(getattr(ticks, name), each.tick_units, each.price_decimals) for name in PRICES}
    sizes = {name: _split(getattr(ticks, name), each.lot_units, each.size_decimals) for name in SIZES}
    yield from (*prices["price"], *sizes["size"])
    yield [b"buy" if taker == BUY else b"sell" for taker in ticks.side.tolist()]
    yield from (*prices["bid"], *sizes["bid_size"], *prices["ask"], *sizes["ask_size"], *sizes["volume"])
    yield ticks.trade_id.tolist()
    yield (ticks.time // MILLISECOND).tolist()


def _split(column: NDArray[np.int64], units: int, decimals: int) -> list[Sequence[int]]:
    """The digits before the point and those after it; only the first where there are no decimals."""
    if not decimals:
        return [(column * units).tolist()]
    if 0 < len(column) <= SHORT_SLICE:
        scale = 10**decimals
        return list(zip(*[divmod(value * units, scale) for value in column.tolist()], strict=True))
    whole, fraction = np.divmod(column if units == 1 else column * units, 10**decimals)
    return [whole.tolist(), fraction.tolist()]


@lru_cache(maxsize=4096)
def _frame_template(instrument: Instrument, quoted: bool, kind: Kind) -> bytes:
    head = _head("trading", instrument.symbol, kind).replace(b"%", b"%%")
    return head + b"%d" + b',"data":' + _trade_template(instrument, quoted) + b"}"


@lru_cache(maxsize=4096)
def _trade_template(instrument: Instrument, quoted: bool) -> bytes:
    # The text becomes part of a template, where a percent sign has a meaning.
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
