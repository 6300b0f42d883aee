"""Books of Bitfinex: of levels, or of single orders whose sizes add up to levels; and their checksums."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from feed.venues.events import Levels
from feed.venues.values import decimal_text

__all__ = ["FlatBook", "OrderedBook"]

CHECKED_LEVELS = 25
"""Number of levels, or of orders, of each side that a checksum covers."""

SMALLEST_PLAIN = Decimal("0.000001")
"""Numbers below it have a power of ten where JavaScript prints them."""

Changes = tuple[Levels, Levels]


class FlatBook:
    """Book of levels: price, number of orders, and the amount, which is negative for asks."""

    def __init__(self) -> None:
        self._sides: tuple[dict[float, tuple[str, str]], dict[float, tuple[str, str]]] = ({}, {})

    def apply(self, rows: Sequence[Sequence[Any]]) -> Changes:
        """Set or remove levels, and return them by side; a removed one has size 0."""
        changed: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for row in rows:
            amount = str(row[2])
            side = int(amount.startswith("-"))
            price, size = decimal_text(row[0]), decimal_text(amount.lstrip("-"))
            if int(row[1]):
                self._sides[side][float(price)] = (price, size)
            else:
                self._sides[side].pop(float(price), None)
                size = "0"
            changed[side].append((price, size))
        return tuple(changed[0]), tuple(changed[1])

    def levels(self) -> Changes:
        """Return all levels, the best first."""
        bids, asks = self._sides
        return tuple(bids[key] for key in sorted(bids, reverse=True)), tuple(asks[key] for key in sorted(asks))

    def checksum(self) -> int:
        """Return the venue's checksum of the best levels, bids and asks in turn."""
        parts: list[str] = []
        bids, asks = self.levels()
        for levels in zip_longest(bids[:CHECKED_LEVELS], asks[:CHECKED_LEVELS]):
            for sign, level in zip(("", "-"), levels, strict=True):
                if level is not None:
                    parts += [_script(level[0]), sign + _script(level[1])]
        return _signed(parts)


class OrderedBook:
    """Book of orders: id, price (0 removes it), and the amount, which is negative for asks."""

    def __init__(self) -> None:
        self._orders: dict[int, tuple[int, str, Decimal]] = {}

    def apply(self, rows: Sequence[Sequence[Any]]) -> Changes:
        """Set or remove orders, and return the levels that changed; an empty one has size 0."""
        touched: dict[tuple[int, str], None] = {}
        for row in rows:
            known = self._orders.pop(int(row[0]), None)
            if known is not None:
                touched[known[:2]] = None
            price = decimal_text(row[1])
            if float(price):
                amount = Decimal(str(row[2]))
                side = int(amount < 0)
                self._orders[int(row[0])] = (side, price, abs(amount))
                touched[side, price] = None
        sums = self._sums()
        changed: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for side, price in touched:
            changed[side].append((price, f"{sums.get((side, price), Decimal(0)):f}"))
        return tuple(changed[0]), tuple(changed[1])

    def levels(self) -> Changes:
        """Return all levels, the best first."""
        found: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        for (side, price), size in self._sums().items():
            found[side].append((price, f"{size:f}"))
        return (
            tuple(sorted(found[0], key=lambda level: -float(level[0]))),
            tuple(sorted(found[1], key=lambda level: float(level[0]))),
        )

    def checksum(self) -> int:
        """Return the venue's checksum of the best orders: their ids and amounts, bids and asks in turn."""
        sides: tuple[list[tuple[float, int, Decimal]], list[tuple[float, int, Decimal]]] = ([], [])
        for number, (side, price, size) in self._orders.items():
            sides[side].append(((1 if side else -1) * float(price), number, size))
        parts: list[str] = []
        for orders in zip_longest(*(sorted(side)[:CHECKED_LEVELS] for side in sides)):
            for sign, order in zip(("", "-"), orders, strict=True):
                if order is not None:
                    parts += [str(order[1]), sign + _script(str(order[2]))]
        return _signed(parts)

    def _sums(self) -> dict[tuple[int, str], Decimal]:
        sums: dict[tuple[int, str], Decimal] = {}
        for side, price, size in self._orders.values():
            sums[side, price] = sums.get((side, price), Decimal(0)) + size
        return sums


def _signed(parts: Sequence[str]) -> int:
    number = zlib.crc32(":".join(parts).encode())
    return number - 2**32 if number >= 2**31 else number


def _script(text: str) -> str:
    """Return a number as JavaScript prints it: as short as it can be, with a power of ten below a millionth."""
    value = Decimal(text).normalize()
    if not value or value >= SMALLEST_PLAIN:
        return f"{value:f}"
    _, digits, exponent = value.as_tuple()
    shown = "".join(map(str, digits))
    power = int(exponent) + len(shown) - 1
    return f"{shown[0]}{'.' + shown[1:] if len(shown) > 1 else ''}e{power}"
