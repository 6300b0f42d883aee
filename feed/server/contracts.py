"""Documents for tools: AsyncAPI of the socket and OpenAPI of the HTTP side, made from what the server itself uses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from feed.dialects.native.schema import client_messages, server_messages, wire_schema
from feed.dialects.registry import NATIVE
from feed.market.actions.registry import ACTIONS
from feed.server.market_keys import MARKET_KEYS
from feed.version import __version__

__all__ = ["asyncapi_document", "openapi_document"]

ABOUT = "A simulated market on a real WebSocket: the same scenario and seed give the same bytes."

HISTORY_KEYS = {
    "symbol": "The symbol; the first one where it is missing",
    "from": "The beginning: milliseconds since 1970, or ISO 8601",
    "to": "The end, which is not after now",
    "limit": "How many of the newest, up to 10000",
}

QUERIES: dict[str, Mapping[str, str]] = {
    "/markets/<name>/candles": {"interval": "Length of the candles, such as 1m", **HISTORY_KEYS},
    "/markets/<name>/trades": HISTORY_KEYS,
    "/docs": {"q": "Words to search for"},
    "/check": {"draft": "A scenario file: raw DEFLATE, then base64url"},
}
"""Keys of the queries of paths that have some, with their descriptions."""


def asyncapi_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.1 document of the socket."""
    schema = wire_schema()
    client, server = list(client_messages()), list(server_messages())
    messages = {
        name: {
            "name": name,
            "title": schema["$defs"][name]["title"],
            "summary": schema["$defs"][name].get("description", ""),
            "payload": {"$ref": f"#/components/schemas/{name}"},
        }
        for name in (*client, *server)
    }
    query = {name: {"type": "string", "description": key.description} for name, key in MARKET_KEYS.items()}
    return {
        "asyncapi": "3.1.0",
        "info": {"title": "feed", "version": __version__, "description": ABOUT, "license": {"name": "MIT"}},
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8765", "protocol": "ws"}},
        "channels": {
            "market": {
                "address": NATIVE.paths[0],
                "title": "A market",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"query": {"type": "object", "properties": query}, "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "receiveRequest": _operation("receive", "Take a request of a client.", client),
            "sendEvent": _operation("send", "Send an event or data to a client.", server),
        },
        "components": {"messages": messages, "schemas": _moved(schema["$defs"])},
    }


def openapi_document(
    pages: Mapping[str, Callable[..., Any]], commands: Mapping[tuple[str, str], Callable[..., Any]]
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of HTTP paths, described by the first lines of their endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for path, endpoint in pages.items():
        if path.startswith("/assets/"):
            continue
        paths.setdefault(_template(path), {})["get"] = _described(path, endpoint, QUERIES.get(path, {}))
    for (method, path), endpoint in commands.items():
        for concrete, keys in _keys_of(path):
            paths.setdefault(_template(concrete), {})[method.lower()] = _described(concrete, endpoint, keys)
    for name, action in ACTIONS.items():
        paths[f"/markets/{{name}}/{name}"]["post"]["summary"] = action.description
    errors = wire_schema()["$defs"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "feed",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8765"}],
        "paths": paths,
        "components": {
            "schemas": _moved({name: errors[name] for name in ("ErrorEvent", "ErrorCode")}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/market/messages/{name}"} for name in names]
    return {"action": action, "channel": {"$ref": "#/channels/market"}, "summary": summary, "messages": messages}


def _keys_of(path: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return the paths that a rule stands for, each with the keys of its query."""
    if path.endswith("/<action>"):
        base = path.removesuffix("<action>")
        return [
            (base + name, {key: each.description for key, each in action.keys.items()})
            for name, action in ACTIONS.items()
        ]
    keys = {name: key.description for name, key in MARKET_KEYS.items() if name != "market"}
    return [(path, keys if path == "/markets/<name>" else {})]


def _described(path: str, endpoint: Callable[..., Any], keys: Mapping[str, str]) -> dict[str, Any]:
    function = endpoint.func if isinstance(endpoint, partial) else endpoint
    summary = (inspect.getdoc(function) or "").split("\n")[0]
    names = re.findall(r"<(\w+)>", path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    parameters += [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in keys.items()
    ]
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEvent"}}}
    return {
        "summary": summary,
        **({"parameters": parameters} if parameters else {}),
        "responses": {
            "200": {"description": "Done"},
            "default": {"description": "Refused, with the reason", "content": problem},
        },
    }


def _template(path: str) -> str:
    return re.sub(r"<(\w+)>", r"{\1}", path)


def _moved(node: Any) -> Any:
    """Return definitions whose references point to the components of a document."""
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _moved(value)
            for key, value in node.items()
        }
    return [_moved(item) for item in node] if isinstance(node, list) else node
