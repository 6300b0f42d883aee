"""The kinds of value that a scenario file has, each read from what a person writes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from feed.errors import UsageError
from feed.units import DAY, SECOND, parse_duration, parse_step, parse_time

__all__ = ["Anchor", "Duration", "Extent", "Factor", "Instant", "Length", "Percent", "Step", "reads"]

PERCENT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*%")

Anchor = Literal["scenario", "now"] | int
"""What the first timestamp is: the scenario's own date, the moment the market opens, or a time in ns UTC."""


def reads(parse: Callable[[Any], object]) -> BeforeValidator:
    """A validator out of a parser of ours, whose errors pydantic would let through."""

    def read(value: Any) -> object:
        try:
            return parse(value)
        except UsageError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(read)


def _read_percent(value: Any) -> float:
    found = PERCENT.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 32 else None
    if found is None:
        shown = repr(value)[:40]
        raise UsageError(f'{shown} is not a percentage; write it in quotes and with its sign, like "-8%"')
    number = float(found[1]) / 100
    if not math.isfinite(number):
        raise UsageError("that percentage is out of reach")
    return number


def _schema(kind: list[str], examples: list[Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": kind[0] if len(kind) == 1 else kind, "examples": examples})


Duration = Annotated[int, reads(parse_duration), _schema(["string", "number"], ["90s", "1h30m", "00:10:00"])]
"""Nanoseconds; written as text with a unit, or as seconds."""


def _read_extent(value: Any) -> object:
    return value if value == "endless" else parse_duration(value)


Extent = Annotated[
    int | Literal["endless"],
    reads(_read_extent),
    WithJsonSchema({"type": ["string", "number"], "examples": ["endless", "1h30m"]}),
]
"""A duration, or endless."""

Length = Annotated[
    Duration, Field(ge=SECOND, le=3660 * DAY), _schema(["string", "number"], ["90s", "1h30m", "00:10:00"])
]
"""A duration of at least a second and at most ten years."""

Instant = Annotated[int, reads(parse_time), _schema(["string"], ["2025-01-06T00:00:00Z"])]
"""Nanoseconds since the Unix epoch; written as an ISO 8601 time or as TOML's own."""

Percent = Annotated[float, reads(_read_percent), _schema(["string"], ["-8%", "3.4%"])]
"""A fraction; written as text with a percent sign."""

Step = Annotated[Decimal, reads(parse_step), _schema(["number", "string"], [0.01])]
"""An exact decimal."""

Factor = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False, strict=False)]
"""A multiple of what the market has without it."""
