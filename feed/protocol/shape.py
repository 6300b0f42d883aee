"""Knowledge of the form of messages that faults need: which part is the number, the checksum, the name of the event.

The default finds these by the names that most JSON messages use. A dialect whose messages are different gives its own
`shape` with other names, or overrides a method.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

__all__ = ["MessageShape", "Slot", "is_decimal", "slots_in"]


class Slot(NamedTuple):
    """Place of a value in a parsed message: the object or list that holds it, and its key or index there."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        """The value."""
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        """Replace the value."""
        self.holder[self.key] = value

    def remove(self) -> None:
        """Remove the key, or the entry of a list."""
        del self.holder[self.key]


class MessageShape:
    """Form of the messages of a dialect. A document is a parsed message, with decimal numbers as `Decimal`."""

    event_keys: ClassVar[tuple[str, ...]] = ("event", "e", "type", "channel", "method")
    """Keys at the top that name the kind of a message; the first one that is there counts."""

    number_keys: ClassVar[tuple[str, ...]] = ("seq", "sequence", "sequence_num", "u", "lastUpdateId", "trade_id", "t")
    """Keys of a number that counts messages or trades; the first one that is there counts."""

    checksum_keys: ClassVar[tuple[str, ...]] = ("checksum", "cs")

    side_keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("bids", "asks"),
        ("bid", "ask"),
        ("b", "a"),
        ("best_bid", "best_ask"),
    )
    """Pairs of keys of the two sides of a book: lists of levels, or the best prices."""

    def event(self, document: Any) -> Slot | None:
        """Return the place of the name of the event."""
        if isinstance(document, dict):
            for key in self.event_keys:
                if isinstance(document.get(key), str):
                    return Slot(document, key)
        return None

    def number(self, document: Any) -> Slot | None:
        """Return the place of the number that counts messages."""
        return self._first(document, self.number_keys, int)

    def numbers(self, document: Any) -> list[Slot]:
        """Return the places of all numbers that count together with the one that counts messages."""
        slot = self.number(document)
        return [] if slot is None else [slot]

    def cross(self, document: Any) -> bool:
        """Put a bid above all levels that name their own side; return False if there are none such."""
        del document
        return False

    def checksum(self, document: Any) -> Slot | None:
        """Return the place of the checksum of a book; in a list, the number behind a text that names it."""
        found = self._first(document, self.checksum_keys, int)
        if found is not None:
            return found
        for slot in slots_in(document):
            if slot.value in self.checksum_keys and isinstance(slot.holder, list):
                behind = slot.key + 1
                if behind < len(slot.holder) and isinstance(slot.holder[behind], int):
                    return Slot(slot.holder, behind)
        return None

    def sides(self, document: Any) -> tuple[Slot, Slot] | None:
        """Return the places of the two sides of a book, or of the best bid and the best ask."""
        holders = [document, *(slot.value for slot in slots_in(document))]
        for bid, ask in self.side_keys:
            for holder in holders:
                if isinstance(holder, dict) and bid in holder and ask in holder:
                    return Slot(holder, bid), Slot(holder, ask)
        return None

    def measures(self, document: Any) -> list[Slot]:
        """Return the places of prices, sizes and the like: decimal numbers, as numbers or as text."""
        return [slot for slot in slots_in(document) if is_decimal(slot.value)]

    def named(self, document: Any, name: str) -> Slot | None:
        """Return the place of the first key of this name, wherever it is."""
        return next((slot for slot in slots_in(document) if slot.key == name and isinstance(slot.holder, dict)), None)

    @staticmethod
    def _first(document: Any, keys: tuple[str, ...], kind: type) -> Slot | None:
        slots = [slot for slot in slots_in(document) if isinstance(slot.holder, dict) and type(slot.value) is kind]
        return next((slot for key in keys for slot in slots if slot.key == key), None)


def slots_in(document: Any) -> Iterator[Slot]:
    """Yield every place in a document, an outer one before those inside of it."""
    if isinstance(document, dict):
        pairs = list(document.items())
    elif isinstance(document, list):
        pairs = list(enumerate(document))
    else:
        return
    for key, value in pairs:
        yield Slot(document, key)
        yield from slots_in(value)


def is_decimal(value: Any) -> bool:
    """Return True for a number with decimals, written as a number or as text."""
    if isinstance(value, Decimal):
        return True
    return isinstance(value, str) and value.count(".") == 1 and value.replace(".", "").removeprefix("-").isdigit()
