"""What the benchmarks need besides Python: C programs made by the machine's compiler, and Node with its `ws`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["MissingError", "cache_folder", "compiled", "node_modules"]

HERE = Path(__file__).parent
BUILD_TIMEOUT = 120


class MissingError(Exception):
    """Something is not there on this machine; the message is the reason for skipping what needs it."""


def cache_folder() -> Path:
    """Where programs and node packages are kept between runs."""
    base = os.environ.get("FEED_BENCHMARK_CACHE") or Path.home() / ".cache" / "feed-benchmarks"
    folder = Path(base)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def compiled(name: str) -> Path:
    """A program from `native/`, compiled unless it already is.

    Raises:
        MissingError: there is no C compiler, or it failed.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingError("no C compiler")
    source = HERE / "native" / f"{name}.c"
    program = cache_folder() / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        made = program.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-o", str(made), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False)
        if result.returncode:
            raise MissingError(f"{name}.c does not compile: {result.stderr[:300]}")
        made.replace(program)
    return program


@cache
def node_modules() -> Path:
    """The folder in which Node finds `ws`, installed unless it already is.

    Raises:
        MissingError: there is no Node, or `ws` can't be installed.
    """
    if shutil.which("node") is None:
        raise MissingError("no Node.js")
    folder = cache_folder() / "node_modules"
    if not (folder / "ws").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise MissingError("no npm to install `ws` with")
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "ws@8"]
        try:
            subprocess.run(command, cwd=folder.parent, capture_output=True, timeout=BUILD_TIMEOUT, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            raise MissingError(f"npm can't install `ws`: {error}") from error
    return folder
