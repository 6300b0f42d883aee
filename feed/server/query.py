"""What the query of a WebSocket URL asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from feed.dialects.base import Dialect, Form, Options
from feed.dialects.registry import DIALECTS, NATIVE, PLAIN
from feed.errors import UsageError
from feed.hints import nearest

__all__ = ["Connect", "QueryError", "parse_query"]

USUAL_PATHS = NATIVE.paths

BY_PATH = {path: dialect for dialect in DIALECTS.values() for path in dialect.paths}

CHOICES = {"dialect": tuple(DIALECTS), "heartbeat": ("normal", "strict")}
"""Keys that any connection may have; the first value is the usual one."""

MAX_KEYS = 32

PRIVATE = ("market", "scenario", "seed", "speed", "at", "anchor", "paused")
"""Keys that would make a market of one's own."""


class QueryError(UsageError):
    """The URL asks for something that is not there; `field` names the key."""

    def __init__(self, message: str, field: str, hint: str) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Connect:
    """A client's wishes for its connection."""

    form: Form = PLAIN
    strict: bool = False


def parse_query(target: str) -> Connect:
    """The wishes in a request target such as `/ws?numbers=string`.

    Raises:
        QueryError: for a path without a socket, and for an unknown, repeated or bad key.
    """
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_KEYS)
    except ValueError:
        hint = f"at most {MAX_KEYS} keys, out of {', '.join([*NATIVE.options, *CHOICES])}"
        raise QueryError("The URL cannot be read", "query", hint) from None
    path = parts.path.rstrip("/") or "/"
    spoken = BY_PATH.get(path)
    if spoken is None:
        raise QueryError("There is no socket at this path", "path", f"connect to {' or '.join(USUAL_PATHS)}")
    if spoken is not NATIVE:
        # As exchanges do: what they do not know there they pass over.
        return Connect(Form(spoken, _options(spoken, dict(pairs))))
    return _wished(pairs)


def _wished(pairs: list[tuple[str, str]]) -> Connect:
    """The wishes in a query of our own, where every key counts."""
    dialect = DIALECTS.get(dict(pairs).get("dialect", NATIVE.name), NATIVE)
    known = {**dialect.options, **CHOICES}
    chosen: dict[str, str] = {}
    for key, value in pairs:
        if key in chosen:
            raise QueryError(f'The key "{key[:64]}" is there twice', key[:64], "give it once")
        chosen[key] = _checked(key, value, known)
    return Connect(Form(dialect, _options(dialect, chosen)), strict=chosen.get("heartbeat") == "strict")


def _options(dialect: Dialect, given: Mapping[str, str]) -> Options:
    """What was chosen of a dialect's options, without what is usual."""
    chosen = {key: given[key] for key, values in dialect.options.items() if given.get(key) in values[1:]}
    return tuple(sorted(chosen.items()))


def _checked(key: str, value: str, known: Mapping[str, tuple[str, ...]]) -> str:
    if key in PRIVATE:
        message = f'The key "{key}" is for private markets, which this version does not have'
        raise QueryError(message, key, "connect without it to the shared market; its settings are feed serve's options")
    choices = known.get(key)
    if choices is None:
        near = nearest(key, known)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(known)}"
        raise QueryError("The URL has an unknown key", key[:64], hint)
    if value not in choices:
        near = nearest(value, choices)
        hint = f"one of {', '.join(choices)}" + (f'; did you mean "{near}"?' if near else "")
        raise QueryError(f'The key "{key}" has a value that is not known', key, hint)
    return value
