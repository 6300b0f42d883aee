"""Sizes that a file tells in contracts or in the quote currency, as sizes in the base currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.importing.conversion import converted

__all__ = ["PLAIN", "SizeMeaning"]

DIVIDED_DECIMALS = 8
"""Decimals of a size that comes of a division by a price."""

PRODUCT_DECIMALS = 12
"""Decimals of a product, which rid it of the last digits of floating point."""


@dataclass(frozen=True, slots=True)
class SizeMeaning:
    """Meaning of a column of sizes.

    Attributes:
        contract: how much one contract is; None where sizes are no contracts.
        quoted: sizes, or contracts, are of the quote currency: divided by the price they are of the base currency.
    """

    contract: Decimal | None = None
    quoted: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether sizes are of the base currency as they are."""
        return self.contract is None and not self.quoted

    @property
    def note(self) -> str:
        """Say what was done."""
        each = "" if self.contract is None else f"contracts of {self.contract:f} "
        if self.quoted:
            unit = "each, " if each else ""
            made = f"divided by the price, and rounded to {DIVIDED_DECIMALS} decimals"
            return f"sizes are {each}{unit}in the quote currency: {made}"
        return f"sizes are {each}of the base currency each: multiplied by that"

    def read(self, sizes: pa.Array, prices: pa.Array) -> pa.Array:
        """Return sizes in the base currency; cells that are no numbers stay, so that a later check can name them."""
        numbers, by = converted(sizes, pa.float64()), converted(prices, pa.float64())
        if self.is_plain or pa.types.is_string(numbers.type) or pa.types.is_string(by.type):
            return sizes
        values = pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False)
        if self.contract is not None:
            values = np.round(values * float(self.contract), PRODUCT_DECIMALS)
        if self.quoted:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = np.round(values / pc.cast(by, pa.float64()).to_numpy(zero_copy_only=False), DIVIDED_DECIMALS)
        return pa.array(values, mask=numbers.is_null().to_numpy(zero_copy_only=False))


PLAIN = SizeMeaning()
"""Sizes of the base currency."""
