"""Recordings of real markets, which are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("FEED_REAL_DATA") or Path(__file__).parents[3] / "shared" / "data")


def real_file(name: str) -> Path:
    """The path of a recording; the test is skipped, with the reason, where it is missing."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; FEED_REAL_DATA names the folder of recordings")
    return path
