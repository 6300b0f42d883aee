"""Logs of single orders (L3), such as Bitstamp's, as changes of a book's levels.

Two spellings: a table with a row an event (`id, timestamp, exchange.timestamp, price, volume, action, direction`, as
obAnalytics has it), and lines of `<receive time> order_created {…}`, among which are the trades. Orders from before the
log are unknown, so the book begins empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from feed.errors import failure
from feed.importing.columns import Meter, Wanted, read_columns
from feed.importing.events import EventRows
from feed.importing.findings import Findings
from feed.importing.format import Beginning, Format, Reader
from feed.importing.heads import folded, head_of
from feed.importing.naming import symbol_told
from feed.importing.opening import opened, reading_errors
from feed.importing.options import Options
from feed.importing.times import TimeColumn, check_time
from feed.venues.events import Trade, VenueBookSnapshot, VenueBookUpdate
from feed.venues.values import decimal_text, number_time

__all__ = ["ORDER_LOGS", "OrderLogFiles"]

NAMES = {
    "order": ("id", "order_id"),
    "received": ("timestamp", "local.ts", "local_ts", "local_timestamp"),
    "time": ("exchange.timestamp", "exchange.ts", "exchange_ts", "exchange_timestamp", "microtimestamp"),
    "price": ("price",),
    "size": ("volume", "amount", "size"),
    "action": ("action", "type", "event"),
    "side": ("direction", "side", "order_type"),
}
"""Usual names of the columns of a table of orders."""

ACTIONS = {
    **dict.fromkeys(("created", "order_created", "add", "open", "0"), "created"),
    **dict.fromkeys(("changed", "order_changed", "modify", "change", "update", "1"), "changed"),
    **dict.fromkeys(("deleted", "order_deleted", "delete", "remove", "done", "2"), "deleted"),
}
SIDES = {**dict.fromkeys(("bid", "buy", "b", "0"), 0), **dict.fromkeys(("ask", "sell", "s", "a", "1"), 1)}

SATOSHI = Decimal("0.00000001")

SATOSHIS_ABOVE = 10**6
"""The least volume that is taken to be counted in units of 0.00000001, where all are whole numbers."""

TABLE_ROWS = 8192

_LINE = re.compile(rb"(\d{10,19})[\s,:]+(order_created|order_changed|order_deleted|trade|order_book)\s+(\{.*\})\s*")


@dataclass(frozen=True, slots=True)
class _OrderEvent:
    """Event of one order; `time` is the exchange's, None where it tells the order's birth alone."""

    where: str
    received: int
    time: int | None
    action: str
    order: str
    side: int
    price: str
    size: Decimal


@dataclass(slots=True)
class _OrderBook:
    """Orders by id, and the sum of sizes on each level."""

    orders: dict[str, tuple[int, str, Decimal]] = field(default_factory=dict)
    levels: dict[tuple[int, str], Decimal] = field(default_factory=dict)
    unknown: int = 0

    def apply(self, event: _OrderEvent) -> list[tuple[int, str, Decimal]]:
        """Apply an event; return the levels that changed, with their sizes."""
        known = self.orders.pop(event.order, None)
        touched: dict[tuple[int, str], None] = {}
        if known is not None:
            side, price, size = known
            self._add(side, price, -size)
            touched[side, price] = None
        elif event.action != "created":
            self.unknown += 1
        if event.action != "deleted" and event.size > 0:
            self.orders[event.order] = (event.side, event.price, event.size)
            self._add(event.side, event.price, event.size)
            touched[event.side, event.price] = None
        return [(side, price, self.levels.get((side, price), Decimal(0))) for side, price in touched]

    def _add(self, side: int, price: str, size: Decimal) -> None:
        total = self.levels.get((side, price), Decimal(0)) + size
        if total > 0:
            self.levels[side, price] = total
        else:
            self.levels.pop((side, price), None)


@dataclass(slots=True)
class OrderLogFiles(Reader):
    """Reader of logs of orders, as tables of rows."""

    paths: Sequence[Path]
    options: Options
    findings: Findings
    meter: Meter
    rows: EventRows = field(default_factory=EventRows)
    _symbol: str = ""
    _book: _OrderBook = field(default_factory=_OrderBook)
    _last: int = 0
    _fell: int = 0

    def __post_init__(self) -> None:
        self._symbol = symbol_told(self.paths[0], self.options, self.findings)

    def instruments(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return tick and lot size of the symbol: one unit of the last decimal used."""
        return {
            name: (Decimal(1).scaleb(-each.price), Decimal(1).scaleb(-each.size))
            for name, each in self.rows.places.items()
        }

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows, in order of the receive clock.

        Raises:
            RecordingError: names file, row and column of the first mistake.
        """
        begun = False
        for event in self._events():
            received = self._in_order(event.received)
            time = received if event.time is None else event.time
            if not begun:
                self.rows.add(VenueBookSnapshot(self._symbol, time, (), ()), received, time)
                begun = True
            if isinstance(event, _OrderEvent):
                self._order(event, received, time)
            else:
                self.rows.add(event.trade, received, time)
            if len(self.rows) >= TABLE_ROWS:
                yield self.rows.take()
        if len(self.rows):
            yield self.rows.take()
        self._say()

    def _order(self, event: _OrderEvent, received: int, time: int) -> None:
        sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for side, price, size in self._book.apply(event):
            sides[side].append((price, f"{size.normalize():f}" if size else "0"))
        if sides[0] or sides[1]:
            update = VenueBookUpdate(self._symbol, time, tuple(sides[0]), tuple(sides[1]))
            self.rows.add(update, received, time)

    def _in_order(self, received: int) -> int:
        """Return the time of an event, not before that of the one above it."""
        self._fell += received < self._last
        self._last = max(self._last, received)
        return self._last

    def _say(self) -> None:
        self.findings.say("an event of an order is a change of its level; the book begins empty, without older orders")
        if self._book.unknown:
            self.findings.say(f"{self._book.unknown} events are of orders from before the log, or came twice")
        if self._fell:
            self.findings.say(f"{self._fell} events have an earlier receive time than the one before: held at that")

    def _events(self) -> Iterator[Any]:
        for path in self.paths:
            yield from self._of_lines(path) if _is_log(path) else self._of_table(path)
            self.meter.next_file(path.stat().st_size)

    def _of_lines(self, path: Path) -> Iterator[Any]:
        with reading_errors(path), opened(path) as (stream, raw, _):
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                yield from _line_events(path, number, line, self._symbol)
                if number % 1024 == 0:
                    self.meter.here = raw.tell()

    def _of_table(self, path: Path) -> Iterator[_OrderEvent]:
        columns = _columns(path)
        row = 1
        clock = TimeColumn(self.options.time_unit)
        unit: Decimal | None = None
        for chunk in read_columns(path, Wanted({f"{key} as text": name for key, name in columns.items()}), Meter(0)):
            texts = {key: chunk[f"{key} as text"].cast(pa.string()) for key in columns}
            times = clock.read(path, "received", texts["received"].cast(pa.int64()), row)
            if unit is None:
                unit = self._unit(texts["size"])
            lists = {key: column.to_pylist() for key, column in texts.items()}
            for place in range(len(times)):
                cells = {key: str(column[place]).strip() for key, column in lists.items()}
                yield _table_event(path, row + place, cells, int(times[place]), unit)
            row += len(times)
        if clock.told:
            self.findings.say(clock.told)

    def _unit(self, sizes: pa.Array) -> Decimal:
        """Return the unit of volumes: as told, or satoshis where all are large whole numbers."""
        if self.options.contract_size is not None:
            return self.options.contract_size
        whole = not pc.any(pc.match_substring(sizes, ".")).as_py()
        if whole and pc.max(sizes.cast(pa.float64())).as_py() >= SATOSHIS_ABOVE:
            self.findings.say(f"volumes are whole numbers: counted in units of {SATOSHI:f}")
            return SATOSHI
        return Decimal(1)


@dataclass(frozen=True, slots=True)
class _TradeEvent:
    """Trade among the events of a log."""

    received: int
    time: int | None
    trade: Trade


def _columns(path: Path) -> dict[str, str]:
    """Return the columns of a table of orders; the exchange's time may be missing."""
    named = {folded(name): name for name in head_of(path).cells}
    found: dict[str, str] = {}
    for key, known in NAMES.items():
        name = next((named[each] for each in known if each in named and named[each] not in found.values()), None)
        if name is not None:
            found[key] = name
        elif key != "time":
            raise failure(path, key, f"there is no column {' or '.join(known)}", f"the file has {', '.join(named)}")
    found.pop("time", None)
    return found


