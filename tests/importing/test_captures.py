"""Captured sessions: lines, connections, clocks and what was lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from feed.errors import RecordingError
from feed.tape.reader import open_recording
from tests.importing.files import MS, NS, imported, written


def trade(number: int, at: int = 0, **others: Any) -> str:
    """A trade of Binance, `at` ms later."""
    fields = {"e": "trade", "E": MS + at, "s": "BTCUSDT", "t": number, "p": "100.10", "q": "0.5000", "T": MS + at}
    return json.dumps({"stream": "btcusdt@trade", "data": {**fields, "m": False, **others}})


def quote(bid: str, ask: str) -> str:
    """A best quote, which has no time."""
    return json.dumps({"u": 1, "s": "BTCUSDT", "b": bid, "B": "2.0", "a": ask, "A": "3.0"})


def update(first: int, last: int) -> str:
    """A change of the book."""
    fields = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": first, "u": last}
    return json.dumps({**fields, "b": [["100.00", "0.00"], ["99.0", "1.50"]], "a": []})


def capture(path: Path, *messages: str, behind: int = 1_270) -> Path:
    """Lines of receive time and message, the clock so many ms behind the exchange's."""
    lines = [f"{NS + (i - behind) * 10**6} {message}" for i, message in enumerate(messages)]
    return written(path, "\n".join(lines) + "\n")


def test_trades_quotes_and_books(tmp_path: Path) -> None:
    """Each channel has its columns and its numbers; a trade has the quote before it."""
    path = capture(tmp_path / "b.ws", trade(1), quote("100.00", "100.10"), update(1, 2), trade(2), trade(3, p="100.2"))
    made = imported("binance", path)
    assert made.column("channel") == ["trading", "quote", "book", "trading", "trading"]
    assert made.column("seq") == [1, 1, 1, 2, 3]
    # Also where the price is outside of it.
    assert made.column("bid", "trading") == [None, 100.0, 100.0]
    assert made.column("ask_size", "trading") == [None, 3.0, 3.0]
    assert made.column("volume", "trading") == [0.5, 1.0, 1.5]
    book = json.loads(made.column("data", "book")[0])
    assert book == {"bids": [["100.00", "0"], ["99.0", "1.50"]], "asks": [], "first_id": 1, "last_id": 2}
    assert json.loads(made.column("data", "quote")[0]) == {"update_id": 1}
    assert made.report.instruments == {"BTC/USDT": ("0.1", "0.1")}


def test_two_clocks(tmp_path: Path) -> None:
    """The receive clock may be behind; a quote without a time gets its own, brought to the exchange's clock."""
    path = capture(tmp_path / "b.ws", *(trade(i, i) for i in range(20)), quote("1", "2"))
    made = imported("binance", path)
    assert made.column("received")[0] == NS - 1_270_000_000
    assert made.column("time", "quote") == [NS + 20 * 10**6]
    assert "1.270 s behind" in made.note("receive clock is")
    assert "1 messages have no time" in made.note("receive time plus 1.270 s")


def test_clocks_that_drift(tmp_path: Path) -> None:
    """A warning."""
    lines = [f"{NS + i * 1_010 * 10**6} {trade(i, i * 1_000)}" for i in range(100)]
    made = imported("binance", written(tmp_path / "b.ws", "\n".join(lines)))
    assert "up to 8" in made.note("drift")


def test_gaps(tmp_path: Path) -> None:
    """Of trades and of the book, by line; the recording says between which rows they are."""
    path = capture(tmp_path / "b.ws", trade(1), trade(2), trade(5), update(1, 2), update(4, 5), trade(5))
    made = imported("binance", path)
    assert "2, first at b.ws line 3" in made.note("gap of BTC/USDT")
    assert "b.ws line 6" in made.note("duplicate")
    with open_recording(made.path) as recording:
        gaps = [(gap.stream, gap.after, gap.before, gap.lost) for gap in recording.info.gaps]
        # How many updates had the ids between cannot be told.
        assert gaps == [("trading:BTC/USDT", 2, 3, 2), ("book:BTC/USDT", 1, 2, None)]
        assert "trade id 5 comes after 2" in recording.info.gaps[0].reason


def test_last_line_that_was_cut_off(tmp_path: Path) -> None:
    """A recorder that was stopped: told, and the rest is there."""
    path = written(tmp_path / "b.ws", f"{NS} {trade(1)}\n{NS} {trade(2)[:40]}")
    made = imported("binance", path)
    assert len(made.rows) == 1
    assert made.note("line 2: the last line was cut off")


def test_trades_of_nothing_and_crossed_quotes(tmp_path: Path) -> None:
    """The first are left out, the others kept; both are told."""
    made = imported("binance", capture(tmp_path / "b.ws", trade(1), trade(2, q="0.000"), quote("2", "1"), trade(3)))
    assert made.column("trade_id", "trading") == [1, 3]
    assert made.column("bid") == [None, 2.0, 2.0]
    assert made.note("trade without price or size")
    assert made.note("crossed quote")


def test_messages_alone(tmp_path: Path) -> None:
    """Without a receive clock there is none; what has no time at all is left out and counted."""
    made = imported("binance", written(tmp_path / "b.ws", f"{trade(1)}\n{quote('1', '2')}\n{trade(2)}\n"))
    assert made.column("received") == [None, None]
    assert made.note("quote without any time")


def test_lines_out_of_order(tmp_path: Path) -> None:
    """Sorted where asked."""
    path = written(tmp_path / "b.ws", f"{NS + 5} {trade(2)}\n{NS} {trade(1)}\n")
    with pytest.raises(RecordingError, match="line 2: was received"):
        imported("binance", path)
    assert imported("binance", path, sort=True).column("trade_id") == [1, 2]


