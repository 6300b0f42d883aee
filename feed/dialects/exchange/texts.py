"""Writing of prices, sizes and books with a fixed number of decimals, from integers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feed.data.book import Level, Levels, changed_levels
from feed.data.ticks import Instrument

__all__ = ["FixedWriter", "LevelTexts", "changes_of", "digits", "fixed", "split"]

SHORT_SLICE = 4
"""Maximum number of rows that are split one by one, which costs less than a call of numpy."""


def fixed(scaled: int, decimals: int, shown: int | None = None) -> str:
    """Return an integer of units of `10 ** -decimals` as text, with `shown` decimals if those are more."""
    sign, scaled = ("-", -scaled) if scaled < 0 else ("", scaled)
    whole, part = divmod(scaled, 10**decimals)
    text = f"{part:0{decimals}d}" if decimals else ""
    text = text.ljust(decimals if shown is None else shown, "0")
    return f"{sign}{whole}.{text}" if text else f"{sign}{whole}"


def rounded(value: int | Fraction, by: int) -> int:
    """Return a quotient, rounded half up; 0 for a divisor of 0."""
    return int((2 * value + by) // (2 * by)) if by else 0


class FixedWriter:
    """Writer of an instrument's numbers as text.

    Args:
        price_decimals: the least number of decimals of prices; the instrument's own if None.
        size_decimals: the same for sizes.
    """

    __slots__ = ("_lot", "_price", "_price_shown", "_size", "_size_shown", "_tick")

    def __init__(
        self, instrument: Instrument, price_decimals: int | None = None, size_decimals: int | None = None
    ) -> None:
        self._tick, self._lot = instrument.tick_units, instrument.lot_units
        self._price, self._size = instrument.price_decimals, instrument.size_decimals
        self._price_shown = max(self._price, price_decimals or 0)
        self._size_shown = max(self._size, size_decimals or 0)

    def price(self, ticks: int) -> str:
        """Return a price, or a difference of prices."""
        return fixed(ticks * self._tick, self._price, self._price_shown)

    def size(self, lots: int) -> str:
        """Return a size."""
        return fixed(lots * self._lot, self._size, self._size_shown)

    def notional(self, value: int | Fraction, decimals: int = 8) -> str:
        """Return an amount of the quote currency, given in ticks times lots."""
        exact, places = value * self._tick * self._lot, self._price + self._size
        if places > decimals:
            return fixed(rounded(exact, 10 ** (places - decimals)), decimals)
        return fixed(int(exact), places, decimals)

    def average(self, notional: int | Fraction, lots: int, otherwise: int, decimals: int | None = None) -> str:
        """Return a volume-weighted price with so many decimals; `otherwise` without trades."""
        shown = self._price_shown if decimals is None else decimals
        scale = 10 ** max(shown - self._price, 0)
        scaled = rounded(notional * self._tick * scale, lots) if lots else otherwise * self._tick * scale
        return fixed(scaled, max(shown, self._price))


class LevelTexts(dict[Level, str]):
    """Cache of written levels: the same ones are written for every depth and every exchange's channel.

    Args:
        write: function that writes a level.
    """

    MOST = 5_000

    def __init__(self, write: Callable[[int, int], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, level: Level) -> str:
        if len(self) >= self.MOST:
            self.clear()
        text = self[level] = self._write(*level)
        return text


@lru_cache(maxsize=4096)
def changes_of(old: Levels, new: Levels, *, descending: bool) -> tuple[Level, ...]:
    """Return the changes of a side: removals first, then the rest, the best first.

    Clients cut their book to its depth after each level: a late removal would have pushed another level out.
    """
    levels = changed_levels(old, new, descending=descending)
    return (*[level for level in levels if not level[1]], *[level for level in levels if level[1]])


def digits(decimals: int, shown: int) -> bytes:
    """Return the template of a decimal in the two parts of `split`."""
    zeros = b"0" * (shown - decimals)
    if not decimals:
        return b"%d" + (b"." + zeros if zeros else b"")
    return b"%d.%0" + str(decimals).encode() + b"d" + zeros


def split(column: NDArray[np.int64], units: int, decimals: int) -> list[Sequence[int]]:
    """Return the digits before and after the decimal point; only those before it if there are no decimals."""
    if not decimals:
        return [(column * units).tolist()]
    if 0 < len(column) <= SHORT_SLICE:
        scale = 10**decimals
        return list(zip(*[divmod(value * units, scale) for value in column.tolist()], strict=True))
    whole, fraction = np.divmod(column if units == 1 else column * units, 10**decimals)
    return [whole.tolist(), fraction.tolist()]
