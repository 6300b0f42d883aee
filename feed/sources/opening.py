"""Opening of a scenario's source: the engine, or a file of real trades; and a source with an earlier end."""

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
    """Source with an earlier end: until then it equals the whole source, message by message.

    Args:
        whole: the source.
        length: time from its start to its end, ns.
    """

    def __init__(self, whole: Source, length: int) -> None:
        self.whole = whole
        self._end = whole.start + length if whole.end is None else min(whole.end, whole.start + length)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments of the whole source."""
        return self.whole.instruments

    @property
    def start(self) -> int:
        """The start of the whole source."""
        return self.whole.start

    @property
    def end(self) -> int:
        """The end of this source: messages due at that time are excluded."""
        return self._end

    def batches(self, at: int) -> Iterator[Batch]:
        """Yield the batches of the whole source, the last one cut at the end."""
        return batches_between(self.whole, at, self._end) if at < self._end else iter(())

    def books(self, index: int) -> Books:
        """Return the book of a symbol."""
        return self.whole.books(index)

    def quotes(self, index: int) -> Books | None:
        """Return the recorded quotes of a symbol."""
        return self.whole.quotes(index)

    def statuses(self, at: int) -> tuple[StatusChange, ...]:
        """Return the statuses in force at market time `at`."""
        return self.whole.statuses(at)

    def without_volume(self) -> Source:
        """Return the whole source without `volume`, for queries of the past."""
        return self.whole.without_volume()

    def recorded(self, channel: str, symbol: str, part: str) -> RecordedRows | None:
        """Return messages that are sent unchanged."""
        return self.whole.recorded(channel, symbol, part)

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices of the whole source."""
        return self.whole.notices

    @property
    def script_start(self) -> int:
        """The start of the whole source's script."""
        return self.whole.script_start

    @property
    def numbering(self) -> Mapping[str, int]:
        """The numbering of the whole source."""
        return self.whole.numbering


def open_source(scenario: Scenario, path: Path, seed: int | None = None, *, until: int | None = None) -> Source:
    """Open the source of a scenario: the engine, a file of trades, or recordings.

    Args:
        scenario: the scenario to play.
        path: its file; a trade file that it names lies relative to that.
        seed: replaces the scenario's own; a file of trades ignores it.
        until: time from its beginning to its end, ns; a recording is cut by its `[replay]` section instead.

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
    # Reading files imports pyarrow, the largest dependency; playing a scenario avoids it.
    from feed.sources.files import open_tick_file

    return open_tick_file(scenario.source, path.parent / scenario.source.file, scenario.symbols[0].instrument)


def past_of(source: Source, scenario: Scenario, seed: int | None = None) -> Source:
    """Return the same source for another thread: a new engine, or the same immutable file."""
    whole = source.whole if isinstance(source, EndedSource) else source
    return EngineSource(scenario, seed, beside=whole) if isinstance(whole, EngineSource) else whole
