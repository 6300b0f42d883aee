"""The published schema and types: every frame that is seen fits, and TypeScript tells messages apart by `event`."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from openapi_spec_validator import validate as validate_openapi
from typer.testing import CliRunner
from websockets.sync.client import connect

from feed.cli.app import app
from feed.dialects.native.events import EVENTS
from feed.dialects.native.schema import wire_schema
from feed.market.actions.registry import ACTIONS
from feed.server.contracts import asyncapi_document
from feed.service.serving import http_contract
from tests.end_to_end.conftest import Served
from tests.web.conftest import WEB
from tests.web.generated import generated

SENT: list[dict[str, Any]] = [
    {"event": "subscribe", "channel": "*", "symbol": "*", "interval": "*", "depth": "*", "id": 1},
    {"event": "subscribe", "channel": "nothing", "symbol": "BTC/USD", "id": "bad"},
    {"event": "list", "id": 2},
    {"event": "ping", "timestamp": [1, None]},
    {"event": "auth", "token": "x"},
    {"event": "unsubscribe", "channel": "status", "symbol": "BTC/USD"},
    {"event": "control", "action": "step", "count": 50, "id": 3},
    {"event": "control", "action": "resume", "id": 4},
    {"event": "control", "action": "speed", "value": "max", "id": 5},
]

LAST: list[dict[str, Any]] = [
    {"event": "control", "action": "seek", "time": "00:01:00", "id": 6},
    {"event": "control", "action": "pause", "id": "last"},
]

CHANNELS = {"trading", "ticker", "candles", "book"}


class Validators:
    """Validators of the members of a union, each for the messages that it is about; a few of each kind are enough."""

    ENOUGH = 25

    def __init__(self, union: str) -> None:
        schema = wire_schema()
        self._by_kind: dict[tuple[str, str], Draft202012Validator] = {}
        self._checked: Counter[tuple[str, str, str]] = Counter()
        for each in schema["$defs"][union]["oneOf"]:
            keys = schema["$defs"][each["$ref"].rsplit("/", 1)[1]]["properties"]
            kind = keys["event"]["const"], keys.get("channel", {}).get("const", "")
            self._by_kind[kind] = Draft202012Validator({"$defs": schema["$defs"], **each})

    def validate(self, message: dict[str, Any]) -> None:
        """Raise an error for a message that does not fit."""
        is_data = message["event"] == "data"
        kind = message["event"], message["channel"] if is_data else ""
        self._checked[*kind, message.get("type", "")] += 1
        if self._checked[*kind, message.get("type", "")] <= self.ENOUGH:
            self._by_kind[kind].validate(message)


def test_the_schema_is_one() -> None:
    """It is valid JSON Schema and describes every event."""
    schema = wire_schema()
    Draft202012Validator.check_schema(schema)
    union = schema["$defs"]["ServerMessage"]["oneOf"]
    named = [schema["$defs"][each["$ref"].rsplit("/", 1)[1]]["properties"]["event"]["const"] for each in union]
    assert set(named) == {*EVENTS, "data"}


@pytest.mark.parametrize("numbers", ["plain", "string"])
def test_every_frame_fits(served: Served, numbers: str) -> None:
    """Whatever the server sends fits the published schema, in both spellings of numbers; so does what it is sent."""
    client, server = Validators("ClientMessage"), Validators("ServerMessage")
    url = f"{served.url}/?scenario=halt&speed=100&paused=true&numbers={numbers}"
    seen: set[str] = set()
    with connect(url) as socket:
        for message in (*SENT, *LAST):
            client.validate(message)
        for message in SENT:
            socket.send(json.dumps(message))
        is_over = False
        while not is_over:
            message = json.loads(socket.recv(60))
            server.validate(message)
            before = seen.copy()
            seen.add(message.get("channel") if message["event"] == "data" else message["event"])
            if seen >= CHANNELS and not before >= CHANNELS:
                for request in LAST:
                    socket.send(json.dumps(request))
            is_over = message["event"] == "done" and message["id"] == "last"
    assert seen >= {"status", "subscribed", "error", "subscriptions", "pong", "unsubscribed", "done", "market"}


USE = """
import { connect, type ServerMessage } from "/feed.js";

export function told(message: ServerMessage): number {
  switch (message.event) {
    case "data": return message.channel === "candles" ? message.data.time : message.seq;
    case "heartbeat": return message.timestamp;
    case "closing": return message.in_ms;
    // @ts-expect-error a pong has no code
    case "pong": return message.code;
    default: return 0;
  }
}
const client = connect("ws://127.0.0.1:8765", { scenario: "calm", speed: "max" });
export const done: Promise<string> = client.market.step({ count: 2 }).then((answer) => answer.epoch);
// @ts-expect-error a speed is a number or max
client.market.speed("fast");
"""


@pytest.mark.node
def test_types_are_strict(modules: Path, tmp_path: Path) -> None:
    """TypeScript narrows the union of messages by `event`, and refuses what the client has not."""
    (tmp_path / "use.ts").write_text(USE)
    options = {"strict": True, "noEmit": True, "target": "es2022", "module": "esnext", "moduleResolution": "bundler"}
    paths = {"/feed.js": [str(WEB / "client" / "feed.d.ts")]}
    project = {"compilerOptions": {**options, "types": [], "paths": paths}, "files": ["use.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    done = subprocess.run(
        ["node", str(modules / "typescript" / "bin" / "tsc"), "-p", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


@pytest.mark.node
def test_generated_files_are_current(modules: Path) -> None:
    """The types that are kept are those that the schema gives: `python -m tests.docs` writes them anew."""
    made = generated(modules)
    assert {name: text for name, text in made.items() if (WEB / name).read_text() != text} == {}


@pytest.mark.node
def test_asyncapi_is_valid(modules: Path) -> None:
    """The document of the socket is one by the specification's own schema."""
    specification = json.loads((modules / "@asyncapi" / "specs" / "schemas" / "3.1.0-without-$id.json").read_text())
    Draft7Validator(specification).validate(asyncapi_document())


def test_openapi_is_valid_and_whole(served: Served) -> None:
    """The document of the HTTP side is valid, served as it is printed, and has every action as a path."""
    document = http_contract()
    validate_openapi(document)
    with urllib.request.urlopen(f"{served.http}/openapi.json") as answer:
        assert json.load(answer)["paths"].keys() == document["paths"].keys()
    assert {f"/markets/{{name}}/{name}" for name in ACTIONS} <= document["paths"].keys()


@pytest.mark.parametrize("kind", ["json", "asyncapi", "openapi", "typescript", "scenario"])
def test_schema_command(kind: str, built: Path) -> None:
    """Each contract is printed."""
    done = CliRunner().invoke(app, ["schema", "--format", kind])
    assert done.exit_code == 0, done.output
    assert "export declare class FeedClient" in done.output if kind == "typescript" else json.loads(done.output)
