"""Specification of a market, and the names it may have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any

from feed.faults.fault import Fault
from feed.scenario.values import Anchor

__all__ = ["NAME", "MarketSpec"]

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""The pattern of valid names of markets, and of scenarios requested by URL."""


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """Specification of a market. None means not requested: the server's default applies.

    `faults` are those of the whole market, or the name of a plan of its scenario. `numbers` and `heartbeat` are what
    connections get that ask for nothing else. Only who shows the `token` may command the market.
    """

    scenario: str | None = None
    seed: int | None = None
    speed: float | None = None
    at: int | None = None
    anchor: Anchor | None = None
    paused: bool | None = None
    wait_for: int | None = None
    faults: tuple[Fault, ...] | str | None = None
    numbers: str | None = None
    heartbeat: str | None = None
    token: str | None = field(default=None, repr=False)

    def conflict(self, present: MarketSpec) -> tuple[str, Any, Any] | None:
        """Return the first requested key that differs from a market's own: name, wanted, present; None if all agree.

        The token is no such key: who shows another one is let in, and may not command.
        """
        for key in fields(self):
            if key.name == "token":
                continue
            wanted, there = getattr(self, key.name), getattr(present, key.name)
            if wanted is not None and wanted != there:
                return key.name, wanted, there
        return None
