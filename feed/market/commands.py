"""Commands to a market, entries of its log, answers and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.errors import FeedError
from feed.faults.fault import Fault
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.protocol.events import MarketPhase
from feed.scenario.events import Happening
from feed.scenario.write import spelled

__all__ = ["Command", "CommandError", "Done", "Entry"]


@dataclass(frozen=True, slots=True)
class Command:
    """Action with its parsed keys; `by` names the origin of the command."""

    action: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    by: str = "server"

    def document(self) -> dict[str, Any]:
        """Return the command as JSON values."""
        return {"action": self.action, **{name: _shown(value) for name, value in self.keys.items()}}


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry of a market's log.

    Attributes:
        number: the number of the command in its market, from 1.
        command: the command.
        effect: market time after which the command takes effect; messages due at or before it are unaffected.
        state: the market's state from `effect` on.
    """

    number: int
    command: Command
    effect: int
    state: MarketState

    def document(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {
            "n": self.number,
            "by": self.command.by,
            "command": self.command.document(),
            "effect": self.effect,
            "state": self.state.document(),
        }


@dataclass(frozen=True, slots=True)
class Done:
    """Answer to a completed command: all data before it has been written to every connection.

    Attributes:
        action: the name of the action.
        log: the command's number in the market's log.
        epoch: the market's epoch after the command.
        virtual_time: market time in ms, as clients see it.
        state: `running`, `paused` or `ended`.
        seq: the last seq of each stream that has had a subscriber, by the stream's key.
        facts: further values of the action, such as the number of trades of a step.
    """

    action: str
    log: int
    epoch: str
    virtual_time: int
    state: MarketPhase
    seq: Mapping[str, int]
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "action": self.action,
            "log": self.log,
            "epoch": self.epoch,
            "virtual_time": self.virtual_time,
            "state": self.state,
            "seq": dict(self.seq),
            **self.facts,
        }


class CommandError(FeedError):
    """Error for a command that cannot be carried out, or a market that cannot be opened; nothing has changed.

    Attributes:
        code: the kind of mistake.
        field: the key that is wrong, if one is.
        hint: a suggestion for a correct request.
    """

    def __init__(self, code: ErrorCode, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.hint = hint


def _shown(value: Any) -> Any:
    if isinstance(value, Happening):
        return spelled(value)
    if isinstance(value, Fault):
        return value.document
    return value if isinstance(value, str | int | float | bool | None) else str(value)
