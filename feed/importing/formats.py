"""The formats by name: what reads files of each, with what was told and what is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol, get_args

import pyarrow as pa

from feed.errors import UsageError, failure
from feed.hints import nearest
from feed.importing.bars import BarFiles, BarMapping
from feed.importing.captures import CaptureFiles
from feed.importing.columns import Meter, head_of
from feed.importing.findings import Findings
from feed.importing.lean import lean_files
from feed.importing.options import BAR_COLUMNS, TRADE_COLUMNS, Options
from feed.importing.presets import BAR_PRESETS, TRADE_PRESETS, Preset, bar_columns, trade_columns
from feed.importing.tardis import TardisFiles, TardisKind
from feed.importing.trades import TradeFiles, TradeMapping
from feed.venues.registry import VENUES
from feed.venues.values import pair

__all__ = ["FORMATS", "Reader", "open_files"]

FORMATS = {
    **{venue: f"a captured session of {venue}" for venue in VENUES},
    "trades": "trades, CSV or Parquet, by a mapping of columns",
    "bars": "bars, CSV or Parquet, by a mapping of columns",
    "lean": "LEAN's zip files of bars of trades or quotes",
    "tardis-trades": "Tardis: trades",
    "tardis-quotes": "Tardis: quotes",
    "tardis-book": "Tardis: book_snapshot_5 and _25",
    "tardis-book-updates": "Tardis: incremental_book_L2",
    "binance-trades": "Binance's public data: trades",
    "binance-agg-trades": "Binance's public data: aggTrades",
    "binance-klines": "Binance's public data: klines",
    "bitfinex-candles": "Bitfinex: time, open, close, high, low, volume",
}
"""Each with what it reads. `auto` tells these apart."""

TRADE_OPTIONS = (
    "symbol", "time_unit", "date", "side_means", "buy", "missing_size", "rounding", "tick_size", "lot_size",
    "delimiter", "header",
)  # fmt: skip
BAR_OPTIONS = (
    "symbol", "time_unit", "date", "rounding", "tick_size", "lot_size", "delimiter", "header", "interval", "clamp",
)  # fmt: skip
PRESET_OPTIONS = ("symbol", "time_unit", "rounding", "tick_size", "lot_size", "interval", "clamp")

_SYMBOL_IN_NAME = re.compile(r"([A-Z0-9]{5,20})-(?:trades|aggTrades|\d+[smhd])-\d{4}")
"""As Binance names its files."""


class Reader(Protocol):
    """Files of one format."""

    def tables(self) -> Iterator[pa.Table]:
        """The rows, in order."""
        ...

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Tick and lot size of each symbol that was met."""
        ...


def open_files(format: str, paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> Reader:
    """What reads these files.

    Raises:
        UsageError: no such format, or an option that is of no use for it or missing.
        RecordingError: a file is not what the format says.
    """
    if format in VENUES:
        options.only("a captured session")
        return CaptureFiles(paths, format, findings, meter, sort=options.sort)
    if format in get_args(TardisKind):
        options.only(f"{format}, whose columns are known")
        kinds: dict[str, TardisKind] = {kind: kind for kind in get_args(TardisKind)}
        return TardisFiles(paths, kinds[format], findings, meter)
    if format == "lean":
        return lean_files(paths, options, findings, meter)
    if format in ("trades", *TRADE_PRESETS):
        return TradeFiles(paths, _trades(format, paths[0], options, findings), findings, meter)
    if format in ("bars", *BAR_PRESETS):
        return BarFiles(paths, _bars(format, paths, options, findings), findings, meter)
    near = nearest(format, FORMATS)
    hint = f"did you mean {near!r}? " if near else ""
    raise UsageError(f"there is no format {format!r}; {hint}known are auto, {', '.join(FORMATS)}")


def _trades(format: str, path: Path, options: Options, findings: Findings) -> TradeMapping:
    preset = TRADE_PRESETS.get(format)
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
        delimiter=options.delimiter or ",",
        header=options.header,
        sort=options.sort,
        strict=options.strict,
        spelling=options.spelling,
    )


def _bars(format: str, paths: Sequence[Path], options: Options, findings: Findings) -> BarMapping:
    preset = BAR_PRESETS.get(format)
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
        delimiter=options.delimiter or ",",
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
