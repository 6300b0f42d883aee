"""Conversion of pydantic's errors to problems: the key as the author wrote it, the mistake, and a correction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from feed.errors import Problem
from feed.hints import nearest
from feed.scenario.events import EVENT_KINDS, Event
from feed.scenario.model import TOGETHER, Scenario
from feed.scenario.values import kind_of, written

__all__ = ["problems_in"]

MEANT = {
    "duration": ("for", "fall"), "length": ("for", "duration"), "lasts": ("for",), "time": ("at", "start"),
    "start": ("at",), "begin": ("at", "start"), "begins": ("at", "start"), "when": ("at",), "type": ("kind",),
    "event": ("kind",), "change": ("drift", "size"), "move": ("drift", "size"), "trend": ("drift",),
    "amount": ("size",), "quantity": ("size",), "percent": ("size", "drift"), "value": ("price", "size"),
    "pair": ("symbol", "symbols"), "instrument": ("symbol", "symbols"), "ticker": ("symbol",), "title": ("name",),
    "id": ("name",), "text": ("reason",), "message": ("reason",), "price": ("start_price", "size"),
    "initial_price": ("start_price",), "tick": ("tick_size",), "lot": ("lot_size",), "step": ("tick_size",),
    "rate": ("orders_per_second", "activity"), "speed": ("activity",), "volume": ("activity", "order_size"),
    "depth": ("liquidity",), "state": ("status",), "symbol": ("symbols",), "phase": ("phases",),
    "event_list": ("events",), "trades": ("ticks",), "loop": ("repeat",), "times": ("repeat",), "until": ("for",),
    "end": ("for", "duration"), "vol": ("volatility", "daily_volatility"), "path": ("file",),
    "tick_rate": ("orders_per_second", "activity"), "version": ("format",), "to": ("price",), "target": ("price",),
    "from": ("at",), "multiplier": ("factor",), "multiple": ("factor",), "files": ("file",), "file": ("files",),
}  # fmt: skip
"""Key names that people commonly use, each with its names in this format; the first that exists is suggested."""

OPTIONS = ("speed", "anchor", "port", "host")
"""Options of the server that are no part of a scenario."""

WORDS: dict[str, str] = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes or units",
    "float_parsing": "must be a number, without quotes or units",
    "finite_number": "must be a finite number",
}
"""Types of pydantic's errors, in an author's words."""

BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("above", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("below", "lt"),
}

PATTERNS = {
    "name": ("must be lower case letters, digits and dashes", 'like name = "my-market"'),
    "symbol": ("must be letters, digits, dots, dashes and one slash at most", 'like symbol = "BTC/USD"'),
}
"""Message and example for a value that does not match its pattern, by key; they spare people the regular expression."""


class _Leaf(BaseModel):
    """Stand-in for the section of a plain value, which has no keys."""


def problems_in(errors: list[ErrorDetails]) -> list[Problem]:
    """Return the problems behind a validation's errors, without duplicates."""
    found = list(dict.fromkeys(problem for item in errors for problem in _unpacked(item)))
    places = {problem.where for problem in found}
    # A list is only reported as too short if none of its entries has a mistake.
    return [
        problem
        for problem in found
        if not (problem.message == NOTHING_LEFT and any(place.startswith(f"{problem.where}[") for place in places))
    ]


NOTHING_LEFT = "must have at least one entry"


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
        return _kind(place, item.get("ctx", {}).get("tag"))
    worded = next((problem for words in _WORDINGS if (problem := words(item, place)) is not None), None)
    if worded is not None:
        return worded
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return Problem(place.text, message[:1].lower() + message[1:], _hint(item, place.description))


def _kind(place: _Place, tag: object) -> Problem:
    if tag is None:
        return Problem(f"{place.text}.kind", "is missing", f"one of {', '.join(EVENT_KINDS)}")
    near = nearest(tag, EVENT_KINDS)
    hint = f"did you mean {near}?" if near else f"one of {', '.join(EVENT_KINDS)}"
    return Problem(f"{place.text}.kind", f"{_short(tag)} is no kind of event", hint)


def _shape(item: ErrorDetails, place: _Place) -> Problem | None:
    """Return the problem of a table in place of a list (or the other way round), or of an empty list; else None."""
    kind, value, key = item["type"], item["input"], place.key
    if kind == "tuple_type" and isinstance(value, dict):
        return Problem(place.text, f"is one table: write [[{key}]] in double brackets for each", _json_list(key))
    if kind == "tuple_type":
        return Problem(place.text, f"is not a list: write it in brackets, {key} = [...]", f"got {_short(value)}")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        told = f"write [{key}] in single brackets, once" if isinstance(value, list) else "write its keys below it"
        return Problem(place.text, f"is not a table of keys: {told}", None if isinstance(value, list) else _got(item))
    if kind == "too_short" and item["ctx"]["min_length"] == 1:
        return Problem(place.text, NOTHING_LEFT, place.description)
    return None


