"""Texts about settings: names of options, ranges and defaults as users write them."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator, ByteSize
from pydantic.fields import FieldInfo

from feed.service.settings import REPEATED, ServeSettings
from feed.units import DAY, HOUR, MICROSECOND, MILLISECOND, SECOND

__all__ = ["default_text", "option_name", "range_text"]


def option_name(field: str) -> str:
    """Return the command line's name of a setting: `--max-message-size`; a repeated one is in the singular."""
    name = field.removesuffix("s") if field in REPEATED else field
    return "--" + name.replace("_", "-")


def range_text(field: str) -> str:
    """Return the allowed values of a setting, such as `100ms to 1h`; empty if its parser's own message gives them."""
    info = ServeSettings.model_fields[field]
    bounds: list[Any] = [getattr(item, name) for name in ("ge", "le") for item in info.metadata if hasattr(item, name)]
    if len(bounds) != 2:
        return ""
    return " to ".join(_with_unit(bound, info) for bound in bounds)


def default_text(field: str) -> str:
    """Return a setting's default as users write it, such as `default 10s`; empty if there is none."""
    info = ServeSettings.model_fields[field]
    value = info.default
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"default {', '.join(value)}"
    return f"default {value if isinstance(value, str) else _with_unit(value, info)}"


def _with_unit(value: float, info: FieldInfo) -> str:
    if info.annotation is ByteSize:
        return ByteSize(value).human_readable(separator=" ").replace(".0 ", " ")
    if isinstance(value, int) and any(isinstance(item, BeforeValidator) for item in info.metadata):
        return _short_duration(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short_duration(nanoseconds: int) -> str:
    units = (("d", DAY), ("h", HOUR), ("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND))
    for name, unit in units:
        if nanoseconds >= unit and nanoseconds % unit == 0:
            return f"{nanoseconds // unit}{name}"
    return f"{nanoseconds}ns" if nanoseconds else "0"