def _table_event(path: Path, row: int, cells: dict[str, str], received: int, unit: Decimal) -> _OrderEvent:
    where = f"row {row}"
    action, side = ACTIONS.get(cells["action"].lower()), SIDES.get(cells["side"].lower())
    if action is None:
        raise failure(
            path, f"{where}, action", f"{cells['action']!r} is no event of an order", "created, changed, deleted"
        )
    if side is None:
        raise failure(path, f"{where}, side", f"{cells['side']!r} is not a side of a book", "it is bid or ask")
    try:
        price, size = _plain(decimal_text(cells["price"])), Decimal(decimal_text(cells["size"])) * unit
    except ValueError as error:
        raise failure(path, where, str(error)) from None
    # The exchange's time of such a log is that of the order's birth, and no clock of events.
    return _OrderEvent(where, received, None, action, cells["order"], side, price, size)


def _line_events(path: Path, number: int, line: bytes, symbol: str) -> Iterator[Any]:
    found = _LINE.fullmatch(line.rstrip(b"\r\n"))
    if found is None:
        hint = "lines are <receive time> order_created {…}"
        raise failure(path, f"line {number}", f"{line[:60].decode('utf-8', 'replace')!r} is no event of an order", hint)
    try:
        received, data = number_time(int(found[1])), orjson.loads(found[3])
        check_time(path, f"line {number}", received)
        kind = found[2].decode()
        if kind == "order_book":
            return
        price, size = _plain(_text(data["price"])), Decimal(_text(data["amount"]))
        time = number_time(int(data["microtimestamp"])) if "microtimestamp" in data else None
        if kind == "trade":
            side = {"0": "buy", "1": "sell"}.get(str(data.get("type", "")))
            yield _TradeEvent(received, time, Trade(symbol, time, price, f"{size:f}", side, int(data["id"])))  # type: ignore[arg-type]
            return
        side_of = SIDES[str(data["order_type"])]
        yield _OrderEvent(f"line {number}", received, time, ACTIONS[kind], str(data["id"]), side_of, price, size)
    except (KeyError, ValueError, TypeError) as error:
        raise failure(path, f"line {number}", f"is no event of an order: {error} is missing or wrong") from None


def _text(value: Any) -> str:
    return decimal_text(str(value))


def _plain(price: str) -> str:
    """Return a price with one spelling: orders of one level may be written with other zeros."""
    return f"{Decimal(price).normalize():f}"


def _is_log(path: Path) -> bool:
    """Tell whether the lines of a file are events, and not rows of a table."""
    with reading_errors(path), opened(path) as (stream, _, _):
        return any(_LINE.match(stream.readline(1 << 16)) for _ in range(5))


def _detect(beginning: Beginning) -> str | None:
    if beginning.is_lines:
        return "lines of order_created, order_changed and order_deleted" if _is_log(beginning.path) else None
    names = {folded(name) for name in beginning.names}
    known = all(any(name in names for name in NAMES[key]) for key in ("order", "received", "price", "size", "side"))
    if known and "action" in names:
        return "it has a column action of orders with an id and a direction"
    return None


def _reader(paths: Sequence[Path], options: Options, findings: Findings, meter: Meter) -> OrderLogFiles:
    options.only("logs of orders", others=("symbol", "time_unit", "contract_size"))
    return OrderLogFiles(paths, options, findings, meter)


ORDER_LOGS = Format("orders", "logs of single orders (L3), as Bitstamp's: a table or lines", _reader, _detect)
