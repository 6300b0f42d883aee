"""What an action is: keys that are read, and a pure decision about the market's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from feed.errors import UsageError
from feed.hints import nearest
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.units import parse_duration, parse_speed

__all__ = ["Action", "Decision", "Instant", "Key", "Lookahead", "read_count", "read_length", "read_pace", "read_text"]


@dataclass(frozen=True, slots=True)
class Instant:
    """The moment of a decision.

    Attributes:
        now: monotonic time, ns.
        here: market time at which the market stands or has come to.
        shift: ns between market time and what clients see of it.
        start: market time of the source's beginning.
    """

    now: int
    here: int
    shift: int = 0
    start: int = 0


class Lookahead(Protocol):
    """What may be asked of the future before a decision about it."""

    def nth_trade(self, after: int, count: int, symbol: str | None) -> tuple[int, int] | None:
        """Market time of the `count`-th trade behind `after`, and how many trades there are up to it.

        Trades of one instant come together. None where the source ends before, or there is none for too long.
        """

    def trades_until(self, after: int, until: int, symbol: str | None) -> int:
        """How many trades there are behind `after`, up to `until`."""

    def digest_of(self, seed: int, begins: int) -> str:
        """The digest of this market's frames, if it began there with that seed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command comes to.

    Attributes:
        state: the market's state from then on.
        effect: market time behind which that is so.
        facts: what the answer tells besides.
    """

    state: MarketState
    effect: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an action: how its value is read, from JSON or from the text of a URL alike."""

    read: Callable[[object], Any]
    description: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done to a market.

    Attributes:
        name: what clients call it.
        description: one sentence for help and documentation.
        keys: what it takes.
        decide: the decision; raises `CommandError` where it is not possible.
    """

    name: str
    description: str
    decide: Callable[[MarketState, Mapping[str, Any], Instant, Lookahead], Decision]
    keys: Mapping[str, Key] = field(default_factory=dict)

    def read(self, given: Mapping[str, object]) -> dict[str, Any]:
        """The keys of a request with their values read; raises `CommandError` for an unknown or bad one."""
        return {name: self._read(name, value) for name, value in given.items()}

    def _read(self, name: str, value: object) -> Any:
        key = self.keys.get(name)
        if key is None:
            near = nearest(name, self.keys)
            known = f"{self.name} takes {', '.join(self.keys)}" if self.keys else f"{self.name} takes no keys"
            hint = f'did you mean "{near}"?' if near else known
            raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown key", field=name[:64], hint=hint)
        try:
            return key.read(value)
        except (UsageError, ValueError, TypeError) as error:
            raise CommandError(
                ErrorCode.INVALID_REQUEST, f"{name}: {error}", field=name, hint=key.description
            ) from None


MAX_COUNT = 1_000_000


def read_count(value: object) -> int:
    """A whole number from 1 on."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_COUNT:
        raise UsageError(f"{str(value)[:40]!r} is no whole number from 1 to {MAX_COUNT}")
    return number


def read_length(value: object) -> int:
    """A duration in ns, longer than nothing."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError('write a duration such as "250ms" or "5m"')
    length = parse_duration(value)
    if length <= 0:
        raise UsageError("a duration is longer than nothing")
    return length


def read_pace(value: object) -> float:
    """A speed: market seconds a real second, or `max`."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError("write a speed from 0.1 to 1000, or max")
    return parse_speed(value)


def read_text(value: object) -> str:
    """A short text."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise UsageError("write a text of 1 to 200 characters")
    return value
