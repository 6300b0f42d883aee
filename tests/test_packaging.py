"""What a newcomer types: the serve command takes what serving needs and no more, the test command takes the rest."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.end_to_end.conftest import start

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

HEAVY = {"pandas", "pyarrow", "polars", "matplotlib", "duckdb"}
"""What nobody waits for who does not use it."""


def commands(text: str) -> list[str]:
    """The lines of shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_serving_installs_nothing_for_development() -> None:
    """No group comes by itself, and none of its packages is one that serving depends on."""
    assert "pip install uv && uv run feed serve" in commands(README)
    assert PROJECT["tool"]["uv"]["default-groups"] == []
    named = {re.split(r"[<>=\[]", line)[0] for line in PROJECT["project"]["dependencies"]}
    assert not named & {"pytest", "mypy", "ruff", "playwright", "duckdb", "polars", "matplotlib", "ipykernel"}


def test_the_test_command_is_what_is_run_for_every_change() -> None:
    """To the letter, as the README has it."""
    [command] = [line for line in commands(README) if line.endswith("pytest")]
    assert command.startswith("pip install uv && uv run ")
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("place", ["README.md", ".ci/run", "tests/**/*.py", "notebooks/*.ipynb"])
def test_tools_are_run_with_their_group(place: str) -> None:
    """A tool that is run without it is not there."""
    for file in ROOT.glob(place):
        for words in re.findall(r"uv run ([^\n`&|)]*)", file.read_text(encoding="utf-8")):
            if file != Path(__file__) and not words.startswith(("feed", "--extra", "…", "(?:")):
                assert words.startswith("--group dev "), f"{file}: uv run {words}"


def test_serving_loads_no_frames() -> None:
    """Neither the start nor a client of every channel imports what only files and notebooks need."""
    with start("calm", PYTHONPROFILEIMPORTTIME="1") as served:
        with connect(served.url) as client:
            client.send('{"event":"subscribe","channel":"*","symbol":"BTC/USD"}')
            seen: set[str] = set()
            while not seen >= {"trading", "status"}:
                found = re.search(r'"event":"data","channel":"(\w+)"', str(client.recv(60)))
                seen |= {found[1]} if found else set()
        served.signal()
        served.wait()
    loaded = re.findall(r"^import time:.*\| +(\w+)", served.output, re.MULTILINE)
    assert "numpy" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("words", [["--help"], ["list"], ["serve", "--help"], ["check", "scenarios/calm.toml"]])
def test_commands_load_no_frames(words: list[str]) -> None:
    """A help is there at once."""
    code = (
        f"import sys; sys.argv = ['feed', *{words}]\nfrom feed.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    )
    code += f"print('heavy:', sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
