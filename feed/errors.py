"""Every error that feed raises on purpose. A leaf: it imports nothing of feed.

Local misuse raises one of these. Mistakes of a remote peer never do: above the dialect they are replies
or close codes (see `feed.protocol.codes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ConnectError",
    "FeedError",
    "Problem",
    "RecordingError",
    "ScenarioError",
    "SettingsError",
    "SubscriptionError",
    "UsageError",
    "failure",
    "printable",
]


class FeedError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class UsageError(FeedError):
    """A command, an option or a call was given something it cannot use."""


class ConnectError(FeedError):
    """A client found no server, or one that does not answer."""


class SubscriptionError(FeedError):
    """The server refused a subscription; the message has its code and hint."""


class SettingsError(FeedError):
    """A setting, from the command line or from a `FEED_*` variable, is out of range or unknown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file: where it is, what is wrong and what would be right.

    `line` counts from 1 and is 0 where none is known; `file` is the one that the line is in, where a file takes the
    contents of others.
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
    """A file with one or more mistakes, each with its place."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        places = [f"{it.file or path}:{it.line}" if it.line else it.file or path for it in problems]
        super().__init__("\n".join(f"{place}: {it}" for place, it in zip(places, problems, strict=True)))
        self.path = path
        self.problems = tuple(problems)


class ScenarioError(_FileError):
    """A scenario file cannot be used; `problems` lists every mistake that was found."""


class RecordingError(_FileError):
    """A recording or a file of trades cannot be used; `problems` names the column or the row."""


def printable(text: str) -> str:
    """The text with whatever a terminal would not show, or would obey, written as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def failure(path: Path, where: str, message: str, hint: str | None = None) -> RecordingError:
    """One mistake in a file. What it shows of the file is made printable."""
    return RecordingError(
        str(path), [Problem(printable(where), printable(message), None if hint is None else printable(hint))]
    )
