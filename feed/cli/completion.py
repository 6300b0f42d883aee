"""Shell completion: names of scenarios, words of options, and else files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from feed.scenario.folder import scenario_names

__all__ = ["complete_scenario", "complete_words"]


def complete_scenario(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the scenarios whose names begin with the text. Without any the shell offers files."""
    folder = ctx.params.get("scenarios")
    known = scenario_names(Path(str(folder)) if folder else None)
    return [name for name in known if name.startswith(incomplete)]


def complete_words(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return a completion function for an option that takes one of these words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete
