"""Paths of HTTP requests: which endpoint a path means, and the parts of it by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

__all__ = ["Matched", "PathMap"]


class Matched(NamedTuple):
    """The endpoint of a path with the parts of the path by name, or None with the methods that the path has."""

    endpoint: str | None
    parts: Mapping[str, str]
    methods: tuple[str, ...] = ()


class PathMap:
    """Rules for paths, such as `/markets/<name>`.

    Args:
        rules: the method, the path and the endpoint of each.
    """

    def __init__(self, rules: Iterable[tuple[str, str, str]]) -> None:
        made = [Rule(path, endpoint=endpoint, methods=[method]) for method, path, endpoint in rules]
        self._map = Map(made, strict_slashes=False).bind("feed")

    def match(self, method: str, path: str) -> Matched:
        """Return what a request means; without an endpoint and methods if there is no such path."""
        try:
            return Matched(*self._map.match(path, method=method))
        except MethodNotAllowed as error:
            return Matched(None, {}, tuple(error.valid_methods or ()))
        except HTTPException:
            return Matched(None, {})
