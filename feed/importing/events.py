"""Rows made from the events of a venue: numbered by stream, trades with their quote and the volume of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from feed.data.columns import QUOTES
from feed.data.volume import DayVolume
from feed.tape.layout import SCHEMA
from feed.venues.events import Levels, Quote, Trade, VenueBookSnapshot, VenueBookUpdate, VenueStatus

__all__ = ["EventRows", "Places", "book_text"]


@dataclass(slots=True)
class Places:
    """Decimals that a symbol's prices and sizes have used so far."""

    price: int = 0
    size: int = 0

    def see(self, price: str, size: str) -> None:
        """Record the decimals of a price and a size."""
        self.price = max(self.price, _places(price))
        self.size = max(self.size, _places(size))


@dataclass(slots=True)
class _Symbol:
    places: Places = field(default_factory=Places)
    quote: Quote | None = None
    volume: DayVolume = field(default_factory=DayVolume)
    trades: int = 0


class EventRows:
    """Collector of rows until they are taken."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        self._symbols: dict[str, _Symbol] = {}
        self._seqs: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._columns["time"])

    @property
    def places(self) -> Mapping[str, Places]:
        """The decimals in use by symbol, for symbols with prices."""
        return {name: each.places for name, each in self._symbols.items()}

    def seq(self, channel: str, symbol: str) -> int:
        """Return the number of a stream's last row."""
        return self._seqs.get((channel, symbol), 0)

    def add(
        self, event: Trade | Quote | VenueBookSnapshot | VenueBookUpdate | VenueStatus, received: int | None, time: int
    ) -> None:
        """Add the row of one event."""
        if isinstance(event, Trade):
            self._trade(event, received, time)
        elif isinstance(event, Quote):
            self._quote(event, received, time)
        elif isinstance(event, VenueStatus):
            data = orjson.dumps({"status": event.status}).decode()
            self._row("status", event.symbol, received, time, type="update", data=data)
        else:
            self._book(event, received, time)

    def take(self) -> pa.Table:
        """Return the gathered rows, and forget them."""
        arrays = [pa.array(self._columns[each.name], each.type) for each in SCHEMA]
        self._columns = {name: [] for name in SCHEMA.names}
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _symbol(self, name: str) -> _Symbol:
        return self._symbols.setdefault(name, _Symbol())

    def _trade(self, event: Trade, received: int | None, time: int) -> None:
        symbol = self._symbol(event.symbol)
        symbol.places.see(event.price, event.size)
        symbol.trades += 1
        self._row(
            "trading",
            event.symbol,
            received,
            time,
            type="update",
            price=float(event.price),
            size=float(event.size),
            side=event.side,
            volume=float(symbol.volume.one(time, Decimal(event.size))),
            trade_id=symbol.trades if event.trade_id is None else event.trade_id,
            **_touch(symbol.quote, event.price),
        )

    def _quote(self, event: Quote, received: int | None, time: int) -> None:
        symbol = self._symbol(event.symbol)
        symbol.quote = event
        symbol.places.see(event.bid, event.bid_size)
        symbol.places.see(event.ask, event.ask_size)
        self._row("quote", event.symbol, received, time, type="update", **_numbers(event))

    def _book(self, event: VenueBookSnapshot | VenueBookUpdate, received: int | None, time: int) -> None:
        places = self._symbol(event.symbol).places
        for price, size in (*event.bids, *event.asks):
            places.see(price, size)
        kind = "snapshot" if isinstance(event, VenueBookSnapshot) else "update"
        data = book_text(event.bids, event.asks)
        self._row("book", event.symbol, received, time, type=kind, interval=event.depth, data=data)

    def _row(self, channel: str, symbol: str, received: int | None, time: int, **others: Any) -> None:
        key = (channel, symbol)
        number = self._seqs[key] = self._seqs.get(key, 0) + 1
        columns = self._columns
        others.update(channel=channel, symbol=symbol, received=received, time=time, seq=number)
        others.setdefault("interval", "")
        for name, column in columns.items():
            column.append(others.get(name))


def book_text(bids: Levels, asks: Levels) -> str:
    """Return the `data` of a book's row. A removed level has size 0, however many zeros the venue writes."""
    sides = {"bids": _cleaned(bids), "asks": _cleaned(asks)}
    return orjson.dumps(sides).decode()


def _cleaned(rows: Levels) -> list[tuple[str, str]]:
    return [(price, size if size.strip("0.") else "0") for price, size in rows]


def _places(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def _touch(quote: Quote | None, price: str) -> dict[str, float]:
    """Return the last quote, if the trade's price lies within it and it is not crossed; else nothing."""
    if quote is None:
        return {}
    numbers = _numbers(quote)
    return numbers if numbers["bid"] <= float(price) <= numbers["ask"] and numbers["bid"] < numbers["ask"] else {}


def _numbers(quote: Quote) -> dict[str, float]:
    return {name: float(getattr(quote, name)) for name in QUOTES}
