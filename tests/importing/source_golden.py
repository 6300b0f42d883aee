"""Digests of files that scenarios name in `[source]`: what `test_source_golden` compares.

They were written by the version that read such files without an import, and are what its users have noted.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feed.data.ticks import Batch, Source, TickBlock
from feed.dialects.registry import NATIVE
from feed.market.channels.base import TradingChannel
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_from
from feed.sources.opening import open_source

__all__ = ["CASES", "EXPECTED", "FILE", "digests", "source_of"]

FILE = Path(__file__).with_name("source_golden.json")

EXPECTED: dict[str, list[str]] = json.loads(FILE.read_text()) if FILE.exists() else {}

MS = 1_699_833_607_601

ROWS = 9000
"""More than a batch of a source."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file, what `[source]` says of it, and the steps of its symbol."""

    file: str
    keys: Mapping[str, Any]
    steps: tuple[str, str] = ("0.01", "0.00001")


CASES = {
    "plain": Case("plain.csv", {}),
    "packed": Case("plain.csv.gz", {}),
    "zipped": Case("plain.zip", {}),
    "parquet": Case("plain.parquet", {}),
    "named": Case("named.csv", {"time": "ts", "price": "rate", "size": "qty", "side": "maker",
                                "side_means": "buyer-is-maker", "trade_id": "n"}),
    "positions": Case("bare.csv", {"time": 0, "price": 1, "size": 2, "delimiter": ";", "time_unit": "s"}),
    "quotes": Case("quotes.csv", {"bid": "bid", "ask": "ask"}),
    "sized quotes": Case("quotes.csv", {"bid": "bid", "ask": "ask", "bid_size": "bid_size", "ask_size": "ask_size"}),
    "empty rows": Case("empty.csv", {"missing_size": "skip"}),
    "zeros": Case("zeros.csv", {}),
    "rounded": Case("fine.csv", {"rounding": True}, ("0.5", "0.25")),
    "midnight": Case("bars.csv", {"time": 0, "price": 4, "size": 5, "date": "2018-04-04", "header": False}),
    "iso": Case("iso.csv", {"time_unit": "iso", "buy": "X", "side": "side"}),
    "timestamps": Case("stamps.parquet", {"time_unit": "s"}),
    "old": Case("old.csv", {"time_unit": "s"}),
}  # fmt: skip


FRAMES = 1000
"""Trades whose messages are hashed."""


def source_of(name: str, folder: Path) -> Source:
    """The source of a case, whose file is written first."""
    case = CASES[name]
    _write(folder / case.file)
    symbol = {"symbol": "BTC/USD", "tick_size": case.steps[0], "lot_size": case.steps[1], "order_size": 1}
    document = {"name": "any", "symbols": [symbol], "source": {"file": case.file, **case.keys}}
    return open_source(scenario_from(document, "test"), folder / "scenario.toml")


def digests(source: Source) -> list[str]:
    """A hash of all columns of all trades, and one of what is sent of them."""
    hashed = hashlib.sha256()
    block = TickBlock.joined([batch.ticks[0] for batch in source.batches(source.start)])
    for column in fields(TickBlock):
        hashed.update(getattr(block, column.name).astype("<i8").tobytes())
    return [hashed.hexdigest(), _sent(source, block)]


def _sent(source: Source, block: TickBlock) -> str:
    """One short digest of the first messages of trades, and of the changes of status, of which there are none."""
    track = TradingChannel(source, 0).track(Batch(source.start, 2**62, (block,)), 0, "")
    frames = min(FRAMES, len(block))
    payloads = NATIVE.write(Stream("trading", "BTC/USD"), track.rows(0, frames), 1, "update", ())
    sent = hashlib.sha256(b"\n".join(payloads) + b"\n").hexdigest()
    status = hashlib.sha256().hexdigest()
    whole = f"feed 1\nstatus:BTC/USD 0 {status}\ntrading:BTC/USD {frames} {sent}\n"
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def _walk(rows: int = ROWS) -> list[tuple[int, int, int]]:
    """Times in ms, prices in cents and sizes in lots; the times go through a midnight."""
    found, time, price = [], MS, 3_705_411
    for row in range(rows):
        time += row * row % 97 * 3000
        price += (row * 7919 % 23) - 11
        found.append((time, price, row * 31 % 997 + 1))
    return found


