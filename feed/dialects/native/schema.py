"""JSON Schema of the native dialect, made from what the server itself reads and writes with.

Requests come from the models that validate them, events from the classes that are encoded, data frames from
`frames.py`.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from feed.dialects.native.events import EVENTS, KEYS, NULLABLE
from feed.dialects.native.frames import DATA_FRAMES, SymbolInfo
from feed.dialects.native.requests import MODELS
from feed.protocol.events import Event

__all__ = ["client_messages", "server_messages", "wire_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

OVERRIDES: dict[tuple[str, str], Any] = {
    ("status", "symbols"): tuple[SymbolInfo, ...],
}
"""Types of keys that a dialect fills in, by event and key."""


class _Plain(GenerateJsonSchema):
    """Generator without a title for each key, which would become a type of its own in TypeScript."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def client_messages() -> Mapping[str, type[BaseModel]]:
    """Return the models of all requests, by the name of their type."""
    return {model.__name__.removesuffix("Text") + "Request": model for model in MODELS.values()}


@cache
def server_messages() -> Mapping[str, type[BaseModel]]:
    """Return the models of all messages of the server, by the name of their type."""
    events = {_type_name(kind): _event_model(name, kind) for name, kind in EVENTS.items()}
    return {**events, **{frame.__name__: frame for frame in DATA_FRAMES.values()}}


@cache
def wire_schema() -> dict[str, Any]:
    """Return the JSON Schema of every message; `ClientMessage` and `ServerMessage` are told apart by `event`."""
    client, server = client_messages(), server_messages()
    _, document = models_json_schema(
        [*((model, "validation") for model in client.values()), *((model, "validation") for model in server.values())],
        ref_template="#/$defs/{model}",
        schema_generator=_Plain,
    )
    defs: dict[str, Any] = document["$defs"]
    names = {model.__name__: name for name, model in client.items()}
    defs = _renamed(defs, names)
    for name, model in (*client.items(), *server.items()):
        defs[name]["title"] = name
        defs[name]["description"] = inspect.getdoc(model) or ""
        _require_event(defs[name])
    defs["ClientMessage"] = _union("ClientMessage", "Any message of a client.", client)
    defs["ServerMessage"] = _union("ServerMessage", "Any message of the server.", server)
    return {
        "$schema": DIALECT,
        "title": "FeedMessage",
        "description": "Messages of a feed server and its clients, one JSON object a WebSocket text frame.",
        "oneOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": dict(sorted(defs.items())),
    }


def _type_name(kind: type[Event]) -> str:
    return kind.__name__ if kind.__name__.endswith("Event") else f"{kind.__name__}Event"


def _event_model(name: str, kind: type[Event]) -> type[BaseModel]:
    """Return the model of an event: its keys in the order in which they are written."""
    hints = typing.get_type_hints(kind)
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    members: dict[str, Any] = {"event": (Literal[name], Field())}
    for key in KEYS[kind]:
        hint = OVERRIDES.get((name, key), hints[key])
        if (kind, key) in NULLABLE or not _is_optional(hint):
            members[key] = (hint, Field())
        else:
            members[key] = (_without_none(hint), Field(default=defaults[key]))
    model = create_model(_type_name(kind), __config__=ConfigDict(extra="forbid"), **members)
    model.__doc__ = inspect.getdoc(kind)
    return model


def _is_optional(hint: Any) -> bool:
    return isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)


def _without_none(hint: types.UnionType) -> Any:
    kept = tuple(option for option in typing.get_args(hint) if option is not type(None))
    return typing.Union[kept]  # noqa: UP007  # an operator takes no tuple


def _renamed(defs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return definitions under other names, with every reference to them."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            kept = {key: walk(value) for key, value in node.items() if key != "default" or value is not None}
            reference = kept.get("$ref")
            if isinstance(reference, str):
                name = reference.rsplit("/", 1)[1]
                kept["$ref"] = f"#/$defs/{names.get(name, name)}"
            return kept
        return [walk(item) for item in node] if isinstance(node, list) else node

    return {names.get(name, name): walk(schema) for name, schema in defs.items()}


def _require_event(schema: dict[str, Any]) -> None:
    """Make `event` required, by which the members of the unions are told apart."""
    schema["properties"]["event"].pop("default", None)
    required = [key for key in schema["properties"] if key == "event" or key in schema.get("required", ())]
    schema["required"] = required


def _union(title: str, description: str, names: Iterable[str]) -> dict[str, Any]:
    return {"title": title, "description": description, "oneOf": [{"$ref": f"#/$defs/{name}"} for name in names]}
