"""What the query of a WebSocket URL asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from feed.dialects.native.replies import Variant
from feed.errors import UsageError
from feed.hints import nearest
from feed.market.markets import NAME, MarketSpec
from feed.units import MAX_SEED, parse_duration, parse_speed, parse_time

__all__ = ["MARKET_KEYS", "Connect", "QueryError", "UrlKey", "parse_query", "read_market"]

SOCKET_PATHS = ("/", "/ws")

CHOICES = {"numbers": ("plain", "string"), "heartbeat": ("normal", "strict")}

MAX_KEYS = 32

def _read_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise UsageError(f"{text[:40]!r} is no name for a market")
    return text


def _read_scenario(text: str) -> str:
    # A name in the folder of scenarios, and never a path.
    if not NAME.fullmatch(text) or not text.strip("."):
        raise UsageError(f"{text[:40]!r} is no name of a scenario")
    return text


def _read_seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16 or int(text) > MAX_SEED:
        raise UsageError(f"{text[:40]!r} is no seed")
    return int(text)


def _read_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise UsageError(f"{text[:40]!r} is no number of subscribers")
    return int(text)


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{text[:40]!r} is neither true nor false")
    return text == "true"


def _read_anchor(text: str) -> str | int:
    return text if text in ("scenario", "now") else parse_time(text)


@dataclass(frozen=True, slots=True)
class UrlKey:
    """One key of a market's address: how its value is read, and what to write."""

    read: Callable[[str], Any]
    description: str


MARKET_KEYS = {
    "market": UrlKey(_read_name, "a name of 1 to 64 of A-Z a-z 0-9 . _ -"),
    "scenario": UrlKey(_read_scenario, "the name of a scenario, as GET /scenarios lists them"),
    "seed": UrlKey(_read_seed, f"a whole number from 0 to {MAX_SEED}"),
    "speed": UrlKey(parse_speed, "0.1 to 1000, or max"),
    "at": UrlKey(parse_duration, "a time into the scenario, such as 00:10:00"),
    "anchor": UrlKey(_read_anchor, "scenario, now, or a time"),
    "paused": UrlKey(_read_flag, "true or false"),
    "wait_for": UrlKey(_read_count, "a number of subscribers; 0: market time begins at once"),
}
"""Keys that ask for a market of one's own, or for one by its name."""


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
    market: str | None = None
    spec: MarketSpec = field(default_factory=MarketSpec)


def parse_query(target: str) -> Connect:
    """The wishes in a request target such as `/ws?numbers=string`.

    Raises:
        QueryError: for a path without a socket, and for an unknown, repeated or bad key.
    """
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_KEYS)
    except ValueError:
        hint = f"at most {MAX_KEYS} keys, out of {', '.join(CHOICES)}"
        raise QueryError("The URL cannot be read", "query", hint) from None
    if (parts.path.rstrip("/") or "/") not in SOCKET_PATHS:
        raise QueryError("There is no socket at this path", "path", f"connect to {' or '.join(SOCKET_PATHS)}")
    chosen = {key: choices[0] for key, choices in CHOICES.items()}
    asked = dict(_once(pairs))
    market, spec = read_market({key: value for key, value in asked.items() if key in MARKET_KEYS})
    for key, value in asked.items():
        if key not in MARKET_KEYS:
            chosen[key] = _checked(key, value)
    return Connect(
        variant=Variant(numbers="string" if chosen["numbers"] == "string" else "plain"),
        strict=chosen["heartbeat"] == "strict",
        market=market,
        spec=spec,
    )


def _once(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs, none of whose keys is there twice."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise QueryError(f'The key "{key[:64]}" is there twice', key[:64], "give it once")
        seen.add(key)
    return pairs


def read_market(asked: Mapping[str, str]) -> tuple[str | None, MarketSpec]:
    """The name and the make of the market that some keys ask for.

    Raises:
        QueryError: for an unknown key, or a bad value.
    """
    values: dict[str, Any] = {}
    for name, text in asked.items():
        key = MARKET_KEYS.get(name)
        if key is None:
            near = nearest(name, MARKET_KEYS)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(MARKET_KEYS)}"
            raise QueryError("The URL has an unknown key", name[:64], hint)
        try:
            values[name] = key.read(text)
        except UsageError as error:
            raise QueryError(f"{name}: {error}", name, key.description) from None
    market = values.pop("market", None)
    return market, MarketSpec(**values)


def _checked(key: str, value: str) -> str:
    choices = CHOICES.get(key)
    if choices is None:
        known = [*CHOICES, *MARKET_KEYS]
        near = nearest(key, known)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(known)}"
        raise QueryError("The URL has an unknown key", key[:64], hint)
    if value not in choices:
        near = nearest(value, choices)
        hint = f"one of {', '.join(choices)}" + (f'; did you mean "{near}"?' if near else "")
        raise QueryError(f'The key "{key}" has a value that is not known', key, hint)
    return value
