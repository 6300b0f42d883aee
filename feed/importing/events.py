"""Rows made from the events of a venue: numbered by stream, trades with the last quote before them and day volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import orjson
import pyarrow as pa

from feed.data.volume import DayVolume
from feed.tape.layout import ENDED, OUTSIDE, PAST
from feed.tape.rows import Row, batch_of
from feed.venues.events import Levels, Quote, Trade, VenueBookEnd, VenueBookSnapshot, VenueBookUpdate, VenueStatus

__all__ = ["Data", "EventRows", "Places", "book_text"]

Data = Trade | Quote | VenueBookSnapshot | VenueBookUpdate | VenueBookEnd | VenueStatus
"""Events that become rows."""


class _Most:
    """Most decimals in use so far, of numbers that mostly have the same number of digits behind the point."""

    __slots__ = ("_point", "_zeros", "places")

    def __init__(self) -> None:
        self.places = 0
        # Where the point of the last number was, from its end, and the zeros that its unused decimals are.
        self._point, self._zeros = 0, ""

    def see(self, text: str) -> None:
        """Record the decimals of a number."""
        point = self._point
        if point and text[point : point + 1] == "." and text.endswith(self._zeros):
            return
        digits = text.partition(".")[2]
        self.places = max(self.places, len(digits.rstrip("0")))
        self._point = -len(digits) - 1 if digits else 0
        self._zeros = "0" * (len(digits) - self.places)


class Places:
    """Decimals that a symbol's prices and sizes have used so far."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.prices, self.sizes = _Most(), _Most()

    @property
    def price(self) -> int:
        """The most decimals of a price."""
        return self.prices.places

    @property
    def size(self) -> int:
        """The most decimals of a size."""
        return self.sizes.places


@dataclass(slots=True)
class _Symbol:
    places: Places = field(default_factory=Places)
    # Bid, bid size, ask and ask size.
    quote: tuple[float | None, float | None, float | None, float | None] = (None, None, None, None)
    volume: DayVolume = field(default_factory=DayVolume)
    trades: int = 0


class EventRows:
    """Maker of rows, which gathers those that are added until they are taken."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._symbols: dict[str, _Symbol] = {}
        self._seqs: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def places(self) -> Mapping[str, Places]:
        """The decimals in use by symbol, for symbols with prices."""
        return {name: each.places for name, each in self._symbols.items()}

    def seq(self, channel: str, symbol: str) -> int:
        """Return the number of a stream's last row."""
        return self._seqs.get((channel, symbol), 0)

    def add(self, event: Data, received: int | None, time: int) -> None:
        """Add the row of one event."""
        self._rows.append(self.row(event, received, time))

    def take(self) -> pa.Table:
        """Return the gathered rows, and forget them."""
        rows, self._rows = self._rows, []
        return pa.Table.from_batches([batch_of(rows)])

    def row(self, event: Data, received: int | None, time: int) -> Row:
        """Return the row of one event."""
        if isinstance(event, Quote):
            return self._quote(event, received, time)
        if isinstance(event, Trade):
            return self._trade(event, received, time)
        if isinstance(event, VenueStatus):
            data = orjson.dumps({"status": event.status}).decode()
            return Row(received, time, "status", event.symbol, seq=self._next("status", event.symbol), data=data)
        return self._book(event, received, time)

    def _symbol(self, name: str) -> _Symbol:
        known = self._symbols.get(name)
        if known is None:
            known = self._symbols[name] = _Symbol()
        return known

    def _next(self, channel: str, symbol: str) -> int:
        number = self._seqs[channel, symbol] = self._seqs.get((channel, symbol), 0) + 1
        return number

    def _trade(self, event: Trade, received: int | None, time: int) -> Row:
        symbol = self._symbol(event.symbol)
        symbol.places.prices.see(event.price)
        symbol.places.sizes.see(event.size)
        if event.past:
            # From before the session: no message of the stream, so without a number in it.
            price, size = float(event.price), float(event.size)
            return Row(
                received, time, "trading", event.symbol, "", PAST, None, price, size, event.side,
                trade_id=event.trade_id,
            )  # fmt: skip
        symbol.trades += 1
        return Row(
            received,
            time,
            "trading",
            event.symbol,
            "",
            "update",
            self._next("trading", event.symbol),
            float(event.price),
            float(event.size),
            event.side,
            *symbol.quote,
            float(symbol.volume.one(time, Decimal(event.size))),
            symbol.trades if event.trade_id is None else event.trade_id,
        )

    def _quote(self, event: Quote, received: int | None, time: int) -> Row:
        symbol = self._symbol(event.symbol)
        places = symbol.places
        places.prices.see(event.bid)
        places.prices.see(event.ask)
        places.sizes.see(event.bid_size)
        places.sizes.see(event.ask_size)
        quote = float(event.bid), float(event.bid_size), float(event.ask), float(event.ask_size)
        symbol.quote = quote
        data = None if event.update_id is None else f'{{"update_id":{event.update_id}}}'
        seq = self._next("quote", event.symbol)
        return Row(received, time, "quote", event.symbol, "", "update", seq, None, None, None, *quote, None, None, data)

    def _book(self, event: VenueBookSnapshot | VenueBookUpdate | VenueBookEnd, received: int | None, time: int) -> Row:
        kind, data = "update", ""
        if isinstance(event, VenueBookEnd):
            kind, data = ENDED, orjson.dumps({"bids": [], "asks": [], "reason": event.reason}).decode()
        else:
            places = self._symbol(event.symbol).places
            for levels in (event.bids, event.asks):
                for price, size in levels:
                    places.prices.see(price)
                    places.sizes.see(size)
            data = book_text(event.bids, event.asks, _ids(event))
            if isinstance(event, VenueBookSnapshot):
                kind = "snapshot"
            elif not event.applies:
                kind = OUTSIDE
        seq = self._next("book", event.symbol)
        return Row(received, time, "book", event.symbol, event.depth, kind, seq, data=data)


def _ids(event: VenueBookSnapshot | VenueBookUpdate) -> dict[str, int | None]:
    """Return the venue's numbers of a book's message."""
    if isinstance(event, VenueBookSnapshot):
        return {"last_id": event.last_id, "snapshot_id": event.snapshot_id}
    return {"first_id": event.first_id, "last_id": event.last_id}


def book_text(bids: Levels, asks: Levels, ids: Mapping[str, int | None] | None = None) -> str:
    """Return the `data` of a book's row. A removed level has size 0, however many zeros the venue writes."""
    sides = {"bids": _cleaned(bids), "asks": _cleaned(asks)}
    known = {name: number for name, number in (ids or {}).items() if number is not None}
    return orjson.dumps(sides | known).decode()


def _cleaned(rows: Levels) -> Levels:
    return tuple(row if row[1].strip("0.") else (row[0], "0") for row in rows)
