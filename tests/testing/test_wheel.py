"""The pytest plugin in a project of its own: a clean environment, and feed as the wheel that this tree builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SAMPLE = """
import pytest


@pytest.mark.feed(scenario="flash-crash", paused=True)
def test_without_await(feed_market):
    assert feed_market.step(10).facts["trades"] >= 10


@pytest.mark.feed(scenario="flash-crash", paused=True, faults=[{"kind": "drop", "rate": 0.5}])
async def test_with_await(feed_market):
    await feed_market.run_until("+5s", settle=True)
    truth = await feed_market.expect("trading", "BTC/USD")
    assert await feed_market.verify("trading", "BTC/USD", seq=truth["seq"], last=truth["last"])


def test_that_fails(feed_market):
    assert feed_market.describe()["state"] == "ended"
"""

INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"


def run(*command: str, folder: Path, **more: str) -> str:
    """The output of a command that succeeds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FEED_", "PYTEST_", "VIRTUAL_"))}
    done = subprocess.run(
        command, cwd=folder, env=kept | more, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_sample_project(tmp_path: Path) -> None:
    """Two tests pass, one fails and leaves its bundle, with the JUnit file naming it; two workers share nothing."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    run(uv, "build", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT), folder=tmp_path)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    run(uv, "venv", "--python", sys.executable, str(tmp_path / "venv"), folder=tmp_path)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = (str(wheel), "pytest", "pytest-asyncio", "pytest-xdist")
    told = run(uv, "pip", "install", "--python", str(python), *packages, folder=tmp_path)
    if "Failed to fetch" in told:
        pytest.skip(f"packages cannot be installed: {told[-200:]}")
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_sample.py").write_text(SAMPLE)
    (project / "pytest.ini").write_text(INI)
    options = ("-n", "2", "--junitxml=report.xml", "--feed-bundles=kept")
    told = run(str(python), "-m", "pytest", *options, folder=project)
    assert "2 passed" in told, told
    assert "1 failed" in told
    bundle = project / "kept" / "test_that_fails.zip"
    assert "scenarios/calm.toml" in zipfile.ZipFile(bundle).namelist()
    assert f'name="feed_bundle" value="{bundle}"' in (project / "report.xml").read_text()
    told = run(str(python), "-m", "feed", "replay-bundle", "--check", str(bundle), folder=project)
    assert "as they were, byte for byte" in told
