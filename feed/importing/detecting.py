"""Tells the format of a file by its beginning, and by what."""

from __future__ import annotations

from pathlib import Path

from feed.errors import UsageError
from feed.importing.columns import Head, Meter, head_of
from feed.importing.lean import told_by_name
from feed.importing.lines import Line, read_lines
from feed.importing.opening import opened, reading_errors
from feed.importing.times import unit_of
from feed.venues.events import Note
from feed.venues.registry import VENUES, parser

__all__ = ["detect"]

URLS = {
    "ws.kraken.com/v2": "kraken-v2",
    "kraken": "kraken",
    "bitstamp": "bitstamp",
    "coinbase": "coinbase",
    "binance": "binance",
}

LINES = 200
"""Messages that are looked at."""

TARDIS = {
    "amount": "tardis-trades",
    "bid_price": "tardis-quotes",
    "bids[0].price": "tardis-book",
    "is_snapshot": "tardis-book-updates",
}


def detect(path: Path) -> tuple[str, str]:
    """The format of a file, and why.

    Raises:
        UsageError: it cannot be told.
        RecordingError: the file cannot be read.
    """
    found = _capture(path) if _is_lines(path) else _table(path)
    if found is None:
        raise UsageError(f"{path}: its format cannot be told by its beginning; name it in place of auto")
    return found


def _is_lines(path: Path) -> bool:
    """Whether lines have a message of JSON in them."""
    with reading_errors(path), opened(path) as (stream, _, _):
        line = stream.readline(1 << 16).lstrip()
    return not line.startswith(b"PAR1") and (
        line[:1] in (b"{", b"[") or b" <-> " in line or b" {" in line or b" [" in line
    )


def _capture(path: Path) -> tuple[str, str] | None:
    lines = []
    for line in read_lines(path, Meter(0)):
        if line.url:
            known = next((venue for part, venue in URLS.items() if part in line.url), None)
            if known is not None:
                return known, f"a connection to {line.url}"
        elif line.message:
            lines.append(line)
        if len(lines) >= LINES:
            break
    return _by_messages(lines)


def _by_messages(lines: list[Line]) -> tuple[str, str] | None:
    """The venue whose parser makes data of the messages and stumbles over none."""
    for venue in VENUES:
        following = parser(venue)
        events = [event for line in lines for event in following.parse(line.message, line.received or 0)]
        strange = [event for event in events if isinstance(event, Note) and event.kind in ("malformed", "unknown")]
        if len(strange) <= 1 and any(not isinstance(event, Note) for event in events):
            return venue, f"the first {len(lines)} messages are such as {venue} sends"
    return None


def _table(path: Path) -> tuple[str, str] | None:
    if path.suffix.lower() == ".zip" and told_by_name(path) is not None:
        return "lean", "the name tells day, symbol and length of a bar as LEAN's do"
    head = head_of(path)
    return _by_names(head) if head.named else _by_cells(head)


def _by_names(head: Head) -> tuple[str, str] | None:
    names = set(head.cells)
    if {"exchange", "local_timestamp"} <= names:
        for name, kind in reversed(TARDIS.items()):
            if name in names:
                return kind, f"it has the columns exchange, local_timestamp and {name}"
    if {"quote_qty", "is_buyer_maker", "qty"} <= names:
        return "binance-trades", "it has the columns quote_qty and is_buyer_maker"
    if {"agg_trade_id", "is_buyer_maker"} <= names:
        return "binance-agg-trades", "it has the columns agg_trade_id and is_buyer_maker"
    if {"high", "low", "close"} <= names:
        return "bars", "it has the columns high, low and close"
    if "price" in names:
        return "trades", "it has a column price"
    return None


def _by_cells(head: Head) -> tuple[str, str] | None:
    cells = head.cells
    flags = [cell.lower() in ("true", "false") for cell in cells]
    if len(cells) == 7 and flags[5:] == [True, True] and unit_of(cells[4]):
        return "binance-trades", "seven columns without names, a time in the fifth and two flags at the end"
    if len(cells) in (7, 8) and flags[6] and unit_of(cells[5]):
        return "binance-agg-trades", "columns without names, a time in the sixth and a flag in the seventh"
    if len(cells) == 12 and unit_of(cells[0]) and unit_of(cells[6]):
        return "binance-klines", "twelve columns without names, times in the first and the seventh"
    return None
