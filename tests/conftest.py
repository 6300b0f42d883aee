"""What holds for all tests."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
import structlog
from hypothesis import settings

# Tests start many short processes: with compiled modules each of them takes a third of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes says something about the machine, and nothing about the code.
settings.register_profile("feed", deadline=None)
settings.load_profile("feed")

LONGEST = (
    "tests/end_to_end/", "tests/web/", "tests/realism/", "tests/notebooks/", "tests/tape/", "tests/market/",
    "tests/scenario/", "tests/dialects/", "tests/server/", "tests/engine/", "tests/importing/",
)  # fmt: skip
"""Where the tests are that take longest. They begin first, so that no process waits for the other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order tests by how long their folders take; a file's stay together."""
    items.sort(key=lambda item: next((n for n, part in enumerate(LONGEST) if item.nodeid.startswith(part)), 99))


_configure = structlog.configure


def _configure_for_now(**wanted: Any) -> None:
    _configure(**(wanted | {"cache_logger_on_first_use": False}))


# A command that is run inside of a test sets up logs for good; the next test has its own again.
structlog.configure = _configure_for_now  # type: ignore[assignment]  # the same, by keys alone


def pytest_runtest_teardown() -> None:
    """Logs are as they are without a command."""
    structlog.reset_defaults()
