"""Checks of a block of trades beyond its cells: ids that follow each other, quotes that contain their trade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from feed.errors import failure
from feed.importing.conversion import Ints
from feed.importing.findings import Findings
from feed.importing.ordering import FileRows
from feed.importing.rows import Symbol, Trades

__all__ = ["TradeIds", "refuse_crossed_quotes", "taken", "with_quotes_that_hold"]

SPARSE_ABOVE = 0.1
"""Share of gaps among the rows above which ids are taken not to count one by one."""

ENOUGH_ROWS = 20
"""Number of rows in a block that must be exceeded for this conclusion."""

MAX_LISTED_GAPS = 1000
"""The largest number of gaps of a block that are listed one by one."""

GAP, REPEATED = "gap in trade ids", "repeated or late trade id"


class TradeIds:
    """Check of the ids of every symbol; see `TradeRules.ids_must_grow`."""

    def __init__(self, findings: Findings, *, must_grow: bool = False) -> None:
        self._findings = findings
        self._must_grow = must_grow
        self._sparse: set[str] = set()

    def check(self, piece: FileRows, symbol: Symbol, part: Trades, rows: Ints | None) -> None:
        """Count missing and repeated ids in a block.

        Args:
            rows: indices of the trades among the rows of the piece; None for all rows.
        """
        ids = part.trade_id
        assert ids is not None
        steps = np.diff(ids, prepend=ids[0] - 1 if symbol.last_id is None else symbol.last_id)
        symbol.last_id = max(int(ids.max()), symbol.last_id or 0)
        if (steps == 1).all():
            return
        if self._must_grow:
            _refuse_repeated(piece, steps, rows)
            return
        gaps, repeated = np.flatnonzero(steps > 1), np.flatnonzero(steps < 1)
        if len(gaps) and not self._counts_otherwise(symbol, len(gaps), len(ids)):
            self._count(GAP, piece, symbol, ids, steps, gaps, rows)
            for place in gaps[:MAX_LISTED_GAPS].tolist():
                self._findings.gap(f"trading:{symbol.name}", symbol.seq + place + 1, int(part.time[place]))
        if len(repeated):
            self._count(REPEATED, piece, symbol, ids, steps, repeated, rows)

    def _count(
        self, kind: str, piece: FileRows, symbol: Symbol, ids: Ints, steps: Ints, at: Ints, rows: Ints | None
    ) -> None:
        first = int(at[0])
        row = piece.row + int(first if rows is None else rows[first])
        text = f"{ids[first]} comes after {ids[first] - steps[first]}"
        self._findings.count(kind, symbol.name, f"{piece.path.name} row {row}", text, len(at))

    def _counts_otherwise(self, symbol: Symbol, gaps: int, rows: int) -> bool:
        if symbol.name not in self._sparse and gaps > SPARSE_ABOVE * rows and rows > ENOUGH_ROWS:
            self._sparse.add(symbol.name)
            text = f"the trade ids of {symbol.name} do not count one by one: gaps in them are not looked for"
            self._findings.say(text)
        return symbol.name in self._sparse


def _refuse_repeated(piece: FileRows, steps: Ints, rows: Ints | None) -> None:
    if (steps < 1).any():
        first = int(np.argmax(steps < 1))
        row = piece.row + int(first if rows is None else rows[first])
        hint = "leave trade_id out to count the rows"
        raise failure(piece.path, f"row {row}, trade_id", "is not greater than the one before", hint)


def refuse_crossed_quotes(piece: FileRows, trades: Trades, rows: Ints | None) -> None:
    """Raise RecordingError for the first bid that is not below its ask."""
    if trades.quote is None:
        return
    crossed = np.flatnonzero(trades.quote[0] >= trades.quote[2])
    if len(crossed):
        row = piece.row + int(crossed[0] if rows is None else rows[crossed[0]])
        raise failure(piece.path, f"row {row}, bid", "is not below the ask", "are bid and ask swapped?")


def taken(trades: Trades, rows: Ints) -> Trades:
    """Return the trades with these indices."""

    def of(column: Any) -> Any:
        return None if column is None else column[rows]

    return replace(
        trades,
        time=trades.time[rows],
        price=trades.price[rows],
        size=trades.size[rows],
        side=of(trades.side),
        trade_id=of(trades.trade_id),
        received=of(trades.received),
        quote=None if trades.quote is None else tuple(of(column) for column in trades.quote),
    )


def with_quotes_that_hold(trades: Trades, findings: Findings, name: str) -> Trades:
    """Return the trades without quotes that are crossed or do not contain their trade."""
    if trades.quote is None:
        return trades
    bid, bid_size, ask, ask_size = trades.quote
    price = trades.price / 10.0**trades.price_places
    wrong = (bid >= ask) | (price < bid) | (price > ask)
    if wrong.any():
        where = f"trade {int(np.argmax(wrong)) + 1} of a block"
        findings.count("quote that does not hold its trade", name, where, "is left out", int(np.count_nonzero(wrong)))
    # A row without a bid has no quote at all.
    absent = wrong | np.isnan(bid)
    mask = [pa.array(column, mask=absent | np.isnan(column)) for column in (bid, bid_size, ask, ask_size)]
    return replace(trades, quote=(mask[0], mask[1], mask[2], mask[3]))
