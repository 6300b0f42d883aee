"""Scenario as text in a URL: a draft is a whole scenario file, compressed, so that a link has all that it needs."""

from __future__ import annotations

import base64
import binascii
import zlib
from functools import lru_cache

from feed.errors import Problem, ScenarioError, UsageError
from feed.scenario.load import scenario_in
from feed.scenario.model import Scenario

__all__ = ["DRAFT", "MAX_DRAFT", "drafted_scenario", "is_draft", "load_draft", "pack_draft", "unpack_draft"]

DRAFT = "draft:"
"""Beginning of a scenario's name that is a draft itself."""

MAX_DRAFT = 256 * 1024
"""The most bytes of a draft's text."""

FILE_KEYS = ("include", "replay", "source")
"""Keys that name files, which a draft has none of."""


def pack_draft(text: str) -> str:
    """Return a scenario's text as it stands in a URL: compressed (raw DEFLATE), then base64url without padding."""
    squeezer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = squeezer.compress(text.encode()) + squeezer.flush()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def unpack_draft(packed: str) -> str:
    """Return the text of a draft. Raises `UsageError` for one that is damaged or too long."""
    try:
        raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        expander = zlib.decompressobj(-zlib.MAX_WBITS)
        text = expander.decompress(raw, MAX_DRAFT)
        if expander.unconsumed_tail or not expander.eof:
            is_long = len(text) >= MAX_DRAFT
            raise UsageError(f"a draft has at most {MAX_DRAFT} bytes" if is_long else "the draft is cut off")
        return text.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise UsageError("this is no draft: the text is compressed (raw DEFLATE) and written in base64url") from error


def load_draft(packed: str) -> Scenario:
    """Return the scenario of a draft.

    Raises:
        UsageError: the draft is damaged or too long.
        ScenarioError: the scenario has mistakes, each with its line; or it names files, which a draft cannot have.
    """
    scenario = scenario_in(unpack_draft(packed), "draft.toml")
    for key in FILE_KEYS:
        if getattr(scenario, key, None):
            hint = "save it as a file in the folder of --scenarios"
            raise ScenarioError("draft.toml", [Problem(key, "a draft cannot name other files", hint)])
    return scenario


def is_draft(name: str) -> bool:
    """Return whether a scenario's name is a draft."""
    return name.startswith(DRAFT)


@lru_cache(maxsize=32)
def drafted_scenario(name: str) -> Scenario:
    """Return the scenario of a name that is a draft; raises the same as `load_draft`."""
    return load_draft(name.removeprefix(DRAFT))
