"""Source of a scenario's `[replay]` section: recordings, and other files that are imported on opening."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from feed.data.ticks import Instrument, Source, batches_between
from feed.engine.source import EngineSource
from feed.errors import UsageError
from feed.scenario.model import Scenario, SymbolModel
from feed.scenario.replay import Replay
from feed.sources.files import open_file
from feed.sources.parts import Cut, Tail
from feed.sources.playlist import Playlist
from feed.tape.replay import RecordingSource
from feed.units import MINUTE, format_duration

__all__ = ["open_replay"]


def open_replay(scenario: Scenario, replay: Replay, folder: Path, seed: int) -> Source:
    """Open the source of a scenario that plays recordings.

    Args:
        scenario: the model of the generated market after them, where they are continued.
        replay: the recordings, and the range to play.
        folder: base of their relative names.
        seed: seed of the generated market.

    Raises:
        RecordingError: a file cannot be used.
        UsageError: the files are incompatible.
    """
    sources = [open_file(folder / name, replay.pace) for name in replay.files]
    _check_steps(replay.files, sources)
    cuts = _cut(replay, sources)
    if len(cuts) == 1 and cuts[0] == Cut(sources[0], sources[0].start, sources[0].end) and not _changes(replay):
        return sources[0]
    notices = [notice for source in sources for notice in source.notices]
    playlist = Playlist(cuts, loop=replay.loop, notices=notices)
    if replay.continued:
        playlist = Playlist(cuts, tail=_tail(scenario, playlist, seed), notices=notices)
    return playlist


def _changes(replay: Replay) -> bool:
    return replay.loop or replay.continued


def _check_steps(names: tuple[str, ...], sources: list[RecordingSource]) -> None:
    known: dict[str, tuple[Instrument, str]] = {}
    for name, source in zip(names, sources, strict=True):
        for instrument in source.instruments:
            before, where = known.setdefault(instrument.symbol, (instrument, name))
            if before != instrument:
                raise UsageError(
                    f"{name}: {instrument.symbol} has steps of {instrument.tick_size} and {instrument.lot_size},"
                    f" and in {where} of {before.tick_size} and {before.lot_size}; import one of them with those"
                )


def _cut(replay: Replay, sources: list[RecordingSource]) -> list[Cut]:
    """Cut the sources: the first without its beginning, all of them up to the end of the replay."""
    length = sources[0].end - sources[0].start
    if replay.from_ >= length:
        raise UsageError(f"from {format_duration(replay.from_)} is behind the end of {replay.files[0]}")
    cuts = []
    left = None if replay.until is None else replay.until
    for number, source in enumerate(sources):
        begin = source.start + (replay.from_ if number == 0 else 0)
        end = source.end if left is None else min(source.end, source.start + left)
        if begin < end:
            cuts.append(Cut(source, begin, end))
        left = None if left is None else left - (source.end - source.start)
    return cuts


def _tail(scenario: Scenario, playlist: Playlist, seed: int) -> Tail:
    """Make the generated market, at the prices at which the recording stops."""
    begin = playlist.end
    assert begin is not None
    models = [_model(scenario, playlist, index, begin) for index in range(len(playlist.instruments))]
    ends = {} if scenario.end is None else {"duration": scenario.end - scenario.start}
    plan = scenario.model_copy(update={"symbols": tuple(models), "start": begin, "replay": None, **ends})
    # The path has its prices at whole minutes: a second pass aligns it with the recording's last price.
    first = next(EngineSource(plan, seed, counts_from=begin).batches(begin))
    moved = []
    for model, block in zip(models, first.ticks, strict=True):
        seen = float(model.tick_size) * int(block.price[0]) if len(block) else float(model.start_price)
        moved.append(_priced(model, float(model.start_price) ** 2 / seen))
    return Tail(EngineSource(plan.model_copy(update={"symbols": tuple(moved)}), seed, counts_from=begin), begin)


def _model(scenario: Scenario, playlist: Playlist, index: int, end: int) -> SymbolModel:
    """Return the model of a recorded symbol, with the character given by the scenario, or by its first symbol."""
    instrument = playlist.instruments[index]
    own = {model.symbol: model for model in scenario.symbols}.get(instrument.symbol, scenario.symbols[0])
    steps = {"symbol": instrument.symbol, "tick_size": instrument.tick_size, "lot_size": instrument.lot_size}
    size = max(own.order_size, float(instrument.lot_size))
    return _priced(own.model_copy(update={**steps, "order_size": size}), _last_price(playlist, index, end))


def _priced(model: SymbolModel, price: float) -> SymbolModel:
    steps = max(2, int((Decimal(price) / model.tick_size).to_integral_value(ROUND_HALF_UP)))
    return model.model_copy(update={"start_price": model.tick_size * steps})


def _last_price(playlist: Playlist, index: int, end: int) -> float:
    """Find the last price before the end, searching further and further back."""
    tick = float(playlist.instruments[index].tick_size)
    reach = MINUTE
    while True:
        begin = max(playlist.start, end - reach)
        blocks = [batch.ticks[index] for batch in batches_between(playlist, begin, end)]
        prices = [int(block.price[-1]) for block in blocks if len(block)]
        if prices:
            return prices[-1] * tick
        if begin == playlist.start:
            name = playlist.instruments[index].symbol
            raise UsageError(f"nothing of {name} was traded: there is no price from which it could go on")
        reach *= 10
