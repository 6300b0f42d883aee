"""What holds for every command: a help with examples, and its own section in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import feed
from feed.cli.app import COMMANDS, app

PAGE = Path(feed.__file__).parent / "docs" / "cli.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """The help says what it does and shows it; the page of commands has it."""
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0
    assert COMMANDS[name] in done.stdout
    assert any(line.strip().startswith(f"feed {name}") for line in done.stdout.splitlines())
    assert f"### feed {name}" in PAGE.read_text().splitlines()
