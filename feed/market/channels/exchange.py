"""Base of the channels that only exchanges have: hidden from native clients, and published once somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import Source
from feed.market.channels.book import BookChannel
from feed.market.memory import BarMemory
from feed.market.numbers import StreamNumbers

__all__ = ["ExchangeChannel", "ExchangeGround", "grid_ends"]

Ints = NDArray[np.int64]


class ExchangeGround:
    """Data shared by all channels for exchanges, for one thread.

    Attributes:
        source: the source of the events.
        shift: nanoseconds added to every time that a client sees.
        book: the channel of the native books.
        memories: the past bars of each instrument.
        bought: the past bars of the fills in which the taker bought.
        numbers: the numbers of the native messages.
    """

    def __init__(
        self,
        source: Source,
        shift: int,
        book: BookChannel,
        memories: list[BarMemory],
        bought: list[BarMemory],
        numbers: StreamNumbers,
    ) -> None:
        self.source = source
        self.shift = shift
        self.book = book
        self.memories = memories
        self.bought = bought
        self.numbers = numbers


class ExchangeChannel:
    """Channel for exchanges.

    Args:
        ground: the data that it is made of.
    """

    lossless: ClassVar[bool] = False
    differences: ClassVar[bool] = False
    begins_with_snapshot: ClassVar[bool] = True
    on_demand: ClassVar[bool] = True
    chunk: ClassVar[int] = 32
    parts: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self, ground: ExchangeGround) -> None:
        self._ground = ground

    def is_known(self, symbol: int, part: str, at: int, count: int) -> bool:
        """Return True: the state is always available at once."""
        return True

    def making(self, symbol: int, part: str, at: int, count: int) -> Iterator[None]:
        """Return an empty iterator: there is nothing to compute."""
        return iter(())


def grid_ends(start: int, end: int, step: int) -> Ints:
    """Return the last nanosecond of each step that ends from `start` up to, not including, `end`."""
    return np.arange(start // step + 1, end // step + 1, dtype=np.int64) * step - 1
