"""The public names of `feed`: sorted, complete, documented, and loaded only when they are asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import feed

HEAVY = ("numpy", "pandas", "pyarrow", "websockets", "pydantic", "asyncio", "polars")


def test_names_are_sorted_and_complete() -> None:
    """Capitals first, as ruff sorts them; and nothing is imported for types that is not public."""
    assert feed.__all__ == sorted(feed.__all__)
    assert set(feed.__all__) <= set(dir(feed))
    tree = ast.parse(Path(feed.__file__).read_text())
    shown = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("feed")
        for alias in node.names
    }
    assert shown == set(feed.__all__)


@pytest.mark.parametrize("name", feed.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    """A person finds out with help() what it is."""
    value = getattr(feed, name)
    if name not in ("__version__", "Message"):
        assert value.__doc__
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and module.startswith("feed"):
        assert getattr(sys.modules[module], name) is value


def test_unknown_names_are_no_attributes() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="bok"):
        feed.bok  # noqa: B018


def test_import_is_instant() -> None:
    """`import feed` loads nothing that weighs, and one name loads what it needs alone."""
    code = f"import sys, feed; print([m for m in {HEAVY} if m in sys.modules])"
    code += "; feed.Tick; print('pandas' in sys.modules, 'websockets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "False False"]
