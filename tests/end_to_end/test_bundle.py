"""Bundles: a market of one process, made again by another, byte for byte; and what is told where it is not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect

import feed
from feed.cli.app import app
from feed.errors import RecordingError
from feed.tape.bundle import Bundle, read_bundle, write_bundle
from tests.end_to_end.conftest import Served, start, start_command
from tests.support.waiting import PATIENCE

STREAMS = "trading:BTC/USD,status:BTC/USD,book:BTC/USD:10"

FAULTS = '[[faults]]\nkind = "duplicate"\nrate = 0.1\nchannel = "trading"\n'

LOSSLESS = ("trading", "status")
"""Channels of which a reader on a busy machine gets every message, too."""


async def frames(client: ClientConnection, count: int | None = None) -> list[bytes]:
    """The next data frames: so many of them, or all that have been sent."""
    found: list[bytes] = []
    if count is None:
        await client.send('{"event":"ping","timestamp":1}')
    async with asyncio.timeout(PATIENCE):
        while len(found) != count:
            frame = await client.recv(decode=False)
            if b'{"event":"pong"' in frame:
                break
            if b'{"event":"data"' in frame:
                found.append(frame)
    return found


async def recorded(served: Served, path: Path, **keys: Any) -> list[bytes]:
    """The data frames of a client through every kind of command; the bundle of its market is written to a file."""
    async with feed.open_market(served.url, "mine", paused=True, **keys) as market:
        url = market.url_with(subscribe=STREAMS, numbers="string")
        async with connect(url, max_queue=None, max_size=None) as client:
            assert '"status"' in str(await client.recv())
            await market.step(30)
            await market.fault("drop", rate=0.2, channel="trading")
            await market.run_until("+20s")
            await market.clear_fault()
            if "scenario" in keys:
                await market.shock("flash-crash", size="-8%", fall="1m")
            await market.step(40)
            await market.seek("00:00:30")
            await market.step(length="5s")
            await market.restart()
            await market.speed("max")
            await market.run_until("00:00:10")
            await market.mark("that is all")
            write(path, await market.bundle())
            return await frames(client)


def write(path: Path, content: bytes) -> None:
    """Write a file."""
    path.write_bytes(content)


def lossless(found: list[bytes]) -> list[bytes]:
    """Those of channels that are never conflated."""
    return [frame for frame in found if json.loads(frame)["channel"] in LOSSLESS]


def by_seq(found: list[bytes]) -> dict[Any, bytes]:
    """The others, as they were published, by stream and seq; the first of each."""
    known: dict[Any, bytes] = {}
    for frame in found:
        message = json.loads(frame)
        if message["channel"] not in LOSSLESS and "skipped" not in message:
            known.setdefault((message["channel"], message["type"], message["seq"]), frame)
    return known


async def made_again(path: Path, count: int) -> list[bytes]:
    """The data frames that a client of another process gets, which serves the bundle."""
    with start_command("-m", "feed", "replay-bundle", str(path)) as again:
        assert "messages are as they were, byte for byte" in again.output
        url = f"{again.url}/?market=mine&subscribe={STREAMS}&numbers=string&paused=true"
        async with connect(url, max_queue=None, max_size=None) as client:
            found: list[bytes] = []
            while count > 0:
                found += await frames(client, 1)
                count -= len(lossless(found[-1:]))
            return found + await frames(client)


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario that includes another, and one that plays a recording."""
    folder = tmp_path_factory.mktemp("scenarios")
    (folder / "base.toml").write_text('name = "base"\n[market]\ndaily_volatility = "6%"\n')
    (folder / "own.toml").write_text('include = ["base.toml"]\nname = "own"\nseed = 4\n' + FAULTS)
    feed_generate(folder / "minute.parquet")
    (folder / "replayed.toml").write_text('name = "replayed"\n[replay]\nfiles = ["minute.parquet"]\n')
    return folder


def feed_generate(path: Path) -> None:
    """Write two minutes of a market."""
    done = CliRunner().invoke(app, ["generate", "calm", "--for", "2m", "--out", str(path)])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("scenario", ["own", None], ids=["generated", "recording"])
async def test_made_again_by_another_process(scenarios: Path, tmp_path: Path, scenario: str | None) -> None:
    """Every data frame comes again as it was, through faults, shocks and three epochs."""
    path = tmp_path / "mine.zip"
    again_twice = [{"kind": "duplicate", "seq": 5, "count": 1, "channel": "trading"}]
    keys = {} if scenario is None else {"scenario": scenario, "faults": again_twice}
    with start("replayed" if scenario is None else "calm", "--scenarios", str(scenarios)) as served:
        first = await recorded(served, path, **keys)
    again = await made_again(path, len(lossless(first)))
    assert lossless(again) == lossless(first)
    was, now = by_seq(first), by_seq(again)
    assert {key: now[key] for key in was.keys() & now.keys()} == {key: was[key] for key in was.keys() & now.keys()}
    assert len(lossless(first)) > 100
    assert len(was.keys() & now.keys()) > 50
    bundle = read_bundle(path)
    assert "include" not in next(iter(bundle.scenarios.values()))
    assert set(bundle.files) == ({"0-minute.parquet"} if scenario is None else set())
    assert bundle.manifest.commands == len(bundle.log) >= 10


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory: pytest.TempPathFactory, calm: Served) -> Bundle:
    """A small one."""
    path = tmp_path_factory.mktemp("bundle") / "small.zip"
    async with (
        feed.open_market(calm.url, "small", scenario="ui-calm", paused=True) as market,
        connect(market.url_with(subscribe="trading:BTC/USD"), max_queue=None) as client,
    ):
        assert '"status"' in str(await client.recv())
        await market.step(20, symbol="BTC/USD")
        assert len(await frames(client)) == 20
        write(path, await market.bundle())
    return read_bundle(path)


