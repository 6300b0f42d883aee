"""What can be imported can be served and read: no file is whole for one part of the product and broken for another."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from feed.dataframes.files import read
from feed.dataframes.tape import RecordingData
from feed.dialects.base import Form
from feed.dialects.registry import NATIVE, PLAIN
from feed.errors import FeedError, RecordingError
from feed.importing.options import Options
from feed.importing.running import Report, import_files
from feed.sources.files import open_recorded
from tests.importing.files import MS, imported, written
from tests.support.market import Reader, make_market
from tests.support.real_data import real_file


def decimals(most: int) -> st.SearchStrategy[str]:
    """Numbers as files write them: of any size, with few decimals or many, and now and then none at all."""
    whole = st.one_of(st.integers(0, 10), st.integers(0, 10**5), st.integers(0, 10**most))
    part = st.one_of(st.just(""), st.integers(0, 99), st.integers(0, 10**8), st.integers(0, 10**13))
    plain = st.builds(lambda a, b, zeros: f"{a}.{'0' * zeros}{b}".rstrip("."), whole, part, st.integers(0, 12))
    noisy = st.floats(1e-9, 10.0**most, allow_nan=False).map(repr)
    return st.one_of(plain, plain, noisy, st.sampled_from(["0", "-1", "1e-9", "1e3", "", "nan"]))


def rows(price: st.SearchStrategy[str], size: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[int, str, str]]]:
    """Steps of time (ms), prices and sizes."""
    steps = st.sampled_from([0, 0, 1, 250, 60_000, 86_400_000])
    return st.lists(st.tuples(steps, price, size), min_size=1, max_size=12)


ROWS = st.one_of(
    rows(decimals(5), decimals(4)),
    rows(decimals(12), decimals(14)),
    # Of one kind each, so that most of them are taken.
    rows(
        st.floats(0.5, 2.0).map(lambda value: f"{value:.4f}"),
        st.floats(1e-3, 1e7).map(lambda value: f"{value:.12f}"),
    ),
    rows(st.integers(1, 3).map(str), st.integers(1, 10**15).map(str)),
)
SIDES = st.lists(st.sampled_from(["buy", "sell"]), min_size=12, max_size=12)


def csv(found: list[tuple[int, str, str]], sides: list[str] | None) -> str:
    """The file."""
    time, lines = MS, ["time,price,size" + (",side" if sides else "")]
    for number, (step, price, size) in enumerate(found):
        time += step
        lines.append(f"{time},{price},{size}" + (f",{sides[number]}" if sides else ""))
    return "\n".join(lines) + "\n"


def check(report: Report, made: Path) -> RecordingData:
    """It is served: each channel has its state and its first messages; and it is read."""
    source = open_recorded(made)
    market = make_market(source)
    for stream in market.streams:
        market.state_of(stream, 3, PLAIN)
    reader = Reader(market, *market.streams)
    published = 0
    while published < 400 and (due := market.next_time()) is not None:
        published += market.publish_due(due, 100)
    for stream in market.streams:
        market.state_of(stream, 3, Form(NATIVE, (("numbers", "string"),)))
    assert reader.payloads
    data = read(made)
    assert isinstance(data, RecordingData)
    assert len(data.ticks) == sum(stream.rows for name, stream in report.streams.items() if name.startswith("trading"))
    return data


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.one_of(st.none(), SIDES))
@example([(0, "100.1", "5000.5"), (1, "100.2", "4999.000000000001"), (1, "100.1", "1.000000000003")], None)
@example([(0, "100.1", "1"), (0, "100.1", "1"), (1, "100.1", "0.5")], ["buy", "sell"] * 6)
@example([(0, "1", "1"), (1, "1", "1")], ["buy"] * 12)
@example([(0, "1", "9000000000000000"), (1, "1", "9000000000000000")] * 300, None)
@example([(0, "0.000000000001", "1")], None)
def test_what_is_imported_is_served_and_read(
    tmp_path: Path, found: list[tuple[int, str, str]], sides: list[str] | None
) -> None:
    """Any file is refused when it is imported, with the place of the mistake, or it is whole for all that follows."""
    path, made = tmp_path / "t.csv", tmp_path / "t.parquet"
    written(path, csv(found, None if sides is None else sides * 50))
    try:
        report = import_files("trades", [path], made, options=Options(symbol="BTC/USD"), force=True)
    except RecordingError as error:
        event(f"refused, and it is said where: {'t.csv' in str(error)}")
        return
    event("taken")
    ticks = check(report, made).ticks
    if not any("rounded" in note for note in report.notes):
        assert ticks["price"].tolist() == pytest.approx([float(price) for _, price, _ in found], rel=4e-15, abs=0)
        # Without a column of sides a negative size is a sale.
        assert ticks["size"].tolist() == pytest.approx([abs(float(size)) for _, _, size in found], rel=4e-15, abs=0)


def test_volume_of_more_lots_than_floating_point_counts_is_exact(tmp_path: Path) -> None:
    """Twelve decimals and thousands of units: each trade adds exactly its size."""
    sizes = ["5000.5", "4999.000000000001", "1.000000000003", "0.700000000007"] * 50
    made = imported(
        "trades", written(tmp_path / "t.csv", csv([(7, "100.1", size) for size in sizes], None)), symbol="X"
    )
    assert made.report.instruments["X"] == ("0.1", "0.000000000001")
    source = open_recorded(made.path)
    (block,) = next(source.batches(source.start)).ticks
    wanted = np.cumsum([int(size.replace(".", "").ljust(12 + len(size.split(".")[0]), "0")) for size in sizes])
    assert block.volume.tolist() == wanted.tolist()
    check(made.report, made.path)


@pytest.mark.parametrize("first", ["20000000", "0.000000000001"])
def test_sizes_that_do_not_go_together_are_rounded_and_it_is_said(tmp_path: Path, first: str) -> None:
    """A large one and a tiny one far apart in the file: no lot size holds both."""
    sizes = [first, *["1.5"] * 400_000, "20000000" if first.startswith("0") else "0.000000000001"]
    made = imported(
        "trades", written(tmp_path / "t.csv", csv([(1, "100.1", size) for size in sizes], None)), symbol="X"
    )
    assert "with 12 decimals" in made.note("sizes are rounded to 0.0")
    check(made.report, made.path)


def test_a_lot_that_was_told_is_not_changed(tmp_path: Path) -> None:
    """Who tells it is told that it is too small."""
    path = written(tmp_path / "t.csv", csv([(1, "1", "9000000000.5")] * 700, None))
    with pytest.raises(FeedError, match="--lot-size"):
        imported("trades", path, symbol="X", lot_size=Decimal("0.000000001"), rounding=True)


REAL = (
    "binance_spot_btcusdt_20240809.ws.gz",
    "bitfinex_btcusd_201803_201804_1m.parquet",
    "kraken_btcusdt_20231113_trades.parquet",
    "lean_coinbase_minute_btcusd_20180404_quote.zip",
    "lean_coinbase_second_btcusd_20161007_trade.zip",
    "wscapture_BITSTAMP.ws.1.0.gz",
    "wscapture_KRAKEN.ws.48.0.gz",
    "wscapture_KRAKEN.ws.50.0.gz",
)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_whole(tmp_path: Path, name: str) -> None:
    """Trades, bars, captures with what a venue says of itself, and quotes without a trade."""
    made = tmp_path / "real.parquet"
    check(import_files("auto", [real_file(name)], made, options=Options(usual_symbol="BTC/USD")), made)
