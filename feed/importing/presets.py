"""Files whose columns are known, and the names that columns commonly have in those that are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feed.errors import failure
from feed.importing.columns import Head, head_of
from feed.importing.findings import Findings
from feed.importing.options import Options
from feed.scenario.tickfile import Column, TimeUnit

__all__ = ["BAR_PRESETS", "TRADE_PRESETS", "Preset", "bar_columns", "trade_columns"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A layout: columns by what they are for, how many there are, and what else is known."""

    columns: Mapping[str, Column]
    width: int = 0
    time_unit: TimeUnit | None = None
    side_means: str = "taker"


TRADE_PRESETS = {
    "tardis-trades": Preset(
        {
            "time": "timestamp",
            "received": "local_timestamp",
            "symbol": "symbol",
            "trade_id": "id",
            "side": "side",
            "price": "price",
            "size": "amount",
        },
        time_unit="us",
    ),
    # Times are ms, and us in files of 2025 and later: the digits tell.
    "binance-trades": Preset(
        {"trade_id": 0, "price": 1, "size": 2, "time": 4, "side": 5}, width=6, side_means="buyer-is-maker"
    ),
    "binance-agg-trades": Preset(
        {"trade_id": 0, "price": 1, "size": 2, "time": 5, "side": 6}, width=7, side_means="buyer-is-maker"
    ),
}

BAR_PRESETS = {
    "binance-klines": Preset(
        {"time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "trades": 8}, width=11
    ),
    # Bitfinex has the close before the extremes.
    "bitfinex-candles": Preset({"time": 0, "open": 1, "close": 2, "high": 3, "low": 4, "volume": 5}, width=6),
}

TRADE_NAMES = {
    "time": ("time", "timestamp", "ts", "time_ms", "datetime", "date"),
    "price": ("price", "rate"),
    "size": ("size", "quantity", "qty", "amount", "volume"),
    "side": ("side", "taker_side", "is_buyer_maker", "isBuyerMaker"),
    "trade_id": ("trade_id", "id", "tid", "tradeId"),
    "received": ("received", "local_timestamp"),
    "bid": ("bid",),
    "bid_size": ("bid_size",),
    "ask": ("ask",),
    "ask_size": ("ask_size",),
}
BAR_NAMES = {
    "time": ("time", "timestamp", "time_ms", "open_time", "minute_epoch", "datetime", "date"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume",),
}
MAKER_NAMES = ("is_buyer_maker", "isBuyerMaker")

_TRADE_NEEDS = ("time", "price", "size")
_BAR_NEEDS = ("time", "high", "low", "close", "volume")


def trade_columns(path: Path, options: Options, findings: Findings) -> tuple[dict[str, Column], str]:
    """The columns of a file of trades, and whose side the column of sides tells.

    Raises:
        RecordingError: a column is needed and there is none of its names.
    """
    if options.strict:
        return dict(options.columns), options.side_means or "taker"
    names = dict(TRADE_NAMES) if options.symbol else {**TRADE_NAMES, "symbol": ("symbol",)}
    columns = _found(path, options, findings, names, _TRADE_NEEDS)
    if "bid" not in columns or "ask" not in columns:
        columns = {key: column for key, column in columns.items() if key not in ("bid", "bid_size", "ask", "ask_size")}
    means = options.side_means or "taker"
    if options.side_means is None and columns.get("side") in MAKER_NAMES:
        means = "buyer-is-maker"
    return columns, means


def bar_columns(path: Path, options: Options, findings: Findings) -> dict[str, Column]:
    """The columns of a file of bars. Raises RecordingError where a needed one is missing."""
    return _found(path, options, findings, BAR_NAMES, _BAR_NEEDS)


def _found(
    path: Path, options: Options, findings: Findings, names: Mapping[str, tuple[str, ...]], needs: tuple[str, ...]
) -> dict[str, Column]:
    head = head_of(path, options.delimiter or ",")
    columns: dict[str, Column] = dict(options.columns)
    listed = head.cells if head.named and options.header is not False else ()
    for key, known in names.items():
        if key in columns:
            continue
        there = [name for name in known if name in listed and name not in columns.values()]
        if there:
            columns[key] = there[0]
            if there[0] != key or len(there) > 1:
                findings.say(f"the column {there[0]!r} is taken as {key}" + _rivals(there))
        elif key in needs:
            raise _missing(path, key, known, head)
    return columns


def _rivals(there: list[str]) -> str:
    return f", and not {' or '.join(repr(name) for name in there[1:])}" if len(there) > 1 else ""


def _missing(path: Path, key: str, known: tuple[str, ...], head: Head) -> Exception:
    other = next((mark for mark in (";", "\t", "|", ",") if len(head.cells) == 1 and mark in head.cells[0]), None)
    if other is not None:
        hint = f"the first line is {head.cells[0][:80]!r}: is it --delimiter {other!r}?"
    elif not head.named:
        hint = f"the file has {len(head.cells)} columns without names: tell positions from 0, such as --{key} 1"
    else:
        hint = f"the file has {', '.join(head.cells[:20])}; tell which it is, such as --{key} {head.cells[-1]}"
    return failure(path, key, f"there is no column {' or '.join(known)}", hint)
