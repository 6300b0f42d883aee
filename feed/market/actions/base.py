"""Definition of an action: its keys, and a pure decision about the market's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from feed.errors import UsageError
from feed.hints import nearest
from feed.market.chores import Chore
from feed.market.commands import CommandError
from feed.market.moments import Moment
from feed.market.plan import EpochPlan
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.protocol.effects import Stream
from feed.units import DAY, parse_duration, parse_speed

__all__ = [
    "Action",
    "Decision",
    "Instant",
    "Key",
    "Lookahead",
    "Opening",
    "Searching",
    "read_count",
    "read_length",
    "read_pace",
    "read_text",
]


@dataclass(frozen=True, slots=True)
class Instant:
    """Moment of a decision.

    Attributes:
        now: monotonic time, ns.
        here: current market time.
        shift: ns added to market time for the time that clients see.
        start: market time at which the source begins.
        found: what the action's search has found, if it has one.
    """

    now: int
    here: int
    shift: int = 0
    start: int = 0
    found: Any = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Epoch that could begin: its plan, the market times of its beginning and of its source's end, and its digest."""

    plan: EpochPlan
    begins: int
    end: int | None
    digest: str

    def after(self, state: MarketState) -> MarketState:
        """Return the state of this epoch after `state`, standing still before its first message."""
        return state.begin(self.begins, self.plan, digest=self.digest, end=self.end)


class Lookahead(Protocol):
    """Facts about a market, for decisions."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels of the market."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the market."""

    def opening(self, plan: EpochPlan, begins: int | None = None) -> Opening:
        """Return the epoch of a plan that begins at `begins`, or where its source does.

        Raises:
            CommandError: the plan cannot be played in this market.
        """

    def default_seed(self, scenario: str) -> int:
        """Return the seed that a scenario is played with if nobody names one."""


class Searching(Protocol):
    """Search of coming messages, some milliseconds at a time; each of the chores returns None if nothing is found."""

    limit: int
    """Market time up to which is searched."""

    symbols: tuple[str, ...]
    """The symbols of the market."""

    moments: tuple[Moment, ...]
    """The named moments of the scenario, in order."""

    def stream(self, channel: str, symbol: str, part: str | None) -> Stream:
        """Return the stream with these names; raise `CommandError` if there is none."""

    def nth_trade(self, after: int, count: int, symbol: str | None) -> Chore[tuple[int, int] | None]:
        """Return the market time of the `count`-th trade after `after`, and the number of trades up to it.

        Trades of one instant count together.
        """

    def trades_until(self, after: int, until: int, symbol: str | None) -> Chore[int | None]:
        """Return the number of trades after `after`, up to and including `until`."""

    def crossing(self, after: int, symbol: str, price: Decimal) -> Chore[int | None]:
        """Return the market time of the first trade after `after` at a price, or through it."""

    def seq(self, stream: Stream) -> Chore[int]:
        """Return the last published number of a stream."""

    def message(self, stream: Stream, seq: int) -> Chore[int | None]:
        """Return the market time of a message that has not been published yet."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Outcome of a command.

    Attributes:
        state: the market's state from `effect` on.
        effect: market time after which the state applies.
        facts: further values in the answer.
        until: market time that is waited for before the command is answered; None: as soon as it has taken effect.
    """

    state: MarketState
    effect: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Key of an action, with the function that parses its value from JSON or from the text of a URL."""

    read: Callable[[object], Any]
    description: str


@dataclass(frozen=True, slots=True)
class Action:
    """Action that can be performed on a market.

    Attributes:
        name: the name that clients use.
        description: one sentence for help and documentation.
        keys: the keys that it accepts.
        decide: makes the decision; raises `CommandError` if the action is not possible.
        look: searches for what the decision depends on, and returns None if it is not found within the search's limit;
            it is called with the market's state, the keys and the moment.
        reach: returns the market time (ns) that is searched for given keys.
        read_all: parses all keys together, for an action that takes the keys of something else, such as a fault.
        free_keys: a description of these keys, for the documentation.
    """

    name: str
    description: str
    decide: Callable[[MarketState, Mapping[str, Any], Instant, Lookahead], Decision]
    keys: Mapping[str, Key] = field(default_factory=dict)
    look: Callable[[MarketState, Mapping[str, Any], Instant, Searching], Chore[Any]] | None = None
    reach: Callable[[Mapping[str, Any]], int] = lambda keys: DAY
    read_all: Callable[[Mapping[str, object]], dict[str, Any]] | None = None
    free_keys: str = ""

    def read(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Return the keys of a request with parsed values; raise `CommandError` for an unknown key or a bad value."""
        if self.read_all is not None:
            return self._read_all(given)
        return {name: self._read(name, value) for name, value in given.items()}

    def _read_all(self, given: Mapping[str, object]) -> dict[str, Any]:
        assert self.read_all is not None
        try:
            return self.read_all(given)
        except CommandError:
            raise
        except (UsageError, ValueError, TypeError) as error:
            raise CommandError(ErrorCode.INVALID_REQUEST, str(error), hint=self.free_keys) from None

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
    """Parse a whole number from 1 to `MAX_COUNT`."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_COUNT:
        raise UsageError(f"{str(value)[:40]!r} is no whole number from 1 to {MAX_COUNT}")
    return number


def read_length(value: object) -> int:
    """Parse a positive duration into ns."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError('write a duration such as "250ms" or "5m"')
    length = parse_duration(value)
    if length <= 0:
        raise UsageError("a duration is longer than nothing")
    return length


def read_pace(value: object) -> float:
    """Parse a speed: market seconds a real second, or `max`."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise UsageError("write a speed from 0.1 to 1000, or max")
    return parse_speed(value)


def read_text(value: object) -> str:
    """Parse a text of 1 to 200 characters."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise UsageError("write a text of 1 to 200 characters")
    return value
