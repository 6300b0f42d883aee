"""Writing of exact integers as decimals, without ever formatting a float."""

from __future__ import annotations

from fractions import Fraction

from feed.data.ticks import Instrument

__all__ = ["DecimalWriter"]


class DecimalWriter:
    """Writer of exact integers as decimals of an instrument, plain or in quotation marks."""

    __slots__ = ("_lot", "_price_decimals", "_quote", "_size_decimals", "_tick")

    def __init__(self, instrument: Instrument, *, quoted: bool = False) -> None:
        self._quote = '"' if quoted else ""
        self._price_decimals, self._tick = instrument.price_decimals, instrument.tick_units
        self._size_decimals, self._lot = instrument.size_decimals, instrument.lot_units

    def price(self, ticks: int) -> str:
        """Return a price or a price difference, given in ticks, as decimal text."""
        return self._decimal(ticks * self._tick, self._price_decimals)

    def size(self, lots: int) -> str:
        """Return a size, given in lots, as decimal text."""
        return self._decimal(lots * self._lot, self._size_decimals)

    def average(self, notional: int | Fraction, lots: int, otherwise: int) -> str:
        """Return a volume-weighted price, rounded half up to the price's decimals; `otherwise` without trades."""
        scaled = (2 * notional * self._tick + lots) // (2 * lots) if lots else otherwise * self._tick
        return self._decimal(scaled, self._price_decimals)

    def hundredths(self, above: int, below: int) -> str:
        """Return a ratio of integers, rounded half up to two decimals; 0 if the denominator is 0."""
        return self._decimal((2 * above + below) // (2 * below) if below else 0, 2)

    def _decimal(self, scaled: int, decimals: int) -> str:
        sign, digits = ("-", -scaled) if scaled < 0 else ("", scaled)
        whole, part = divmod(digits, 10**decimals)
        text = f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
        return f"{self._quote}{text}{self._quote}"
