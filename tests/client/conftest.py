"""A server of a scenario, in this process, for tests with the client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from feed.client.backoff import BackOff
from feed.engine.source import EngineSource
from feed.scenario.find import find_scenario
from feed.units import MILLISECOND
from tests.server.conftest import Running, serving

QUICK = 20 * MILLISECOND


def quick() -> BackOff:
    """A client that does not make a test wait."""
    return BackOff(first=QUICK, longest=QUICK)


def engine(name: str, seed: int | None = None) -> EngineSource:
    """A bundled scenario's market."""
    return EngineSource(find_scenario(name)[0], seed)


@contextlib.asynccontextmanager
async def market_of(name: str, seed: int | None = None, speed: float = float("inf")) -> AsyncIterator[Running]:
    """Serve a bundled scenario."""
    async with serving(engine(name, seed), speed=speed) as running:
        yield running
