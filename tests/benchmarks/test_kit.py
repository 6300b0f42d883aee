"""The benchmark kit runs: no figure is asserted, only that there are some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.runner import Row
from tests.benchmarks.tools import MissingError, compiled


def test_one_command_measures_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A quick run fills the table with the floor and a rival, and the file with each trial."""
    try:
        compiled("sink")
    except MissingError as reason:
        pytest.skip(str(reason))
    file = tmp_path / "figures.json"
    assert main(["paced-100", "latency", "--quick", "--only", "floor", "broadcast", "--json", str(file)]) == 0
    table = capsys.readouterr().out
    assert "| paced-100 | deliveries/cpu-s | floor" in table
    rows = json.loads(file.read_text())["scenarios"]["latency"]
    assert [row["contender"] for row in rows] == ["floor", "broadcast"]
    assert all(row["skipped"] is None and row["trials"][0]["p99 us"] > 0 for row in rows)


def test_ratios_pair_the_trials_of_one_round() -> None:
    """A round in which one of the two is missing counts for nothing."""
    first = Row("floor", [{"x": 10.0}, {"x": 20.0}, {"x": 40.0}])
    other = Row("rival", [{"x": 5.0}, None, {"x": 10.0}])
    spread = other.ratio(first, "x")
    assert spread is not None
    assert (spread.median, spread.low, spread.high) == (0.375, 0.25, 0.5)
