"""`data` frames of the native dialect: from columns of integers to payloads, a whole slice at a time.

A payload is one `%` of a byte template that is made once for a stream and a variant, filled from columns that numpy
has already split at the decimal point. No float is ever formatted.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from feed.data.columns import PRICES, SIZES
from feed.data.ticks import BUY, Instrument, StatusChange, TickBlock
from feed.dialects.native.replies import Variant
from feed.units import MILLISECOND

__all__ = ["encode_status", "encode_ticks"]

Columns = list[list[int]]


def encode_ticks(
    block: TickBlock,
    instrument: Instrument,
    *,
    first_seq: int,
    shift: int = 0,
    variant: Variant,
    kind: str = "update",
) -> list[bytes]:
    """One payload a row of the block.

    Args:
        block: the ticks; their columns may be views.
        instrument: the symbol, with its decimals.
        first_seq: the `seq` of the first row; each following row has the next one.
        shift: nanoseconds added to every time (the market's anchor).
        variant: the form of the numbers.
        kind: the frame's `type`, `update` or `snapshot`.
    """
    template = _tick_template(instrument, variant, kind)
    price, bid, ask = (
        _split(getattr(block, name), instrument.tick_units, instrument.price_decimals) for name in PRICES
    )
    size, bid_size, ask_size, volume = (
        _split(getattr(block, name), instrument.lot_units, instrument.size_decimals) for name in SIZES
    )
    side = [b"buy" if taker == BUY else b"sell" for taker in block.side.tolist()]
    milliseconds = ((block.time + shift) // MILLISECOND).tolist()
    rows = zip(
        range(first_seq, first_seq + len(block)),
        *price, *size, side, *bid, *bid_size, *ask, *ask_size, *volume,
        block.trade_id.tolist(), milliseconds,
        strict=True,
    )  # fmt: skip
    return [template % row for row in rows]


def _split(column: NDArray[np.int64], units: int, decimals: int) -> Columns:
    """The digits before the point and those after it; only the first where there are no decimals."""
    scaled = column if units == 1 else column * units
    if not decimals:
        return [scaled.tolist()]
    whole, fraction = np.divmod(scaled, 10**decimals)
    return [whole.tolist(), fraction.tolist()]


@lru_cache(maxsize=4096)
def _tick_template(instrument: Instrument, variant: Variant, kind: str) -> bytes:
    symbol = _text(instrument.symbol)
    price = _decimal(instrument.price_decimals, variant)
    size = _decimal(instrument.size_decimals, variant)
    return (
        b'{"event":"data","channel":"trading","symbol":'
        + symbol
        + b',"type":"'
        + kind.encode()
        + b'","seq":%d,"data":{'
        b'"symbol":' + symbol + b',"price":' + price + b',"size":' + size + b',"side":"%b",'
        b'"bid":' + price + b',"bid_size":' + size + b',"ask":' + price + b',"ask_size":' + size + b","
        b'"volume":' + size + b',"trade_id":%d,"timestamp":%d}}'
    )


def _decimal(decimals: int, variant: Variant) -> bytes:
    digits = b"%d.%0" + str(decimals).encode() + b"d" if decimals else b"%d"
    return b'"' + digits + b'"' if variant.numbers == "string" else digits


def _text(value: str) -> bytes:
    # The text becomes part of a template, where a percent sign has a meaning.
    return orjson.dumps(value).replace(b"%", b"%%")


def encode_status(
    changes: Iterable[StatusChange], *, first_seq: int, shift: int = 0, kind: str = "update"
) -> list[bytes]:
    """One payload a change of status, the seq counting up from `first_seq`."""
    return [
        orjson.dumps(
            {
                "event": "data",
                "channel": "status",
                "symbol": change.symbol,
                "type": kind,
                "seq": seq,
                "data": {
                    "symbol": change.symbol,
                    "status": change.status,
                    "reason": change.reason,
                    "phase": change.phase,
                    "timestamp": (change.time + shift) // MILLISECOND,
                },
            }
        )
        for seq, change in enumerate(changes, first_seq)
    ]
