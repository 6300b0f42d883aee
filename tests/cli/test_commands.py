"""The command line: every command explains itself, and every mistake is one clear line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from feed.cli.app import COMMANDS, app, load_command
from feed.scenario.find import bundled_folder, list_scenarios
from feed.scenario.load import scenario_schema

README = Path(__file__).parents[2] / "README.md"


def run(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(app, arguments, prog_name="feed")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Help with a summary and an example, and a mention in the README."""
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert COMMANDS[command] in " ".join(shown.output.split())
    assert f"feed {command}" in shown.output.split("Examples:")[1]
    assert f"`feed {command}" in README.read_text()
    assert (load_command(command).help or "").strip() == COMMANDS[command]


def test_help_and_version_are_instant() -> None:
    """Neither imports what reads files or makes markets."""
    code = "import sys; from feed.cli import main\ntry: main()\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=True)
        for heavy in ("numpy", "pandas", "pyarrow", "websockets", "pydantic"):
            assert f"'{heavy}'" not in done.stdout, f"feed {option} imports {heavy}"
    assert run("--version").output.startswith("feed ")


def test_unknown_command_names_the_nearest() -> None:
    """A slip of the finger is understood."""
    shown = run("srve")
    assert shown.exit_code == 2
    assert "serve" in shown.output


def test_list_has_every_bundled_scenario() -> None:
    """As a table and as JSON."""
    names = {path.stem for path in bundled_folder().glob("*.toml")}
    assert {"calm", "trending", "volatile", "flash-crash", "halt"} <= names
    shown = run("list")
    assert all(name in shown.output for name in names)
    assert {entry["name"] for entry in json.loads(run("list", "--json").output)} == names


def test_bundled_scenarios_are_fine_and_say_what_they_are_for() -> None:
    """Each passes the check and opens with a comment for people."""
    files = sorted(bundled_folder().glob("*.toml"))
    shown = run("check", *map(str, files))
    assert shown.exit_code == 0, shown.output
    for file in files:
        text = file.read_text()
        assert text.startswith(f"# {file.stem}"), file
        assert "What it is for" in text, file
        assert "What a UI should show" in text, file
    assert all(scenario.description for scenario in list_scenarios())


def test_schema_describes_every_scenario() -> None:
    """The schema for editors is the format: valid itself, and the bundled files are valid by it."""
    import tomllib

    schema = json.loads(run("check", "--schema").output)
    assert schema == json.loads(json.dumps(scenario_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    for file in bundled_folder().glob("*.toml"):
        document = json.loads(json.dumps(tomllib.loads(file.read_text()), default=str))
        assert list(validator.iter_errors(document)) == [], file
    assert list(validator.iter_errors({"name": "x", "sead": 1}))


def test_check_names_every_mistake(tmp_path: Path) -> None:
    """File, key, what is allowed: for all mistakes of all files, with exit code 2."""
    bad = tmp_path / "bad.toml"
    bad.write_text(
        'name = "Bad Name"\nsead = 1\nseed = -4\n[market]\norders_per_second = "many"\n'
        '[[phases]]\nname = "a"\nfor = "soon"\ndrift = 5\nstatus = "stopped"\n'
    )
    worse = tmp_path / "worse.json"
    worse.write_text('{"name": "x", ')
    good = tmp_path / "good.toml"
    good.write_text('name = "good"\n')
    shown = run("check", str(bad), str(worse), str(good), str(tmp_path / "missing.toml"))
    assert shown.exit_code == 2
    for part in (
        f"{bad}: name", f"{bad}: sead: unknown key (did you mean seed?)", f"{bad}: seed",
        f"{bad}: market.orders_per_second", f"{bad}: phases[0].for", f"{bad}: phases[0].drift",
        f"{bad}: phases[0].status", "online", "halted", f"{worse}: line 1", f"{good}: fine",
        "missing.toml: cannot be read",
    ):  # fmt: skip
        assert part in shown.output, part


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["10m", "-8%", "halted", "BTC/USD", "endless", "2025-01-06T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = ["format", "name", "seed", "start", "duration", "market", "symbols", "phases", "events", "ticks", "source", "x"]


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_no_document_makes_check_stumble(tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]) -> None:
    """Whatever stands in a file, it is fine or its mistakes are named; never a traceback."""
    file = tmp_path_factory.mktemp("any") / "any.json"
    file.write_text(json.dumps(document))
    shown = run("check", str(file))
    assert shown.exit_code in (0, 2)
    assert shown.exception is None or isinstance(shown.exception, SystemExit)
    assert shown.output.startswith(str(file))


def test_digest_is_that_of_the_status_frame() -> None:
    """The same on every run, as lines and as JSON, other for another seed."""
    shown = run("digest", "flash-crash", "--frames", "200")
    assert shown.exit_code == 0
    assert run("digest", "flash-crash", "--frames", "200").output == shown.output
    assert run("digest", "flash-crash", "--frames", "200", "--seed", "8").output != shown.output
    streams = json.loads(run("digest", "flash-crash", "--frames", "200", "--json").output)["streams"]
    assert all(entry["sha256"] in shown.output for entry in streams)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["digest", "nope"], "there is no such scenario"),
        (["digest", "calm", "--frames", "0"], "frames"),
        (["digest", "calm", "--seed", "9007199254740992"], "seed"),
        (["generate", "calm", "--for", "soon", "--out", "a.parquet"], "is not a duration"),
        (["generate", "calm", "--for", "1m", "--out", "a.xlsx"], ".parquet"),
        (["generate", "calm", "--out", "a.parquet"], "--for"),
        (["generate", "calm", "--for", "1m"], "--out"),
        (["watch", "http://127.0.0.1:1"], "ws://"),
        (["check"], "feed check FILE"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say what is wrong, end with 2, and leave no file behind."""
    monkeypatch.chdir(tmp_path)
    shown = run(*arguments)
    assert shown.exit_code == 2, shown.output
    assert told in shown.output
    assert shown.exception is None or isinstance(shown.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_one_line() -> None:
    """What only the machine can know ends with 1."""
    shown = run("generate", "calm", "--for", "1m", "--out", "/no/such/folder/a.parquet")
    assert shown.exit_code == 1
    assert shown.output.startswith("feed: /no/such/folder/a.parquet cannot be written")


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can bound the size of a process's files")
def test_full_disk_is_one_line(tmp_path: Path) -> None:
    """No half file, no traceback."""
    target = tmp_path / "ticks.csv"
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); import signal; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); from feed.cli import main; sys.argv[0] = 'feed'; main()"
    )
    command = [sys.executable, "-c", code, "generate", "calm", "--for", "10m", "--out", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "feed: " in done.stderr
    assert list(tmp_path.iterdir()) == []
