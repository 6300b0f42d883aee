"""Table of a running market for `feed watch`: the newest tick of each symbol, and the health of its stream.

State and its rendering; the caller supplies the messages and shows the table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.console import JustifyMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from feed.units import MINUTE, SECOND, format_duration, format_time

__all__ = ["STALE_AFTER", "Board", "BoardRow", "waiting_text"]

COLUMNS = {
    "symbol": 0,
    "last": 1,
    "size": 4,
    "bid": 2,
    "ask": 3,
    "spread": 8,
    "volume": 10,
    "seq": 9,
    "ticks/s": 6,
    "gaps": 5,
    "status": 7,
}
"""Columns of the table from left to right, each with its priority (0 first) if there is little room."""

CELL_PADDING = 2
"""Characters around each cell."""

EDGE_WIDTH = 2
"""Characters left and right of the table."""

STALE_AFTER = 3 * SECOND
"""Time (ns) after the last message, heartbeats included, from which on the table counts as stale."""

RATE_WINDOW = 5 * SECOND

MAX_ARRIVALS = 10_000
"""Maximum number of arrivals that are kept for a rate; more per second are more than a table can show."""


def waiting_text(nanoseconds: int) -> str:
    """Return a waiting time in readable form: `0.2 s`, `12.0 s`, or `00:02:10`."""
    if nanoseconds < MINUTE:
        return f"{nanoseconds / SECOND:.1f} s"
    return format_duration(nanoseconds // SECOND * SECOND)


@dataclass(slots=True)
class BoardRow:
    """Row of one symbol: its newest tick and the health of its stream."""

    symbol: str
    tick: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    seq: int = 0
    gaps: int = 0
    count: int = 0
    arrivals: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_ARRIVALS))

    def rate(self, now: int) -> float:
        """Return the ticks per second over the last five seconds."""
        while self.arrivals and self.arrivals[0] <= now - RATE_WINDOW:
            self.arrivals.popleft()
        span = RATE_WINDOW if len(self.arrivals) < MAX_ARRIVALS else max(1, now - self.arrivals[0])
        return len(self.arrivals) * SECOND / span


@dataclass(slots=True)
class Board:
    """State of the table. All times are monotonic ns except market times."""

    decimals: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: dict[str, BoardRow] = field(default_factory=dict)
    market: str = ""
    state: str = "connecting"
    alive: int | None = None
    ticks: int = 0
    _widths: dict[str, int] = field(default_factory=dict)

    def take(self, event: str, body: Mapping[str, Any], received: int, missed: int) -> BoardRow | None:
        """Record an event; returns the row of a new tick."""
        self.alive = received
        if event == "status":
            self._greeted(body)
        elif event == "market":
            self.state = str(body.get("state", self.state))
        elif event == "error":
            self.state = f"error: {body.get('message')}"
        elif event == "data":
            return self._data(body, received, missed)
        return None

    def stale(self, now: int) -> int | None:
        """Return the time since the last message, ns, if it is `STALE_AFTER` or more, else None."""
        silent = None if self.alive is None else now - self.alive
        return silent if silent is not None and silent >= STALE_AFTER else None

    def line(self, row: BoardRow) -> str:
        """Return the newest tick of a row as a line for a log."""
        tick = row.tick
        time = format_time(int(tick["timestamp"]) * 1_000_000)
        return (
            f"{time} {row.symbol} {self.price(row, 'price')} {self.size(row, 'size')} {tick['side']} "
            f"bid {self.price(row, 'bid')} ask {self.price(row, 'ask')} seq {row.seq}"
        )

    def price(self, row: BoardRow, key: str) -> str:
        """Return a price of the newest tick with the symbol's decimals."""
        return self._text(row, key, 0)

    def size(self, row: BoardRow, key: str) -> str:
        """Return a size of the newest tick with the symbol's decimals."""
        return self._text(row, key, 1)

    def spread(self, row: BoardRow) -> str:
        """Return ask minus bid, exactly."""
        if "bid" not in row.tick:
            return ""
        return f"{Decimal(str(row.tick['ask'])) - Decimal(str(row.tick['bid'])):f}"

    def table(self, now: int, width: int) -> Table:
        """Return the table at monotonic time `now`, with the columns that fit in `width` characters."""
        silent = self.stale(now)
        state = self.state if silent is None else f"[red]nothing for {waiting_text(silent)}[/red]"
        table = Table(title=self.market, caption=state, box=SIMPLE)
        rows = [self._cells(row, now) for row in self.rows.values()]
        for name in COLUMNS:
            # Columns never shrink: a column that appears and disappears with a digit is hard to read.
            needed = max([len(name), *(Text.from_markup(row[name]).cell_len for row in rows)])
            self._widths[name] = max(needed, self._widths.get(name, 0))
        shown = self._fitting(width)
        for name in shown:
            justify: JustifyMethod = "left" if name in ("symbol", "status") else "right"
            table.add_column(name, justify=justify, no_wrap=True, min_width=self._widths[name])
        for row in rows:
            table.add_row(*(row[name] for name in shown))
        return table

    def _fitting(self, width: int) -> list[str]:
        """Return the columns that fit, chosen by priority, in the order in which they are shown."""
        chosen: list[str] = []
        left = width - EDGE_WIDTH
        for name in sorted(COLUMNS, key=lambda name: COLUMNS[name]):
            left -= self._widths[name] + CELL_PADDING
            if left < 0 and chosen:
                break
            chosen.append(name)
        return [name for name in COLUMNS if name in chosen]

    def _cells(self, row: BoardRow, now: int) -> dict[str, str]:
        price = self.price(row, "price")
        colour = "green" if row.tick.get("side") == "buy" else "red"
        return {
            "symbol": escape(row.symbol),
            "last": f"[{colour}]{price}[/{colour}]",
            "size": self.size(row, "size"),
            "bid": self.price(row, "bid"),
            "ask": self.price(row, "ask"),
            "spread": self.spread(row),
            "volume": self.size(row, "volume"),
            "seq": str(row.seq),
            "ticks/s": f"{row.rate(now):.1f}",
            "gaps": f"[red]{row.gaps}[/red]" if row.gaps else "0",
            "status": escape(row.status),
        }

    def _greeted(self, body: Mapping[str, Any]) -> None:
        self.market = f"{body.get('scenario')}, seed {body.get('seed')}, speed {body.get('speed')}"
        self.state = str(body.get("status", "online"))
        for entry in body.get("symbols") or ():
            if isinstance(entry, dict) and "symbol" in entry:
                decimals = (int(entry.get("price_decimals", 2)), int(entry.get("size_decimals", 8)))
                self.decimals[str(entry["symbol"])] = decimals

    def _data(self, body: Mapping[str, Any], received: int, missed: int) -> BoardRow | None:
        symbol, data = str(body.get("symbol")), body.get("data")
        row = self.rows.setdefault(symbol, BoardRow(symbol))
        row.gaps += missed
        if not isinstance(data, dict):
            return None
        if body.get("channel") == "status":
            row.status = str(data.get("status", ""))
            return None
        row.tick, row.seq, row.count = data, int(body.get("seq", 0)), row.count + 1
        row.arrivals.append(received)
        self.ticks += 1
        return row

    def _text(self, row: BoardRow, key: str, kind: int) -> str:
        value = row.tick.get(key)
        if value is None:
            return ""
        return f"{Decimal(str(value)):.{self.decimals.get(row.symbol, (2, 8))[kind]}f}"
