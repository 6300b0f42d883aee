"""Statuses in a recording, as changes that a replay plays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from feed.data.ticks import STATUSES, StatusChange
from feed.errors import failure
from feed.tape.columns import ReplayedRows
from feed.units import MILLISECOND

__all__ = ["read_statuses"]


def read_statuses(rows: ReplayedRows, symbols: list[str]) -> tuple[list[StatusChange], list[StatusChange]]:
    """Return the initial statuses, and the changes, in order of time."""
    opening: list[StatusChange] = []
    changes: list[StatusChange] = []
    for (channel, symbol, _), texts in rows.texts.items():
        if channel != "status":
            continue
        for time, kind, text in texts:
            snapshot = kind == "snapshot"
            try:
                change = _status_change(orjson.loads(text), time, snapshot=snapshot)
            except (KeyError, TypeError, ValueError) as error:
                raise failure(rows.path, f"status of {symbol}", f"{error} is missing or wrong") from None
            # A status without a symbol applies to the whole venue.
            of = [symbol] if symbol else symbols
            (opening if snapshot else changes).extend(replace(change, symbol=name) for name in of)
    return opening, sorted(changes, key=lambda change: change.time)


def _status_change(data: Any, time: int, *, snapshot: bool) -> StatusChange:
    """Translate a venue's status, perhaps in its own words, to ours."""
    status, reason = str(data["status"]), str(data.get("reason", ""))
    since = int(data["timestamp"]) * MILLISECOND if snapshot and "timestamp" in data else time
    if status not in STATUSES:
        # Such as post_only: nothing is traded as usual.
        status, reason = "halted", reason or status
    return StatusChange(since, "", status, reason, str(data.get("phase", "replay")))
