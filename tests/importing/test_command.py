"""`feed import`: options in, a recording and a report out."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from feed.cli.app import app
from feed.tape.reader import open_recording

CSV = "when;px;qty;who\n0;10.5;1;B\n1000;10.25;2;S\n"


def run(*words: object) -> tuple[int, str]:
    """The exit code and all that was printed."""
    done = CliRunner().invoke(app, ["import", *map(str, words)])
    return done.exit_code, done.output


def test_every_option_counts(tmp_path: Path) -> None:
    """A mapping from the command line, by names and by position."""
    path = tmp_path / "ticks.csv"
    path.write_text(CSV)
    out = tmp_path / "ticks.parquet"
    words = ["--time", "when", "--date", "2024-01-02", "--price", "1", "--size", "qty", "--side", "who", "--buy", "B"]
    code, said = run("trades", path, "--out", out, "--symbol", "A/B", *words, "--delimiter", ";", "--tick-size", "0.25")
    assert code == 0, said
    assert "2 rows, 2024-01-02T00:00:00.000Z to 2024-01-02T00:00:01.000Z" in said
    assert "trading:A/B: 2, steps 0.25 and 1" in said
    with open_recording(out) as recording:
        assert recording.info.instruments == {"A/B": ("0.25", "1")}
        assert recording.rows == 2
    code, said = run("trades", path, "--out", out, "--symbol", "A/B")
    assert (code, "--force replaces it" in said) == (2, True)


def test_auto_says_why(tmp_path: Path) -> None:
    """What it took the file for is in the report."""
    path = tmp_path / "ticks.csv"
    path.write_text("time,price,size\n1700000000000,1,1\n")
    code, said = run("auto", path, "--out", tmp_path / "out.parquet", "--symbol", "A/B")
    assert code == 0
    assert "- the format is trades: it has a column price" in said


def test_mistakes_end_with_2(tmp_path: Path) -> None:
    """One line, and no recording."""
    path = tmp_path / "ticks.csv"
    path.write_text("time,price,size\n1700000000000,1,1\n1700000000000,x,1\n")
    code, said = run("trades", path, "--out", tmp_path / "out.parquet", "--symbol", "A/B")
    assert (code, said.strip()) == (2, f"feed: {path}: row 2, price: 'x' is not a number")
    assert run("trades", path, "--out", tmp_path / "out.parquet", "--delimiter", "ab")[0] == 2
    assert run("trades", path, "--out", tmp_path / "out.parquet", "--tick-size", "-1")[0] == 2
    assert not (tmp_path / "out.parquet").exists()
