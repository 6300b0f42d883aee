"""The same bytes on every machine: with every set of processor features, and with every hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.engine.golden import FILE, SCENARIOS, digest

FEATURES: dict[str, bool] = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
DISPATCHED: list[str] = list(np._core._multiarray_umath.__cpu_dispatch__)  # type: ignore[attr-defined]

GOLDEN = json.loads(FILE.read_text())

ELSEWHERE = ("flash-crash", "range", "realistic", "target")
"""Enough to meet all of the code in another process."""

CHILD = """
import json, sys
import numpy as np
features = np._core._multiarray_umath.__cpu_features__
# A wrong name is only warned of, and the run would then show nothing.
assert not any(features[name] for name in sys.argv[1:]), features
from tests.engine.golden import digests
print(json.dumps(digests(%r)))
"""


def levels() -> list[list[str]]:
    """Sets of features to switch off: the best that this processor has, then the next best too, and so on."""
    present = [name for name in DISPATCHED if FEATURES[name]]
    return [present[first:] for first in range(len(present))]


@pytest.mark.parametrize("name", SCENARIOS)
def test_golden(name: str) -> None:
    """Another digest is another market, and asks for another `GENERATOR_VERSION`."""
    assert digest(name) == GOLDEN[name]


def test_there_are_features_to_switch_off() -> None:
    """On x86-64 and ARM numpy has code for more than the least processor."""
    assert DISPATCHED


@pytest.mark.parametrize("off", levels(), ids=" ".join)
def test_golden_without_processor_features(off: list[str]) -> None:
    """numpy's vector code is another for each processor; what we use of it gives the same bytes."""
    assert child({"NPY_DISABLE_CPU_FEATURES": " ".join(off)}, *off) == {name: GOLDEN[name] for name in ELSEWHERE}


def test_golden_with_another_hash_seed() -> None:
    """No order of a set or a dictionary gets into a market."""
    assert child({"PYTHONHASHSEED": "4242"}) == {name: GOLDEN[name] for name in ELSEWHERE}


def child(environment: dict[str, str], *off: str) -> object:
    """The digests as another process makes them."""
    command = [sys.executable, "-c", CHILD % (ELSEWHERE,), *off]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
