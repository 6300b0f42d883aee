"""A scripted move is as large as the scenario says, for every seed, and nobody knows of it before it begins."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from feed.data.ticks import TickBlock
from feed.engine.source import EngineSource
from feed.units import MINUTE, SECOND, parse_duration
from tests.engine.test_source import assert_sound, joined, source_of, window

SEEDS = range(20)
MARKET = {"orders_per_second": 6, "daily_volatility": "6%", "seasonality": False}
START = 6_500_000.0

MOVES: dict[str, tuple[dict[str, Any], list[tuple[int, int, float]]]] = {
    "phase": ({"phases": [{"name": "up", "at": "40s", "for": "6m", "drift": "6%", "volatility": 3}]}, [(40, 400, 6.0)]),
    "overlay": (
        {"events": [{"kind": "overlay", "at": "95s", "for": "50s", "drift": "-3%", "volatility": 5}]},
        [(95, 145, -3.0)],
    ),
    "flash-crash": (
        {"events": [{"kind": "flash-crash", "at": "70s", "size": "-8%", "fall": "100s", "recovery": "4m"}]},
        [(70, 170, -8.0), (170, 410, 5.6 / 0.92)],
    ),
    "squeeze": ({"events": [{"kind": "squeeze", "at": "1m", "for": "5m", "size": "7%"}]}, [(60, 360, 7.0)]),
    "pump": (
        {"events": [{"kind": "pump", "at": "33s", "size": "20%", "rise": "3m", "fall": "4m", "kept": "25%"}]},
        [(33, 213, 20.0), (213, 453, -15 / 1.2)],
    ),
    "halt": (
        {"events": [{"kind": "halt", "at": "1m", "for": "2m", "auction": "90s", "gap": "-4%"}]},
        [(60, 270, -4.0)],
    ),
    "one within another": (
        {
            "phases": [{"name": "up", "for": "8m", "drift": "5%"}],
            "events": [{"kind": "flash-crash", "at": "2m", "size": "-10%", "fall": "1m", "recovery": "3m"}],
        },
        [(0, 480, (1.05 * 0.97 - 1) * 100)],
    ),
    "two that overlap": (
        {
            "events": [
                {"kind": "overlay", "at": "1m", "for": "4m", "drift": "4%"},
                {"kind": "overlay", "at": "3m", "for": "4m", "drift": "-2%"},
            ]
        },
        [(60, 300, (1.04 * 0.98**0.5 - 1) * 100), (180, 420, (0.98 * 1.04**0.5 - 1) * 100)],
    ),
}


def middle(source: EngineSource, block: TickBlock, second: int) -> float:
    """The mid price before that second of the scenario; the start price where there was no trade."""
    row = int(np.searchsorted(block.time, source.start + second * SECOND)) - 1
    return START if row < 0 else (float(block.bid[row]) + float(block.ask[row])) / 2


@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_exact_for_every_seed(name: str) -> None:
    """To 0.1 % from where it begins to where it ends, wherever in a minute that is, whatever else goes on."""
    keys, promises = MOVES[name]
    for seed in SEEDS:
        source = source_of({"name": "any", "market": MARKET, **keys}, seed)
        block = joined(window(source, source.start, 9 * MINUTE))
        assert_sound(block)
        for start, end, percent in promises:
            moved = (middle(source, block, end) / middle(source, block, start) - 1) * 100
            assert moved == pytest.approx(percent, abs=0.1), (seed, start, end)


@pytest.mark.parametrize("event", [{"kind": "jump", "at": "5m", "size": "-5%"}, {"kind": "flash-crash", "at": "3m"}])
def test_a_target_is_met_whatever_happens_on_the_way(event: dict[str, Any]) -> None:
    """Also at a time within a minute."""
    target = {"kind": "target", "at": "45s", "for": "400s", "price": 68000}
    for seed in SEEDS:
        source = source_of({"name": "any", "market": MARKET, "events": [target, event]}, seed)
        block = joined(window(source, source.start, 9 * MINUTE))
        assert middle(source, block, 445) == pytest.approx(6_800_000, rel=0.001)


def test_an_exact_move_is_as_wild_as_a_free_one() -> None:
    """The promise takes the noise its sum and nothing else: it moves as much as ever, at the end too."""
    noise: dict[str, list[float]] = {"free": [], "exact": [], "end": []}
    for seed in SEEDS:
        for name, drift in (("free", "0%"), ("exact", "3%")):
            phase = {"name": "up", "for": "60m", "drift": drift}
            source = source_of({"name": "any", "market": MARKET, "phases": [phase]}, seed)
            block = joined(window(source, source.start, 60 * MINUTE))
            log = np.log([middle(source, block, 30 * half) for half in range(121)])
            returns = np.diff(log) - (np.log(1.03) / 120 if name == "exact" else 0.0)
            noise[name].extend(returns[:100])
            if name == "exact":
                noise["end"].extend(returns[100:])
    free, exact, end = (float(np.std(noise[name])) for name in ("free", "exact", "end"))
    assert 0.85 < exact / free < 1.15
    assert 0.7 < end / free < 1.4


LATER: list[dict[str, Any]] = [
    {"kind": "flash-crash"},
    {"kind": "jump", "size": "5%"},
    {"kind": "overlay", "for": "3m", "volatility": 5, "drift": "3%"},
    {"kind": "halt", "gap": "3%"},
    {"kind": "squeeze"},
    {"kind": "pump"},
    {"kind": "target", "price": 60000},
    {"kind": "burst"},
    {"kind": "quiet"},
    {"kind": "gap"},
    {"kind": "thin-book"},
    {"kind": "spread-blowout"},
]


@pytest.mark.parametrize("event", LATER, ids=lambda event: str(event["kind"]))
def test_an_event_changes_nothing_before_it(event: dict[str, Any]) -> None:
    """Every column of every tick up to the moment at which it begins, whatever move or target is under way."""
    document: dict[str, Any] = {
        "name": "any",
        "market": {"orders_per_second": 0.6},
        "phases": [{"name": "up", "for": "30m", "drift": "4%"}],
        "events": [{"kind": "target", "at": "4m", "for": "12m", "price": 67000}],
    }
    plain = source_of(document)
    # A second target may begin where the first one ends, and not earlier.
    at = "16m" if event["kind"] == "target" else "8m"
    more = source_of({**document, "events": [*document["events"], {"at": at, **event}]})
    before, after = (
        joined(window(source, source.start, 30 * MINUTE)).before(source.start + parse_duration(at))
        for source in (plain, more)
    )
    assert len(before) > 200
    for column in fields(TickBlock):
        assert np.array_equal(getattr(before, column.name), getattr(after, column.name)), column.name
