"""Names of symbols and channels, flags, and the writing of numbers."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from feed.data.ticks import Instrument
from feed.dialects.exchange.texts import rounded
from feed.protocol.effects import Join, Stream
from feed.units import MILLISECOND, format_time

__all__ = [
    "BULK", "CHECKSUMS", "DECIMAL_TEXT", "FREQUENCIES", "INTERVALS", "LENGTHS", "PRECISIONS", "SEQUENCE", "TIMESTAMP",
    "TIME_TEXT", "BitfinexChannel", "Numbers", "channel_of", "joins_of", "pair_of", "symbol_of",
]  # fmt: skip

DECIMAL_TEXT, TIME_TEXT, TIMESTAMP, SEQUENCE, CHECKSUMS, BULK = 8, 32, 32768, 65536, 131072, 536870912
"""Flags of `conf`: decimals as text, times as text, a time in each array, a sequence number, checksums of books, and
several levels in one message."""

PRECISIONS = ("P0", "P1", "P2", "P3", "P4", "R0")
FREQUENCIES = {"F0": "100ms", "F1": "2000ms"}
LENGTHS = ("1", "25", "100", "250")

INTERVALS = {
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "3h": "3h", "6h": "6h", "12h": "12h", "1D": "1d",
    "1W": "1w", "7D": "7d", "14D": "14d", "1M": "1M",
}  # fmt: skip

TRADES_FIRST, CANDLES_FIRST = 30, 240
"""Number of rows in a snapshot of trades and of candles."""


def pair_of(symbol: str) -> str:
    """Return the exchange's pair of an instrument: `BTCUSD`, and `DUSK:USD` where a name is longer than usual."""
    base, _, quote = symbol.partition("/")
    return f"{base}:{quote}" if max(len(base), len(quote)) > 3 else base + quote


def symbol_of(text: str, symbols: Sequence[str]) -> str | None:
    """Return the market's symbol of `tBTCUSD` or `BTCUSD`; None if there is none."""
    return next((each for each in symbols if text in (pair_of(each), "t" + pair_of(each))), None)


@dataclass(frozen=True, slots=True)
class BitfinexChannel:
    """Channel of one subscription.

    Attributes:
        number: the `chanId`, which is the same for all connections.
    """

    kind: str
    symbol: str
    prec: str = ""
    freq: str = ""
    length: str = ""
    interval: str = ""
    number: int = field(init=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Compute the number once: every message has it."""
        object.__setattr__(self, "number", zlib.crc32(self.text.encode()) % 999_000 + 1000)

    @property
    def text(self) -> str:
        """The channel as text, which `channel_of` reads."""
        return "|".join((self.kind, self.symbol, self.prec, self.freq, self.length, self.interval))


@lru_cache(maxsize=1024)
def channel_of(text: str) -> BitfinexChannel:
    """Return the channel of a text."""
    return BitfinexChannel(*text.split("|"))


def joins_of(channel: BitfinexChannel) -> list[Join]:
    """Return the market's streams behind a channel."""
    view = (("channel", channel.text),)
    match channel.kind:
        case "trades":
            return [Join(Stream("trading", channel.symbol), snapshot=TRADES_FIRST, view=view)]
        case "ticker":
            return [Join(Stream("windows", channel.symbol, "1d"), snapshot=1, view=view)]
        case "candles":
            stream = Stream("trade_candles", channel.symbol, INTERVALS[channel.interval])
            return [Join(stream, snapshot=CANDLES_FIRST, view=view)]
    return [Join(Stream("gathered_book", channel.symbol, FREQUENCIES[channel.freq]), snapshot=1, view=view)]


class Numbers:
    """Writer of an instrument's numbers, without trailing zeros and without an exponent.

    Args:
        flags: the flags of the connection.
    """

    __slots__ = ("_lot", "_places", "_quote", "_size_places", "_tick", "flags")

    def __init__(self, instrument: Instrument, flags: int) -> None:
        self._tick, self._places = instrument.tick_units, instrument.price_decimals
        self._lot, self._size_places = instrument.lot_units, instrument.size_decimals
        self.flags = flags
        self._quote = '"' if flags & DECIMAL_TEXT else ""

    def price(self, ticks: int) -> str:
        """Return a price, or a difference of prices."""
        return f"{self._quote}{_price(ticks * self._tick, self._places)}{self._quote}"

    def size(self, lots: int) -> str:
        """Return a size, which may be negative."""
        return f"{self._quote}{shortest(lots * self._lot, self._size_places)}{self._quote}"

    def ratio(self, above: int, below: int) -> str:
        """Return a quotient with up to eight decimals."""
        return self.decimal(rounded(above * 10**8, below), 8)

    def decimal(self, scaled: int, decimals: int) -> str:
        """Return a decimal as short as it can be written."""
        return f"{self._quote}{shortest(scaled, decimals)}{self._quote}"

    def time(self, nanoseconds: int) -> str:
        """Return a time in milliseconds, or as text."""
        if self.flags & TIME_TEXT:
            return f'"{format_time(nanoseconds // MILLISECOND * MILLISECOND)}"'
        return str(nanoseconds // MILLISECOND)


def shortest(scaled: int, decimals: int) -> str:
    """Return a decimal without trailing zeros."""
    if scaled < 0:
        return "-" + shortest(-scaled, decimals)
    whole, part = divmod(scaled, 10**decimals)
    return f"{whole}.{part:0{decimals}d}".rstrip("0") if part else str(whole)


_price = lru_cache(maxsize=4096)(shortest)
"""The same prices are written again and again."""


def scripted(scaled: int, decimals: int) -> str:
    """Return a decimal as JavaScript prints it: with an exponent below a millionth."""
    text = shortest(scaled, decimals)
    digits = text.lstrip("-").removeprefix("0.").lstrip("0")
    if not digits or not text.lstrip("-").startswith("0.000000"):
        return text
    exponent = len(text.lstrip("-")) - 2 - len(digits) + 1
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    return f"{'-' if text.startswith('-') else ''}{mantissa}e-{exponent}"
