"""Which source a scenario asks for: the engine, or a file of real trades; and one that ends earlier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from feed.data.book import Books
from feed.data.messages import RecordedRows
from feed.data.ticks import Batch, Instrument, Source, StatusChange, batches_between
from feed.engine.source import EngineSource
from feed.scenario.model import Scenario

__all__ = ["EndedSource", "open_source", "past_of"]


class EndedSource(Source):
    """A source that ends earlier: until then it is the same, message by message.

    Args:
        whole: the source.
        length: so long after its start it ends, ns.
    """

    def __init__(self, whole: Source, length: int) -> None:
        self.whole = whole
        self._end = whole.start + length if whole.end is None else min(whole.end, whole.start + length)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Those of the whole source."""
        return self.whole.instruments

    @property
    def start(self) -> int:
        """Where the whole source begins."""
        return self.whole.start

    @property
    def end(self) -> int:
        """Where this one ends: what is due then is no part of it."""
        return self._end

    def batches(self, at: int) -> Iterator[Batch]:
        """Those of the whole source, the last one cut at the end."""
        return batches_between(self.whole, at, self._end) if at < self._end else iter(())

    def books(self, index: int) -> Books:
        """The book of a symbol."""
        return self.whole.books(index)

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """What is in force at market time `at`."""
        return self.whole.statuses(at)

    def without_volume(self) -> Source:
        """The whole source without `volume`: who asks for that looks at the past."""
        return self.whole.without_volume()

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """Messages that are sent as they were."""
        return self.whole.recorded(channel, symbol, part)

    @property
    def notices(self) -> tuple[str, ...]:
        """Those of the whole source."""
        return self.whole.notices

    @property
    def script_start(self) -> int:
        """Where the script of the whole source begins."""
        return self.whole.script_start

    @property
    def numbering(self) -> Mapping[str, int]:
        """That of the whole source."""
        return self.whole.numbering


def open_source(scenario: Scenario, path: Path, seed: int | None = None, *, until: int | None = None) -> Source:
    """The source of a scenario: the engine, a file of trades, or recordings.

    Args:
        scenario: what to play.
        path: its file; a trade file that it names lies relative to that.
        seed: in place of the scenario's own; a file of trades has no use for one.
        until: so long after its beginning it ends, ns; a recording is cut by its `[replay]` section instead.

    Raises:
        RecordingError: the trade file can't be used.
    """
    if until is not None and scenario.replay is None:
        return EndedSource(open_source(scenario, path, seed), until)
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
    whole = source.whole if isinstance(source, EndedSource) else source
    return EngineSource(scenario, seed) if isinstance(whole, EngineSource) else whole