def _json_list(key: str) -> str:
    return f'in JSON: "{key}": [{{...}}]'


def _range(item: ErrorDetails, place: _Place) -> Problem | None:
    """Return the problem of a value out of bounds, in the unit of the key and not in nanoseconds or fractions."""
    if item["type"] not in BOUNDS:
        return None
    word, name = BOUNDS[item["type"]]
    bound = written(place.kind, item["ctx"][name])
    shown = f"{bound:g}" if isinstance(bound, float) else bound
    got = f"got {_short(written(place.kind, item['input']))}"
    hint = "; ".join(part for part in (got, place.description) if part)
    return Problem(place.text, f"must be {word} {shown}", hint)


def _steps(item: ErrorDetails, place: _Place) -> Problem | None:
    """Return the problem of a price or size that is no multiple of the step beside it."""
    if item["type"] not in ("start_price", "order_size"):
        return None
    return Problem(f"{place.text}.{item['type']}", item["msg"].removeprefix(f"{item['type']} "))


def _words(item: ErrorDetails, place: _Place) -> Problem | None:
    """Return the problem of a wrong type or pattern of a value, in plain words."""
    kind = item["type"]
    if kind == "string_pattern_mismatch" and place.key in PATTERNS:
        message, like = PATTERNS[place.key]
        return Problem(place.text, message, f"got {_short(item['input'])}; {like}")
    if kind == "literal_error":
        return _choice(item, place)
    if kind in WORDS:
        return Problem(place.text, WORDS[kind], _hint(item, place.description))
    return None


def _choice(item: ErrorDetails, place: _Place) -> Problem:
    allowed = item["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
    near = nearest(item["input"], allowed)
    hint = f"did you mean {near}?" if near else place.description
    if near == item["input"]:
        hint = "without quotes"
    message = f"must be {allowed[0]}" if len(allowed) == 1 else f"must be one of {', '.join(allowed)}"
    return Problem(place.text, message, "; ".join(part for part in (_got(item), hint) if part))


def _got(item: ErrorDetails) -> str | None:
    return None if isinstance(item["input"], dict | list) else f"got {_short(item['input'])}"


def _hint(item: ErrorDetails, description: str | None) -> str | None:
    if isinstance(item["input"], dict):
        # The message names the mistake in a whole section; the section's description does not help.
        return None
    shown = _got(item)
    if shown is not None and _short(item["input"]) in item["msg"]:
        # The message contains the value already.
        shown = None
    return "; ".join(part for part in (shown, description) if part) or None


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        text = repr(value)
    except ValueError:
        # A whole number with more digits than Python prints.
        return "a very long number"
    return text if len(text) <= 60 else text[:57] + "…"


class _Place:
    """Location of an error, without the names that pydantic gives to the members of unions."""

    def __init__(self, location: tuple[int | str, ...], *, keep_last: bool) -> None:
        self.parts: list[int | str] = []
        self._model: type[BaseModel] = Scenario
        self.description: str | None = None
        self.kind = ""
        for index, part in enumerate(location):
            self._enter(part, keep=keep_last and index == len(location) - 1)

    @property
    def text(self) -> str:
        """The location as text, such as `phases[2].drift`."""
        text = ""
        for part in self.parts:
            separator = "." if text else ""
            text += f"[{part}]" if isinstance(part, int) else separator + part[:80]
        return text

    @property
    def key(self) -> str:
        """The last key, such as `drift`."""
        return next((part for part in reversed(self.parts) if isinstance(part, str)), "")

    def near_key(self) -> str:
        """Return a hint at the key that the last one was meant to be, or at all keys that exist."""
        names = sorted(name for name, _ in _keys(self._model))
        part = str(self.parts[-1])
        meant = (name for name in MEANT.get(part.lower().replace("-", "_"), ()) if name in names)
        if self._model is Scenario and part in OPTIONS:
            return f"an option of feed serve: --{part}"
        near = next(meant, None) or nearest(part, names, cutoff=0.6)
        return f"did you mean {near}?" if near else f"one of {', '.join(names)}"

    def _names_a_kind(self, part: str) -> bool:
        """Tell whether the part stands for the kind of an event: `status` is a kind, and a key of that kind."""
        inside = self.parts[:1] == ["events"] and len(self.parts) == 2
        return inside and part in _EVENTS and self._model not in _EVENTS.values()

    def _enter(self, part: int | str, *, keep: bool) -> None:
        if isinstance(part, int) or keep:
            self.parts.append(part)
        elif self._names_a_kind(part):
            self._model = _EVENTS[part]
        else:
            field = dict(_keys(self._model)).get(part)
            if field is not None:
                self.parts.append(part)
                self._model = _section_of(field.annotation) or _Leaf
                self.description = field.description
                self.kind = kind_of(field)


def _keys(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model of the section that a field holds, alone or as a list."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


_EVENTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(Event)[0])
}

_WORDINGS: tuple[Callable[[ErrorDetails, _Place], Problem | None], ...] = (_shape, _range, _steps, _words)
