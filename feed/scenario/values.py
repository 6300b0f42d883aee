"""The kinds of value in a scenario file, each parsed from a person's spelling."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.fields import FieldInfo

from feed.errors import UsageError
from feed.units import (
    DAY,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    format_time,
    parse_duration,
    parse_step,
    parse_time,
)

__all__ = [
    "KIND",
    "Anchor",
    "Duration",
    "Extent",
    "Factor",
    "Instant",
    "Length",
    "Percent",
    "Step",
    "kind_of",
    "reads",
    "written",
]

KIND = "x-kind"
"""Key of a schema with the kind of spelling of a default; it is removed before an editor sees the schema."""

UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND), ("ns", 1))

PERCENT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*%")

Anchor = Literal["scenario", "now"] | int
"""Meaning of the first timestamp: the scenario's own date, the moment the market opens, or a time in ns UTC."""


def reads(parse: Callable[[Any], object]) -> BeforeValidator:
    """Return a validator for one of feed's parsers, whose UsageError it turns into an error that pydantic collects."""

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


def kind_of(field: FieldInfo) -> str:
    """Return the kind of spelling of a field's values; empty for plain numbers and texts."""
    known = [*field.metadata, *(item for part in get_args(field.annotation) for item in get_args(part))]
    schemas = [item.json_schema for item in known if isinstance(item, WithJsonSchema)]
    return next((str(schema[KIND]) for schema in reversed(schemas) if schema is not None and KIND in schema), "")


def written(kind: str, value: Any) -> Any:
    """Return a value in an author's spelling: a `duration`, a `time` or a `percent`; any other stays as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if kind in ("", "step"):
        return value
    if kind == "duration":
        name, unit = next((name, unit) for name, unit in UNITS if value % unit == 0 and (value or unit == SECOND))
        return f"{value // unit}{name}"
    if kind == "time":
        return format_time(int(value)).replace(".000Z", "Z")
    return f"{(Decimal(repr(value)) * 100).normalize():f}%"


def _schema(kind: str, types: list[str], examples: list[Any] | None = None, **more: Any) -> WithJsonSchema:
    shown = {"examples": examples} if examples else {}
    return WithJsonSchema({"type": types[0] if len(types) == 1 else types, **shown, KIND: kind, **more})


DURATION_PATTERN = (
    r"\s*((\d+(\.\d+)?\s*(ns|us|ms|s|min|m|h|d|w)\s*)+|\d+(\.\d+)?|(\d+d\s*)?\d{1,3}:[0-5]\d:[0-5]\d(\.\d{1,9})?)\s*"
)
_DURATION = _schema(
    "duration", ["string", "number"], ["90s", "1h30m", "00:10:00"], pattern=f"^{DURATION_PATTERN}$", minimum=0
)

Duration = Annotated[int, reads(parse_duration), _DURATION]
"""A duration in nanoseconds; written as text with a unit, or as seconds."""


def _read_extent(value: Any) -> object:
    if value == "endless":
        return value
    try:
        return parse_duration(value)
    except UsageError as error:
        raise UsageError(f"{error}, or endless") from None


Extent = Annotated[
    int | Literal["endless"],
    reads(_read_extent),
    _schema(
        "duration", ["string", "number"], ["endless", "1h30m"], pattern=f"^(endless|{DURATION_PATTERN})$", minimum=0
    ),
]
"""A duration, or `endless`."""

Length = Annotated[Duration, Field(ge=SECOND, le=3660 * DAY), _DURATION]
"""A duration of at least a second and at most ten years."""

Instant = Annotated[int, reads(parse_time), _schema("time", ["string"], ["2025-01-06T00:00:00Z"])]
"""A time in nanoseconds since the Unix epoch; written as an ISO 8601 time or as TOML's own."""

PERCENT_PATTERN = r"^\s*[+-]?\d+(\.\d+)?\s*%\s*$"
Percent = Annotated[float, reads(_read_percent), _schema("percent", ["string"], pattern=PERCENT_PATTERN)]
"""A fraction; written as text with a percent sign."""

Step = Annotated[Decimal, reads(parse_step), _schema("step", ["number", "string"])]
"""An exact decimal."""

Factor = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False, strict=False)]
"""A factor on the market's usual value, from 0.01 to 100."""