def _write(path: Path) -> None:
    text = _TEXTS.get(path.name)
    rows = _walk()
    plain = "time,price,size\n" + "".join(f"{t},{p / 100:.2f},{s / 1e5:.5f}\n" for t, p, s in rows)
    if text is not None:
        path.write_text(text())
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.encode()))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("trades.csv", plain)
    elif path.suffix == ".parquet":
        time, price, size = zip(*rows, strict=True)
        kind = pa.timestamp("ms", "UTC") if path.stem == "stamps" else pa.int64()
        columns = {"time": pa.array(time, kind), "price": [p / 100 for p in price], "size": [s / 1e5 for s in size]}
        pq.write_table(pa.table(columns), path)
    else:
        path.write_text(plain)


def _named() -> str:
    lines = (f"{t},{p / 100:.2f},{s / 1e5:.5f},{'true' if s % 2 else 'false'},{7 * t}\n" for t, p, s in _walk(500) if s)
    numbered = (line.rsplit(",", 1)[0] + f",{100 + 3 * row}\n" for row, line in enumerate(lines))
    return "ts,rate,qty,maker,n\n" + "".join(numbered)


def _bare() -> str:
    return "".join(f"{t // 1000}.{t % 1000:03d}123;{p / 100:.2f};{s / 1e5:.5f}\n" for t, p, s in _walk(500))


def _quotes() -> str:
    lines = (
        f"{t},{p / 100:.2f},{s / 1e5:.5f},{p / 100 - 0.05 + s % 7 / 50:.2f},{p / 100 + 0.2 - s % 3 / 100:.2f},"
        f"{s / 1e4:.5f},{s / 2e4:.5f}\n"
        for t, p, s in _walk(500)
    )
    return "time,price,size,bid,ask,bid_size,ask_size\n" + "".join(lines)


def _empty() -> str:
    lines = (f"{t},{p / 100:.2f},{'' if s % 5 == 0 else '0' if s % 5 == 1 else s / 1e5}\n" for t, p, s in _walk(500))
    return "time,price,size\n" + "".join(lines)


def _zeros() -> str:
    lines = (f"{t},{p / 100:.2f},{0 if s % 5 == 1 else f'{s / 1e5:.5f}'}\n" for t, p, s in _walk(500))
    return "time,price,size\n" + "".join(lines)


def _fine() -> str:
    return "time,price,size\n" + "".join(f"{t},{p / 1000:.3f},{s / 1e3:.7f}\n" for t, p, s in _walk(500))


def _bars() -> str:
    lines = (f"{row * 60_000},1,2,3,{p / 100:.2f},{s / 1e5:.5f}\n" for row, (_, p, s) in enumerate(_walk(500)))
    return "".join(lines)


def _iso() -> str:
    lines = (
        f"2023-11-13T{row // 60:02d}:{row % 60:02d}:07.{s:03d}Z,{p / 100:.2f},{s / 1e5:.5f},{'X' if s % 2 else 'Y'}\n"
        for row, (_, p, s) in enumerate(_walk(500))
    )
    return "time,price,size,side\n" + "".join(lines)


def _old() -> str:
    lines = (f"{t // 1000 - 900_000_000},{p / 100:.2f},{s / 1e5:.5f}\n" for t, p, s in _walk(500))
    return "time,price,size\n" + "".join(lines)


_TEXTS = {
    "named.csv": _named, "bare.csv": _bare, "quotes.csv": _quotes, "empty.csv": _empty, "zeros.csv": _zeros,
    "fine.csv": _fine, "bars.csv": _bars, "iso.csv": _iso, "old.csv": _old,
}  # fmt: skip
