"""Effective scenario of a market: the file that would do the same by itself."""

from __future__ import annotations

from feed.market.market import Market
from feed.scenario.values import written
from feed.scenario.write import scenario_text
from feed.units import format_duration, format_time

__all__ = ["effective_scenario"]


def effective_scenario(market: Market) -> str:
    """Return the text of a TOML file: the scenario with all it includes, the seed, and shocks and faults as events.

    What a file cannot say stands in a comment at its top, as options of `feed serve`.
    """
    state, repertoire = market.state, market.repertoire
    assert repertoire is not None
    script = repertoire.script(state.plan)
    notes = [f"Epoch {state.epoch} of the market {market.identity.name}, as one file."]
    options = []
    if state.begins != market.source.start:
        options.append(f"--at {written('duration', state.begins - market.source.start)}")
    if market.shift:
        options.append(f"--anchor {format_time(market.source.start + market.shift)}")
    if options:
        notes.append(f"It began here with: feed serve FILE {' '.join(options)}")
    if market.source.end is not None and (script.end is None or market.source.end < script.end):
        notes.append(f"It ends {format_duration(market.source.end - market.source.start)} into it.")
    if script.files:
        notes.append("Put it into the folder of the scenario, where the files lie that it plays.")
    plans = [table for table in script.faults if "plan" in table]
    faults = [*(each.written() for each in state.faults), *plans]
    return scenario_text(script.model_copy(update={"faults": ()}), faults=faults, notes=notes)
