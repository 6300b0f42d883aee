"""Layouts with known columns, and common names of columns for other files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feed.errors import UsageError, failure
from feed.importing.bars import BarFiles, BarMapping
from feed.importing.columns import Head, Meter, folded, head_of
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format
from feed.importing.options import BAR_COLUMNS, TRADE_COLUMNS, Options
from feed.importing.trades import TradeFiles, TradeMapping
from feed.scenario.tickfile import Column, TimeUnit
from feed.venues.values import pair

__all__ = ["BAR_NAMES", "TRADE_NAMES", "Preset", "bar_columns", "bar_preset", "trade_columns", "trade_preset"]

TRADE_OPTIONS = (
    "symbol", "time_unit", "date", "side_means", "buy", "missing_size", "rounding", "tick_size", "lot_size",
    "delimiter", "header",
)  # fmt: skip
BAR_OPTIONS = (
    "symbol", "time_unit", "date", "rounding", "tick_size", "lot_size", "delimiter", "header", "interval", "clamp",
)  # fmt: skip
PRESET_OPTIONS = ("symbol", "time_unit", "rounding", "tick_size", "lot_size", "interval", "clamp")

_SYMBOL_IN_NAME = re.compile(r"([A-Z0-9]{5,20})-(?:trades|aggTrades|\d+[smhd])-\d{4}")
"""Pattern of the names that Binance gives its files."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Layout of a file: columns by their purpose, their number, and other known facts."""

    columns: Mapping[str, Column]
    width: int = 0
    time_unit: TimeUnit | None = None
    side_means: str = "taker"


TIME_NAMES = ("time", "timestamp", "ts", "time_ms", "open_time", "minute_epoch", "datetime", "date")

TRADE_NAMES = {
    "time": TIME_NAMES,
    # Closes of bars without highs and lows are read like other prices.
    "price": ("price", "rate", "p", "close", "c"),
    "size": ("size", "quantity", "qty", "amount", "volume", "v"),
    "side": ("side", "taker_side", "is_buyer_maker", "isBuyerMaker"),
    "trade_id": ("trade_id", "id", "tid", "tradeId"),
    "received": ("received", "local_timestamp"),
    "bid": ("bid",),
    "bid_size": ("bid_size",),
    "ask": ("ask",),
    "ask_size": ("ask_size",),
}
BAR_NAMES = {
    "time": TIME_NAMES,
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v"),
}
MAKER_NAMES = ("is_buyer_maker", "isBuyerMaker")

_TRADE_NEEDS = ("time", "price", "size")
_BAR_NEEDS = ("time", "high", "low", "close", "volume")


def trade_columns(path: Path, options: Options, findings: Findings) -> tuple[dict[str, Column], str]:
    """Return the columns of a file of trades, and the party whose side the column of sides gives.

    Raises:
        RecordingError: a needed column has none of its usual names.
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
    """Return the columns of a file of bars. Raises RecordingError if a needed one is missing."""
    return _found(path, options, findings, BAR_NAMES, _BAR_NEEDS)


def _found(
    path: Path, options: Options, findings: Findings, names: Mapping[str, tuple[str, ...]], needs: tuple[str, ...]
) -> dict[str, Column]:
    head = head_of(path, options.delimiter)
    columns: dict[str, Column] = dict(options.columns)
    listed = head.cells if head.named and options.header is not False else ()
    for key, known in names.items():
        if key in columns:
            continue
        usual = {folded(name): place for place, name in enumerate(known, -len(known))}
        alike = sorted(
            (name for name in dict.fromkeys(listed) if folded(name) in usual), key=lambda it: usual[folded(it)]
        )
        # A column may have two purposes, but only if the user gave one of them.
        there = [name for name in alike if name not in columns.values()] or (alike if key in needs else [])
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


def trade_preset(
    name: str, description: str, preset: Preset | None, detect: Callable[[Beginning], str | None]
) -> Format:
    """Return a format of trades with known columns; without a preset, by a mapping of columns."""

    def reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> TradeFiles:
        return TradeFiles(paths, _trades(name, preset, paths[0], options, findings), findings, meter)

    return Format(name, description, reader, detect, {} if preset is None else preset.columns)


def bar_preset(name: str, description: str, preset: Preset | None, detect: Callable[[Beginning], str | None]) -> Format:
    """Return a format of bars with known columns; without a preset, by a mapping of columns."""

    def reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> BarFiles:
        return BarFiles(paths, _bars(name, preset, paths, options, findings), findings, meter)

    return Format(name, description, reader, detect, {} if preset is None else preset.columns)


def _trades(format: str, preset: Preset | None, path: Path, options: Options, findings: Findings) -> TradeMapping:
    if preset is None:
        options.only("trades", columns=TRADE_COLUMNS, others=TRADE_OPTIONS)
        columns, means = trade_columns(path, options, findings)
    else:
        options.only(f"{format}, whose columns are known", others=PRESET_OPTIONS[:5])
        _check_width(path, preset, format)
        columns, means = dict(preset.columns), preset.side_means
        if "trade_id" in columns and isinstance(columns["trade_id"], str) and options.symbol:
            columns.pop("symbol", None)
    return TradeMapping(
        columns,
        symbol="" if "symbol" in columns else _symbol(path, options, findings),
        time_unit=options.time_unit or (preset.time_unit if preset else None),
        date=options.date,
        side_means=means,
        buy=options.buy,
        missing_size=options.missing_size or "error",
        rounding=options.rounding,
        tick_size=options.tick_size,
        lot_size=options.lot_size,
        delimiter=options.delimiter,
        header=options.header,
        sort=options.sort,
        strict=options.strict,
        spelling=options.spelling,
    )


def _bars(
    format: str, preset: Preset | None, paths: Sequence[Path], options: Options, findings: Findings
) -> BarMapping:
    if preset is None:
        options.only("bars", columns=BAR_COLUMNS, others=BAR_OPTIONS)
        columns = bar_columns(paths[0], options, findings)
    else:
        options.only(f"{format}, whose columns are known", others=PRESET_OPTIONS)
        _check_width(paths[0], preset, format)
        columns = dict(preset.columns)
    return BarMapping(
        columns,
        symbol=_symbol(paths[0], options, findings),
        interval=options.interval,
        clamp=options.clamp,
        time_unit=options.time_unit,
        dates=dict.fromkeys(paths, options.date) if options.date else {},
        tick_size=options.tick_size,
        lot_size=options.lot_size,
        rounding=options.rounding,
        delimiter=options.delimiter,
        header=options.header,
        sort=options.sort,
    )


def _check_width(path: Path, preset: Preset, format: str) -> None:
    cells = head_of(path).cells
    if len(cells) < preset.width:
        message = f"has {len(cells)} columns where {format} has at least {preset.width}"
        raise failure(path, "", message, "import it as trades or bars, with a mapping of its columns")


def _symbol(path: Path, options: Options, findings: Findings) -> str:
    if options.symbol:
        return options.symbol
    found = _SYMBOL_IN_NAME.search(path.name)
    if found is None and options.usual_symbol:
        findings.say(f"nothing tells what is traded: {options.usual_symbol} is assumed")
        return options.usual_symbol
    if found is None:
        raise UsageError(f"{path.name} does not tell what is traded: tell it, such as --symbol BTC/USDT")
    symbol = pair(found[1])
    findings.say(f"the symbol is {symbol}: told by the name of {path.name}")
    return symbol
