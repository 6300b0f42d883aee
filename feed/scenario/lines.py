"""Line numbers of the keys of a TOML or JSON file, so that a mistake is reported with its line.

Neither parser reports lines, so a text that is already parsed is scanned once more, and only if it has a mistake.
The result has the shape of the document, with places instead of values.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from typing import Any, NamedTuple

__all__ = ["Array", "Included", "Place", "Table", "place_in", "scanned"]

SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
# A date and its time may be separated by a space.
SCALAR = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d[^\s,\]}#]*|[^\s,\]}#]+")
STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


class Table(dict[str, Any]):
    """Places of a table: its own line, and the places of its values by key."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


class Array(list[Any]):
    """Places of a list: its own line, and the places of its items."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


class Included(list[str]):
    """The names of included files, with the place of the `include` key."""

    def __init__(self, names: list[str], place: Any) -> None:
        super().__init__(names)
        self.place = _place_of(place)


def scanned(text: str, file: str, *, is_json: bool) -> Table | None:
    """Return the places of a document that can be parsed; None for a document that cannot be a scenario."""
    scan = _Scan(text, file)
    try:
        found = scan.value() if is_json else scan.document()
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, Table) else None


def place_in(places: Any, where: str) -> Place | None:
    """Return the place of a key such as `phases[2].drift`, or of the innermost known part around it."""
    best: Place | None = None
    node = places
    for number, name in STEP.findall(where):
        try:
            node = node[int(number)] if number else node[name]
        except (LookupError, TypeError):
            break
        best = _place_of(node) or best
    return best


def _place_of(node: Any) -> Place | None:
    """Return the place of a node; for a node merged from several files, the place of its first part."""
    if isinstance(node, Place):
        return node
    if isinstance(node, Table | Array | Included):
        return node.place
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return next((place for child in children if (place := _place_of(child))), None)


class _Scan:
    """Scanner of a text that is known to be valid."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._lines = [found.start() for found in re.finditer("\n", text)]

    def document(self) -> Table:
        """Return the places of a TOML document."""
        root = current = Table(self._place())
        while self._next():
            place = self._place()
            if self._skipped("[["):
                names = self._key()
                self._skipped("]]")
                tables = self._inside(root, names[:-1]).setdefault(names[-1], Array(place))
                current = Table(place)
                tables.append(current)
            elif self._skipped("["):
                current = self._inside(root, self._key())
                self._skipped("]")
                current.place = place
            else:
                self._pair(current, "=")
        return root

    def value(self) -> Any:
        """Return the place or places of a value of TOML or JSON."""
        char, place = self._next(), self._place()
        if char == "{":
            return self._table(place)
        if char == "[":
            return self._array(place)
        self._match(STRING if char in "\"'" else SCALAR)
        return place

    def _table(self, place: Place) -> Table:
        table = Table(place)
        self._skipped("{")
        while self._next() != "}":
            self._pair(table, ":=")
            self._skipped(",")
        self._skipped("}")
        return table

    def _array(self, place: Place) -> Array:
        array = Array(place)
        self._skipped("[")
        while self._next() != "]":
            array.append(self.value())
            self._skipped(",")
        self._skipped("]")
        return array

    def _pair(self, table: Table, between: str) -> None:
        place = self._place()
        names = self._key()
        if self._next() not in between:
            raise ValueError
        self._at += 1
        value = self.value()
        # A value may begin on a later line; an author looks for the line of its key.
        if isinstance(value, Table | Array):
            value.place = place
        self._inside(table, names[:-1])[names[-1]] = place if isinstance(value, Place) else value

    def _inside(self, table: Table, names: list[str]) -> Table:
        """Return the table that a dotted key leads to; in a list of tables, the last one."""
        for name in names:
            found = table.setdefault(name, Table(self._place()))
            table = found[-1] if isinstance(found, Array) else found
        return table

    def _key(self) -> list[str]:
        names = []
        while True:
            if self._next() in "\"'":
                quoted = self._match(STRING)
                names.append(json.loads(quoted) if quoted[0] == '"' else tomllib.loads(f"k = {quoted}")["k"])
            else:
                names.append(self._match(BARE_KEY))
            if self._next() != ".":
                return names
            self._at += 1

    def _next(self) -> str:
        """Return the next character that is neither space nor part of a comment; empty at the end."""
        self._at = SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
        return self._text[self._at : self._at + 1]

    def _skipped(self, token: str) -> bool:
        self._next()
        found = self._text.startswith(token, self._at)
        self._at += len(token) if found else 0
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError
        self._at = found.end()
        return found.group()

    def _place(self) -> Place:
        return Place(self._file, bisect_right(self._lines, self._at - 1) + 1)
