"""What a preview shows of a market: the ticks in steps, the gaps, the script, and pictures with all of it."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from feed.engine.source import EngineSource
from feed.errors import UsageError
from feed.pictures.beside import read_beside
from feed.pictures.canvas import check_out, clock_text, figure, save
from feed.pictures.market import draw_market, lanes_of
from feed.pictures.preview import Preview, Span, preview, usual_length
from feed.pictures.terminal import market_lines
from feed.scenario.find import find_scenario, list_scenarios
from feed.units import DAY, HOUR, MINUTE, SECOND


def seen(name: str, length: int | None = None) -> Preview:
    """A bundled scenario."""
    scenario, _ = find_scenario(name)
    source = EngineSource(scenario)
    return preview(scenario, source, scenario.seed, usual_length(scenario, source) if length is None else length)


def test_steps_are_the_ticks() -> None:
    """Volume and fills add up, and prices lie between their low and high."""
    shown = seen("calm", 10 * MINUTE)
    source = EngineSource(find_scenario("calm")[0])
    volume, fills = [0, 0], [0, 0]
    for batch in source.batches(source.start):
        for index, ticks in enumerate(batch.ticks):
            rows = ticks.time < source.start + 10 * MINUTE
            volume[index] += int(ticks.size[rows].sum())
            fills[index] += int(rows.sum())
        if batch.end >= source.start + 10 * MINUTE:
            break
    for index, track in enumerate(shown.tracks):
        assert track.volume.sum() == pytest.approx(volume[index] * float(track.instrument.lot_size))
        assert track.fills == fills[index]
        known = np.isfinite(track.close)
        assert (track.low[known] <= track.close[known]).all()
        assert (track.close[known] <= track.high[known]).all()
        assert len(track.close) == 600


def test_a_halt_is_a_gap() -> None:
    """Two minutes without a line, and with their names."""
    shown = seen("halt")
    quiet = shown.tracks[0].quiet
    assert quiet[65:175].all()
    assert not quiet[200:400].all()
    found = {(span.kind, span.label): (span.start // SECOND, span.end // SECOND) for span in shown.spans}
    assert found["status", "halted"] == (60, 180)
    assert found["phase", "auction"] == (180, 210)


def test_events_are_named_and_repeated() -> None:
    """Each turn of the timeline has its own, with the size of the move."""
    assert [span.start // SECOND for span in seen("burst").spans if span.label == "burst"] == [30, 90, 150, 210]
    assert {"gap -4 %", "jump +2.5 %"} <= {span.label for span in seen("gap").spans}


def test_lanes_have_no_overlaps() -> None:
    """Spans of one time stand below each other, phases first."""
    spans = (
        Span(0, 50, "a", "event"),
        Span(20, 60, "b", "event"),
        Span(0, 100, "p", "phase"),
        Span(70, 90, "c", "event"),
    )
    lanes = lanes_of(spans, 100)
    assert [[span.label for span in lane] for lane in lanes] == [["p"], ["a", "c"], ["b"]]


@pytest.mark.parametrize("name", [scenario.name for scenario in list_scenarios()])
def test_terminal_plot_of_every_scenario(name: str) -> None:
    """As wide as it may be, with every symbol and every phase."""
    shown = seen(name, min(20 * MINUTE, usual_length(find_scenario(name)[0], EngineSource(find_scenario(name)[0]))))
    lines = list(market_lines(shown, 80, 6))
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert all(track.instrument.symbol in text for track in shown.tracks)
    assert all(f"{span.kind} {span.label}" in text for span in shown.spans[:40])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_pictures_are_the_same_each_time(kind: str, tmp_path: Path) -> None:
    """Byte for byte, so that they can be kept in a repository."""
    shown = seen("circuit-breaker")
    files = [tmp_path / f"{number}.{kind}" for number in (1, 2)]
    for file in files:
        save(draw_market(shown), file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_axes_have_units() -> None:
    """And the price's labels can be read."""
    axes = draw_market(seen("pump-and-dump")).axes
    assert [each.get_ylabel() for each in axes] == ["", "price, USD", "MOON\na 2 s", "spread, USD"]
    assert axes[-1].get_xlabel() == "market time since the start, h:mm:ss"


def test_usual_lengths() -> None:
    """The script and a little after it; a day where there is none."""
    scenario, _ = find_scenario("calm")
    assert usual_length(scenario, EngineSource(scenario)) == DAY
    scenario, _ = find_scenario("waves")
    assert usual_length(scenario, EngineSource(scenario)) == 16 * MINUTE


def test_clock_texts() -> None:
    """Hours up to two days."""
    assert clock_text(300) == "0:05:00"
    assert clock_text(200_000, days=True) == "2d 07h"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    """Are refused before any work is done."""
    for out in ("a.gif", "missing/a.png"):
        with pytest.raises(UsageError, match=r"must end in|no folder"):
            check_out(tmp_path / out)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"feed\[pictures\]"):
        figure(1, 1)


@pytest.mark.parametrize("name", ["calm", "halt"])
def test_processes_beside_read_the_same(name: str) -> None:
    """Hours that others read make the same picture, and meanwhile something else is done once."""
    scenario, _ = find_scenario(name)
    done: list[int] = []
    read = partial(read_beside, meanwhile=lambda: done.append(1))
    apart = preview(scenario, EngineSource(scenario), scenario.seed, 3 * HOUR, read=read)
    here = preview(scenario, EngineSource(scenario), scenario.seed, 3 * HOUR)
    assert apart.spans == here.spans
    for one, other in zip(apart.tracks, here.tracks, strict=True):
        for column in ("low", "high", "close", "volume", "spread", "quiet"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
    assert done == [1]


def test_a_halt_freezes_the_price_until_its_auction() -> None:
    """The first price of the auction is about the last before the halt; behind the auction it is elsewhere."""
    shown = seen("circuit-breaker")
    close = shown.tracks[0].close

    def near(begin: int, end: int) -> float:
        return float(np.nanmedian(close[begin:end]))

    assert near(240, 244) == pytest.approx(near(117, 120), rel=0.005)
    assert near(310, 330) / near(240, 244) == pytest.approx(1.02, abs=0.008)


def test_the_aftermath_of_a_crash_calms_down() -> None:
    """Minutes after the bottom the spread is a part of what it was, and later a part of that."""
    spread = seen("flash-crash").tracks[0].spread
    at_bottom, later, last = (np.nanmedian(spread[begin * 30 : (begin + 3) * 30]) for begin in (4, 14, 26))
    assert at_bottom > 2 * later > 4 * last


def test_the_spread_of_a_volatile_market_breathes() -> None:
    """The widest ten minutes of six hours against the narrowest."""
    spread = seen("volatile", 6 * HOUR).tracks[0].spread
    tens = [float(np.nanmedian(part)) for part in np.array_split(spread, 36)]
    assert max(tens) > 3 * min(tens)
