"""Which source a scenario asks for: the engine, or a file of real trades."""

from __future__ import annotations

from pathlib import Path

from feed.engine.source import EngineSource
from feed.recording.tickfile import TickFileSource
from feed.scenario.model import Scenario
from feed.ticks import Source

__all__ = ["open_source"]
