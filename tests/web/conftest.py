"""A server, Node.js and what was built of the page, shared by the tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.end_to_end.conftest import Served, start

WEB = Path(str(files("feed.web")))


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built page and client."""
    folder = WEB / "dist"
    if not (folder / "feed.js").exists():
        pytest.skip("the page is not built: npm could not be reached when the package was installed")
    return folder


@pytest.fixture(scope="session")
def modules() -> Path:
    """The page's npm packages, with those of its development and `ws`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is not installed")
    folder = Path(tempfile.gettempdir()) / f"feed-web-{os.getuid()}"
    lock = (WEB / "package-lock.json").read_bytes()
    kept = folder / "package-lock.json"
    if not kept.exists() or kept.read_bytes() != lock or not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(WEB / name, folder / name)
        command = [npm, "ci", "--ignore-scripts", "--silent"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=200)
        if done.returncode:
            pytest.skip(f"npm cannot install the packages: {done.stderr[-200:]}")
        (folder / "done").touch()
    return folder / "node_modules"


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """A server of the scenario `calm`."""
    with start("calm", "--log-level", "warning") as running:
        yield running


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(built: Path) -> AsyncIterator[Browser]:
    """Chromium, shared by all tests of the page."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()
