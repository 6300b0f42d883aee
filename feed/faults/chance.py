"""Random numbers for the messages of one connection, derived from the seed and the message, never from timing."""

from __future__ import annotations

from feed.faults.link import Parcel
from feed.randomness import RandomStream, uniform

__all__ = ["Chance"]

BLOCK_NUMBERS = 256
"""The number of random numbers drawn at once."""


class Chance:
    """Random numbers of one fault on one connection.

    Args:
        seed: the seed of the market.
        number: the number of the fault.
        ordinal: the ordinal of the connection in its market.
    """

    __slots__ = ("_blocks", "_name", "_seed")

    def __init__(self, seed: int, number: int, ordinal: int) -> None:
        self._seed = seed
        self._name = f"fault {number} connection {ordinal}"
        self._blocks: dict[str, tuple[int, list[float]]] = {}

    def draw(self, what: str, parcel: Parcel) -> float:
        """Return the number in (0, 1) that belongs to this message and the purpose `what`."""
        row = what if parcel.stream is None else f"{what} {parcel.stream.key}"
        block, place = divmod(parcel.seq, BLOCK_NUMBERS)
        kept = self._blocks.get(row)
        if kept is None or kept[0] != block:
            words = RandomStream(self._seed, f"{self._name} {row}").words(block * BLOCK_NUMBERS, BLOCK_NUMBERS)
            kept = self._blocks[row] = (block, uniform(words).tolist())
        return kept[1][place]
