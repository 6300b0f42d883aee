"""Checks across the messages of a session: of consecutive ids, and of books whose updates need a snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from feed.venues.events import Event, Note, Trade, VenueBookEnd

__all__ = ["CONNECTION_LOST", "ConsecutiveIds", "SharedNumbers", "StreamedBooks", "lost_stream"]

CONNECTION_LOST = "the connection was lost"


class ConsecutiveIds:
    """Ids that are consecutive for each symbol."""

    def __init__(self, stream: str, name: str = "trade id") -> None:
        self._stream = stream
        self._name = name
        self._last: dict[str, int] = {}

    def check(self, symbol: str, number: int) -> tuple[Note, ...]:
        """Return a note if an id does not directly follow the one before."""
        before = self._last.get(symbol)
        if before is None or number == before + 1:
            self._last[symbol] = number
            return ()
        if number > before:
            self._last[symbol] = number
            text = f"{self._name} {number} comes after {before}: {number - before - 1} are missing"
            return (Note("gap", symbol, text, self._stream, before, number, missing=number - before - 1),)
        text = f"{self._name} {number} comes after {before}: it was there, or is late"
        return (Note("duplicate", symbol, text, self._stream, before, number),)

    def knows(self, symbol: str) -> bool:
        """Tell whether an id of the symbol has been seen."""
        return symbol in self._last

    def take(self, trades: Sequence[Trade], *, repeated: bool) -> Iterator[Trade | Note]:
        """Yield trades of a message with notes on missing ids; `repeated` are those at the beginning of a session."""
        if repeated:
            for symbol in dict.fromkeys(trade.symbol for trade in trades):
                yield from self.again([trade for trade in trades if trade.symbol == symbol])
            return
        for trade in trades:
            yield from self.check(trade.symbol, trade.trade_id or 0)
            yield trade

    def again(self, trades: Sequence[Trade]) -> Iterator[Trade | Note]:
        """Yield those of a symbol's trades, repeated by the venue at the beginning of a session, that are not known.

        After a reconnect these are the trades that were missed meanwhile. In a first session all of them are of the
        past.
        """
        first_session = not (trades and self.knows(trades[0].symbol))
        for trade in trades:
            number = trade.trade_id or 0
            if first_session:
                self._last[trade.symbol] = max(number, self._last.get(trade.symbol, number))
                yield replace(trade, past=True)
            elif number > self._last[trade.symbol]:
                yield from self.check(trade.symbol, number)
                yield trade


class SharedNumbers:
    """Numbers that one connection counts over the messages of all its streams.

    Attributes:
        last: the last number; None before the first one of a connection.
    """

    def __init__(self) -> None:
        self.last: int | None = None

    def begin(self) -> None:
        """Note that the next number is the first one of another connection."""
        self.last = None

    def missing(self, number: int) -> str:
        """Return what is missing before a number, for people; empty if nothing is."""
        before, self.last = self.last, number
        if before is None or number == before + 1:
            return ""
        if number <= before:
            return f"message {number} of the connection comes after {before}: what is between is unknown"
        count = number - before - 1
        return f"message {number} of the connection comes after {before}: {count} are missing, of any of its streams"


class StreamedBooks:
    """Books whose snapshots come in the stream of their updates, by symbol and depth."""

    def __init__(self) -> None:
        # For each book whether it is known now; False also before its first snapshot.
        self._known: dict[tuple[str, str], bool] = {}
        self._without_snapshot: dict[str, None] = {}

    def begin(self, symbol: str, depth: str = "") -> None:
        """Note a snapshot."""
        self._known[symbol, depth] = True
        self._without_snapshot.pop(symbol, None)

    def is_known(self, symbol: str, depth: str = "") -> bool:
        """Tell whether a book is known now."""
        return self._known.get((symbol, depth), False)

    def known(self) -> list[str]:
        """Return the symbols whose book is known now."""
        return list(dict.fromkeys(symbol for (symbol, _), known in self._known.items() if known))

    def applies(self, symbol: str, depth: str = "") -> bool:
        """Tell whether an update is a change of a known book."""
        known = self._known.get((symbol, depth))
        if known is None:
            self._known[symbol, depth] = known = False
            self._without_snapshot[symbol] = None
        return known

    def end(self, symbol: str, depth: str, reason: str) -> Iterator[VenueBookEnd]:
        """Yield the end of a book, if it is known."""
        if self._known.get((symbol, depth)):
            self._known[symbol, depth] = False
            yield VenueBookEnd(symbol, None, reason, depth)

    def disconnected(self) -> Iterator[Event]:
        """Yield the end of every known book."""
        for (symbol, depth), known in self._known.items():
            if known:
                yield lost_stream("book", symbol)
                yield from self.end(symbol, depth, CONNECTION_LOST)

    def finish(self) -> list[Event]:
        """Return a note on each symbol whose updates came without a snapshot."""
        text = "updates of the book came without a snapshot: it has only the levels that changed"
        return [Note("no-snapshot", symbol, text, "book") for symbol in self._without_snapshot]


def lost_stream(stream: str, symbol: str) -> Note:
    """Return the note on a stream without numbers whose connection broke."""
    return Note("gap", symbol, f"{CONNECTION_LOST}: how many messages are missing is unknown", stream)
