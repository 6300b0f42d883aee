"""The keys of a URL that ask for a market of one's own, or for one by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from feed.errors import UsageError
from feed.faults.fault import Fault
from feed.faults.registry import read_faults
from feed.hints import nearest
from feed.market.spec import NAME, MarketSpec
from feed.scenario.draft import DRAFT, is_draft
from feed.scenario.values import Anchor
from feed.units import MAX_SEED, parse_duration, parse_speed, parse_time

__all__ = ["MAKING_KEYS", "MARKET_KEYS", "QueryError", "UrlKey", "read_market"]

MAX_SEED_DIGITS = 16

MAX_COUNT_DIGITS = 6

MAX_TOKEN = 200

_DRAFT = re.compile(rf"{DRAFT}[A-Za-z0-9_-]+")


class QueryError(UsageError):
    """Request in a URL for something that does not exist; `field` names the key."""

    def __init__(self, message: str, field: str, hint: str) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


@dataclass(frozen=True, slots=True)
class UrlKey:
    """Key of a market's URL: the parser of its value, and a description of valid values."""

    read: Callable[[str], Any]
    description: str


def _read_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise UsageError(f"{text[:40]!r} is no name for a market")
    return text


def _read_scenario(text: str) -> str:
    # A name in the folder of scenarios, and never a path; or a draft, which is read when the market is opened.
    if is_draft(text):
        if not _DRAFT.fullmatch(text):
            raise UsageError("the draft is not in base64url")
        return text
    if not NAME.fullmatch(text) or not text.strip("."):
        raise UsageError(f"{text[:40]!r} is no name of a scenario")
    return text


def _read_seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MAX_SEED_DIGITS or int(text) > MAX_SEED:
        raise UsageError(f"{text[:40]!r} is no seed")
    return int(text)


def _read_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MAX_COUNT_DIGITS:
        raise UsageError(f"{text[:40]!r} is no number of subscribers")
    return int(text)


def _read_flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise UsageError(f"{text[:40]!r} is neither true nor false")
    return text == "true"


def _read_anchor(text: str) -> Anchor:
    return "scenario" if text == "scenario" else "now" if text == "now" else parse_time(text)


def _read_token(text: str) -> str:
    if not 1 <= len(text) <= MAX_TOKEN:
        raise UsageError(f"a token has 1 to {MAX_TOKEN} characters")
    return text


def _read_faults(text: str) -> tuple[Fault, ...] | str:
    return text if NAME.fullmatch(text) else read_faults(text)


def _read_numbers(text: str) -> str:
    return _one_of(text, "numbers", ("plain", "string"))


def _read_heartbeat(text: str) -> str:
    return _one_of(text, "heartbeat", ("normal", "strict"))


def _one_of(text: str, name: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise UsageError(f"{text[:40]!r} is no value of {name}")
    return text


MARKET_KEYS = {
    "market": UrlKey(_read_name, "a name of 1 to 64 of A-Z a-z 0-9 . _ -"),
    "scenario": UrlKey(
        _read_scenario, "the name of a scenario, as GET /scenarios lists them; or draft: and a whole file, compressed"
    ),
    "seed": UrlKey(_read_seed, f"a whole number from 0 to {MAX_SEED}"),
    "speed": UrlKey(parse_speed, "0.1 to 1000, or max"),
    "at": UrlKey(parse_duration, "a time into the scenario, such as 00:10:00"),
    "anchor": UrlKey(_read_anchor, "scenario, now, or a time"),
    "paused": UrlKey(_read_flag, "true or false"),
    "wait_for": UrlKey(_read_count, "a number of subscribers; 0: market time begins at once"),
    "token": UrlKey(_read_token, "only who shows it may command the market; 1 to 200 characters"),
}
"""Each key with its parser; keys that are not given default to the server's own settings."""

MAKING_KEYS = {
    **{name: key for name, key in MARKET_KEYS.items() if name != "market"},
    "faults": UrlKey(_read_faults, "faults of everybody in the market: a JSON list, or the name of a plan"),
    "numbers": UrlKey(_read_numbers, "plain or string: how numbers are written for who does not ask for either"),
    "heartbeat": UrlKey(_read_heartbeat, "normal or strict, for who does not ask for either"),
}
"""The keys with which `POST /markets/NAME` makes a market. In the URL of a socket the last three are its own."""


def read_market(asked: Mapping[str, str], *, making: bool = False) -> tuple[str | None, MarketSpec]:
    """Return the name and the specification of the market that the keys ask for.

    Args:
        asked: the keys.
        making: whether they only make a market, for nobody yet.

    Raises:
        QueryError: for an unknown key, or a bad value.
    """
    keys = MAKING_KEYS if making else MARKET_KEYS
    values: dict[str, Any] = {}
    for name, text in asked.items():
        key = keys.get(name)
        if key is None:
            near = nearest(name, keys)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(keys)}"
            raise QueryError("The URL has an unknown key", name[:64], hint)
        try:
            values[name] = key.read(text)
        except UsageError as error:
            hint = getattr(error, "hint", None) or key.description
            raise QueryError(f"{name}: {error}", name, hint) from None
    market = values.pop("market", None)
    return market, MarketSpec(**values)
