"""Faults of the whole market on one connection: armed as they come, and ended as they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from feed.faults.fault import Fault
from feed.market.standing import StandingFault

__all__ = ["StandingFaults"]


class StandingFaults:
    """Faults of the market that are armed on a connection.

    Args:
        arm: function that arms a fault on the connection, and returns its number there.
        clear: function that ends the fault with that number.
    """

    __slots__ = ("_arm", "_clear", "_numbers")

    def __init__(self, arm: Callable[[Fault], int], clear: Callable[[int], None]) -> None:
        self._arm = arm
        self._clear = clear
        # The number on the connection, by the number in the market.
        self._numbers: dict[int, int] = {}

    def take(self, standing: Iterable[StandingFault]) -> None:
        """Arm the faults that the market has now, and end those that it has no longer."""
        wanted = {each.number: each.fault for each in standing}
        for number in self._numbers.keys() - wanted.keys():
            self._clear(self._numbers.pop(number))
        for number, fault in wanted.items():
            if number not in self._numbers:
                self._numbers[number] = self._arm(fault)
