"""What the shell offers on Tab: asked as the scripts that `feed --show-completion` prints ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from feed.cli.app import COMMANDS
from feed.scenario.find import list_scenarios
from feed.scenario.folder import scenario_names

FEED = Path(sys.executable).parent / "feed"


def ask(shell: str, *words: str, folder: Path | None = None) -> list[str]:
    """The words that a shell is given for the last, half typed word."""
    line = ["feed", *words]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FEED_")},
        "_FEED_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": " ".join(line),
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": "\n".join(line),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([FEED], env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_scenarios_and_words_are_offered(shell: str) -> None:
    """Each shell has its own form; the words are in it."""
    commands = "\n".join(ask(shell, ""))
    assert all(name in commands for name in COMMANDS)
    assert any("flash-crash" in line for line in ask(shell, "serve", "fla"))
    assert any("--at-end" in line for line in ask(shell, "serve", "--at-e"))
    assert any("hold" in line for line in ask(shell, "serve", "--at-end", "ho"))


@pytest.mark.parametrize("command", ["digest", "generate", "preview", "realism", "serve"])
def test_scenarios_are_offered_where_one_is_asked_for(command: str, tmp_path: Path) -> None:
    """All of them, and those of another folder beside them; what is none of them is left to the shell."""
    offered = ask("bash", command, "")
    assert offered == [scenario.name for scenario in list_scenarios()]
    (tmp_path / "own.toml").write_text('name = "own"\n')
    assert ask("bash", command, "--scenarios", str(tmp_path), "ow") == ["own"]
    assert not any(ask("bash", command, "day.par"))


def test_names_are_those_that_can_be_served() -> None:
    """They are found without reading a file, so they must be what reading finds."""
    assert scenario_names() == [scenario.name for scenario in list_scenarios()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_takes_the_script() -> None:
    """The script as it is installed, in a real bash."""
    script = subprocess.run(
        [FEED], env={**os.environ, "_FEED_COMPLETE": "source_bash"}, capture_output=True, text=True, check=True
    ).stdout
    typed = f'COMP_WORDS=({FEED} serve flash); COMP_CWORD=2; _feed_completion {FEED}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script + "\n" + typed], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [name for name in scenario_names() if name.startswith("flash")]


def test_version_has_a_short_form() -> None:
    """`-V` and `--version` say the same."""
    told = [
        subprocess.run([FEED, flag], capture_output=True, text=True, check=True).stdout for flag in ("-V", "--version")
    ]
    assert told[0] == told[1]
    assert told[0].startswith("feed ")
