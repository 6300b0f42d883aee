"""`scan`: a recording's rows as a lazy frame of polars, which reads only what a query needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from feed.dataframes.spans import Moment, slice_of
from feed.errors import UsageError
from feed.hints import nearest
from feed.tape.layout import CLOCKS, CLOCKS_COLUMN
from feed.tape.reader import open_recording

if TYPE_CHECKING:
    import polars as pl

__all__ = ["scan"]

_CLOCKS = ("time", "received", CLOCKS_COLUMN)
_QUOTE = ("bid", "bid_size", "ask", "ask_size")

COLUMNS = {
    "trading": (*_CLOCKS, "symbol", "seq", "price", "size", "side", *_QUOTE, "volume", "trade_id"),
    "quote": (*_CLOCKS, "symbol", "seq", *_QUOTE),
}
"""Columns of the channels that have some; every other channel has its objects in `data`."""

OTHER = (*_CLOCKS, "symbol", "interval", "type", "seq", "data")


def scan(
    path: str | Path,
    channel: str | None = "trading",
    *,
    symbol: str | Sequence[str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> pl.LazyFrame:
    """Open a recording as a lazy frame of polars: nothing is read before `collect`, and then only what is needed.

    Columns: `time` and `received` (`Datetime("ns", "UTC")`, exact), `clocks`, `symbol`, `seq`, and those of the
    channel; of a channel without columns `interval`, `type` and `data`, its object as JSON. Rows are as they were
    recorded: no side and no quote is inferred, and the file's checksums are not compared, which `feed.read` does.

    Args:
        path: the recording.
        channel: the channel of the rows; None for every row with every column.
        symbol: one or several; else all.
        start, end: market time, as of `feed.read`.

    Raises:
        RecordingError: the file is no recording.
        UsageError: there is no such channel or symbol, nothing was recorded in that time, or polars is missing.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise UsageError("polars is not there: pip install polars") from error
    with open_recording(Path(path)) as reader:
        chosen = slice_of(reader, start, end, symbol)
        channels = sorted({name.split(":")[0] for name in reader.info.streams})
    if channel is not None and channel not in channels:
        near = nearest(channel, channels)
        hint = f"did you mean {near}?" if near else f"there is {', '.join(channels)}"
        raise UsageError(f"{path} has no channel {channel!r}; {hint}")
    rows = _with_clocks(pl.scan_parquet(path))
    if channel is not None:
        rows = rows.filter(pl.col("channel") == channel).select(COLUMNS.get(channel, OTHER))
    if chosen.symbols is not None:
        rows = rows.filter(pl.col("symbol").is_in(list(chosen.symbols)))
    # As timestamps, which polars compares with the file's table of contents: row groups outside are not read.
    stamp = pl.Datetime("ns", "UTC")
    if chosen.begin is not None:
        rows = rows.filter(pl.col("time") >= pl.lit(chosen.begin).cast(stamp))
    if chosen.end is not None:
        rows = rows.filter(pl.col("time") < pl.lit(chosen.end).cast(stamp))
    return rows


def _with_clocks(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of a file of any format version with the columns of today."""
    import polars as pl

    schema = rows.collect_schema()
    if CLOCKS_COLUMN in schema:
        return rows
    given = pl.col("time").is_not_null().cast(pl.Int8) + 2 * pl.col("received").is_not_null().cast(pl.Int8)
    stamp = pl.Datetime("ns", "UTC")
    named = pl.lit(CLOCKS[0])
    for code, word in enumerate(CLOCKS):
        named = pl.when(given == code).then(pl.lit(word)).otherwise(named)
    time, received = pl.col("time"), pl.col("received")
    return rows.with_columns(
        named.alias(CLOCKS_COLUMN),
        pl.coalesce(time, received).cast(stamp).alias("time"),
        pl.coalesce(received, time).cast(stamp).alias("received"),
    )
