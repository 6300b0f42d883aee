"""Files that are wrong: each mistake is named with file, row and column, and leaves nothing behind."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from feed.errors import FeedError, RecordingError, UsageError
from feed.importing.options import Options
from feed.importing.running import import_files
from tests.importing.files import MS, NS, imported, written

HEAD = "time,price,size"
HEAD_BARS = "time,open,high,low,close,volume"

BAD_TRADES = [
    ("", "the file is empty"),
    (f"{HEAD}\n", "has no rows"),
    (f"time,prize,size\n{MS},1,1\n", "price: there is no column price"),
    (f"{HEAD}\n{MS},1,1\n{MS},x,1\n", "row 2, price: 'x' is not a number"),
    (f"{HEAD}\n{MS},1,1\n{MS},,1\n", "row 2, price: there is no value"),
    (f"{HEAD}\n{MS},1,1\n{MS},-3,1\n", "row 2, price: -3 is negative"),
    (f"{HEAD}\n{MS},1,1\n{MS},nan,1\n", "row 2, price: nan is not a number"),
    (f"{HEAD}\n{MS},1,1\n{MS},inf,1\n", "row 2, price: inf is not a number"),
    (f"{HEAD}\n{MS},1,1\n{MS},0,1\n", "row 2, price: 0 must be more than 0"),
    (f"{HEAD}\n{MS},1,1\n{MS},1,0\n", "row 2, size: 0 must be more than 0"),
    (f"{HEAD}\n{MS},1,1\n{MS},1,1e300\n", "row 2, size: .* too large"),
    (f"{HEAD}\n{MS},1,1\nsoon,1,1\n", "row 2, time: 'soon' is not a time in ms"),
    (f"{HEAD}\nsoon,1,1\n", "row 1, time: 'soon': its unit cannot be told"),
    (f"{HEAD}\n{MS},1,1\n{MS // 1000},1,1\n", "row 2, time: 1700000000 read as ms is in 1970 .*--time-unit s"),
    (f"{HEAD}\n{MS},1,1\n{MS - 1},1,1\n", "row 2, time: is earlier than row 1"),
    (f"{HEAD}\n1000000000000,1,1\n", "row 1, time: 1000000000000 is in 2001, which no market was recorded in"),
    (f"{HEAD}\n{MS},1,1\n{MS},1\n", "row 2: has 2 cells where the first line has 3"),
    (f"{HEAD},side\n{MS},1,1,buy\n{MS},1,1,up\n", "row 2, side: 'up' is not a side"),
    (f"{HEAD},id\n{MS},1,1,1\n{MS},1,1,x1\n", "row 2, trade_id: 'x1' is not a whole number"),
    (f"{HEAD},id\n{MS},1,1,-1\n", "row 1, trade_id: -1 is negative"),
    (f"{HEAD},bid,ask\n{MS},1,1,1,x\n", "row 1, ask: 'x' is not a number"),
    (f"time;price;size\n{MS};x;1\n", "row 1, price: 'x' is not a number"),
    (f"{HEAD}\n{MS},60000,0.123456789012345\n", "row 1, size: .* is not a multiple of the --lot-size"),
    ("garbage", "price|time"),
]


@pytest.mark.parametrize(("text", "said"), BAD_TRADES)
def test_trades(tmp_path: Path, text: str, said: str) -> None:
    """Row and column, and no recording."""
    path = written(tmp_path / "bad.csv", text)
    with pytest.raises(RecordingError, match=said) as caught:
        imported("trades", path, symbol="X")
    assert "bad.csv" in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["bad.csv"]


def test_far_behind_in_the_file(tmp_path: Path) -> None:
    """The row is right in a later chunk, whatever was read as numbers before."""
    rows = [f"{MS + i},{1000 + i % 7}.5,0.{1 + i % 9}" for i in range(300_000)]
    rows[250_000] = f"{MS + 250_000},1o00.5,0.1"
    path = written(tmp_path / "bad.csv", "\n".join([HEAD, *rows]))
    with pytest.raises(RecordingError, match=r"row 250001, price: '1o00.5' is not a number"):
        imported("trades", path, symbol="X")


BAD_BARS = [
    ("time,open,high,low,close\n", {}, "volume: there is no column volume"),
    (f"{HEAD_BARS}\n{MS},1,1,1,1,1\n", {}, "one bar does not tell how long it is"),
    (f"{HEAD_BARS}\n{MS},1,2,3,1,1\n", {"interval": 60 * 10**9}, "row 1, open: is not between low and high"),
    (f"{HEAD_BARS}\n{MS},2,3,1,4,1\n", {"interval": 60 * 10**9}, "row 1, close: .* Bitfinex has open, close"),
    (
        f"{HEAD_BARS}\n{MS},2,3,1,2,1\n",
        {"interval": 60 * 10**9},
        "row 1, volume: 1 lots? of 1 cannot show the bar: it takes 4",
    ),
    (
        f"{HEAD_BARS}\n{MS},2,2,2,2,1\n{MS},2,2,2,2,1\n",
        {"interval": 60 * 10**9},
        "row 2, time: there is a bar of .* already",
    ),
    (
        f"{HEAD_BARS}\n{MS},2,2,2,2,1\n{MS + 61000},2,2,2,2,1\n",
        {"interval": 60 * 10**9},
        "row 2, time: .* no multiple of the interval",
    ),
    (f"{HEAD_BARS}\n{MS},2,2,x,2,1\n", {"interval": 60 * 10**9}, "row 1, low: 'x' is not a number"),
    (f"{HEAD_BARS}\n{MS},2,2,2,2,-1\n", {"interval": 60 * 10**9}, "row 1, volume: -1 is negative"),
]


@pytest.mark.parametrize(("text", "options", "said"), BAD_BARS)
def test_bars(tmp_path: Path, text: str, options: dict[str, Any], said: str) -> None:
    """Row and column."""
    with pytest.raises(RecordingError, match=said):
        imported("bars", written(tmp_path / "bad.csv", text), symbol="X", **options)


GOOD = f'{NS} {{"e":"trade","E":{MS},"s":"BTCUSDT","t":1,"p":"1","q":"2","T":{MS},"m":true}}'

BAD_CAPTURES = [
    ("binance", "", "there is no message in this file"),
    ("binance", "hello\n", "line 1: 'hello' is no line of a capture"),
    ("binance", f"{GOOD}\n{NS} {{oops\n{GOOD}\n", "line 2: is no message of binance"),
    (
        "binance",
        f"{GOOD}\n{NS - 10**9} {GOOD.split(' ', 1)[1]}\n",
        "line 2: was received 1.000 s before the line above .--sort",
    ),
    ("binance", f"17 {GOOD}\n", "line 1: 17 is no receive time"),
    ("binance", f"1000000000 {GOOD}\n", "line 1, receive time: .* is in 2001"),
    ("binance", f'{NS} {{"result":null,"id":1}}\n', "there is no trade, no quote and no book"),
    ("kraken", f"{GOOD}\n{GOOD}\n", "line 1: is no message of kraken"),
    ("binance", GOOD.replace(f'"T":{MS}', '"T":1000000000') + "\n", "line 1, time: .* is in 2001"),
]


@pytest.mark.parametrize(("format", "text", "said"), BAD_CAPTURES)
def test_captures(tmp_path: Path, format: str, text: str, said: str) -> None:
    """The line."""
    with pytest.raises(RecordingError, match=said):
        imported(format, written(tmp_path / "bad.ws", text))
    assert [each.name for each in tmp_path.iterdir()] == ["bad.ws"]


def test_capture_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8."""
    with pytest.raises(RecordingError, match="line 2: is not text"):
        imported("binance", written(tmp_path / "bad.ws", GOOD.encode() + b"\n\xff\xfe\n"))


