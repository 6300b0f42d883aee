"""Reading of the settings from options and from the environment, with messages for bad ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from feed.errors import SettingsError
from feed.service.environment import variables_of
from feed.service.option_texts import option_name, range_text
from feed.service.settings import ENV_PREFIX, ServeSettings

__all__ = ["load_settings"]


def load_settings(options: Mapping[str, object] | None = None) -> ServeSettings:
    """Return the settings: each from the options, else from its `FEED_*` variable, else its default.

    Args:
        options: values by field name; None means not given.

    Raises:
        SettingsError: names each bad setting, its value and what is allowed. Unknown variables in the environment are
            ignored; `doubtful_variables` finds those that may be a misspelling.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    problems = [f"unknown option {option_name(name)}" for name in given if name not in ServeSettings.model_fields]
    if problems:
        raise SettingsError("\n".join(problems))
    told = {**variables_of(os.environ), **given}
    try:
        return ServeSettings(**told)
    except ValidationError as error:
        raise SettingsError("\n".join(_described(dict(item), given, told) for item in error.errors())) from None


def _described(item: dict[str, Any], given: Mapping[str, object], told: Mapping[str, object]) -> str:
    if not item["loc"]:
        return str(item["ctx"]["error"])
    field = str(item["loc"][0])
    variable = ENV_PREFIX + field.upper()
    name = option_name(field) if field in given else variable
    # The text as written: pydantic's own input is the parsed value.
    written = told.get(field, item["input"])
    shown = "" if field == "token" else f" {str(written)[:60]!r}"
    allowed = range_text(field)
    return f"{name}{shown}: {_reason(item)}" + (f"; allowed is {allowed}" if allowed else "")


def _reason(item: dict[str, Any]) -> str:
    own = item.get("ctx", {}).get("error")
    if isinstance(own, ValueError):
        return str(own)
    # The bounds of pydantic's own message are in nanoseconds or bytes.
    return "out of range" if item["type"] in ("greater_than_equal", "less_than_equal") else str(item["msg"])
