"""Settings in the environment: `FEED_*` variables, without what a platform sets under the same names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from feed.hints import nearest
from feed.service.settings import ENV_PREFIX, ServeSettings

__all__ = ["doubtful_variables", "variables_of"]

MIN_SIMILARITY = 0.7
"""Similarity to a setting's name, from 0 to 1, from which on a variable counts as a misspelling."""

# Variables that Kubernetes and Docker set in every container for a service whose name begins with "feed".
_PLATFORM = re.compile(r"FEED(_\w+)?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")

_PLATFORM_PORT = re.compile(r"FEED(_\w+)?_PORT")

_PLATFORM_ADDRESS = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


def doubtful_variables() -> list[str]:
    """Return warnings of variables that are no settings but look like a misspelt one, each with the right name."""
    found = []
    for variable, text in sorted(os.environ.items()):
        name = variable.upper()
        if name.startswith(ENV_PREFIX) and not _is_setting(name) and not _is_platforms(name, text):
            near = nearest(name.removeprefix(ENV_PREFIX), ServeSettings.model_fields, cutoff=MIN_SIMILARITY)
            if near is not None:
                found.append(f"{variable} is no setting; did you mean {ENV_PREFIX}{near.upper()}?")
    return found


def variables_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings given as variables, by field name; of two that differ in case, the upper-case one."""
    found: dict[str, str] = {}
    for variable, text in sorted(environment.items()):
        name = variable.upper()
        if _is_setting(name) and not _is_platforms(name, text):
            found.setdefault(name.removeprefix(ENV_PREFIX).lower(), text)
    return found


def _is_setting(variable: str) -> bool:
    return variable.startswith(ENV_PREFIX) and variable.removeprefix(ENV_PREFIX).lower() in ServeSettings.model_fields


def _is_platforms(variable: str, text: str) -> bool:
    """Return True for a platform's service address: `FEED_PORT=tcp://10.0.0.1:8765` was not written by a user."""
    if _PLATFORM_PORT.fullmatch(variable) and _PLATFORM_ADDRESS.match(text):
        return True
    return _PLATFORM.fullmatch(variable) is not None
