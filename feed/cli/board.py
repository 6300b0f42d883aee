"""What a person sees of a running market: the newest of each symbol, and how healthy the stream is.

State and its picture; where it comes from and where it is shown is decided above.
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

__all__ = ["STALE", "Board", "BoardRow", "waiting_text"]

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
"""The table's columns from left to right, each with its place among those that are kept where there is little room."""

PADDING = 2
"""Characters around each cell."""

EDGES = 2
"""Characters left and right of the table."""

STALE = 3 * SECOND
"""So long after the last sign of life, a heartbeat included, what is shown counts as old."""

RATE_WINDOW = 5 * SECOND

MAX_ARRIVALS = 10_000
"""Arrivals that are remembered for a rate; more a second than that is more than a table can show."""


def waiting_text(nanoseconds: int) -> str:
    """How long somebody waits, as a person says it: `0.2 s`, `12.0 s`, or `00:02:10`."""
    if nanoseconds < MINUTE:
        return f"{nanoseconds / SECOND:.1f} s"
    return format_duration(nanoseconds // SECOND * SECOND)


@dataclass(slots=True)
class BoardRow:
    """One symbol: its newest tick and the health of its stream."""

    symbol: str
    tick: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    seq: int = 0
    gaps: int = 0
    count: int = 0
    arrivals: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_ARRIVALS))

    def rate(self, now: int) -> float:
        """Ticks a second over the last moments."""
        while self.arrivals and self.arrivals[0] <= now - RATE_WINDOW:
            self.arrivals.popleft()
        span = RATE_WINDOW if len(self.arrivals) < MAX_ARRIVALS else max(1, now - self.arrivals[0])
        return len(self.arrivals) * SECOND / span


@dataclass(slots=True)
class Board:
    """Everything that is shown. All times are monotonic ns but the market's own."""

    decimals: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: dict[str, BoardRow] = field(default_factory=dict)
    market: str = ""
    state: str = "connecting"
    alive: int | None = None
    ticks: int = 0
    _widths: dict[str, int] = field(default_factory=dict)

    def take(self, event: str, body: Mapping[str, Any], received: int, missed: int) -> BoardRow | None:
        """Note an event; returns the row of a new tick."""
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
        """Since how long nothing came, ns, if that is too long."""
        silent = None if self.alive is None else now - self.alive
        return silent if silent is not None and silent >= STALE else None

    def line(self, row: BoardRow) -> str:
        """A tick as a line, for a log."""
        tick = row.tick
        time = format_time(int(tick["timestamp"]) * 1_000_000)
        return (
            f"{time} {row.symbol} {self.price(row, 'price')} {self.size(row, 'size')} {tick['side']} "
            f"bid {self.price(row, 'bid')} ask {self.price(row, 'ask')} seq {row.seq}"
        )

    def price(self, row: BoardRow, key: str) -> str:
        """A price of the newest tick with the symbol's decimals."""
        return self._text(row, key, 0)

    def size(self, row: BoardRow, key: str) -> str:
        """A size of the newest tick with the symbol's decimals."""
        return self._text(row, key, 1)

    def spread(self, row: BoardRow) -> str:
        """Ask minus bid, exactly."""
        if "bid" not in row.tick:
            return ""
        return f"{Decimal(str(row.tick['ask'])) - Decimal(str(row.tick['bid'])):f}"

    def table(self, now: int, width: int) -> Table:
        """The picture at monotonic time `now`, with the columns that have room in so many characters."""
        silent = self.stale(now)
        state = self.state if silent is None else f"[red]nothing for {waiting_text(silent)}[/red]"
        table = Table(title=self.market, caption=state, box=SIMPLE)
        rows = [self._cells(row, now) for row in self.rows.values()]
        for name in COLUMNS:
            # As wide as it ever was: a column that comes and goes with a digit is hard to read.
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
        """The columns that have room, those that matter most first; in the order in which they are shown."""
        chosen: list[str] = []
        left = width - EDGES
        for name in sorted(COLUMNS, key=lambda name: COLUMNS[name]):
            left -= self._widths[name] + PADDING
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