def replay(bundle: Bundle, path: Path) -> tuple[int, str]:
    """Exit code and output of a check."""
    path.write_bytes(write_bundle(bundle))
    done = CliRunner().invoke(app, ["replay-bundle", str(path), "--check"])
    return done.exit_code, done.output


def test_both_directions_are_in_it(bundle: Bundle) -> None:
    """What the client asked for, and every frame that it got."""
    [lines] = [[json.loads(line) for line in raw.splitlines()] for raw in bundle.traffic.values()]
    assert lines[0]["dropped"] == 0
    assert [line["text"] for line in lines[1:] if line["dir"] == "in"] == ['{"event":"ping","timestamp":1}']
    assert sum('"event":"data"' in line["text"] for line in lines[1:] if line["dir"] == "out" and "text" in line) == 20


def test_what_is_as_it_was(bundle: Bundle, tmp_path: Path) -> None:
    """Every message is compared."""
    assert replay(bundle, tmp_path / "b.zip") == (
        0,
        f"{tmp_path / 'b.zip'}: 20 messages are as they were, byte for byte\n",
    )


def test_a_byte_that_differs(bundle: Bundle, tmp_path: Path) -> None:
    """The connection, the message and the byte are named, with both texts."""
    [(name, raw)] = bundle.traffic.items()
    place = raw.index(b'\\"seq\\":7,')
    changed = raw[:place] + raw[place:].replace(b'\\"price\\":6', b'\\"price\\":7', 1)
    code, told = replay(replace(bundle, traffic={name: changed}), tmp_path / "b.zip")
    assert code == 3
    assert "trading:BTC/USD seq 7 differs at byte" in told
    assert '"price":7' in told
    assert '"price":6' in told


def test_a_message_that_does_not_come(bundle: Bundle, tmp_path: Path) -> None:
    """It is named, too."""
    [(name, raw)] = bundle.traffic.items()
    changed = raw.replace(b'\\"seq\\":20,', b'\\"seq\\":900,')
    code, told = replay(replace(bundle, traffic={name: changed}), tmp_path / "b.zip")
    assert (code, "seq 900 does not come" in told) == (3, True)


def test_another_version(bundle: Bundle, tmp_path: Path) -> None:
    """Where it would have other bytes, the versions are the reason."""
    manifest = bundle.manifest.model_copy(update={"version": "9.9.9", "generator": 99, "digest": "0" * 16})
    code, told = replay(replace(bundle, manifest=manifest), tmp_path / "b.zip")
    assert code == 2
    assert "every byte would differ: feed 9.9.9 made the bundle (generator 99" in told


def test_a_scenario_that_has_been_changed(bundle: Bundle, tmp_path: Path) -> None:
    """The digest shows it."""
    [(name, text)] = bundle.scenarios.items()
    changed = replace(bundle, scenarios={name: text.replace('"0.5%"', '"0.6%"')})
    code, told = replay(changed, tmp_path / "b.zip")
    assert (code, "not those that it was made with" in told) == (2, True)


@pytest.mark.parametrize("file", ["/etc/passwd", "../../secret.parquet", "../files/missing.parquet"])
def test_files_outside_are_not_played(bundle: Bundle, tmp_path: Path, file: str) -> None:
    """A bundle reads what it has brought along, and nothing else."""
    text = f'name = "flash-crash"\n[replay]\nfiles = ["{file}"]\n'
    code, told = replay(replace(bundle, scenarios={bundle.manifest.scenario: text}), tmp_path / "b.zip")
    assert (code, "which is not in the bundle" in told) == (2, True)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"n": 2}, "the log has entry 2 where entry 1 is due"),
        ({"effect": "soon"}, "entry 1 of the log cannot be read"),
        ({"state": {}}, "entry 1 of the log cannot be read"),
        ({"command": []}, "entry 1 of the log cannot be read"),
    ],
)
def test_a_log_that_is_none(bundle: Bundle, tmp_path: Path, change: dict[str, Any], place: str) -> None:
    """The entry is named."""
    code, told = replay(replace(bundle, log=({**bundle.log[0], **change},)), tmp_path / "b.zip")
    assert (code, place in told) == (2, True)


def test_no_bundle(tmp_path: Path) -> None:
    """As any file that is something else."""
    path = tmp_path / "b.zip"
    path.write_text("nothing")
    with pytest.raises(RecordingError):
        read_bundle(path)
    done = CliRunner().invoke(app, ["replay-bundle", str(path)])
    assert (done.exit_code, "is no whole bundle" in done.output) == (2, True)


def test_the_command_that_writes_it(calm: Served, tmp_path: Path) -> None:
    """To the file that is asked for, and never over another one."""
    with feed.open_market_sync(calm.url, "written", scenario="calm", paused=True):
        out = tmp_path / "written.zip"
        words = ["bundle", "written", "--url", calm.url, "--out", str(out)]
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, f"feed replay-bundle {out}" in done.output) == (0, True)
        assert read_bundle(out).manifest.market == "written"
        assert "is there already" in CliRunner().invoke(app, words).output
        assert CliRunner().invoke(app, [*words, "--force"]).exit_code == 0
    done = CliRunner().invoke(app, ["bundle", "nobody", "--url", calm.url])
    assert (done.exit_code, "There is no market 'nobody'" in done.output) == (1, True)
