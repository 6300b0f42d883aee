"""Registry of the kinds of fault, and parsing of fault specifications."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from feed.errors import UsageError
from feed.faults.fault import Fault
from feed.hints import nearest

__all__ = ["FAULTS", "FaultError", "catalogue", "check_names", "common_keys", "read_fault", "read_faults"]

KINDS = (
    # Messages.
    "drop",
    "duplicate",
    "reorder",
    "delay",
    "hold",
    "stale",
    "skip-seq",
    # Content.
    "corrupt-json",
    "truncate",
    "wrong-type",
    "null-field",
    "missing-field",
    "extra-field",
    "unknown-event",
    "out-of-range",
    "crossed-book",
    "bad-checksum",
    "huge",
    "not-utf8",
    "binary",
    # Liveness.
    "mute",
    "no-heartbeat",
    "no-pong",
    "freeze",
    "late-ack",
    "lost-ack",
    # Network.
    "latency",
    "bandwidth",
    "slice",
    "reset",
    "half-open",
    "close",
    "close-without-frame",
    # Connecting.
    "refuse",
    "slow-handshake",
    "wrong-accept",
    "reset-handshake",
    # Protocol.
    "unsubscribe",
    "auth-expiry",
    "rate-limit",
    "error",
    "maintenance",
)
"""The kinds; each has its class in the module of its name in `feed.faults.kinds`."""

MAX_FAULTS = 32
"""The maximum number of faults in one list."""

MAX_NAMED = 20
"""The number of names up to which all are told beside the nearest one."""

EXAMPLE = 'a list like [{"kind":"drop","rate":0.01}]'

COMMON = frozenset(field.alias or name for name, field in Fault.model_fields.items())


class _Kinds(Mapping[str, type[Fault]]):
    """Kinds by name. A kind is imported when it is first asked for, since most servers need few of them."""

    def __init__(self) -> None:
        self._known: dict[str, type[Fault]] = {}

    def __getitem__(self, name: str) -> type[Fault]:
        if name not in KINDS:
            raise KeyError(name)
        if name not in self._known:
            module = importlib.import_module(f"feed.faults.kinds.{name.replace('-', '_')}")
            found: type[Fault] = getattr(module, module.__all__[0])
            self._known[name] = found
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)


FAULTS: Mapping[str, type[Fault]] = _Kinds()


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


def check_names(
    faults: Iterable[Fault], channels: Sequence[str], symbols: Sequence[str], where: str = "faults[{}]"
) -> None:
    """Raise FaultError if a fault names a channel or a symbol that the market does not have."""
    for place, fault in enumerate(faults):
        for key, value, known in (("channel", fault.channel, channels), ("symbol", fault.symbol, symbols)):
            if value is not None and value not in known:
                raise FaultError(f"There is no {key} {value!r}", f"{where.format(place)}.{key}", _hint(value, known))


def catalogue() -> list[dict[str, Any]]:
    """Return every kind with its parameters and their ranges, for people and programs."""
    return [
        {
            "kind": name,
            "group": kind.group,
            "description": kind.summary,
            "parameters": _parameters(kind, COMMON - _fixed(kind)),
            "unused": _unused(kind),
            "client": kind.remedy,
            "watched_by": kind.watched,
        }
        for name, kind in FAULTS.items()
    ]


def common_keys() -> dict[str, Any]:
    """Return the keys that every fault may have, for its trigger, duration and target."""
    return _parameters(Fault, {"kind"})


def _fixed(kind: type[Fault]) -> set[str]:
    """Return the common keys that have another range in this kind."""
    return {"direction"} & {
        name
        for name in kind.model_fields
        if kind.model_fields[name].annotation != Fault.model_fields["direction"].annotation
    }


def _unused(kind: type[Fault]) -> list[str]:
    """Return the common keys that make no sense for a kind."""
    names = kind.model_construct(kind="").needless
    return [Fault.model_fields[name].alias or name for name in names]


def _parameters(kind: type[Fault], left_out: Iterable[str]) -> dict[str, Any]:
    schema = kind.model_json_schema(by_alias=True)
    needed = schema.get("required", ())
    definitions = schema.get("$defs", {})
    found: dict[str, Any] = {}
    for name, about in schema["properties"].items():
        if name not in left_out:
            told = {"description": "the only direction that it has"} | _told(about, definitions)
            found[name] = told | {"required": name in needed}
    return found


def _told(about: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema says of one key, without the notions of a schema."""
    told = {key: value for key, value in about.items() if key not in ("title", "anyOf", "$ref")}
    if told.get("default") is None:
        told.pop("default", None)
    for option in (*about.get("anyOf", ()), *([about] if "$ref" in about else ())):
        if "$ref" in option:
            kept = definitions[option["$ref"].rpartition("/")[2]]
            told |= {key: value for key, value in kept.items() if key in ("enum", "type")}
        elif option.get("type") != "null":
            told |= option
    return told


def _hint(value: object, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(value, names)
    one_of = f"one of {', '.join(names)}"
    if near is None:
        return one_of
    return f'did you mean "{near}"?' + (f" {one_of}" if len(names) <= MAX_NAMED else "")


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
    if details["type"] in ("literal_error", "enum") and hint is None:
        known = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        hint = _hint(details["input"], known)
    return FaultError(f"The key {key!r} is not possible: {details['msg']}", place, hint or _description(kind, key))


def _description(kind: type[Fault], key: str) -> str | None:
    """Return what a key is for."""
    return next((f.description for name, f in kind.model_fields.items() if key in (name, f.alias)), None)


def _name(kind: type[Fault]) -> str:
    return str(kind.model_fields["kind"].default)
