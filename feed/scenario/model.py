"""The complete scenario: one model for TOML and JSON, and the source of the published schema."""

from __future__ import annotations

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from feed.scenario.checks import problems_of
from feed.scenario.document import MarketModel, Phase, ScenarioDocument, SymbolModel

__all__ = ["TOGETHER", "MarketModel", "Phase", "Scenario", "SymbolModel"]

TOGETHER = "scenario"
"""Type of the error that stands for all mistakes in the combination of the parts."""


class Scenario(ScenarioDocument):
    """A scenario file."""

    @model_validator(mode="after")
    def _holds_together(self) -> Scenario:
        problems = problems_of(self)
        if problems:
            # `feed.scenario.load` unpacks the problems; the text is for code that builds the model in Python.
            text = "; ".join(str(problem) for problem in problems[:10]).replace("{", "(").replace("}", ")")
            raise PydanticCustomError(TOGETHER, text, {"problems": problems})
        return self