def kraken(tmp_path: Path) -> list[Path]:
    """Two connections: trades and quotes."""
    seconds = MS // 1000
    url = "wss://ws.kraken.com"
    trades = "\n".join(
        [
            f"{url} <-> {seconds}.1",
            f'{url} <- {seconds}.15: {{"event":"subscribe"}}',
            f'{seconds}.2: {{"event":"systemStatus","status":"online"}}',
            f'{seconds}.3: [1,[["5.5","1.0","{seconds}.250000","b","l",""]],"trade","XBT/USD"]',
            f'{seconds}.5: [1,[["5.4","1.0","{seconds}.450000","s","l",""]],"trade","XBT/USD"]',
            "",
        ]
    )
    quotes = f'{url} <-> {seconds}.1\n{seconds}.4: [2,["5.4","5.6","{seconds}.350000","2","3"],"spread","XBT/USD"]\n'
    first = tmp_path / "trades.ws.gz"
    first.write_bytes(gzip.compress(trades.encode()))
    return [first, written(tmp_path / "quotes.ws", quotes)]


def test_connections_are_merged(tmp_path: Path) -> None:
    """By the receive clock; requests are no messages."""
    made = imported("auto", kraken(tmp_path))
    assert made.report.format == "kraken"
    assert made.column("channel") == ["status", "trading", "quote", "trading"]
    assert made.column("bid", "trading") == [None, 5.4]
    assert made.column("trade_id", "trading") == [1, 2]
    assert made.column("time", "trading")[0] == NS + 250_000_000
    assert "wss://ws.kraken.com" in made.note("the format is kraken")


def test_a_new_connection_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    """The ids tell what was missed between two connections."""
    url, seconds = "wss://x.binance.com", MS // 1000
    lines = [f"{url} <-> {seconds}.0", f"{seconds}.1: {trade(1)}", f"{url} <-> {seconds}.2", f"{seconds}.3: {trade(9)}"]
    made = imported("auto", written(tmp_path / "b.ws", "\n".join(lines)))
    assert "line 3" in made.note("new connection")
    assert [(gap.stream, gap.lost) for gap in made.report.gaps] == [("trading:BTC/USDT", 7)]


def test_a_snapshot_from_another_file(tmp_path: Path) -> None:
    """The answer to a request, whose URL names the symbol, is joined with the stream, whatever file it is in."""
    seconds, host = MS // 1000, "https://api.binance.com/api/v3"
    stream = [f"wss://stream.binance.com:9443/stream <-> {seconds}.0"]
    stream += [f"{seconds}.{2 * i + 1}: {update(2 * i + 1, 2 * i + 2)}" for i in range(4)]
    whole = json.dumps({"lastUpdateId": 3, "bids": [["100.00", "1"]], "asks": [["101.00", "2"]]})
    answers = [
        f"{host}/exchangeInfo -> {seconds}.05: {{}}",
        'configuration: {"x": 1}',
        f"{host}/depth?symbol=BTCUSDT&limit=1000 -> {seconds}.55: {whole}",
    ]
    paths = [written(tmp_path / "b.ws", "\n".join(stream)), written(tmp_path / "b.http", "\n".join(answers))]
    made = imported("auto", paths)
    assert made.column("type", "book") == ["outside", "outside", "outside", "snapshot", "update"]
    book = json.loads(made.column("data", "book")[3])
    assert book == {"bids": [["99.0", "1.50"]], "asks": [["101.00", "2"]], "last_id": 6, "snapshot_id": 3}
    assert made.report.gaps == []
    assert "answer to another request: 1" in made.note("another request")
    assert not any("no-snapshot" in note for note in made.report.notes)


def test_bad_checksum(tmp_path: Path) -> None:
    """By line."""
    book = '[0,{"as":[["5.1","1.0","1700000000.1"]],"bs":[["5.0","1.0","1700000000.1"]]},"book-10","A/B"]'
    wrong = '[0,{"a":[["5.1","0.0","1700000000.2"]],"c":"1"},"book-10","A/B"]'
    made = imported("kraken", capture(tmp_path / "k.ws", book, wrong))
    assert "1, first at k.ws line 2: checksum 1 is not that of the book" in made.note("checksum of A/B")
    # The book is no longer the venue's: it ends, in front of what showed that.
    assert made.column("type") == ["snapshot", "ended", "outside"]
    assert made.column("interval") == ["10", "10", "10"]
    assert [(gap.stream, gap.lost) for gap in made.report.gaps] == [("book:A/B", None)]


@pytest.mark.parametrize(
    ("message", "format"),
    [
        (trade(1), "binance"),
        ('[1,[["5.5","1.0","1700000000.25","b","l",""]],"trade","A/B"]', "kraken"),
        (
            '{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":1,"bid_qty":2,"ask":3,"ask_qty":3}]}',
            "kraken-v2",
        ),
        (
            '{"data":{"id":1,"amount":1,"price":2,"type":0,"microtimestamp":"1700000000000000"},'
            '"channel":"live_trades_btcusd","event":"trade"}',
            "bitstamp",
        ),
        (
            '{"type":"match","trade_id":1,"time":"2023-11-14T22:13:20Z","product_id":"A-B","size":"1","price":"1",'
            '"side":"buy"}',
            "coinbase",
        ),
    ],
)
def test_the_venue_is_told_by_its_messages(tmp_path: Path, message: str, format: str) -> None:
    """And why is said."""
    made = imported("auto", capture(tmp_path / "x.ws", message))
    assert made.report.format == format
    assert made.note("messages are such as")
