"""Books of real sessions, rebuilt independently: the best 25 levels are equal at every message of every book."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from feed.importing.options import Options
from feed.importing.running import import_files
from feed.sources.files import open_recorded
from feed.tape.book import RecordedBooks
from tests.importing.files import MS, NS, written
from tests.importing.rebuilt import rebuilt
from tests.support.real_data import real_file

SESSIONS = [
    ("binance", ["binance_spot_btcusdt_20240809.ws.gz"]),
    ("bitstamp", ["wscapture_BITSTAMP.ws.1.0.gz"]),
    ("kraken", [f"wscapture_KRAKEN.ws.{number}.0.gz" for number in (48, 49, 50)]),
]


def compared(venue: str, paths: list[Path], out: Path) -> int:
    """The number of messages at which the books are equal; the first difference fails."""
    import_files(venue, paths, out, options=Options())
    source = open_recorded(out)
    truth = {
        name.replace("/", "").replace("-", "").replace("_", "").upper(): book
        for name, book in rebuilt(venue, paths).items()
    }
    compared = 0
    for index, instrument in enumerate(source.instruments):
        books = source.books(index)
        told = truth.get(instrument.symbol.replace("/", "").upper())
        if not isinstance(books, RecordedBooks) or told is None:
            continue
        opening = len(told.tops) - len(books)
        # A first snapshot is the state before the first change.
        assert opening in (0, 1), instrument.symbol
        made = books.during(source.start, source.end).ladders(-opening, len(books), 25)
        tick, lot = instrument.tick_size, instrument.lot_size
        for number, (ladder, top) in enumerate(zip(made, told.tops, strict=True)):
            sides = tuple([(price * tick, size * lot) for price, size in side] for side in ladder)
            assert sides == top, f"{instrument.symbol}, message {number + 1} of {len(told.tops)}"
            compared += 1
    return compared


@pytest.mark.parametrize(("venue", "names"), SESSIONS)
def test_a_real_session(tmp_path: Path, venue: str, names: list[str]) -> None:
    """Whole sessions, each by its venue's rules."""
    assert compared(venue, [real_file(name) for name in names], tmp_path / "x.parquet") > 300


def test_a_session_with_its_snapshots(tmp_path: Path) -> None:
    """Two symbols, whose snapshots come late, early, and twice."""
    lines, ids = ["wss://stream.binance.com/stream <-> 1700000000.0"], {"BTCUSDT": 0, "ETHUSDT": 5_000_000_000}
    truth: dict[str, dict[str, str]] = {name: {} for name in ids}
    host = "https://api.binance.com/api/v3/depth?limit=100&symbol"
    for number in range(120):
        name = "BTCUSDT" if number % 3 else "ETHUSDT"
        first = ids[name] + 1
        ids[name] += 1 + number % 4
        price, size = f"{100 + number * 7 % 11}.0", f"{number % 5}.0"
        truth[name][price] = size
        data = {
            "e": "depthUpdate",
            "E": MS + number,
            "s": name,
            "U": first,
            "u": ids[name],
            "b": [[price, size]],
            "a": [],
        }
        if number in (20, 21, 70):
            # Of some updates ago: those behind it are known already.
            held = [[each, left] for each, left in truth[name].items() if Decimal(left)]
            answer = {"lastUpdateId": ids[name] - 2, "bids": held, "asks": []}
            lines.append(f"{host}={name} -> {(NS + number * 10**6) / 10**9:.6f}: {json.dumps(answer)}")
        lines.append(f"{(NS + number * 10**6) / 10**9:.6f}: {json.dumps(data)}")
    path = written(tmp_path / "x.ws", "\n".join(lines))
    assert compared("binance", [path], tmp_path / "x.parquet") == 123
