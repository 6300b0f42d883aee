"""Prices as whole numbers of 0.000000001, and rows of several kinds of events, as Databento writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from feed.importing.columns import Chunk
from feed.importing.conversion import converted

__all__ = ["is_databento", "with_plain_prices"]

COLUMNS = {"ts_event", "publisher_id", "action"}

FIXED_UNIT = 1e-9

MIN_FIXED = 1e11
"""The least number that is taken as such a price: a hundred, in units of 0.000000001."""

UNDEFINED = float(2**63 - 1)

FIXED_DECIMALS = 9


def is_databento(names: Sequence[str]) -> bool:
    """Tell whether a file has columns that only Databento writes."""
    return set(names) >= COLUMNS


def with_plain_prices(chunk: Chunk, keys: Sequence[str], say: Callable[[str], None]) -> Chunk:
    """Return the columns, those of whole numbers of 0.000000001 as prices."""
    for key in keys:
        numbers = converted(chunk[key], pa.float64())
        if pa.types.is_string(numbers.type) or not len(numbers):
            continue
        values = numbers.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        known = np.isfinite(values) & (values != UNDEFINED)
        if not known.any() or float(values[known].min()) < MIN_FIXED:
            continue
        say("prices are whole numbers of 0.000000001")
        chunk[key] = pa.array(np.round(values * FIXED_UNIT, FIXED_DECIMALS), mask=~known)
    return chunk
