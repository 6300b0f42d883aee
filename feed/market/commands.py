"""What can be asked of a market, and what is answered: commands, entries of the log, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from feed.errors import FeedError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.protocol.events import MarketPhase

__all__ = ["Command", "CommandError", "Done", "Entry"]


@dataclass(frozen=True, slots=True)
class Command:
    """One action with its keys, as they were read; `by` names who asked."""

    action: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    by: str = "server"

    def document(self) -> dict[str, Any]:
        """The command as JSON values."""
        return {"action": self.action, **{name: _shown(value) for name, value in self.keys.items()}}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a market's log.

    Attributes:
        number: counts the commands of the market from 1.
        command: what was asked.
        effect: market time behind which it takes effect: everything due at or before it is as if it had not been asked.
        state: the market's state from then on.
    """

    number: int
    command: Command
    effect: int
    state: MarketState

    def document(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return {
            "n": self.number,
            "by": self.command.by,
            "command": self.command.document(),
            "effect": self.effect,
            "state": self.state.document(),
        }


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a command that has happened: all data before it has been written to every connection.

    Attributes:
        action: what was asked.
        log: the command's number in the market's log.
        epoch: the market's epoch by now.
        virtual_time: market time in ms, as clients see it.
        state: `running`, `paused` or `ended`.
        seq: the last seq of each stream that anybody has listened to, by the stream's key.
        facts: what the action tells besides, such as the number of trades of a step.
    """

    action: str
    log: int
    epoch: str
    virtual_time: int
    state: MarketPhase
    seq: Mapping[str, int]
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The answer as JSON values."""
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
    """A command that cannot be carried out, or a market that cannot be had; nothing has happened.

    Attributes:
        code: which kind of mistake it is.
        field: the key that is wrong, if one is.
        hint: what would be right.
    """

    def __init__(self, code: ErrorCode, message: str, *, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.hint = hint


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
