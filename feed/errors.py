"""All errors that feed raises on purpose. This module imports nothing else from feed.

Local misuse raises one of these errors. Mistakes of a remote peer never do: above the dialect they become replies
or close codes (see `feed.protocol.codes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ConnectError",
    "FeedError",
    "MarketExistsError",
    "NotAllowedError",
    "NotPossibleError",
    "NotReachedError",
    "Problem",
    "RecordingError",
    "RefusedError",
    "ScenarioError",
    "SettingsError",
    "SubscriptionError",
    "UnknownMarketError",
    "UsageError",
    "failure",
    "printable",
]


class FeedError(Exception):
    """Base class of all errors whose message is meant for the user."""


class UsageError(FeedError):
    """Unusable input to a command, an option or a call."""


class ConnectError(FeedError):
    """Failure of a client to reach a server: none was found, or it does not answer."""


class SubscriptionError(FeedError):
    """Refusal of a subscription by the server; the message contains its code and hint."""


class RefusedError(FeedError):
    """Refusal of a request by the server: nothing has changed.

    Attributes:
        code: the kind of mistake, such as `INVALID_REQUEST`.
        field: the key that is wrong, if one is.
        hint: a suggestion for a correct request.
        status: the status of the answer by HTTP.
    """

    def __init__(
        self, message: str, code: str, *, field: str | None = None, hint: str | None = None, status: int = 400
    ) -> None:
        place = f"{field}: " if field and not message.startswith(f"{field}:") else ""
        super().__init__(f"{place}{message} [{code}]" + (f" ({hint})" if hint else ""))
        self.code = code
        self.field = field
        self.hint = hint
        self.status = status


class UnknownMarketError(RefusedError):
    """Refusal because there is no market of that name, or no more."""


class MarketExistsError(RefusedError):
    """Refusal because the market of that name was made with other keys."""


class NotPossibleError(RefusedError):
    """Refusal of a valid command in the market's present state, such as a step while it runs."""


class NotReachedError(RefusedError):
    """Refusal because what was asked for does not come: the time, the price, the trade or the event."""


class NotAllowedError(RefusedError):
    """Refusal because the client may not do that: it needs a token, or a market of its own."""


class SettingsError(FeedError):
    """Setting, from the command line or from a `FEED_*` variable, that is out of range or unknown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Mistake in a file: its place, the error and a hint at a correct value.

    `line` counts from 1 and is 0 if unknown; `file` is the file that contains the line, if the file at fault
    includes others.
    """

    where: str
    message: str
    hint: str | None = None
    line: int = 0
    file: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message}" + (f" ({self.hint})" if self.hint else "")


class _FileError(FeedError):
    """Error about a file with one or more mistakes, each with its place."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        places = [f"{it.file or path}:{it.line}" if it.line else it.file or path for it in problems]
        super().__init__("\n".join(f"{place}: {it}" for place, it in zip(places, problems, strict=True)))
        self.path = path
        self.problems = tuple(problems)


class ScenarioError(_FileError):
    """Unusable scenario file; `problems` lists every mistake found."""


class RecordingError(_FileError):
    """Unusable recording or file of trades; `problems` names the column or the row."""


def printable(text: str) -> str:
    """Return the text with every character that a terminal would not display, or would interpret, as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def failure(path: Path, where: str, message: str, hint: str | None = None) -> RecordingError:
    """Return an error for one mistake in a file; quoted file content is made printable."""
    return RecordingError(
        str(path), [Problem(printable(where), printable(message), None if hint is None else printable(hint))]
    )
