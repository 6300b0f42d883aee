"""A venue's recording played again: every message once, in its order, by either clock, with its quotes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feed.data.ticks import Source
from feed.dataframes.tape import RecordingData
from feed.errors import RecordingError
from feed.scenario.load import scenario_from
from feed.scenario.replay import Replay
from feed.sources.files import open_recorded
from feed.sources.replay import open_replay
from tests.importing.files import MS, NS, imported, written
from tests.support.market import Reader, make_market
from tests.tape.test_replay import play


def update(at: int, number: int, price: str) -> str:
    """A change of the book, by the exchange's clock."""
    fields = {"e": "depthUpdate", "E": MS + at, "s": "BTCUSDT", "U": number, "u": number}
    return json.dumps({**fields, "b": [[price, "1.0"]], "a": []})


def trade(at: int, number: int, price: str = "100.0") -> str:
    """A trade."""
    fields = {"e": "trade", "E": MS + at, "s": "BTCUSDT", "t": number, "p": price, "q": "0.5", "T": MS + at}
    return json.dumps({**fields, "m": False})


def quote(number: int, bid: str, ask: str) -> str:
    """A quote, which has no time of the exchange."""
    return json.dumps({"u": number, "s": "BTCUSDT", "b": bid, "B": "2.0", "a": ask, "A": "3.0"})


SNAPSHOT = json.dumps(
    {"lastUpdateId": 2, "E": MS + 150, "bids": [["98.0", "1.0"]], "asks": [["101.0", "1.0"]]}
)  # fmt: skip

SESSION = [
    (110, update(100, 1, "97.0")),
    (210, update(200, 2, "96.0")),
    (310, update(300, 3, "99.0")),
    (320, SNAPSHOT),
    (405, trade(400, 1)),
    (420, update(410, 4, "95.0")),
    (520, update(510, 5, "94.0")),
]
"""A snapshot whose time is earlier than the updates that came before it."""


def recording(folder: Path, lines: list[tuple[int, str]] = SESSION) -> Path:
    """The recording of messages with the ms at which each came."""
    text = "".join(f"{NS + at * 10**6} {message}\n" for at, message in lines)
    return imported("binance", written(folder / "b.ws", text)).path


def messages(source: Source, *channels: str) -> list[dict[str, Any]]:
    """What a reader from the beginning gets."""
    market = make_market(source)
    streams = [stream for stream in market.streams if stream.channel in channels and stream.part in ("", "10")]
    reader = Reader(market, *streams)
    assert source.end is not None
    play(market, source.end)
    return [json.loads(payload) for payload in reader.payloads]


@pytest.mark.parametrize(
    ("pace", "times"),
    [("exchange", [100, 200, 300, 300, 400, 410, 510]), ("received", [110, 210, 310, 320, 405, 420, 520])],
)
def test_every_message_once_and_in_its_order(tmp_path: Path, pace: Any, times: list[int]) -> None:
    """Whatever the clocks say."""
    source = open_recorded(recording(tmp_path), pace=pace)
    sent = messages(source, "book", "trading")
    assert [(each["channel"], each["seq"]) for each in sent] == [
        *(("book", seq) for seq in (1, 2, 3, 4)),
        ("trading", 1),
        ("book", 5),
        ("book", 6),
    ]
    assert [each["data"]["timestamp"] - MS for each in sent] == times
    assert sent[3]["data"]["bids"] == [[99.0, 1.0], [98.0, 1.0]]


def test_a_clock_that_nobody_noted(tmp_path: Path) -> None:
    """Named, with the other one."""
    made = imported("binance", written(tmp_path / "b.ws", f"{trade(1, 1)}\n{trade(2, 2)}\n")).path
    with pytest.raises(RecordingError, match=r"row 1, received: it is empty: .*--pace exchange"):
        open_recorded(made, pace="received")


def test_pace_in_a_scenario(tmp_path: Path) -> None:
    """A key of its section."""
    path = recording(tmp_path)
    told = Replay.model_validate({"files": [path.name], "pace": "received"})
    source = open_replay(scenario_from({"name": "any", "symbols": [{"symbol": "A/B"}]}, "test"), told, tmp_path, 1)
    assert source.start == NS + 110 * 10**6


QUOTED = [
    (100, trade(100, 1, "100.0")),
    (110, quote(7, "99.0", "100.0")),
    (120, trade(120, 2, "100.0")),
    (130, quote(8, "98.0", "99.0")),
    # Outside of its quote, as it happens.
    (140, trade(140, 3, "101.0")),
    (150, quote(9, "100.0", "101.0")),
]


def test_quotes_are_played(tmp_path: Path) -> None:
    """Each once, in its place among the trades; they are the book of one level where no other was recorded."""
    source = open_recorded(recording(tmp_path, QUOTED))
    sent = messages(source, "quote", "trading", "book")
    assert [each["channel"] for each in sent if each["channel"] != "book"] == [
        "trading", "quote", "trading", "quote", "trading", "quote",
    ]  # fmt: skip
    quotes = [each for each in sent if each["channel"] == "quote"]
    assert [each["seq"] for each in quotes] == [1, 2, 3]
    assert quotes[1]["data"] == {
        "symbol": "BTC/USDT", "bid": 98.0, "bid_size": 2.0, "ask": 99.0, "ask_size": 3.0,
        "timestamp": quotes[1]["data"]["timestamp"],
    }  # fmt: skip
    books = [each["data"] for each in sent if each["channel"] == "book"]
    assert books[0]["bids"] == [[99.0, 2.0]]
    assert not any("made up" in notice for notice in source.notices)
    market = make_market(source, begins=source.start + 35 * 10**6)
    assert "quote" in market.channels


def test_no_quote_is_invented_where_one_was_recorded(tmp_path: Path) -> None:
    """A trade has the last one before it, also outside of it; one that is made up is marked."""
    ticks = RecordingData(recording(tmp_path, QUOTED)).ticks
    assert ticks["bid"].tolist() == [99.0, 99.0, 98.0]
    assert ticks["ask"].tolist() == [100.0, 100.0, 99.0]
    assert ticks["invented"].tolist() == [True, False, False]
    assert ticks.attrs["quotes"] == "before"


def test_the_quote_of_a_recorded_book(tmp_path: Path) -> None:
    """Where there are no quotes, the best levels before the trade are its quote."""
    ticks = RecordingData(recording(tmp_path)).ticks
    assert ticks[["bid", "ask", "invented"]].to_numpy().tolist() == [[99.0, 101.0, False]]


def test_a_book_that_ended_has_no_levels(tmp_path: Path) -> None:
    """From the gap until the next snapshot."""
    gap = [*SESSION, (610, update(600, 9, "93.0")), (710, update(700, 10, "92.0"))]
    again = json.dumps({"lastUpdateId": 9, "bids": [["90.0", "1.0"]], "asks": [["102.0", "1.0"]]})
    path = recording(tmp_path, [*gap, (800, again)])
    data = RecordingData(path)
    assert [gap.stream for gap in data.info.gaps] == ["book:BTC/USDT"]
    sent = [each["data"] for each in messages(open_recorded(path), "book")]
    # The end, two updates of no book, and the snapshot with the update that it lacks.
    assert [len(each["bids"]) for each in sent[6:]] == [4, 0, 0, 2]
    assert all(size == 0 for _, size in sent[6]["bids"])
    levels = data.book_frame(levels=5)
    last = levels[levels["timestamp"] == levels["timestamp"].max()]
    assert last[last["side"] == "bid"]["price"].tolist() == [92.0, 90.0]
