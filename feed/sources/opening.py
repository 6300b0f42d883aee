"""Which source a scenario asks for: the engine, or a file of real trades."""

from __future__ import annotations

from pathlib import Path

from feed.data.ticks import Source
from feed.engine.source import EngineSource
from feed.scenario.model import Scenario

__all__ = ["open_source", "past_of"]


def open_source(scenario: Scenario, path: Path, seed: int | None = None) -> Source:
    """The source of a scenario: the engine, a file of trades, or recordings.

    Args:
        scenario: what to play.
        path: its file; a trade file that it names lies relative to that.
        seed: in place of the scenario's own; a file of trades has no use for one.

    Raises:
        RecordingError: the trade file can't be used.
    """
    if scenario.replay is not None:
        from feed.sources.replay import open_replay

        return open_replay(scenario, scenario.replay, path.parent, scenario.seed if seed is None else seed)
    if scenario.source is None:
        return EngineSource(scenario, seed)
    # Reading files takes pyarrow, which weighs more than all the rest: who plays a scenario does not pay for it.
    from feed.sources.files import open_tick_file

    return open_tick_file(scenario.source, path.parent / scenario.source.file, scenario.symbols[0].instrument)


def past_of(source: Source, scenario: Scenario, seed: int | None = None) -> Source:
    """The same source for another thread: an engine keeps what it has made, a file of trades never changes."""
    return EngineSource(scenario, seed) if isinstance(source, EngineSource) else source
