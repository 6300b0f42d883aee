"""`feed realism` as it is typed: on scenarios, on files that are made up here, and on real ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from feed.cli.app import app
from tests.support.real_data import real_file

RUNNER = CliRunner()


def board(*arguments: str) -> dict[str, object]:
    """The document that `--json` prints."""
    done = RUNNER.invoke(app, ["realism", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    document: dict[str, object] = json.loads(done.stdout)
    return document


def values(document: dict[str, object]) -> dict[str, float]:
    """The facts that have one."""
    facts = document["facts"]
    assert isinstance(facts, list)
    return {fact["name"]: fact["value"] for fact in facts if fact["value"] is not None}


def bars_file(path: Path) -> Path:
    """Two days of bars whose volume is missing in every third minute."""
    minute = np.arange(2 * 1440)
    close = 65000 + 50 * np.sin(minute / 7.0) + 20 * np.cos(minute * minute / 3.0)
    rows = [f"{1_700_000_040 + 60 * m},{c:.2f},{'' if m % 3 == 0 else 1.5}" for m, c in zip(minute, close, strict=True)]
    path.write_bytes(gzip.compress("\n".join(["time,close,volume", *rows, ""]).encode()))
    return path


def test_a_scenario() -> None:
    """The table, what a day is too short for, and a summary."""
    done = RUNNER.invoke(app, ["realism", "realistic", "--days", "1"])
    assert done.exit_code == 0
    assert "hill_1m" in done.stdout
    assert "for want of a week: hour_profile_max_over_min" in done.stdout
    assert "facts lie in the bands of real markets" in done.stdout.splitlines()[-1]


def test_pictures(tmp_path: Path) -> None:
    """A page that needs no other file, and a PNG."""
    page, png = tmp_path / "a.html", tmp_path / "a.png"
    done = RUNNER.invoke(app, ["realism", "weekend", "--days", "1", "--html", str(page), "--png", str(png)])
    assert done.exit_code == 0, done.output
    assert png.read_bytes()[:4] == b"\x89PNG"
    text = page.read_text()
    assert "<svg" in text
    assert "sign_acf_lag1" in text
    assert "<script src" not in text
    assert "<link" not in text


def test_bars(tmp_path: Path) -> None:
    """Facts of minutes only, and what is missing is said."""
    document = board(str(bars_file(tmp_path / "bars.csv.gz")))
    found = values(document)
    assert "vol_day_pct" in found
    assert "fano_1s" not in found
    assert "order's side: fills_per_order" in str(document["missing"])


def test_columns_with_other_names(tmp_path: Path) -> None:
    """Are told by options; without a column of sides there are no facts of sides."""
    file = tmp_path / "trades.csv"
    rows = [
        f"{1_700_000_000_000 + 700 * n},{100 + n % 7},{1 + n % 3},{'sell' if n % 5 else 'buy'}" for n in range(3000)
    ]
    file.write_text("\n".join(["when,px,many,way", *rows, ""]))
    told = ["--time", "when", "--price", "px", "--size", "many"]
    assert "sign_acf_lag1" not in values(board(str(file), *told))
    found = values(board(str(file), *told, "--side", "way"))
    assert "sign_acf_lag1" in found
    assert "crossed_share" not in found
    done = RUNNER.invoke(app, ["realism", str(file)])
    assert done.exit_code == 2
    assert "the file has when, px, many, way" in done.stderr


@pytest.mark.parametrize("kind", ["trades", "bars", "nothing"])
def test_what_is_too_short_is_said(kind: str, tmp_path: Path) -> None:
    """An empty table would look like an answer."""
    file = tmp_path / "short.csv"
    if kind == "bars":
        rows = ["time,close,volume", *(f"{1_700_000_040 + 60 * m},{100 + m % 7},1" for m in range(100))]
    else:
        count = 500 if kind == "trades" else 1
        rows = ["time,price,size", *(f"{1_700_000_000_000 + 10 * n},{100 + n % 7},1" for n in range(count))]
    file.write_text("\n".join([*rows, ""]))
    done = RUNNER.invoke(app, ["realism", str(file)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "too short to compare with real markets" in done.stderr
    told = {"trades": "500 trades in 5.0 s", "bars": "bars of 100 minutes", "nothing": "1 trades in 0.0 s"}
    assert told[kind] in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["realistik"], "did you mean realistic?"),
        (["realistic", "--symbol", "BTC"], "did you mean BTC/USD?"),
        (["realistic", "--price", "px"], "--price is for files of trades"),
        (["missing.parquet"], "there is no such file"),
        (["realistic", "--png", "x.bmp"], "must end in .png or .svg"),
        (["realistic", "--html", "x.png"], "must end in .html or .htm"),
        (["realistic", "--html", "/nowhere/x.html"], "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    """And exit with 2."""
    done = RUNNER.invoke(app, ["realism", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "fact", "value"),
    [
        ("binance_spot_btcusdt_20220115_00-06_trades.parquet", "fano_1s", 4.04),
        ("bitfinex_btcusd_201803_201804_1m.parquet", "hill_1m", 2.68),
    ],
)
def test_real_files(name: str, fact: str, value: float) -> None:
    """Need no options, and give what is known of them."""
    assert values(board(str(real_file(name))))[fact] == pytest.approx(value, rel=0.25)


def test_real_bars_with_gaps() -> None:
    """Two weeks are two weeks, whatever the recorder has missed: times count minutes, and cells are empty."""
    document = board(str(real_file("coinbase_btcusd_20260706_20260720_1m.csv.gz")))
    assert str(document["title"]).endswith("20160 minutes")
    assert 1 < values(document)["vol_day_pct"] < 10
