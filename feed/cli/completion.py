"""What the shell offers when somebody types half a word: names of scenarios, words of options, and else files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from feed.scenario.folder import scenario_names

__all__ = ["complete_scenario", "complete_words"]


def complete_scenario(ctx: typer.Context, incomplete: str) -> list[str]:
    """The scenarios whose names begin so. Where there is none the shell offers files."""
    folder = ctx.params.get("scenarios")
    known = scenario_names(Path(str(folder)) if folder else None)
    return [name for name in known if name.startswith(incomplete)]


def complete_words(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Complete an option that takes one of these words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete
