"""Changes of content on messages of every dialect: only what the fault is about differs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feed.faults.editing import read_document, write_document
from feed.faults.fault import Strike
from feed.faults.link import Parcel
from feed.faults.registry import read_fault
from feed.protocol.effects import Stream
from feed.protocol.shape import MessageShape
from feed.server.faulting import WireFraming

TRADING = Stream("trading", "BTC/USD")

NATIVE = (
    b'{"event":"data","channel":"book","symbol":"BTC/USD","type":"update","seq":7,"data":{"symbol":"BTC/US'
    b'D","bids":[[65000.10,0.20000]],"asks":[[65000.20,0.00000]],"checksum":17,"timestamp":1736121600000}}'
)
KRAKEN = (
    b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":64958.23,"qty":0.5824'
    b'7}],"asks":[{"price":64958.31,"qty":0.00000}],"checksum":1763488247,"timestamp":"2025-01-06T14:00:26'
    b'.137402Z"}]}'
)
BINANCE = (
    b'{"e":"depthUpdate","E":1,"s":"BTCUSD","U":5,"u":9,"b":[["64958.23000000","0.58247000"]],"a":[["64958'
    b'.31000000","0.00000000"]]}'
)
BOOK_TICKER = b'{"u":9,"s":"BTCUSD","b":"64958.23000000","B":"0.20680000","a":"64958.24000000","A":"0.42044000"}'
COINBASE = (
    b'{"type":"match","trade_id":10,"side":"sell","size":"0.02131000","price":"64958.24","product_id":"BTC'
    b'-USD","sequence":10}'
)
BITFINEX = b'[17,"cs",-1763488247]'
BITFINEX_TRADE = b'[17,"te",[10,1736172026530,-0.02131,64958.24]]'


def edited(payload: bytes, **fault: Any) -> Any:
    """The document after the fault has struck this message."""
    framing = WireFraming()
    strike = Strike(0, lambda what: 0.5, MessageShape(), framing)
    parcel = Parcel(framing.text(payload), "data", TRADING, 1, "")
    result = read_fault(fault).begin().strike(parcel, strike)
    assert isinstance(result, list | tuple)
    [delivery] = result
    return json.loads(framing.payload(delivery.parcel.data))


@given(st.lists(st.decimals(-1_000_000, 1_000_000, places=5) | st.integers(-(2**53), 2**53) | st.text(max_size=5)))
def test_numbers_keep_their_spelling(values: list[Any]) -> None:
    """A message that is read and written is the same bytes: 65000.10 stays that."""
    parts = [f"{value:f}" if isinstance(value, Decimal) else orjson.dumps(value).decode() for value in values]
    payload = f'{{"a":[{",".join(parts)}],"b":null}}'.encode()
    assert write_document(read_document(payload)) == payload


@pytest.mark.parametrize("payload", [NATIVE, KRAKEN, BITFINEX])
def test_bad_checksum(payload: bytes) -> None:
    """Its last bit is another one, whatever its place."""
    text = json.dumps(edited(payload, kind="bad-checksum")).replace(" ", "")
    number = b"17" if payload is NATIVE else b"1763488247"
    other = str(int(number) ^ 1) if payload is not BITFINEX else str(abs(-1763488247 ^ 1))
    assert other in text
    plain = json.dumps(json.loads(payload)).replace(" ", "")
    assert len(text) == len(plain)
    assert sum(a != b for a, b in zip(text, plain, strict=True)) == 1


@pytest.mark.parametrize(
    ("payload", "place"),
    [(NATIVE, ("seq",)), (BINANCE, ("u",)), (BOOK_TICKER, ("u",)), (COINBASE, ("sequence",))],
)
def test_skip_seq_uses_the_dialect_s_own_number(payload: bytes, place: tuple[str, ...]) -> None:
    """Five further on."""
    before, after = json.loads(payload), edited(payload, kind="skip-seq", by=5)
    assert after.pop(place[0]) == before.pop(place[0]) + 5
    assert after == before


@pytest.mark.parametrize("payload", [NATIVE, KRAKEN, BINANCE, BOOK_TICKER])
def test_crossed_book(payload: bytes) -> None:
    """The best bid is above the best ask, in the spelling of the message."""
    document = edited(payload, kind="crossed-book")
    slots = MessageShape().sides(document)
    assert slots is not None

    def best(value: Any) -> float:
        level = value[0] if isinstance(value, list) else value
        price = level["price"] if isinstance(level, dict) else level[0] if isinstance(level, list) else level
        return float(price)

    assert best(slots[0].value) > best(slots[1].value)


@pytest.mark.parametrize("payload", [NATIVE, KRAKEN, BINANCE, BOOK_TICKER, COINBASE, BITFINEX_TRADE])
@pytest.mark.parametrize(
    "kind", ["wrong-type", "null-field", "missing-field", "out-of-range", "extra-field", "unknown-event"]
)
def test_a_field_of_any_dialect(payload: bytes, kind: str) -> None:
    """Something is different, it is still JSON, and most of it is as before."""
    before, after = json.loads(payload), edited(payload, kind=kind)
    assert before != after
    assert type(after) is type(before) or kind == "unknown-event"
    assert len(json.dumps(after)) > len(json.dumps(before)) / 2


@pytest.mark.parametrize(
    ("kind", "payload"), [("bad-checksum", COINBASE), ("crossed-book", COINBASE), ("skip-seq", KRAKEN)]
)
def test_what_is_not_there_is_not_changed(kind: str, payload: bytes) -> None:
    """The message goes on as it is."""
    assert edited(payload, kind=kind) == json.loads(payload)
