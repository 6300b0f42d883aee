"""One market in many spellings of columns, cells, times and sides, and in the layouts of many writers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from feed.errors import FeedError
from tests.importing.files import MS, NS, Imported, imported, written

ROWS = range(6)
HEAD = "timestamp,price,amount,side,id"
TRADES = [(MS + 1000 * n, 100.5 + n / 4, 0.5 + n / 8, ("buy", "sell")[n % 2], 1000 + n) for n in ROWS]
SECOND = 1_700_000_000
MINUTE = SECOND // 60 * 60


def table(head: str, rows: Iterable[Sequence[object]], mark: str = ",", end: str = "\n") -> str:
    """Rows of cells below a head, if there is one."""
    return end.join([*([head] if head else []), *(mark.join(map(str, row)) for row in rows)]) + end


def timed(spelling: Callable[[int], object]) -> str:
    """The trades with other times."""
    return table(HEAD, [(spelling(n), *TRADES[n][1:]) for n in ROWS])


def sided(buy: object, sell: object, name: str = "side") -> str:
    """The trades with other words for their sides."""
    rows = [(*each[:3], buy if each[3] == "buy" else sell, each[4]) for each in TRADES]
    return table(HEAD.replace("side", name), rows)


def priced(spelling: Callable[[float], object], mark: str = ",") -> str:
    """The trades with other spellings of prices and sizes."""
    rows = [(time, spelling(price), spelling(size), side, number) for time, price, size, side, number in TRADES]
    return table(HEAD.replace(",", mark), rows, mark)


PLAIN = table(HEAD, TRADES)
OBJECTS = [dict(zip(HEAD.split(","), row, strict=True)) for row in TRADES]

SPELLINGS: dict[str, str | bytes] = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars between": PLAIN.replace(",", "|"),
    "spaces between": PLAIN.replace(",", " "),
    "spaces around": PLAIN.replace(",", " , "),
    "decimal comma": priced(lambda it: str(it).replace(".", ","), ";"),
    "decimal comma, quoted": priced(lambda it: '"' + str(it).replace(".", ",") + '"'),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "ends of Windows": table(HEAD, TRADES, end="\r\n"),
    "ends of old Macs": table(HEAD, TRADES, end="\r"),
    "quoted": table(HEAD.replace(",", '","').join('""'), [[f'"{cell}"' for cell in row] for row in TRADES]),
    "capitals": table(HEAD.upper(), TRADES),
    "words": table("Trade Time,Trade Price,Trade Size,Taker Side,Trade ID", TRADES),
    "camels": table("tradeTime,tradePrice,tradeQty,takerSide,tradeId", TRADES),
    "units": table("Time (ms),Price (USD),Size (BTC),Side,ID", TRADES),
    "another language": table("time/时间,price/价格,size/数量,side/方向,trade_id/号", TRADES).encode("gbk"),
    "an index": table(f",{HEAD}", [(n, *TRADES[n]) for n in ROWS]),
    "comments": f"# exported\n# größe\n{PLAIN}",
    "a title": f"https://www.example.com\n{PLAIN}",
    "one more mark in the head": table(f"{HEAD},", [(*row, "") for row in TRADES]),
    "one more mark in each row": table(HEAD, [(*row, "") for row in TRADES]),
    "blank lines behind": f"{PLAIN}\n\n",
    "the head again": table(HEAD, TRADES[:3]) + table(HEAD, TRADES[3:]),
    "the last line cut off": f"{PLAIN}{MS + 6000},102.",
    "an empty row": table(HEAD, [*TRADES[:3], ("", "", "", "", ""), *TRADES[3:]]),
    "a row of NaN": table(HEAD, [*TRADES[:3], (TRADES[3][0], "NaN", "NaN", "", ""), *TRADES[3:]]),
    "newest first": table(HEAD, TRADES[::-1]),
    "thousands": priced(lambda it: f'"{it:,.4f}"'),
    "powers of ten": priced(lambda it: f"{it:e}"),
    "dollars": priced(lambda it: f"${it}"),
    "seconds": timed(lambda n: TRADES[n][0] // 1000),
    "microseconds": timed(lambda n: TRADES[n][0] * 1000),
    "nanoseconds": timed(lambda n: TRADES[n][0] * 10**6),
    "seconds with decimals": timed(lambda n: f"{TRADES[n][0] / 1000:.6f}"),
    "milliseconds with decimals": timed(lambda n: f"{TRADES[n][0]}.0"),
    "times in powers of ten": timed(lambda n: f"{TRADES[n][0]:.12e}"),
    "ISO with Z": timed(lambda n: f"2023-11-14T22:13:{20 + n}.000Z"),
    "ISO without a zone": timed(lambda n: f"2023-11-14 22:13:{20 + n}"),
    "ISO with an offset": timed(lambda n: f"2023-11-15T00:13:{20 + n}+02:00"),
    "ISO with a short offset": timed(lambda n: f"2023-11-14 22:13:{20 + n}.000+00"),
    "ISO with a word": timed(lambda n: f"2023-11-14 22:13:{20 + n} UTC"),
    "ISO with some decimals": timed(lambda n: f"2023-11-14T22:13:{20 + n}" + (".0Z" if n % 2 else "Z")),
    "ISO with many decimals": timed(lambda n: f"2023-11-14T22:13:{20 + n}.0000000001"),
    "ISO without marks": timed(lambda n: f"20231114T2213{20 + n}Z"),
    "digits": timed(lambda n: f"20231114 2213{20 + n}000"),
    "slashes": timed(lambda n: f"2023/11/14 22:13:{20 + n}"),
    "BitMEX": timed(lambda n: f"2023-11-14D22:13:{20 + n}.000000000"),
    "American": timed(lambda n: f"11/14/2023 10:13:{20 + n} PM"),
    "German": timed(lambda n: f"14.11.2023 22:13:{20 + n}.000"),
    "a month by name": timed(lambda n: f"14-Nov-2023 22:13:{20 + n}"),
    "Dukascopy": timed(lambda n: f"14.11.2023 23:13:{20 + n}.000 GMT+0100"),
    "a date and a time": table(
        "date,time,price,amount,side,id", [("2023-11-14", f"22:13:{20 + n}", *TRADES[n][1:]) for n in ROWS]
    ),
    "b and s": sided("b", "s"),
    "B and S": sided("B", "S"),
    "1 and -1": sided(1, -1),
    "1 and 0": sided(1, 0),
    "true and false": sided("true", "false"),
    "bid and ask": sided("Bid", "Ask"),
    "long and short": sided("long", "short"),
    "BUYER and SELLER": sided("BUYER", "SELLER"),
    "TAKER_BUY": sided("TAKER_BUY", "TAKER_SELL"),
    "the buyer is the maker": sided("False", "True", "is_buyer_maker"),
    "the same in 0 and 1": sided(0, 1, "isBuyerMaker"),
    "m": sided("false", "true", "m"),
    "the taker sold": sided("false", "true", "taker_side_sell"),
    "the maker's side": sided("sell", "buy", "maker_side"),
    "a type that is a side": sided("buy", "sell", "type"),
    "signs": table(
        "timestamp,price,amount,id", [(t, p, s if side == "buy" else -s, n) for t, p, s, side, n in TRADES]
    ),
    "objects": json.dumps(OBJECTS),
    "objects on lines": "\n".join(map(json.dumps, OBJECTS)),
    "objects, wrapped and indented": json.dumps({"code": "0", "data": {"list": OBJECTS, "next": None}}, indent=2),
    "columns in JSON": json.dumps({name: [row[name] for row in OBJECTS] for name in HEAD.split(",")}),
    "gzip of several parts": gzip.compress(f"{HEAD}\n".encode()) + gzip.compress(table("", TRADES).encode()),
    "gzip with zeros behind": gzip.compress(PLAIN.encode()) + bytes(512),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_has_the_same_trades(tmp_path: Path, name: str) -> None:
    """Times, prices, sizes, sides and ids."""
    made = imported("auto", written(tmp_path / "BTCUSD.csv", SPELLINGS[name]))
    assert made.column("time") == [time * 10**6 for time, *_ in TRADES]
    assert made.column("price") == [price for _, price, *_ in TRADES]
    assert made.column("size") == [size for _, _, size, *_ in TRADES]
    assert made.column("side") == [side for *_, side, _ in TRADES]
    assert made.column("trade_id") == [number for *_, number in TRADES]
    assert set(made.column("symbol")) == {"BTC/USD"}


KLINE = ["100.0", "101.0", "99.0", "100.5", "12.5"]
KLINES: list[list[Any]] = [
    [1000 * (MINUTE + 60 * n), *KLINE, 1000 * (MINUTE + 60 * n) + 59_999, "1", 12, "6", "6", "0"] for n in ROWS
]
BITMEX = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
LOB = [f"{side}_{what}_{level}" for side in ("bids", "asks") for what in ("distance", "notional") for level in (0, 1)]
CANDLES = table("unix,date,symbol,open,high,low,close,Volume BTC,Volume USD", [
    (MINUTE + 60 * n, "2023-11-14 22:13:00", "BTC/USD", *KLINE, 1250) for n in reversed(ROWS)
])  # fmt: skip

# By the name of a file: its content, its format, and the first row: channel, time, price or bid, size or ask, side.
TRADE, QUOTE, BOOK = "trading", "quote", "book"
Row = tuple[object, ...]
WRITERS: dict[str, tuple[str | bytes, str, Row]] = {
    "BTCUSDT-aggTrades-2025-01.csv": (
        table("", [(n + 1, "42000.1", "0.5", n, n, MS * 1000, "True", "True") for n in ROWS]), "binance-agg-trades",
        (TRADE, NS, 42000.1, 0.5, "sell")),
    "BTCUSDT-trades-2024-01.csv": (
        table("", [(n + 1, "42000.1", "0.5", "21000.05", MS, "False", "True") for n in ROWS]), "binance-trades",
        (TRADE, NS, 42000.1, 0.5, "buy")),
    "BTCUSDT-1m-2025-01.csv": (
        table("", [[row[0] * 1000, *row[1:6], row[6] * 1000, *row[7:]] for row in KLINES]), "binance-klines",
        (TRADE, MINUTE * 10**9, 100.0, 1.1, "buy")),
    "BTCUSDT-bookTicker-2024-01-01.csv": (
        table("update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time",
              [(n, 42000.1, 1.5, 42000.2, 2.5, MS + n, MS + n + 3) for n in ROWS]), "books",
        (QUOTE, NS, 42000.1, 42000.2, None)),
    "BTCUSDT-bookDepth-2024-01-01.csv": (
        table("timestamp,percentage,depth,notional", [
            (f"2023-11-14 22:13:{20 + n // 4}", *((-2, 30, 2910), (-1, 10, 990), (1, 10, 1010), (2, 30, 3060))[n % 4])
            for n in range(8)]), "books",
        (BOOK, NS, [[99.0, 10.0], [96.0, 20.0]], [[101.0, 10.0], [102.5, 20.0]], None)),
    "BTCUSDT.klines.json": (json.dumps(KLINES[::-1]), "binance-klines", (TRADE, MINUTE * 10**9, 100.0, 1.1, "buy")),
    "BTCUSDT.aggTrades.json": (
        json.dumps([{"a": 5 + n, "p": "4.5", "q": "4.7", "f": 1, "l": 1, "T": MS, "m": True, "M": True} for n in ROWS]),
        "binance-agg-trades", (TRADE, NS, 4.5, 4.7, "sell")),
    "BTCUSDT.depth.json": (
        json.dumps({"lastUpdateId": 7, "E": MS, "T": MS, "bids": [["4.0", "431.0"]], "asks": [["4.2", "12.0"]]}),
        "books", (BOOK, NS, [[4.0, 431.0]], [[4.2, 12.0]], None)),
    "kraken.trades.json": (
        json.dumps({"error": [], "result": {"XXBTZUSD": [
            ["30243.4", "0.345", SECOND + 0.5, "b", "m", "", 5 + n] for n in ROWS], "last": "1"}}), "headless-trades",
        (TRADE, NS + 5 * 10**8, 30243.4, 0.345, "buy")),
    "kraken.ohlc.json": (
        json.dumps({"error": [], "result": {"XXBTZUSD": [
            [MINUTE + 60 * n, *KLINE[:4], "100.2", "12.5", 23] for n in ROWS], "last": 1}}), "headless-bars",
        (TRADE, MINUTE * 10**9, 100.0, 3.2, "buy")),
    "kraken.depth.json": (
        json.dumps({"error": [], "result": {"XXBTZUSD": {"asks": [["4.2", "2", SECOND]], "bids": [["4.0", "1", 1]]}}}),
        "books", (BOOK, NS, [[4.0, 1.0]], [[4.2, 2.0]], None)),
    "XBTUSD_1.csv": (
        table("", [(MINUTE + 60 * n, *KLINE, 23) for n in ROWS]), "headless-bars",
        (TRADE, MINUTE * 10**9, 100.0, 3.2, "buy")),
    ".krakenUSD.csv": (
        table("", [(SECOND + n, "306.100000000000", "0.250000000000") for n in ROWS]), "headless-trades",
        (TRADE, NS, 306.1, 0.25, "buy")),
    "coinbase.BTC-USD.candles.json": (
        json.dumps([[MINUTE - 60 * n, 99.0, 101.0, 100.0, 100.5, 12.5] for n in ROWS]), "headless-bars",
        (TRADE, (MINUTE - 300) * 10**9, 100.0, 3.2, "buy")),
    "coinbase.BTC-USD.trades.json": (
        json.dumps([{"trade_id": 9 - n, "side": "sell", "size": "0.01", "price": "1.5", "time": "2023-11-14T22:13:20Z"}
                    for n in ROWS]), "trades", (TRADE, NS, 1.5, 0.01, "buy")),
    "BTC-USD.brokerage.candles.json": (
        json.dumps({"candles": [{"start": str(MINUTE - 60 * n), "low": "99", "high": "101", "open": "100",
                                 "close": "100.5", "volume": "12.5"} for n in ROWS]}), "bars",
        (TRADE, (MINUTE - 300) * 10**9, 100.0, 3.2, "buy")),
    "gdax.csv": (
        table("type,trade_id,maker_order_id,taker_order_id,side,size,price,product_id,sequence,time", [
            ("match", n + 1, "a", "b", "sell", "0.01", "41.5", "BTC-USD", n, "2023-11-14T22:13:20Z") for n in ROWS]),
        "trades", (TRADE, NS, 41.5, 0.01, "buy")),
    "BTC_1sec.csv": (
        table(f",system_time,midpoint,spread,{','.join(LOB)}", [
            (n, f"2023-11-14 22:13:{20 + n}+00:00", 100.0, 0.01, -0.01, -0.02, 99, 980, 0.01, 0.02, 202, 1020)
            for n in ROWS]), "books",
        (BOOK, NS, [[99.0, 1.0], [98.0, 10.0]], [[101.0, 2.0], [102.0, 10.0]], None)),
    "Bitstamp_BTCUSD_1m.csv": (
        f"https://www.CryptoDataDownload.com\n{CANDLES}", "bars", (TRADE, MINUTE * 10**9, 100.0, 3.2, "buy")),
    "bitstampUSD_1-min_data.csv": (
        table("Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price", [
            (MINUTE + 60 * n, *(KLINE if n % 2 == 0 else ["NaN"] * 5), "NaN", "NaN") for n in ROWS]), "bars",
        (TRADE, MINUTE * 10**9, 100.0, 3.2, "buy")),
    "BTCUSDT2023-11-14.csv.gz": (
        gzip.compress(table(BITMEX, [
            (f"{SECOND}.0925", "BTCUSDT", "Sell", 0.012, 423.5, "ZeroMinusTick", "b-1", 5e10, 0.012, 507)
            for n in ROWS]).encode()), "trades", (TRADE, NS + 92_500_000, 423.5, 0.012, "sell")),
    "20231114.csv.gz": (
        gzip.compress(table(BITMEX, [
            ("2023-11-14D22:13:20.000000000", "XBTUSD", "Buy", 100, 423.5, "PlusTick", "a-b", 2381, 0.25, 100)
            for n in ROWS]).encode()), "trades", (TRADE, NS, 423.5, 0.25, "buy")),
    "quote.csv": (
        table("timestamp,symbol,bidSize,bidPrice,askPrice,askSize", [
            ("2023-11-14D22:13:20.000000000", "XBTUSD", 1000, 42000, 42000.5, 2000) for n in ROWS]), "books",
        (QUOTE, NS, 42000.0, 42000.5, None)),
    "BTC-USDT-trades-2023-11-14.csv": (
        table("instrument_name,trade_id,side,price,size,created_time", [
            ("BTC-USDT", n + 1, "buy", "42.5", "0.012", MS) for n in ROWS]), "trades", (TRADE, NS, 42.5, 0.012, "buy")),
    "deribit.csv": (
        table("trade_seq,trade_id,timestamp,tick_direction,price,instrument_name,direction,amount", [
            (n + 1, n + 1, MS, 1, 42000.5, "BTC-PERPETUAL", "sell", 10.0) for n in ROWS]), "trades",
        (TRADE, NS, 42000.5, 10.0, "sell")),
    "cb_btcusd_trades.csv": (
        table("id,exchange,symbol,date,price,amount,sell", [
            (n + 1, "cb", "btcusd", MS, 42.5, 0.25, "true") for n in ROWS]), "trades", (TRADE, NS, 42.5, 0.25, "sell")),
    "cb_btcusd_ob_10.csv": (
        table("date,type,price,amount", [
            (MS + 1000 * n, *level) for n in ROWS for level in (("b", 99.0, 2.5), ("b", 98.0, 1.5), ("a", 101.0, 1.0))
        ]),
        "books", (BOOK, NS, [[99.0, 2.5], [98.0, 1.5]], [[101.0, 1.0]], None)),
    "databento.csv": (
        table("ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,sequence,symbol", [
            (NS + 500, NS, 0, 1, 5482, "TA"[n % 2], "ANB"[n % 3], 0, 42_000_500_000_000, 2, 0, n, "BTCUSD")
            for n in ROWS]), "trades", (TRADE, NS, 42000.5, 2.0, "sell")),
    "databento.mbp-1.csv": (
        table("ts_recv,ts_event,publisher_id,action,side,price,size,bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,symbol", [
            (NS + 500, NS, 1, "A", "A", 42_000_500_000_000, 1, 42_000_000_000_000, 42_000_500_000_000, 10, 12, "BTCUSD")
            for n in ROWS]), "books", (QUOTE, NS, 42000.0, 42000.5, None)),
    "BTCUSD.dukascopy.csv": (
        table("Gmt time,Ask,Bid,AskVolume,BidVolume", [("14.11.2023 22:13:20.000", 4.5, 4.1, 0.5, 0.25) for n in ROWS]),
        "books", (QUOTE, NS, 4.1, 4.5, None)),
    "coinapi_BTCUSD.csv": (
        table("time_exchange;time_coinapi;ask_px;ask_sx;bid_px;bid_sx", [
            ("2023-11-14T22:13:20.0000000", "2023-11-14T22:13:20.1000000", 4.5, 0.25, 4.1, 1.5) for n in ROWS], ";"),
        "books", (QUOTE, NS, 4.1, 4.5, None)),
    "gate_BTC_USDT.csv": (
        table("", [(f"{SECOND}.000001", n + 1, "42.5", "0.25", 2 - n % 2) for n in ROWS]), "headless-trades",
        (TRADE, NS + 1000, 42.5, 0.25, "buy")),
    "huobi-BTCUSDT.csv": (
        table("", [(n + 1, MS, "42.5", "0.25", "sell") for n in ROWS]), "headless-trades",
        (TRADE, NS, 42.5, 0.25, "sell")),
    "bitfinex-tBTCUSD.json": (
        json.dumps([[9 - n, MS - n, -0.25 if n % 2 else 0.25, 42.5] for n in ROWS]), "headless-trades",
        (TRADE, NS - 5 * 10**6, 42.5, 0.25, "sell")),
    "BTCUSD1.csv": (
        table("", [("2023.11.14", f"22:1{n}", *KLINE) for n in ROWS]), "headless-bars",
        (TRADE, 1_699_999_800 * 10**9, 100.0, 3.2, "buy")),
    "tardis_BTCUSDT.csv": (
        table("exchange,symbol,timestamp,local_timestamp,id,side,price,amount", [
            ("bitmex", "XBTUSD", MS * 1000, MS * 1000 + 9, f"a-{n}", "unknown" if n else "sell", 4.5, 25)
            for n in ROWS]),
        "tardis-trades", (TRADE, NS, 4.5, 25.0, "sell")),
}  # fmt: skip


def first_row(made: Imported) -> Row:
    """The row, as far as the table of writers has it."""
    row = made.rows[0]
    if row["channel"] == TRADE:
        return TRADE, row["time"], row["price"], row["size"], row["side"]
    if row["channel"] == QUOTE:
        return QUOTE, row["time"], row["bid"], row["ask"], None
    book = json.loads(row["data"])
    return BOOK, row["time"], book["bids"], book["asks"], None


@pytest.mark.parametrize("name", WRITERS)
def test_layouts_of_many_writers(tmp_path: Path, name: str) -> None:
    """The format is found, and the first row has what it says; none is lost."""
    content, format, row = WRITERS[name]
    made = imported("auto", written(tmp_path / name, content))
    assert made.report.format == format
    assert first_row(made) == row


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "the file is empty"),
    "blank": ("\n\n\n", "the file is empty"),
    "a head alone": (f"{HEAD}\n", "has no rows"),
    "a word that is no side": (sided("up", "down"), r"row 1, side: 'up' is not a side .*known are buy/sell.*--buy"),
    "a number that is none": (PLAIN.replace("100.75", "1o0.75"), "row 2, price: '1o0.75' is not a number"),
    "a time unlike the others": (
        timed(lambda n: "soon" if n == 3 else f"2023-11-14 22:13:2{n}"), "row 4, time: 'soon' is not an ISO 8601 time"),
    "rows in no order": (
        table(HEAD, [TRADES[n] for n in (0, 3, 1, 2, 4, 5)]), "row 3, time: is earlier than row 2 .*--sort"),
    "newest first, but not all": (
        table(HEAD, [TRADES[n] for n in (5, 4, 3, 2, 1)] * 300), "row .*, time: is earlier than row .*--sort"),
    "gzip that is cut off": (gzip.compress(PLAIN.encode())[:-20], "damaged or cut off: .*gzip -dc"),
    "gzip with more behind it": (gzip.compress(PLAIN.encode()) + b"and so on", "damaged or cut off: .*gzip -dc"),
    "UTF-16": (PLAIN.encode("utf-16"), "text in UTF-16 .*save it as UTF-8"),
    "JSON that is cut off": (json.dumps(OBJECTS)[:-9], "is no JSON|is it cut off"),
    "JSON without rows": ('{"code": 0,\n "data": []}', "there are no rows in this JSON"),
    "no time": (table("price,amount", [row[1:3] for row in TRADES]), "time: there is no column .*the file has price"),
    "another table": (table("create_time,open_interest", [(MS, 1)]), "cannot be told .*create_time, open_interest"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_place_and_what_would_be_right(tmp_path: Path, name: str) -> None:
    """And nothing is left behind."""
    content, said = REFUSED[name]
    with pytest.raises(FeedError, match=said):
        imported("auto", written(tmp_path / "BTCUSD.csv", content))
    assert [each.name for each in tmp_path.iterdir()] == ["BTCUSD.csv"]


def test_what_was_guessed_is_said(tmp_path: Path) -> None:
    """The order of the rows, the unit of the times, the month, and the base currency."""
    days = table(HEAD, [(f"0{n + 1}/02/2023 10:00", *TRADES[n][1:]) for n in reversed(ROWS)])
    made = imported("auto", written(tmp_path / "btc.csv", days))
    assert made.note("newest rows first")
    assert "first number of a date is taken as the month" in made.note("the column 'timestamp'") + made.note("spelling")
    assert "USD is assumed" in made.note("the symbol is BTC/USD")
