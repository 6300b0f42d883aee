"""Layouts with known columns, and common names of columns for other files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feed.errors import failure
from feed.importing.bars import BarFiles, BarMapping
from feed.importing.columns import Meter
from feed.importing.findings import Findings
from feed.importing.fixedpoint import is_databento
from feed.importing.format import Beginning, Format
from feed.importing.heads import Head, head_of
from feed.importing.names import BAR_NAMES, DAY_NAMES, MAKER_NAMES, SYMBOL_NAMES, TRADE_NAMES, alike_names, plain_name
from feed.importing.naming import symbol_told, venue_in
from feed.importing.opening import JSON
from feed.importing.options import BAR_COLUMNS, TRADE_COLUMNS, Options
from feed.importing.sizes import SizeMeaning
from feed.importing.timetexts import is_clock
from feed.importing.trades import TradeFiles, TradeMapping
from feed.scenario.tickfile import Column, TimeUnit

__all__ = [
    "Preset",
    "bar_columns",
    "bar_files",
    "bar_preset",
    "trade_columns",
    "trade_files",
    "trade_preset",
]

TRADE_OPTIONS = (
    "symbol", "time_unit", "date", "side_means", "buy", "missing_size", "rounding", "tick_size", "lot_size",
    "delimiter", "header", "contract_size", "size_in",
)  # fmt: skip
BAR_OPTIONS = (
    "symbol", "time_unit", "date", "rounding", "tick_size", "lot_size", "delimiter", "header", "interval", "clamp",
    "contract_size", "size_in",
)  # fmt: skip
PRESET_OPTIONS = (
    "symbol", "time_unit", "rounding", "tick_size", "lot_size", "contract_size", "size_in", "interval", "clamp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preset:
    """Layout of a file: columns by their purpose, their number, other known facts, and options that it also has."""

    columns: Mapping[str, Column]
    width: int = 0
    time_unit: TimeUnit | None = None
    side_means: str = "taker"
    others: tuple[str, ...] = ()


COINBASE = {"trade_id", "side", "size", "price", "time"}
"""Keys of the trades that Coinbase's REST answers with; their side is the maker's."""

CLOCKS = ("time", "timestamp", "hour", "utctime", "tradetime", "localtime")
"""Columns that may have times of a day beside a column of days."""

_TRADE_NEEDS = ("time", "price", "size")
_BAR_NEEDS = ("time", "high", "low", "close", "volume")


def trade_columns(path: Path, options: Options, findings: Findings) -> tuple[dict[str, Column], str]:
    """Return the columns of a file of trades, and the party whose side the column of sides gives.

    Raises:
        RecordingError: a needed column has none of its usual names.
    """
    if not options.rules.finds_columns:
        return dict(options.columns), options.side_means or "taker"
    names = dict(TRADE_NAMES) if options.symbol else {**TRADE_NAMES, "symbol": SYMBOL_NAMES}
    columns = _found(path, options, findings, names, _TRADE_NEEDS)
    if "bid" not in columns or "ask" not in columns:
        columns = {key: column for key, column in columns.items() if key not in ("bid", "bid_size", "ask", "ask_size")}
    if is_databento(head_of(path, options.delimiter).cells):
        columns["action"] = "action"
    return columns, _side_means(path, options, findings, columns)


def _side_means(path: Path, options: Options, findings: Findings, columns: dict[str, Column]) -> str:
    """Return the party whose side a file has; add the column of sides where its name tells little."""
    head = head_of(path, options.delimiter)
    if "side" not in columns and "type" in head.cells and head.sample:
        place = head.cells.index("type")
        if place < len(head.sample) and head.sample[place].lower() in ("buy", "sell", "bid", "ask", "b", "s"):
            columns["side"] = "type"
            findings.say("the column 'type' is taken as side")
    if options.side_means is not None:
        return options.side_means
    side = plain_name(str(columns.get("side", "")))
    if side in {plain_name(name) for name in MAKER_NAMES}:
        return "buyer-is-maker"
    answer = head.table == JSON and set(head.cells) == COINBASE and venue_in(path) in ("coinbase", "gdax")
    if side == "makerside" or "maker_order_id" in head.cells or answer:
        findings.say("sides are the maker's: the taker's are the others")
        return "maker"
    return "taker"


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
        alike = alike_names(listed, known, key)
        # A column may have two purposes, but only if the user gave one of them.
        there = [name for name in alike if name not in columns.values()] or (alike if key in needs else [])
        if there:
            columns[key] = there[0]
            if there[0] != key or len(there) > 1:
                findings.say(f"the column {there[0]!r} is taken as {key}" + _rivals(there))
        elif key in needs:
            raise _missing(path, key, known, head)
    _add_day(columns, head, findings)
    return columns


def _add_day(columns: dict[str, Column], head: Head, findings: Findings) -> None:
    """Add the column of days where that of times has only the time of a day."""
    time = columns.get("time")
    names = alike_names(head.cells, DAY_NAMES)
    for name in head.cells if isinstance(time, str) and head.sample else ():
        place = head.cells.index(name)
        if place >= len(head.sample) or not is_clock(head.sample[place]) or not names or plain_name(name) not in CLOCKS:
            continue
        day = next((each for each in names if each != name), None)
        if day is not None and time in (day, name):
            columns["time"], columns["day"] = name, day
            findings.say(f"times are those of {name!r} on the days of {day!r}")
            return


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


def trade_files(
    name: str, preset: Preset, paths: Sequence[Path], options: Options, findings: Findings, meter: Meter
) -> TradeFiles:
    """Return a reader of trades with these columns."""
    return TradeFiles(paths, _trades(name, preset, paths[0], options, findings), findings, meter)


def bar_files(
    name: str, columns: Mapping[str, Column], paths: Sequence[Path], options: Options, findings: Findings, meter: Meter
) -> BarFiles:
    """Return a reader of bars with these columns."""
    return BarFiles(paths, _bars(name, Preset(columns), paths, options, findings), findings, meter)


def _trades(format: str, preset: Preset | None, path: Path, options: Options, findings: Findings) -> TradeMapping:
    if preset is None:
        options.only("trades", columns=TRADE_COLUMNS, others=TRADE_OPTIONS)
        columns, means = trade_columns(path, options, findings)
    else:
        options.only(f"{format}, whose columns are known", others=(*PRESET_OPTIONS[:7], *preset.others))
        _check_width(path, preset, format)
        columns, means = dict(preset.columns), options.side_means or preset.side_means
        if "trade_id" in columns and isinstance(columns["trade_id"], str) and options.symbol:
            columns.pop("symbol", None)
    return TradeMapping(
        columns,
        symbol="" if "symbol" in columns else symbol_told(path, options, findings),
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
        meaning=_meaning(options, findings),
        rules=options.rules,
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
        symbol=symbol_told(paths[0], options, findings),
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
        meaning=_meaning(options, findings),
    )


def _meaning(options: Options, findings: Findings) -> SizeMeaning:
    meaning = SizeMeaning(options.contract_size, options.size_in == "quote")
    if not meaning.is_plain:
        findings.say(meaning.note)
    return meaning


def _check_width(path: Path, preset: Preset, format: str) -> None:
    cells = head_of(path).cells
    if len(cells) < preset.width:
        message = f"has {len(cells)} columns where {format} has at least {preset.width}"
        raise failure(path, "", message, "import it as trades or bars, with a mapping of its columns")
