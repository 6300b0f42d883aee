"""A `[source]` of a scenario keeps its digests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importing.source_golden import CASES, EXPECTED, digests, source_of


@pytest.mark.parametrize("name", CASES)
def test_a_source_keeps_its_digests(tmp_path: Path, name: str) -> None:
    """All columns of all trades, and the digest of the market."""
    assert digests(source_of(name, tmp_path)) == EXPECTED[name]
