"""The recipes of the documentation, run as their readers would: with runners out of npm, against a server of ours."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import start
from tests.end_to_end.test_clients import CHROMIUM, NODE, NPM

HERE = Path(__file__).parent

RECIPES = ("vitest.test.mjs", "jest.test.mjs", "playwright.spec.mjs", "cypress.cy.js")

PACKAGES = {"vitest": "vitest@4", "jest": "jest@30", "@playwright/test": "@playwright/test@1", "ws": "ws@8"}

MAX_LINES = 30
"""Lines of a recipe: what one reads and copies."""

CONFIGS = {
    "vitest.config.mjs": 'export default {test: {include: ["vitest.test.mjs"], testTimeout: 120000,'
    ' setupFiles: ["./setup.mjs"]}};',
    "jest.config.json": '{"testMatch": ["**/jest.test.mjs"], "moduleFileExtensions": ["mjs", "js"],'
    ' "transform": {}, "testTimeout": 120000, "setupFiles": ["./setup.mjs"]}',
    "playwright.config.mjs": 'export default {testMatch: "playwright.spec.mjs", reporter: "line", timeout: 120000,'
    " expect: {timeout: 60000}, use: {launchOptions: {executablePath: process.env.CHROMIUM,"
    ' args: ["--no-sandbox", "--disable-gpu"]}}};',
}
"""What a project has anyway; here, where Chromium is Debian's."""

COMMANDS = {
    "vitest": ("vitest", "run", "--config", "vitest.config.mjs"),
    "jest": ("jest", "--config", "jest.config.json"),
    "playwright": ("playwright", "test", "--config", "playwright.config.mjs"),
}


@dataclass(frozen=True)
class Project:
    """A folder with the recipes and their runners, beside a server and a page."""

    folder: Path
    environment: dict[str, str]

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run one of the runners."""
        program, *arguments = COMMANDS[name]
        command = [str(self.folder.parent / "node_modules" / ".bin" / program), *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=240, check=False
        )


@pytest.fixture(scope="module")
def runners() -> Path:
    """A folder with the runners, kept between runs outside of the project."""
    if NODE is None or NPM is None:
        pytest.skip("Node.js is not installed")
    folder = Path(tempfile.gettempdir()) / f"feed-runners-{os.getuid()}"
    if not all((folder / "node_modules" / name / "package.json").exists() for name in PACKAGES):
        folder.mkdir(exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
        command = [NPM, "install", "--prefix", str(folder), *quiet, *PACKAGES.values()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
        if done.returncode:
            pytest.skip(f"npm cannot install the runners: {done.stderr[-200:]}")
    return folder


@pytest.fixture(scope="module")
def project(runners: Path) -> Iterator[Project]:
    """The recipes in a folder of their own, a server, and the page that they test."""
    with tempfile.TemporaryDirectory(dir=runners, prefix="run-") as name, start("calm") as served:
        folder = Path(name)
        for file in (*HERE.glob("*.mjs"), HERE / "page.html"):
            shutil.copy(file, folder)
        for config, text in CONFIGS.items():
            (folder / config).write_text(text)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=name)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
            threading.Thread(target=pages.serve_forever, daemon=True).start()
            environment = {
                **os.environ,
                "FEED_URL": served.http,
                "APP_URL": f"http://127.0.0.1:{pages.server_port}/page.html",
                "CHROMIUM": CHROMIUM or "",
                "NODE_OPTIONS": "--experimental-vm-modules",
            }
            yield Project(folder, environment)
            pages.shutdown()


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.timeout(600)
@pytest.mark.parametrize("runner", ["vitest", "jest"])
def test_recipe_in_node(project: Project, runner: str) -> None:
    """It passes."""
    done = project.run(runner)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_recipe_in_a_browser(project: Project) -> None:
    """It passes, in Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    done = project.run("playwright")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_short(name: str) -> None:
    """They fit on a screen, and wait for nothing but answers."""
    text = (HERE / name).read_text()
    assert len(text.splitlines()) < MAX_LINES
    assert not any(word in text for word in ("setTimeout", "waitForTimeout", "cy.wait", "sleep"))


@pytest.mark.node
@pytest.mark.parametrize("name", [*RECIPES, "price-store.mjs", "setup.mjs"])
def test_recipes_are_javascript(name: str) -> None:
    """Also the one of a runner that cannot be installed from npm alone: Cypress fetches its program elsewhere."""
    if NODE is None:
        pytest.skip("Node.js is not installed")
    done = subprocess.run([NODE, "--check", HERE / name], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
