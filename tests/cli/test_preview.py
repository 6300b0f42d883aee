"""`feed preview` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from feed.cli.app import app

RUNNER = CliRunner()


def test_in_the_terminal() -> None:
    """A plot with its phases."""
    done = RUNNER.invoke(app, ["preview", "flash-crash", "--seed", "3"])
    assert done.exit_code == 0
    assert "flash-crash, seed 3" in done.stdout
    assert "phase crash" in done.stdout


def test_to_a_file(tmp_path: Path) -> None:
    """A picture, and a line that says so."""
    out = tmp_path / "majors.svg"
    done = RUNNER.invoke(app, ["preview", "majors", "--for", "2m", "--symbol", "SOL/USD", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "<svg" in out.read_text()
    assert done.stdout.startswith(str(out))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["flash-crush"], "did you mean flash-crash?"),
        (["calm", "--for", "soon"], "'soon' is not a duration"),
        (["calm", "--for", "0"], "nothing to draw"),
        (["calm", "--symbol", "BTC/USDD"], "did you mean BTC/USD?"),
        (["calm", "--out", "x.gif"], "must end in .png or .svg"),
        (["calm", "--out", "/nowhere/x.png"], "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    """And exit with 2."""
    done = RUNNER.invoke(app, ["preview", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
