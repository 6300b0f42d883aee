"""The `include` key: a scenario file takes over the contents of other files in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from feed.errors import Problem, ScenarioError

__all__ = ["with_included"]

LISTS = ("symbols", "phases", "events", "ticks")
NOT_TAKEN = ("format", "name", "description", "include")
MAX_DEPTH = 8
MAX_FILES = 64

Document = dict[str, Any]


def with_included(path: Path, document: Document, parse: Callable[[Path], Document]) -> Document:
    """Return the document merged with the files that its `include` names.

    Included lists come before the document's own; included tables and values give way to the document's own.

    Args:
        path: the document's file; included files lie in its folder or below.
        document: the parsed file.
        parse: function that reads and parses another file.

    Raises:
        ScenarioError: an included file is elsewhere, includes itself, or cannot be read.
    """
    return _Inclusion(path.resolve().parent, parse).of(path, document, ())


class _Inclusion:
    def __init__(self, root: Path, parse: Callable[[Path], Document]) -> None:
        self._root = root
        self._parse = parse
        self._files = 0

    def of(self, path: Path, document: Document, above: tuple[Path, ...]) -> Document:
        names = document.get("include", ())
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            # The model reports the mistake.
            return document
        merged: Document = {}
        for name in names:
            other = self._located(path, name, (*above, path.resolve()))
            taken = self.of(other, self._parse(other), (*above, path.resolve()))
            merged = _merged(merged, {key: value for key, value in taken.items() if key not in NOT_TAKEN})
        own = {key: value for key, value in document.items() if key != "include"}
        return _merged(merged, own)

    def _located(self, path: Path, name: str, above: tuple[Path, ...]) -> Path:
        def wrong(message: str, hint: str | None = None) -> ScenarioError:
            return ScenarioError(str(path), [Problem("include", f"{name[:80]!r} {message}", hint)])

        try:
            other = (path.resolve().parent / name).resolve()
        except (OSError, ValueError, RuntimeError):
            raise wrong("is not a file's name") from None
        if not other.is_relative_to(self._root):
            raise wrong("is outside of the scenario's folder")
        if other in above:
            raise wrong("includes itself")
        if not other.exists():
            raise wrong("cannot be read: No such file or directory")
        self._files += 1
        if len(above) > MAX_DEPTH or self._files > MAX_FILES:
            raise wrong("is one file too many", f"at most {MAX_FILES} files, {MAX_DEPTH} deep")
        return other


def _merged(below: Document, above: Document) -> Document:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if key in LISTS and isinstance(known, list) and isinstance(value, list):
            merged[key] = [*known, *value]
        elif isinstance(known, dict) and isinstance(value, dict):
            merged[key] = {**known, **value}
        else:
            merged[key] = value
    return merged
