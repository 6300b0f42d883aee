"""What the query of a WebSocket URL asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from feed.dialects.native.replies import Variant
from feed.errors import UsageError
from feed.faults.fault import Fault
from feed.faults.registry import FaultError, read_faults
from feed.hints import nearest

__all__ = ["Connect", "QueryError", "parse_query"]

SOCKET_PATHS = ("/", "/ws")

CHOICES = {"numbers": ("plain", "string"), "heartbeat": ("normal", "strict")}

FAULTS_KEY = "faults"
"""Faults for this connection, as a JSON list."""

KEYS = (*CHOICES, FAULTS_KEY)

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
    """How a client wants its connection."""

    variant: Variant = field(default_factory=Variant)
    strict: bool = False
    faults: tuple[Fault, ...] = ()


def parse_query(target: str) -> Connect:
    """The wishes in a request target such as `/ws?numbers=string`.

    Raises:
        QueryError: for a path without a socket, and for an unknown, repeated or bad key.
    """
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_KEYS)
    except ValueError:
        hint = f"at most {MAX_KEYS} keys, out of {', '.join(KEYS)}"
        raise QueryError("The URL cannot be read", "query", hint) from None
    if (parts.path.rstrip("/") or "/") not in SOCKET_PATHS:
        raise QueryError("There is no socket at this path", "path", f"connect to {' or '.join(SOCKET_PATHS)}")
    chosen = {key: choices[0] for key, choices in CHOICES.items()}
    seen: set[str] = set()
    faults: tuple[Fault, ...] = ()
    for key, value in pairs:
        if key in seen:
            raise QueryError(f'The key "{key[:64]}" is there twice', key[:64], "give it once")
        seen.add(key)
        if key == FAULTS_KEY:
            faults = _faults(value)
        else:
            chosen[key] = _checked(key, value)
    return Connect(
        variant=Variant(numbers="string" if chosen["numbers"] == "string" else "plain"),
        strict=chosen["heartbeat"] == "strict",
        faults=faults,
    )


def _faults(value: str) -> tuple[Fault, ...]:
    try:
        return read_faults(value)
    except FaultError as error:
        raise QueryError(str(error), error.field, error.hint or "GET /faults shows what there is") from None


def _checked(key: str, value: str) -> str:
    if key in PRIVATE:
        message = f'The key "{key}" is for private markets, which this version does not have'
        raise QueryError(message, key, "connect without it to the shared market; its settings are feed serve's options")
    choices = CHOICES.get(key)
    if choices is None:
        near = nearest(key, KEYS)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(KEYS)}"
        raise QueryError("The URL has an unknown key", key[:64], hint)
    if value not in choices:
        near = nearest(value, choices)
        hint = f"one of {', '.join(choices)}" + (f'; did you mean "{near}"?' if near else "")
        raise QueryError(f'The key "{key}" has a value that is not known', key, hint)
    return value
