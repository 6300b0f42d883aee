"""Limits on the decimals of numbers, so that the numbers and their sum can be counted exactly."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa

from feed.importing.spelling import Spelling
from feed.units import decimal_places

__all__ = ["MAX_TOTAL", "MAX_UNITS", "PRICE_KEYS", "Magnitudes", "TableMagnitudes", "TooFineError"]

MAX_UNITS = 2.0**53
"""Limit above which floating point cannot represent every unit."""

MAX_TOTAL = 2.0**62
"""The largest sum of all sizes, in units: a volume is the sum of many sizes."""

SPARE_FACTOR = 10.0
"""Factor by which the sum may still grow after decimals were given up, before more have to be given up."""

PRICE_KEYS = frozenset({"price", "bid", "ask", "open", "high", "low", "close"})


class TooFineError(Exception):
    """Error for numbers of a file that cannot be counted with so many decimals, but can with fewer.

    Attributes:
        is_price: the numbers are prices, not sizes.
        what: the word `prices` or `sizes`.
        places: the number of decimals in use.
        key: the option that sets the step.
        step: the finest step that fits.
    """

    def __init__(self, is_price: bool, places: int, fitting: int) -> None:
        super().__init__(f"{places} decimals")
        self.is_price = is_price
        self.what = "prices" if is_price else "sizes"
        self.places = places
        self.key = "tick_size" if is_price else "lot_size"
        self.step = Decimal(1).scaleb(-fitting)

    @property
    def message(self) -> str:
        """The mistake, for a step that the user set."""
        return f"the {self.what} are too large to be counted so finely"

    def hint(self, spelling: Spelling) -> str:
        """Return the options with which the numbers can be counted."""
        return f"use {spelling.given(self.key, f'{self.step:f}')} {spelling.on('rounding')}"


class Magnitudes:
    """Largest number so far, and the sum of all."""

    def __init__(self) -> None:
        self._largest = 0.0
        self._total = 0.0

    def note(self, column: pa.Array, *, adds_up: bool) -> None:
        """Note a column of floating point numbers; text is ignored, as a later check reports its mistake."""
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            return
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        values = values[np.isfinite(values)]
        if len(values):
            self._largest = max(self._largest, float(values.max()))
            self._total += float(values.sum()) if adds_up else 0.0

    def check(self, is_price: bool, places: int) -> None:
        """Raise TooFineError if there are too many decimals, and fewer would fit."""
        if self._fits(places, 1.0):
            return
        fitting = next((fewer for fewer in range(places - 1, -1, -1) if self._fits(fewer, SPARE_FACTOR)), None)
        if fitting is not None:
            raise TooFineError(is_price, places, fitting)

    def _fits(self, places: int, spare: float) -> bool:
        unit = 10.0**places
        return self._largest * unit < MAX_UNITS and self._total * unit * spare < MAX_TOTAL


class TableMagnitudes:
    """Magnitudes of the rows of a recording, by symbol."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float] = {}

    def note(self, table: pa.Table) -> None:
        """Note the next rows."""
        grouped = table.group_by("symbol").aggregate(
            [*((name, "max") for name in ("price", "bid", "ask", "size", "bid_size", "ask_size")), ("size", "sum")]
        )
        for row in grouped.to_pylist():
            symbol = str(row["symbol"])
            for kind, names in (("price", ("price", "bid", "ask")), ("size", ("size", "bid_size", "ask_size"))):
                found = [row[f"{name}_max"] for name in names if row[f"{name}_max"] is not None]
                self._known[symbol, kind] = max([self._known.get((symbol, kind), 0.0), *found])
            self._known[symbol, "total"] = self._known.get((symbol, "total"), 0.0) + (row["size_sum"] or 0.0)

    def wrong(self, instruments: dict[str, tuple[Decimal, Decimal]]) -> str | None:
        """Return the first number that cannot be counted in the given steps, as a message; None if all can."""
        for symbol, (tick, lot) in instruments.items():
            for kind, step, most in (("price", tick, MAX_UNITS), ("size", lot, MAX_UNITS), ("total", lot, MAX_TOTAL)):
                value = self._known.get((symbol, kind), 0.0)
                if value * 10.0 ** decimal_places(step) >= most:
                    what = {"price": "a price", "size": "a size", "total": "all sizes together"}[kind]
                    return f"{what} of {symbol}, {value:.15g}, cannot be counted in steps of {step:f}"
        return None
