"""What of the generator belongs to a scenario's identity: its version, and the length of the blocks it makes."""

from __future__ import annotations

from feed.scenario.events import Burst, Event, FlashCrash, Overlay, Pump, Squeeze
from feed.scenario.model import Scenario

__all__ = ["GENERATOR_VERSION", "block_minutes"]

GENERATOR_VERSION = 2
"""Changes with anything that changes a tick."""

ORDERS_A_BLOCK = 6_000
BLOCK_MINUTES = (15, 10, 5, 2, 1)


def block_minutes(scenario: Scenario) -> int:
    """Long blocks cost less a tick, short ones less at a time: the busiest phase decides. Always a part of a day."""
    events = max([1.0, *(_activity(event) for event in scenario.events)])
    busiest = max([1.0, *(phase.activity for phase in scenario.phases)]) * events
    rates = [symbol.orders_per_second or scenario.market.orders_per_second for symbol in scenario.symbols]
    rate = max(rates) * busiest * 60
    return next((minutes for minutes in BLOCK_MINUTES if rate * minutes <= ORDERS_A_BLOCK), BLOCK_MINUTES[-1])


def _activity(event: Event) -> float:
    """About how many times the usual orders an event brings."""
    if isinstance(event, Burst):
        return event.factor
    if isinstance(event, Overlay):
        return event.activity
    return 8.0 if isinstance(event, FlashCrash | Pump | Squeeze) else 1.0
