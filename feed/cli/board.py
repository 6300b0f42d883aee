"""What a person sees of a running market: the newest of each symbol, and how healthy the stream is.

State and its picture; where it comes from and where it is shown is decided above.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.table import Table

from feed.units import SECOND, format_duration, format_time

__all__ = ["STALE", "Board", "BoardRow"]

STALE = 3 * SECOND
"""So long after the last sign of life, a heartbeat included, what is shown counts as old."""

RATE_WINDOW = 5 * SECOND

MAX_ARRIVALS = 10_000
"""Arrivals that are remembered for a rate; more a second than that is more than a table can show."""


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

    def table(self, now: int) -> Table:
        """The picture at monotonic time `now`."""
        silent = self.stale(now)
        state = self.state if silent is None else f"[red]nothing for {format_duration(silent)}[/red]"
        table = Table(title=self.market, caption=state)
        table.add_column("symbol")
        for name in ("last", "size", "bid", "ask", "spread", "volume", "seq", "ticks/s", "gaps"):
            table.add_column(name, justify="right")
        table.add_column("status")
        for row in self.rows.values():
            table.add_row(*self._cells(row, now))
        return table

    def _cells(self, row: BoardRow, now: int) -> list[str]:
        price = self.price(row, "price")
        colour = "green" if row.tick.get("side") == "buy" else "red"
        gaps = f"[red]{row.gaps}[/red]" if row.gaps else "0"
        return [
            row.symbol,
            f"[{colour}]{price}[/{colour}]",
            self.size(row, "size"),
            self.price(row, "bid"),
            self.price(row, "ask"),
            self.spread(row),
            self.size(row, "volume"),
            str(row.seq),
            f"{row.rate(now):.1f}",
            gaps,
            row.status,
        ]

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
