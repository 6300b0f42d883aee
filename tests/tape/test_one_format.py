"""Whatever the project writes, every command opens, without a doubt, a false gap or another digest."""

from __future__ import annotations

from pathlib import Path

import pandas.testing
import pytest
from typer.testing import CliRunner

from feed.cli.app import app
from feed.data.ticks import Source, batches_between
from feed.dataframes.files import read
from feed.dataframes.ticks import frame_digest, generate
from feed.engine.source import EngineSource
from feed.market.digest import market_digest
from feed.scenario.find import find_scenario
from feed.sources.files import open_recorded
from feed.sources.opening import open_source
from feed.tape.reader import open_recording
from feed.units import MINUTE
from tests.tape.older import EXPECTED, FOLDER, frames_of

SCENARIO, SEED, AT = "circuit-breaker", 5, "2m"


class Stretch(EngineSource):
    """The part of a scenario that the file has."""

    start = find_scenario(SCENARIO)[0].start + 2 * MINUTE
    end = start + 3 * MINUTE


def scenario() -> Source:
    """What the file was made of."""
    return Stretch(find_scenario(SCENARIO)[0], SEED)


def run(*words: object) -> str:
    """The output of a command that goes well."""
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.output


def opened(path: Path) -> Source:
    """As `feed serve` opens it."""
    return open_source(*find_scenario(str(path)))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of `feed generate`, through a halt."""
    path = tmp_path_factory.mktemp("generated") / "x.parquet"
    run("generate", SCENARIO, "--seed", SEED, "--at", AT, "--for", "3m", "--out", path)
    return path


@pytest.mark.parametrize("how", ["served", "imported", "imported twice"])
def test_it_plays_as_the_scenario(generated: Path, tmp_path: Path, how: str) -> None:
    """Every frame of trades and of changes of status."""
    path = generated
    for turn in range(("served", "imported", "imported twice").index(how)):
        out = tmp_path / f"{turn}.parquet"
        said = run("import", "auto", path, "--out", out)
        assert "gap" not in said
        assert "warning" not in said
        path = out
    source = opened(path)
    for channel in ("trading", "status"):
        assert frames_of(source, channel) == frames_of(scenario(), channel), channel
    assert any(not frames.startswith("0 ") for frames in frames_of(source, "status").values())
    assert (source.start, source.end) == (Stretch.start, Stretch.end)
    with open_recording(path) as recording:
        assert (recording.info.scenario, recording.info.seed) == (SCENARIO, SEED)


def test_its_digest_is_that_of_the_scenario(tmp_path: Path) -> None:
    """As a server tells it of the market that the file was made of."""
    path = tmp_path / "calm.parquet"
    run("generate", "calm", "--for", "5m", "--out", path)
    found, file = find_scenario("calm")
    source = EngineSource(found)
    with open_recording(path) as recording:
        assert recording.info.digest == market_digest(found, file.parent, source, seed=found.seed, at=source.start)


def test_a_csv_has_the_same_trades(tmp_path: Path) -> None:
    """With the decimals of their symbols, of which there are several."""
    frames = []
    for suffix in (".csv.gz", ".parquet"):
        path = tmp_path / f"x{suffix}"
        run("generate", "majors", "--at", "10m", "--for", "20s", "--out", path)
        out = tmp_path / f"imported{suffix}.parquet"
        said = run("import", "auto", path, "--out", out)
        assert "gap" not in said
        frames.append({name: text for name, text in frames_of(opened(out)).items() if not text.startswith("0 ")})
    assert frames[0] == frames[1] != {}


def test_every_command_opens_it(tmp_path: Path, generated: Path) -> None:
    """As one of ours."""
    assert "whole" in run("recover", generated)
    assert "gap" not in run("recover", generated)
    assert "fine" in run("check", generated)
    assert "gap" not in run("check", generated)
    longer = tmp_path / "longer.parquet"
    run("generate", "calm", "--for", "10m", "--out", longer)
    assert "facts lie in the bands" in run("realism", longer)
    assert "trading:BTC/USD" in run("digest", generated)


def test_its_frame_is_that_of_the_scenario(generated: Path) -> None:
    """Row by row and type by type, and with the exact times beside."""
    data = read(generated)
    offline = generate(SCENARIO, seed=SEED, at=AT, until="5m")
    pandas.testing.assert_frame_equal(data.ticks, offline)
    times = [time for batch in batches_between(scenario(), Stretch.start, Stretch.end) for time in batch.ticks[0].time]
    assert data.table["time"].to_pylist() == times


@pytest.mark.parametrize("name", EXPECTED)
def test_older_files_open(name: str) -> None:
    """With the frames that they had."""
    known = EXPECTED[name]
    data = read(FOLDER / name)
    assert frame_digest(data.ticks) == known["frame"]
    source = opened(FOLDER / name)
    assert frames_of(source) == known["frames"]
    if "statuses" in known:
        assert frames_of(source, "status") == known["statuses"]
        assert list(source.notices) == known["notices"]


def test_an_import_keeps_what_a_recording_tells(tmp_path: Path) -> None:
    """Its gaps and notes, and all of its channels."""
    for name in ("recorded.parquet", "imported.parquet"):
        run("import", "auto", FOLDER / name, "--out", tmp_path / name)
        before, after = open_recorded(FOLDER / name), open_recorded(tmp_path / name)
        assert after.info.streams == before.info.streams
        assert after.info.gaps == before.info.gaps
        assert after.info.instruments == before.info.instruments
        assert set(before.info.notes) <= set(after.info.notes)
        assert frames_of(after) == frames_of(before)
