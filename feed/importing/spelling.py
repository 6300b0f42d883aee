"""Spelling of options at the place they are set: on the command line, or in the `[source]` of a scenario."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COMMAND", "SECTION", "Spelling"]


@dataclass(frozen=True, slots=True)
class Spelling:
    """Spelling of options in messages."""

    flags: bool

    def name(self, key: str) -> str:
        """Return the spelling of an option: `--tick-size`, or `tick_size`."""
        return f"--{key.replace('_', '-')}" if self.flags else key

    def given(self, key: str, value: str) -> str:
        """Return the spelling of an option with a value: `--time-unit ms`, or `time_unit = "ms"`."""
        return f"{self.name(key)} {value}" if self.flags else f'{key} = "{value}"'

    def on(self, key: str) -> str:
        """Return the spelling of an option that is switched on: `--rounding`, or `rounding = true`."""
        return self.name(key) if self.flags else f"{key} = true"


COMMAND = Spelling(flags=True)
"""Spelling of the options of `feed import`."""

SECTION = Spelling(flags=False)
"""Spelling of the keys of `[source]`."""
