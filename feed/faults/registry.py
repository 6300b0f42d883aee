"""Registry of the kinds of fault, and parsing of fault specifications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from feed.errors import UsageError
from feed.faults.delay import Delay
from feed.faults.drop import Drop
from feed.faults.fault import Fault
from feed.faults.reset import Reset
from feed.hints import nearest

__all__ = ["FAULTS", "FaultError", "catalogue", "check_names", "common_keys", "read_fault", "read_faults"]

FAULTS: dict[str, type[Fault]] = {
    "delay": Delay,
    "drop": Drop,
    "reset": Reset,
}

MAX_FAULTS = 32
"""The maximum number of faults in one list."""

EXAMPLE = 'a list like [{"kind":"drop","rate":0.01}]'

COMMON = frozenset(field.alias or name for name, field in Fault.model_fields.items())


class FaultError(UsageError):
    """Invalid fault specification; `field` names the place in the input."""

    def __init__(self, message: str, field: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.hint = hint


def read_faults(text: str) -> tuple[Fault, ...]:
    """Return the faults of a JSON list. Raises FaultError if one of them is invalid; then none is returned."""
    try:
        documents = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FaultError(f"That is no JSON: {error}", "faults", EXAMPLE) from None
    if not isinstance(documents, list):
        raise FaultError("That is no list of faults", "faults", EXAMPLE)
    if len(documents) > MAX_FAULTS:
        raise FaultError(f"There are more than {MAX_FAULTS} faults", "faults", f"give at most {MAX_FAULTS}")
    return tuple(read_fault(document, f"faults[{place}]") for place, document in enumerate(documents))


def read_fault(document: Any, where: str = "fault") -> Fault:
    """Return the fault specified by an object. Raises FaultError if it is invalid."""
    if not isinstance(document, dict):
        raise FaultError("A fault is an object", where, 'like {"kind":"drop","rate":0.01}')
    name = document.get("kind")
    kind = FAULTS.get(name) if isinstance(name, str) else None
    if kind is None:
        message = "A fault needs a kind" if name is None else f"There is no fault {str(name)[:64]!r}"
        raise FaultError(message, f"{where}.kind", _hint(name, FAULTS))
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        # An unknown key often explains a missing one.
        first = min(error.errors(), key=lambda details: details["type"] != "extra_forbidden")
        raise _fault_error(first, kind, where) from None


def check_names(faults: Iterable[Fault], channels: Sequence[str], symbols: Sequence[str]) -> None:
    """Raise FaultError if a fault names a channel or a symbol that the market does not have."""
    for place, fault in enumerate(faults):
        for key, value, known in (("channel", fault.channel, channels), ("symbol", fault.symbol, symbols)):
            if value is not None and value not in known:
                raise FaultError(f"There is no {key} {value!r}", f"faults[{place}].{key}", _hint(value, known))


def catalogue() -> list[dict[str, Any]]:
    """Return every kind with its parameters and their ranges, for people and programs."""
    return [
        {
            "kind": name,
            "description": kind.summary,
            "parameters": _parameters(kind, COMMON),
            "client": kind.remedy,
        }
        for name, kind in FAULTS.items()
    ]


def common_keys() -> dict[str, Any]:
    """Return the keys that every fault may have, for its trigger, duration and target."""
    return _parameters(Fault, {"kind"})


def _parameters(kind: type[Fault], left_out: Iterable[str]) -> dict[str, Any]:
    schema = kind.model_json_schema(by_alias=True)
    needed = schema.get("required", ())
    found: dict[str, Any] = {}
    for name, about in schema["properties"].items():
        if name not in left_out:
            told = {key: value for key, value in about.items() if key not in ("title", "anyOf", "default")}
            for option in about.get("anyOf", ()):
                if option.get("type") != "null":
                    told |= option
            found[name] = told | {"required": name in needed}
    return found


def _hint(value: object, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(value, names)
    one_of = f"one of {', '.join(names)}"
    return f'did you mean "{near}"? {one_of}' if near else one_of


def _fault_error(details: ErrorDetails, kind: type[Fault], where: str) -> FaultError:
    context = details.get("ctx", {})
    keys = [field.alias or name for name, field in kind.model_fields.items()]
    key = str(context.get("field") or (details["loc"] or ("",))[0])
    place = f"{where}.{key[:64]}" if key else where
    if details["type"] == "extra_forbidden":
        return FaultError(f"The fault {_name(kind)} has no key {key[:64]!r}", place, _hint(key, keys))
    if details["type"] == "missing":
        return FaultError(f"The fault {_name(kind)} needs the key {key!r}", place, kind.model_fields[key].description)
    hint = context.get("hint")
    if context.get("known"):
        hint = _hint(context["value"], context["known"])
    return FaultError(f"The key {key!r} is not possible: {details['msg']}", place, hint)


def _name(kind: type[Fault]) -> str:
    return str(kind.model_fields["kind"].default)
