"""Faults in a scenario file: those in force from the beginning, and plans that a client can ask for by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Protocol

from feed.errors import Problem
from feed.faults.fault import Fault
from feed.faults.registry import FAULTS, FaultError, check_names, read_fault

__all__ = ["CHANNELS", "PLAN", "fault_plans", "fault_problems", "fault_schema", "standing_faults"]

PLAN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""The pattern of names of plans."""

CHANNELS = ("trading", "ticker", "book", "candles", "status")
"""The channels that a fault can name; a recording may lack some of them."""


class WithFaults(Protocol):
    """Scenario, as far as its faults are concerned."""

    @property
    def faults(self) -> tuple[dict[str, Any], ...]:
        """The faults as they are written."""

    @property
    def symbol_names(self) -> tuple[str, ...]:
        """The names of the symbols; none if they are those of a recording."""


def standing_faults(scenario: WithFaults) -> tuple[Fault, ...]:
    """Return the faults that are in force on every connection from the beginning."""
    return tuple(_read(table, "fault") for table in scenario.faults if "plan" not in table)


def fault_plans(scenario: WithFaults) -> Mapping[str, Sequence[Fault]]:
    """Return the faults of each plan by its name."""
    plans: dict[str, list[Fault]] = {}
    for table in scenario.faults:
        if "plan" in table:
            plans.setdefault(table["plan"], []).append(_read(table, "fault"))
    return plans


def fault_problems(scenario: WithFaults) -> Iterator[Problem]:
    """Yield every mistake in the faults of a scenario."""
    symbols = scenario.symbol_names
    for index, table in enumerate(scenario.faults):
        where = f"faults[{index}]"
        plan = table.get("plan")
        if plan is not None and not (isinstance(plan, str) and PLAN.fullmatch(plan)):
            yield Problem(f"{where}.plan", "is no name for a plan", "1 to 64 of A-Z a-z 0-9 . _ -")
        try:
            fault = _read(table, where)
            # A recording has its own symbols, which are known once it is opened.
            check_names([fault], CHANNELS, symbols or (fault.symbol or "",), where)
        except FaultError as error:
            yield Problem(error.field, _lowered(str(error)), error.hint)


def _read(table: Mapping[str, Any], where: str) -> Fault:
    document = {name: _text(value) for name, value in table.items() if name != "plan"}
    return read_fault(document, where)


def _text(value: Any) -> Any:
    """Return a value as JSON has it: TOML has dates and times of its own."""
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


@lru_cache(maxsize=1)
def fault_schema() -> dict[str, Any]:
    """Return the JSON Schema of the list of faults: one object for each kind."""
    plan = {"type": "string", "pattern": f"^{PLAN.pattern}$", "description": "only for clients that name this plan"}
    kinds = []
    for name, kind in FAULTS.items():
        schema = kind.model_json_schema(by_alias=True)
        properties = {"kind": {"const": name}, "plan": plan} | {
            key: _inlined(about, schema.get("$defs", {}))
            for key, about in schema["properties"].items()
            if key != "kind"
        }
        kinds.append(
            {
                "type": "object",
                "description": kind.summary,
                "properties": properties,
                "required": ["kind", *schema.get("required", ())],
                "additionalProperties": False,
            }
        )
    return {"type": "array", "maxItems": 256, "items": {"oneOf": kinds}}


def _inlined(about: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a part of a schema without references to the definitions beside it."""
    if isinstance(about, list):
        return [_inlined(each, definitions) for each in about]
    if not isinstance(about, dict):
        return about
    if "$ref" in about:
        kept = definitions[about["$ref"].rpartition("/")[2]]
        return {key: value for key, value in {**kept, **about}.items() if key not in ("$ref", "title")}
    return {key: _inlined(value, definitions) for key, value in about.items() if key != "title"}
