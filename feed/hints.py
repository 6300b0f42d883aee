"""Suggestions for misspelled names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(value: object, candidates: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the candidate closest to `value`, or None; a `cutoff` of 1 accepts only an equal name (ignoring case)."""
    if not isinstance(value, str):
        return None
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    found = difflib.get_close_matches(value[:64].casefold(), list(by_folded), n=1, cutoff=cutoff)
    return by_folded[found[0]] if found else None