@pytest.mark.parametrize("format", ["binance", "trades"])
def test_packed_file_that_was_cut_off(tmp_path: Path, format: str) -> None:
    """Said so, and not as some error of a decoder."""
    text = (
        "\n".join([GOOD] * 500) if format == "binance" else "\n".join([HEAD, *(f"{MS},{i + 1},1" for i in range(5000))])
    )
    path = written(tmp_path / "bad.csv.gz", gzip.compress(text.encode())[:-40])
    with pytest.raises(RecordingError, match="damaged or cut off"):
        imported(format, path, **({} if format == "binance" else {"symbol": "X"}))


@pytest.mark.parametrize(
    ("format", "options", "said"),
    [
        ("trade", {}, "did you mean 'trades'"),
        ("trades", {}, "tell it, such as --symbol"),
        ("trades", {"symbol": "X", "columns": {"open": 1}}, "--open is of no use for trades"),
        ("trades", {"symbol": "X", "interval": 60}, "--interval is of no use for trades"),
        ("bars", {"symbol": "X", "columns": {"price": 1}}, "--price is of no use for bars"),
        ("binance", {"symbol": "X"}, "--symbol is of no use for a captured session"),
        ("tardis-quotes", {"rounding": True}, "--rounding is of no use"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, format: str, options: dict[str, Any], said: str) -> None:
    """Named, with what would be right."""
    path = written(tmp_path / "t.csv", f"{HEAD}\n{MS},1,1\n")
    with pytest.raises(UsageError, match=said):
        imported(format, path, **options)


def test_places(tmp_path: Path) -> None:
    """Files that are not there, folders, and recordings that are."""
    path = written(tmp_path / "t.csv", f"{HEAD}\n{MS},1,1\n")
    options = Options(symbol="X")
    for out, said in (
        ("out.csv", "must end with .parquet"),
        ("folder.parquet", "is a folder"),
        ("there.parquet", "is there already"),
    ):
        (tmp_path / "folder.parquet").mkdir(exist_ok=True)
        written(tmp_path / "there.parquet", "")
        with pytest.raises(UsageError, match=said):
            import_files("trades", [path], tmp_path / out, options=options)
    for name, said in (("absent.csv", "there is no such file"), ("folder.parquet", "this is a folder")):
        with pytest.raises(RecordingError, match=said):
            import_files("trades", [tmp_path / name], tmp_path / "out.parquet", options=options)
    with pytest.raises(UsageError, match="name the files"):
        import_files("trades", [], tmp_path / "out.parquet")
    with pytest.raises(FeedError, match="cannot be written"):
        import_files("trades", [path], tmp_path / "absent" / "out.parquet", options=options)


def test_row_without_a_symbol(tmp_path: Path) -> None:
    """Where a column should tell it."""
    path = written(tmp_path / "t.csv", f"{HEAD},symbol\n{MS},1,1,A\n{MS},1,1,\n")
    with pytest.raises(RecordingError, match="row 2, symbol: there is no value"):
        imported("trades", path)


def test_columns_by_position(tmp_path: Path) -> None:
    """A file without names has positions; the message counts them."""
    path = written(tmp_path / "t.csv", f"{MS},1,1\n")
    with pytest.raises(RecordingError, match="3 columns without names: tell positions from 0"):
        imported("trades", path, symbol="X")
    with pytest.raises(RecordingError, match="there is no column 3"):
        imported("trades", path, symbol="X", columns={"time": 0, "price": 1, "size": 3})
    assert imported("trades", path, symbol="X", columns={"time": 0, "price": 1, "size": 2}).report.rows == 1


def test_names_that_are_nearly_right(tmp_path: Path) -> None:
    """The nearest one is told."""
    path = written(tmp_path / "t.csv", f"{HEAD}\n{MS},1,1\n")
    with pytest.raises(RecordingError, match=r"there is no column 'prize'.*did you mean 'price'"):
        imported("trades", path, symbol="X", columns={"price": "prize"})


def test_preset_for_another_file(tmp_path: Path) -> None:
    """Too few columns for the format."""
    path = written(tmp_path / "BTCUSDT-trades-2024-01-01.csv", f"1,2,3,{MS}\n")
    with pytest.raises(RecordingError, match="has 4 columns where binance-trades has at least 6"):
        imported("binance-trades", path)


@pytest.mark.parametrize(
    ("name", "begin", "told"),
    [
        ("t.csv", b"\xfd7zXZ\x00\x00\x04\xe6\xd6\n", "damaged or cut off"),
        ("t.csv.zst", b"\x28\xb5\x2f\xfd\x64\n", "cannot be read"),
        ("t.feather", b"ARROW1\x00\x00\xff\xff\n", "cannot be read"),
        ("t.feather", b"FEA1\x00\x00\xff\xff\n", "a Feather file"),
        ("t.csv", b"PAR1\x15\x04", "a Parquet file"),
        ("t.dat", b"\x80\x05\x95\x00\x1b[31m\x07\n", "no text"),
        ("t.csv", "time,price,size\n".encode("utf-16"), "UTF-16"),
    ],
)
@pytest.mark.parametrize("format", ["auto", "trades", "bars"])
def test_what_is_no_text_is_not_shown(tmp_path: Path, name: str, begin: bytes, told: str, format: str) -> None:
    """It is named instead, and nothing of it reaches the terminal."""
    path = tmp_path / name
    path.write_bytes(begin + bytes(range(256)) * 4)
    with pytest.raises(FeedError, match=r"it is|cannot be told|cannot be read|damaged") as error:
        imported(format, path, symbol="X")
    assert str(error.value).replace("\n", "").isprintable()
    assert told in str(error.value) or begin.startswith(b"PAR1")


@pytest.mark.parametrize("close", ["Close", " close ", "\u200bclose", "close\xa0", "CLOSE"])
@pytest.mark.parametrize("format", ["auto", "bars"])
def test_names_that_look_alike_are_found(tmp_path: Path, close: str, format: str) -> None:
    """Case, spaces and characters that nobody sees do not make another column."""
    text = f"time,open,high,low,{close},volume\n{MS},1,2,1,2,5\n{MS + 60_000},1,2,1,2,5\n"
    assert imported(format, written(tmp_path / "t.csv", text), symbol="X").report.rows


def test_a_column_may_be_two_things(tmp_path: Path) -> None:
    """Told as the open, it is the close as well: nobody is told that there is no close where there is one."""
    text = f"time,close,high,low,volume\n{MS},1,2,1,5\n{MS + 60_000},1,2,1,5\n"
    assert imported("bars", written(tmp_path / "t.csv", text), symbol="X", columns={"open": "close"}).report.rows
