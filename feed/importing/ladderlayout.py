"""Columns of snapshots of books, found by their names, whoever wrote them.

Three layouts, with any number of levels: numbered columns (`bid_price_0`, `asks[0].price`, `BidSize1`); a list of
levels in one column a side (`bids`, as lists of Parquet or as JSON); and a list of prices and one of sizes a side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from feed.importing.fixedpoint import is_databento
from feed.importing.heads import Head, folded
from feed.importing.levelrows import PERCENT_ROWS, percent_columns
from feed.importing.names import SYMBOL_NAMES, TIME_NAMES, TRADE_NAMES, alike_names

__all__ = ["LadderLayout", "layout_of"]

SIDE = r"(?P<side>bid|ask|b|a)s?"
PRICE = r"(?P<price>price|px|prc|p)s?"
SIZE = r"(?P<size>size|sz|qty|quantity|amount|amt|volume|vol|v|q|s|sx)s?"
MARK = r"[-_.\[\] ]*"

NUMBERED = (
    re.compile(rf"(?:l|level)?{MARK}{SIDE}{MARK}(?:{PRICE}|{SIZE}){MARK}(?P<level>\d+){MARK}"),
    re.compile(rf"{SIDE}{MARK}(?P<level>\d+){MARK}(?:{PRICE}|{SIZE})"),
    re.compile(rf"(?:l|level)?{MARK}(?P<level>\d+){MARK}{SIDE}{MARK}(?:{PRICE}|{SIZE})"),
    re.compile(rf"(?:{PRICE}|{SIZE}){MARK}{SIDE}{MARK}(?P<level>\d+)"),
    re.compile(rf"best{MARK}{SIDE}(?:{MARK}{PRICE})?"),
    re.compile(rf"best{MARK}{SIDE}{MARK}{SIZE}"),
    re.compile(rf"{SIDE}{MARK}(?:{PRICE}|{SIZE})"),
    re.compile(r"(?P<side>bid|ask)"),
)
"""Names of columns of one level, folded; without a number they are of the only one."""

LISTED = re.compile(rf"{SIDE}")
PAIRED = re.compile(rf"{SIDE}{MARK}(?:{PRICE}|{SIZE})")

DISTANCE = re.compile(rf"{SIDE}{MARK}(?P<what>distance|notional){MARK}(?P<level>\d+)")

MIDDLES = ("midpoint", "mid", "mid_price", "midprice", "mid-price")

RECEIVED_NAMES = TRADE_NAMES["received"]


@dataclass(frozen=True, slots=True)
class LadderLayout:
    """Columns of a file of snapshots: for each side those of prices and sizes, best first, or one of lists.

    Attributes:
        kind: `numbered`, `lists` (a column of prices and one of sizes a side), `levels` (one column a side),
            `distances` (numbered, of prices from the middle), `rows` and `percents` (a row a level).
        prices, sizes: names by side, bids first; of `levels` the sizes are empty.
        others: time, received and symbol; of `rows` also side, price and size.
        fixed: prices may be whole numbers of 0.000000001.
    """

    kind: str
    prices: tuple[tuple[str, ...], tuple[str, ...]]
    sizes: tuple[tuple[str, ...], tuple[str, ...]]
    others: Mapping[str, str]
    fixed: bool = False

    @property
    def levels(self) -> int:
        """The number of levels of a side, where the columns tell it; 0 for lists."""
        return max(map(len, self.prices)) if self.kind in ("numbered", "distances") else 0

    @property
    def is_quotes(self) -> bool:
        """Tell whether there is one level, with no list."""
        return self.kind == "numbered" and self.levels == 1

    def columns(self) -> dict[str, str]:
        """Return the wanted columns by their purpose."""
        wanted = dict(self.others)
        for place, side in enumerate(("bid", "ask")):
            for what, names in (("price", self.prices[place]), ("size", self.sizes[place])):
                wanted |= {f"{side} {what} {level}": name for level, name in enumerate(names)}
        return wanted


def layout_of(head: Head) -> LadderLayout | None:
    """Return the layout of a file by the names of its columns; None if it has no snapshots."""
    others = _others(head)
    if "time" not in others and "received" not in others:
        return None
    others = others if "time" in others else {"time": others["received"], **others}
    if (columns := percent_columns(head.cells)) is not None:
        return LadderLayout(PERCENT_ROWS, ((), ()), ((), ()), columns)
    left = [name for name in head.cells if name not in others.values()]
    middle = next((name for name in left if folded(name) in MIDDLES), None)
    if middle is not None and (sides := _distances(left)) is not None:
        return LadderLayout("distances", *sides, {**others, "middle": middle})
    for find in (_columns_of_levels, _lists, _numbered):
        if (found := find(head, left)) is not None:
            return LadderLayout(*found, others, fixed=is_databento(head.cells))
    return None


def _others(head: Head) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, known in (("time", TIME_NAMES), ("received", RECEIVED_NAMES), ("symbol", SYMBOL_NAMES)):
        name = next(iter(alike_names(head.cells, known, key)), None)
        if name is not None and name not in found.values():
            found[key] = name
    return found


def _side(found: re.Match[str]) -> int:
    return int(found["side"][0] == "a")


def _matched(patterns: Sequence[re.Pattern[str]], name: str) -> re.Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.fullmatch(folded(name)))), None)


def _columns_of_levels(head: Head, names: Sequence[str]) -> tuple[str, Any, Any] | None:
    """Find one column of levels a side: of lists, or of text that begins as a list."""
    found = {_side(match): name for name in names if (match := _matched([LISTED], name)) and _holds_lists(head, name)}
    if set(found) != {0, 1}:
        return None
    return "levels", ((found[0],), (found[1],)), ((), ())


def _lists(head: Head, names: Sequence[str]) -> tuple[str, Any, Any] | None:
    """Find a column of prices and one of sizes a side, each of lists."""
    found: dict[tuple[int, bool], str] = {}
    for name in names:
        match = _matched([PAIRED], name)
        if match is not None and _holds_lists(head, name):
            found[_side(match), match["price"] is not None] = name
    if set(found) != {(side, price) for side in (0, 1) for price in (True, False)}:
        return None
    return "lists", ((found[0, True],), (found[1, True],)), ((found[0, False],), (found[1, False],))


def _holds_lists(head: Head, name: str) -> bool:
    if not head.types:
        place = head.cells.index(name)
        return place < len(head.sample) and head.sample[place].lstrip()[:1] in ("[", "(")
    kind = head.types[head.cells.index(name)]
    return _is_list(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _numbered(head: Head, names: Sequence[str]) -> tuple[str, Any, Any] | None:
    """Find columns of one level each; both sides have prices, and as many sizes or none."""
    found: dict[tuple[int, bool], dict[int, str]] = {}
    for name in names:
        match = _matched(NUMBERED, name)
        if match is None or (head.types and _is_list(head.types[head.cells.index(name)])):
            continue
        groups = match.groupdict()
        level = int(groups.get("level") or 0)
        is_price = groups.get("size") is None
        found.setdefault((_side(match), is_price), {}).setdefault(level, name)
    prices, sizes = ((_in_order(found, 0, price), _in_order(found, 1, price)) for price in (True, False))
    if not all(prices) or len(prices[0]) != len(sizes[0]) or len(prices[1]) != len(sizes[1]):
        return None
    return "numbered", prices, sizes


def _distances(names: Sequence[str]) -> tuple[Any, Any] | None:
    """Find columns of distances from the middle and of what lies there in the quote currency."""
    found: dict[tuple[int, bool], dict[int, str]] = {}
    for name in names:
        if (match := DISTANCE.fullmatch(folded(name))) is not None:
            found.setdefault((_side(match), match["what"] == "distance"), {})[int(match["level"])] = name
    prices, sizes = ((_in_order(found, 0, price), _in_order(found, 1, price)) for price in (True, False))
    if not all(prices) or [len(side) for side in prices] != [len(side) for side in sizes]:
        return None
    return prices, sizes


def _in_order(found: Mapping[tuple[int, bool], Mapping[int, str]], side: int, price: bool) -> tuple[str, ...]:
    """Return the columns of a side by their level."""
    levels = found.get((side, price), {})
    return tuple(levels[level] for level in sorted(levels))
