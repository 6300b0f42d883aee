"""Properties of the generator that belong to a scenario's identity: its version, and the length of its blocks."""

from __future__ import annotations

from feed.scenario.events import Burst, Event, FlashCrash, Overlay, Pump, Squeeze
from feed.scenario.model import Scenario, SymbolModel

__all__ = ["GENERATOR_VERSION", "block_minutes"]

GENERATOR_VERSION = 5
"""Version of the generator; it changes with anything that changes a tick."""

ORDERS_A_BLOCK = 6_000
BLOCK_MINUTES = (15, 10, 5, 2, 1)


def block_minutes(scenario: Scenario) -> int:
    """Return the length of a block in minutes, always a divisor of a day; the busiest symbol decides.

    Long blocks cost less per tick, short blocks cost less at a time.
    """
    phases = max([1.0, *(phase.activity for phase in scenario.phases)])
    rate = max(_busiest(scenario, symbol) for symbol in scenario.symbols) * phases * 60
    return next((minutes for minutes in BLOCK_MINUTES if rate * minutes <= ORDERS_A_BLOCK), BLOCK_MINUTES[-1])


def _busiest(scenario: Scenario, symbol: SymbolModel) -> float:
    """Return the orders per second during the busiest of a symbol's events."""
    events = (event for event in scenario.events if event.symbols is None or symbol.symbol in event.symbols)
    rate = symbol.orders_per_second or scenario.market.orders_per_second
    return rate * scenario.market.activity * max([1.0, *(_activity(event) for event in events)])


def _activity(event: Event) -> float:
    """Return the approximate factor by which an event multiplies the usual number of orders."""
    if isinstance(event, Burst):
        return event.factor
    if isinstance(event, Overlay):
        return event.activity
    return 8.0 if isinstance(event, FlashCrash | Pump | Squeeze) else 1.0
