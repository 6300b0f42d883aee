"""From pydantic's errors to problems: the key as the author wrote it, what is wrong, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from feed.errors import Problem
from feed.hints import nearest
from feed.scenario.events import EVENT_KINDS, Event
from feed.scenario.model import TOGETHER, Scenario

__all__ = ["problems_in"]


class _Leaf(BaseModel):
    """What a value has instead of keys."""


def problems_in(errors: list[ErrorDetails]) -> list[Problem]:
    """The problems behind a validation's errors, each once."""
    found = (problem for item in errors for problem in _unpacked(item))
    return list(dict.fromkeys(found))


def _unpacked(item: ErrorDetails) -> list[Problem]:
    if item["type"] == TOGETHER:
        return list(item["ctx"]["problems"])
    return [_problem(item)]


def _problem(item: ErrorDetails) -> Problem:
    unknown = item["type"] == "extra_forbidden"
    place = _Place(item["loc"], keep_last=unknown)
    if unknown:
        return Problem(place.text, "unknown key", place.near_key())
    if item["type"] == "missing":
        return Problem(place.text, "is missing", place.description)
    if item["type"].startswith("union_tag"):
        near = nearest(item.get("ctx", {}).get("tag"), EVENT_KINDS)
        hint = f"did you mean {near}?" if near else f"one of {', '.join(EVENT_KINDS)}"
        return Problem(f"{place.text}.kind", "is no kind of event", hint)
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return Problem(place.text, message[:1].lower() + message[1:], _hint(item, place.description))


def _hint(item: ErrorDetails, description: str | None) -> str | None:
    shown = None if isinstance(item["input"], dict | list) else f"got {_short(item['input'])}"
    return "; ".join(part for part in (shown, description) if part) or None


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:
        # A whole number of more digits than Python writes.
        return "a very long number"
    return text if len(text) <= 60 else text[:57] + "…"


class _Place:
    """Where an error is, freed of the names that pydantic gives to the members of unions."""

    def __init__(self, location: tuple[int | str, ...], *, keep_last: bool) -> None:
        self.parts: list[int | str] = []
        self._model: type[BaseModel] = Scenario
        self.description: str | None = None
        for index, part in enumerate(location):
            self._enter(part, keep=keep_last and index == len(location) - 1)

    @property
    def text(self) -> str:
        """Like `phases[2].drift`."""
        text = ""
        for part in self.parts:
            separator = "." if text else ""
            text += f"[{part}]" if isinstance(part, int) else separator + part[:80]
        return text

    def near_key(self) -> str:
        """The key that the last one was meant to be, or all that there are."""
        names = sorted(name for name, _ in _keys(self._model))
        near = nearest(self.parts[-1], names)
        return f"did you mean {near}?" if near else f"one of {', '.join(names)}"

    def _enter(self, part: int | str, *, keep: bool) -> None:
        if isinstance(part, int) or keep:
            self.parts.append(part)
        elif part in _EVENTS and self.parts[:1] == ["events"] and len(self.parts) == 2:
            self._model = _EVENTS[part]
        else:
            field = dict(_keys(self._model)).get(part)
            if field is not None:
                self.parts.append(part)
                self._model = _section_of(field.annotation) or _Leaf
                self.description = field.description


def _keys(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field is, or is a list of."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


_EVENTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(Event)[0])
}
