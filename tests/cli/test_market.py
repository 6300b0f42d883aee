"""`feed market`: one command an action, tables for people and JSON for programs, and clear refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from feed.cli.app import app, load_command
from feed.cli.lab import free_keys
from feed.errors import UsageError
from feed.market.actions.registry import ACTIONS
from tests.cli.test_completion import ask
from tests.end_to_end.conftest import start

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server."""
    with start("calm") as served:
        yield served.url


@pytest.fixture
def run(url: str) -> Run:
    """Runs a command, and gives its exit code, its output and its errors."""

    def command(*words: str, **environment: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["market", *words], env={"FEED_URL": url, "COLUMNS": "200", **environment})
        return done.exit_code, done.stdout, done.stderr

    return command


def test_every_action_is_a_command() -> None:
    """With its keys as options; what is not in the registry is what is no action."""
    commands = load_command("market").commands
    for action in ACTIONS.values():
        command = commands[action.name.replace("_", "-")]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {f"--{key.replace('_', '-')}" for key in action.keys} <= options
        assert action.description in command.help
    own = {"list", "open", "show", "close", "log", "report", "faults", "scenario", "settle"}
    assert set(commands) == own | {name.replace("_", "-") for name in ACTIONS}


def test_a_market_from_its_beginning_to_its_end(run: Run) -> None:
    """Opened, moved, listed and closed; each command says what has happened."""
    code, told, _ = run("open", "mine", "flash-crash", "--seed", "9", "--paused")
    assert (code, "flash-crash" in told, "paused" in told) == (0, True, True)
    code, told, _ = run("step", "mine", "10")
    assert (code, told.splitlines()[0].split()) == (0, ["action", "step"])
    code, told, _ = run("step", "mine", "--for", "250ms", "--json")
    assert json.loads(told)["log"] == 2
    assert run("seek", "mine", "--time", "-1ms")[0] == 0
    assert run("fault", "mine", "drop", "--rate", "0.5", "--channel", "trading")[0] == 0
    assert run("fault", "mine", "--clear", "all")[0] == 0
    code, told, _ = run("log", "mine")
    assert [line.split()[2] for line in told.splitlines() if "http" in line] == [
        "step",
        "step",
        "seek",
        "fault",
        "fault",
    ]
    code, told, _ = run("log", "mine", "--json")
    assert [json.loads(line)["n"] for line in told.splitlines()] == [1, 2, 3, 4, 5]
    code, told, _ = run("list")
    assert any(line.split()[:4] == ["mine", "flash-crash", "9", "paused"] for line in told.splitlines())
    code, told, _ = run("list", "--json")
    assert {each["name"] for each in json.loads(told)} == {"main", "mine"}
    assert run("show", "mine")[0] == 0
    assert run("close", "mine") == (0, "mine: closed\n", "")
    code, _, error = run("show", "mine")
    assert (code, "There is no market 'mine'" in error) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["open", "x", "flash-cras"], 1, "did you mean flash-crash?"),
        (["open", "x", "--sead", "3"], 1, 'did you mean "seed"?'),
        (["open", "--seed", "3", "x"], 2, "first the name, then its keys"),
        (["open", "x", "--seed", "3", "calm"], 2, "'calm' belongs to no key"),
        (["steps", "main"], 2, "Did you mean 'step'?"),
        (["step", "main", "--cuont", "3"], 2, "--count"),
        (["step", "main", "3", "--count", "4"], 2, "count is there twice"),
        (["step", "nobody"], 1, "There is no market 'nobody'"),
        (["fault", "main", "dorp"], 1, "drop"),
        (["log", "nobody"], 1, "There is no market 'nobody'"),
    ],
)
def test_mistakes_are_named(run: Run, words: list[str], code: int, told: str) -> None:
    """With the nearest right word, and without a traceback."""
    found, _, error = run(*words)
    assert (found, told in error) == (code, True), error


def test_there_is_no_server(run: Run) -> None:
    """The message names the address, and how to start one."""
    code, _, error = run("list", FEED_URL="ws://127.0.0.1:1")
    assert (code, error) == (1, "feed: ws://127.0.0.1:1: nobody listens there; feed serve starts a server\n")
    code, _, error = run("list", FEED_URL="ftp://x")
    assert (code, "write it like ws://127.0.0.1:8765" in error) == (2, True)


def test_names_of_markets_are_completed(url: str, run: Run) -> None:
    """Those of the server that is meant; none where there is none."""
    run("open", "checkout-1")
    assert ask("bash", "market", "step", "--url", url, "che") == ["checkout-1"]
    assert not any(ask("bash", "market", "step", "--url", "ws://127.0.0.1:1", ""))
    assert "run-until" in ask("bash", "market", "run") or "run_until" not in ACTIONS
    run("close", "checkout-1")


def test_free_keys() -> None:
    """Pairs, with or without an equals sign; flags; and a word in front."""
    assert free_keys(["drop", "--rate", "0.1", "--for=1s"], "kind") == {"kind": "drop", "rate": "0.1", "for": "1s"}
    assert free_keys(["--paused", "--max-rate", "-8%"]) == {"paused": "true", "max_rate": "-8%"}
    with pytest.raises(UsageError, match="belongs to no key"):
        free_keys(["--a", "1", "b"])
