"""What holds for every command: a help with examples, and a row in the README."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from feed.cli.app import COMMANDS, app

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """The help says what it does and shows it; the README's table has it."""
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0
    assert COMMANDS[name] in done.stdout
    assert any(line.strip().startswith(f"feed {name}") for line in done.stdout.splitlines())
    assert any(line.startswith(f"| `feed {name}") for line in README.read_text().splitlines())
