"""Properties of the generator that belong to a scenario's identity: its version, and the length of its blocks."""

from __future__ import annotations

from feed.scenario.model import Scenario

__all__ = ["GENERATOR_VERSION", "LONGEST_BLOCK", "block_minutes"]

GENERATOR_VERSION = 7
"""Version of the generator; it changes with anything that changes a tick."""

ORDERS_A_BLOCK = 6_000
BLOCK_MINUTES = (15, 10, 5, 2, 1)
LONGEST_BLOCK = BLOCK_MINUTES[0]
"""Longest length of a block, in minutes."""


def block_minutes(scenario: Scenario) -> int:
    """Return the length of a block in minutes, always a divisor of a day; the busiest symbol decides.

    Long blocks cost less per tick, short blocks cost less at a time. Events have no say: they change nothing before
    their time.
    """
    phases = max([1.0, *(phase.activity for phase in scenario.phases)])
    usual = max(symbol.orders_per_second or scenario.market.orders_per_second for symbol in scenario.symbols)
    rate = usual * scenario.market.activity * phases * 60
    return next((minutes for minutes in BLOCK_MINUTES if rate * minutes <= ORDERS_A_BLOCK), BLOCK_MINUTES[-1])
