"""CSV and JSON lines: the messages of a channel as a table, or every message as an object of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv as pc_csv

from feed.data.columns import QUOTES
from feed.errors import UsageError
from feed.exporting.packing import PACKED, packed_stream
from feed.exporting.rows import ExportRows, clock_column, exact_text
from feed.exporting.target import ExportOptions, ExportTarget, Written
from feed.hints import nearest

__all__ = ["CSV", "JSONL"]

DECIMAL = {"price", "size", "volume", *QUOTES}

COLUMNS = {
    "trading": ("time", "received", "symbol", "seq", "price", "size", "side", *QUOTES, "volume", "trade_id"),
    "quote": ("time", "received", "symbol", "seq", *QUOTES),
}
"""Columns of the channels that have some; every other channel has its objects in `data`."""

OTHER = ("time", "received", "symbol", "interval", "type", "seq", "data")


def _write_csv(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    channel = _channel(rows, options.channel or "trading")
    names, done = COLUMNS.get(channel, OTHER), Written()
    schema = pa.schema(
        [(name, pa.string() if name in DECIMAL or not _is_count(name) else pa.int64()) for name in names]
    )
    style = "needed" if "data" in names else "none"
    written = pc_csv.WriteOptions(quoting_style=style, quoting_header="none")
    with (
        packed_stream(out, out.name) as stream,
        pc_csv.CSVWriter(pa.PythonFile(stream, "w"), schema, write_options=written) as writer,
    ):
        for table in rows.tables(channel):
            writer.write_table(_text_table(rows, table, names, schema))
            done.count(channel, len(table))
    if channel in COLUMNS:
        done.say("time and received are ns UTC; where one of them was not given it is the other")
    return done


def _text_table(rows: ExportRows, table: pa.Table, names: tuple[str, ...], schema: pa.Schema) -> pa.Table:
    columns: list[Any] = []
    for name in names:
        if name in DECIMAL:
            columns.append(exact_text(table, name, rows.instruments))
        elif name in ("time", "received"):
            columns.append(pa.array(clock_column(table, name)))
        elif _is_count(name):
            columns.append(table[name])
        else:
            columns.append(table[name].cast(pa.string()))
    return pa.table(columns, schema=schema)


def _is_count(name: str) -> bool:
    return name in ("time", "received", "seq", "trade_id")


def _write_jsonl(rows: ExportRows, out: Path, options: ExportOptions) -> Written:
    done = Written()
    channels = [] if options.channel is None else [_channel(rows, options.channel)]
    with packed_stream(out, out.name) as stream:
        for table in rows.tables(*channels):
            for line, channel in _lines(table):
                stream.write(line)
                done.count(channel, 1)
    return done


def _lines(table: pa.Table) -> Iterator[tuple[bytes, str]]:
    """Yield each row as one line of JSON without its empty columns; an object in `data` is an object again."""
    for row in table.to_pylist():
        told = {name: value for name, value in row.items() if value is not None and value != ""}
        if "data" in told:
            told["data"] = orjson.Fragment(told["data"])
        yield orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE), str(row["channel"])


def _channel(rows: ExportRows, channel: str) -> str:
    """Return a channel that the recording has. Raises UsageError, with the nearest name, for another one."""
    if channel not in rows.channels:
        near = nearest(channel, rows.channels)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(rows.channels)}: choose one with --channel"
        raise UsageError(f"there is no channel {channel!r} in it; {hint}")
    return channel


CSV = ExportTarget(
    "csv",
    "a table of one channel, decimals exact; `trading` where `--channel` is missing",
    _write_csv,
    tuple(f".csv{packed}" for packed in PACKED),
    ("channel",),
)

JSONL = ExportTarget(
    "jsonl",
    "one object a message, of all channels or one",
    _write_jsonl,
    tuple(f".jsonl{packed}" for packed in PACKED),
    ("channel",),
)
