"""`data` frames: exact decimals, fixed keys, the same bytes however the rows are cut."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.data.rows import StatusRows, TradeRows
from feed.data.ticks import BUY, SELL, Instrument, StatusChange, TickBlock
from feed.delivery.framing import text_frame
from feed.dialects.base import Options
from feed.dialects.registry import NATIVE
from feed.market.channels.base import StatusTrack, TickTrack
from feed.protocol.effects import Stream
from feed.units import DAY, MILLISECOND
from tests.support.market import unframed

STEPS = st.sampled_from(["0.01", "0.05", "0.5", "1", "0.25", "10", "0.00001", "0.000000000001", "0.1"])
COUNTS = st.integers(0, 10**9)


@st.composite
def blocks(draw: st.DrawFn) -> TickBlock:
    """A block of any exact integers."""
    size = draw(st.integers(1, 8))

    def column(values: st.SearchStrategy[int]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=size, max_size=size)), np.int64)

    return TickBlock(
        time=column(st.integers(0, 4 * 10**18)), price=column(COUNTS), size=column(COUNTS),
        side=column(st.sampled_from([BUY, SELL])), bid=column(COUNTS), bid_size=column(COUNTS),
        ask=column(COUNTS), ask_size=column(COUNTS), volume=column(COUNTS), trade_id=column(st.integers(0, 2**53)),
    )  # fmt: skip


def instrument(tick: str, lot: str) -> Instrument:
    """A symbol with a name that a careless template would trip over."""
    return Instrument('100% "é"/USD', Decimal(tick).normalize(), Decimal(lot).normalize())


def written(
    block: TickBlock, symbol: Instrument, first_seq: int, options: Options = (), *, skipped: int = 0
) -> list[bytes]:
    """Fills as payloads."""
    rows = TradeRows(symbol, block)
    return NATIVE.write(Stream("trading", symbol.symbol), rows, first_seq, "update", options, skipped)


QUOTED = (("numbers", "string"),)


@given(blocks(), STEPS, STEPS, st.integers(1, 10**9), st.integers(-DAY, DAY))
def test_every_number_is_exact(block: TickBlock, tick: str, lot: str, first_seq: int, shift: int) -> None:
    """What a client reads with exact decimals is the integer times its step, with all of its decimals written."""
    symbol = instrument(tick, lot)
    shifted = TickTrack(block, symbol, shift).rows(0, len(block))
    payloads = written(shifted.ticks, symbol, first_seq)
    assert len(payloads) == len(block)
    for row, payload in enumerate(payloads):
        frame = json.loads(payload, parse_float=Decimal)
        assert list(frame) == ["event", "channel", "symbol", "type", "seq", "data"]
        data = frame["data"]
        assert list(data) == [
            "symbol", "price", "size", "side", "bid", "bid_size", "ask", "ask_size", "volume", "trade_id", "timestamp",
        ]  # fmt: skip
        assert frame["seq"] == first_seq + row
        for name in ("price", "bid", "ask"):
            assert data[name] == int(getattr(block, name)[row]) * symbol.tick_size
        for name in ("size", "bid_size", "ask_size", "volume"):
            assert data[name] == int(getattr(block, name)[row]) * symbol.lot_size
        assert -Decimal(str(data["price"])).as_tuple().exponent == symbol.price_decimals  # type: ignore[operator]
        assert data["side"] == ("buy" if block.side[row] == BUY else "sell")
        assert data["timestamp"] == (int(block.time[row]) + shift) // MILLISECOND
        assert b"e" not in payload.split(b'"price":')[1].split(b",")[0]


@given(blocks(), st.integers(0, 8), st.sampled_from([(), QUOTED]))
def test_cutting_changes_nothing(block: TickBlock, at: int, options: Options) -> None:
    """A block encoded in two parts gives the bytes of the block encoded whole."""
    symbol = instrument("0.01", "0.00001")
    whole = written(block, symbol, 5, options)
    parts = written(block[:at], symbol, 5, options)
    parts += written(block[at:], symbol, 5 + min(at, len(block)), options)
    assert parts == whole


@given(blocks(), st.integers(1, 10**6), st.sampled_from([(), QUOTED]))
def test_a_frame_is_its_object_inside_of_a_head(block: TickBlock, skipped: int, options: Options) -> None:
    """What stands alone in a recording or an answer is what a frame carries, to the byte; `skipped` is in the head."""
    symbol = instrument("0.01", "0.00001")
    objects = NATIVE.objects(TradeRows(symbol, block), options)
    head = b'{"event":"data","channel":"trading","symbol":%b,"type":"update","seq":' % orjson.dumps(symbol.symbol)
    for seq, (alone, plain) in enumerate(zip(objects, written(block, symbol, 7, options), strict=True), 7):
        assert plain == head + b'%d,"data":%b}' % (seq, alone)
    first, *rest = written(block, symbol, 7, options, skipped=skipped)
    assert first == head + b'7,"skipped":%d,"data":%b}' % (skipped, objects[0])
    assert rest == written(block, symbol, 7, options)[1:]
    [alone] = written(block[:1], symbol, 7, options, skipped=skipped)
    assert alone == first


@given(blocks())
def test_strings_hold_the_same_digits(block: TickBlock) -> None:
    """The string variant differs by quotes alone."""
    symbol = instrument("0.01", "0.00001")
    plain = written(block, symbol, 1)
    text = written(block, symbol, 1, QUOTED)
    for one, other in zip(plain, text, strict=True):
        exact = json.loads(one, parse_float=str)["data"]
        assert json.loads(other)["data"] == exact | {"symbol": exact["symbol"]}


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 1023, 1024, 65535, 65536, 70000])
def test_frames_of_every_length(length: int) -> None:
    """Each of the three forms of a frame's length, and both sides of their borders."""
    payload = b"x" * length
    assert unframed(text_frame(payload) * 2) == [payload, payload]


def test_status_frames() -> None:
    """A change of status has its keys in their order."""
    change = StatusChange(1_736_121_600_123_456_789, "BTC/USD", "halted", "drill", "second phase")
    rows: StatusRows = StatusTrack((change,), DAY).rows(0, 1)
    [payload] = NATIVE.write(Stream("status", "BTC/USD"), rows, 3, "update", ())
    assert orjson.loads(payload) == {
        "event": "data",
        "channel": "status",
        "symbol": "BTC/USD",
        "type": "update",
        "seq": 3,
        "data": {
            "symbol": "BTC/USD",
            "status": "halted",
            "reason": "drill",
            "phase": "second phase",
            "timestamp": 1_736_208_000_123,
        },
    }


def test_trades_of_another_channel_have_its_name() -> None:
    """A channel derived from trades, such as one of large sells, is not `trading`."""
    symbol = instrument("0.01", "0.001")
    one = np.ones(1, np.int64)
    block = TickBlock(*(one for _ in range(10)))
    [payload] = NATIVE.write(Stream("large-sells", symbol.symbol), TradeRows(symbol, block), 7, "update", ())
    frame = json.loads(payload)
    assert (frame["channel"], frame["seq"], frame["data"]["trade_id"]) == ("large-sells", 7, 1)
