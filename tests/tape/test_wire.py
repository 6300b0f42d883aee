"""Frames of the wire: what is recorded of them makes the same frames again."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.rows import StatusRows, TradeRows
from feed.data.ticks import STATUSES, Instrument, StatusChange, TickBlock
from feed.dialects.base import Kind
from feed.dialects.registry import NATIVE
from feed.protocol.effects import Stream
from feed.tape.layout import INFO_KEY, RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.reader import open_recording
from feed.tape.rows import batch_of
from feed.tape.wire import FrameRows, facts_of
from feed.units import MILLISECOND, parse_step
from tests.tape.trades import INFO

STEPS = st.sampled_from(["0.00001", "0.0005", "0.01", "0.25", "0.5", "1", "10"]).map(parse_step)
# A float has sixteen digits; so has every number that feed writes.
COUNTS = st.integers(1, 10**8)
SYMBOLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@st.composite
def trades(draw: st.DrawFn) -> tuple[Instrument, TickBlock]:
    """Some fills of an instrument, at whole milliseconds."""
    instrument = Instrument(draw(SYMBOLS), draw(STEPS), draw(STEPS))
    count = draw(st.integers(1, 5))

    def column(each: st.SearchStrategy[int]) -> Any:
        return np.array(draw(st.lists(each, min_size=count, max_size=count)), np.int64)

    sides, times = column(st.sampled_from([-1, 1])), column(st.integers(0, 10**12)) * MILLISECOND
    numbers = [column(COUNTS) for _ in range(7)]
    price, size, bid, bid_size, ask, ask_size, volume = numbers
    block = TickBlock(np.sort(times), price, size, sides, bid, bid_size, ask, ask_size, volume, column(COUNTS))
    return instrument, block


@st.composite
def changes(draw: st.DrawFn) -> list[StatusChange]:
    """Changes of a status."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    made = st.builds(
        StatusChange, st.integers(0, 10**12).map(lambda ms: ms * MILLISECOND), SYMBOLS, st.sampled_from(STATUSES),
        texts, texts,
    )  # fmt: skip
    return draw(st.lists(made, min_size=1, max_size=3))


def written(rows: TradeRows | StatusRows, seq: int, kind: Kind) -> list[bytes]:
    """Rows as frames of the native dialect; changes of status may be of several symbols."""
    if isinstance(rows, TradeRows):
        return NATIVE.write(Stream("trading", rows.instrument.symbol), rows, seq, kind, ())
    return [
        frame
        for at, change in enumerate(rows.changes, seq)
        for frame in NATIVE.write(Stream("status", change.symbol), StatusRows((change,)), at, kind, ())
    ]


def block_of(rows: list[dict[str, Any]], instrument: Instrument) -> TickBlock:
    """Trades as a recording has them, in steps again."""
    tick, lot = float(instrument.tick_size), float(instrument.lot_size)
    steps = dict.fromkeys(("price", "bid", "ask"), tick)
    steps |= dict.fromkeys(("size", "bid_size", "ask_size", "volume"), lot)
    columns = {name: np.rint(np.array([row[name] for row in rows]) / step) for name, step in steps.items()}
    columns["side"] = np.array([1 if row["side"] == "buy" else -1 for row in rows])
    columns |= {name: np.array([row[name] for row in rows]) for name in ("time", "trade_id")}
    return TickBlock(**{name: column.astype(np.int64) for name, column in columns.items()})


def frames_of(rows: list[dict[str, Any]], instrument: Instrument) -> list[bytes]:
    """The frames that a recording tells of."""
    frames = []
    for row in rows:
        if row["channel"] == "trading":
            block = block_of([row], instrument)
            frames += written(TradeRows(instrument, block), row["seq"], row["type"])
        elif row["channel"] == "event":
            frames.append(row["data"].encode())
        else:
            head = {"event": "data", "channel": row["channel"], "symbol": row["symbol"], "type": row["type"]}
            frames.append(orjson.dumps(head | {"seq": row["seq"], "data": orjson.Fragment(row["data"])}))
    return frames


@settings(max_examples=100, deadline=None)
@given(trades(), changes(), st.integers(1, 10**9), st.sampled_from(["update", "snapshot"]))
def test_frames_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    made: tuple[Instrument, TickBlock],
    statuses: list[StatusChange],
    seq: int,
    kind: Kind,
) -> None:
    """Byte for byte, through a file."""
    instrument, block = made
    frames = written(TradeRows(instrument, block), seq, kind)
    frames += written(StatusRows(tuple(statuses)), seq, kind)
    frames.append(b'{"event":"heartbeat","timestamp":1.50,"last":{}}')
    maker = FrameRows()
    rows = [maker.row(frame, orjson.loads(frame), 7) for frame in frames]
    path = tmp_path_factory.mktemp("frames") / "x.parquet"
    file = RecordingFile(path)
    file.write(batch_of(rows))
    file.finish(INFO)
    with open_recording(path) as recording:
        kept = [row for batch in recording.batches() for row in batch.to_pylist()]
    assert frames_of(kept, instrument) == frames


def test_steps_of_a_greeting() -> None:
    """JSON makes floats of them; a recording has them as decimals."""
    symbol = {"symbol": "A/B", "tick_size": 0.00001, "lot_size": 10, "price_decimals": 5, "size_decimals": 0}
    facts = facts_of({"scenario": "calm", "seed": 7, "epoch": "e-1", "symbols": [symbol]})
    assert facts["instruments"] == {"A/B": ("0.00001", "10")}
    assert RecordingInfo(version="1", source=INFO_KEY.decode(), **facts).seed == 7


def test_whoever_sends_names_without_end_fills_no_dictionary() -> None:
    """Names of events are few."""
    maker = FrameRows()
    rows = [maker.row(b"{}", {"event": f"e{number}"}, 1) for number in range(1000)]
    assert len({row.type for row in rows}) < 100
    assert batch_of(rows).num_rows == 1000


def test_texts_that_look_like_data() -> None:
    """A text that looks like the mark behind which data begins is inside of quotes, and so escaped."""
    text = ',"data":{"price":1}'
    change = StatusChange(0, 'A","data":"B', "online", text, text)
    frame = written(StatusRows((change,)), 1, "update")[0]
    row = FrameRows().row(frame, orjson.loads(frame), 1)
    assert row.data is not None
    assert orjson.loads(row.data)["reason"] == text
