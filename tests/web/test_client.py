"""`feed.js` in Node.js against a real server: what an application relies on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Served

HERE = Path(__file__).parent
CHECKS = re.findall(r'^  async "([^"]+)"', (HERE / "client.mjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def results(served: Served, built: Path, modules: Path) -> dict[str, str | None]:
    """What each check found: None where all is well."""
    command = ["node", str(HERE / "client.mjs"), str(built / "feed.js"), served.http]
    environment = {**os.environ, "FEED_NODE_MODULES": str(modules)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    return {line["name"]: line["error"] for line in lines}


@pytest.mark.node
@pytest.mark.parametrize("check", CHECKS)
def test_client(results: dict[str, str | None], check: str) -> None:
    """The client does what its check says."""
    assert results[check] is None


@pytest.mark.node
def test_the_client_is_small(built: Path) -> None:
    """It stays a few kilobytes that nobody hesitates to load, and needs nothing else."""
    text = (built / "feed.js").read_bytes()
    assert len(text) < 20_000
    assert b"import" not in re.sub(rb'"[^"]*"', b"", text)
