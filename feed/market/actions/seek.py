"""`seek`: begin a new epoch at any market time, earlier or later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.errors import UsageError
from feed.market.actions.base import Action, Decision, Instant, Key, Lookahead
from feed.market.commands import CommandError
from feed.market.state import MarketState
from feed.protocol.codes import ErrorCode
from feed.units import MILLISECOND, format_duration, parse_duration, parse_time

__all__ = ["SEEK", "MarketTime", "read_market_time"]

MAX_MILLISECONDS = 2**62 // MILLISECOND


class MarketTime:
    """Market time as given by the client: absolute (as clients see it), into the scenario, or relative to now."""

    def __init__(self, written: str, base: str, nanoseconds: int) -> None:
        self._written = written
        self._base = base
        self._nanoseconds = nanoseconds

    def __str__(self) -> str:
        return self._written

    def resolve(self, instant: Instant) -> int:
        """Return the market time in ns, without the anchor."""
        bases = {"absolute": -instant.shift, "scenario": instant.start, "here": instant.here}
        return self._nanoseconds + bases[self._base]


def read_market_time(value: object) -> MarketTime:
    """Parse a time: 1736121600000 (ms), "2025-01-06T00:05:00Z", "+5m", "-30s", or "00:05:00" into the scenario."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise UsageError('write a time such as "00:05:00", "+5m" or "2025-01-06T00:05:00Z"')
    if value[0] in "+- ":
        # In a URL a plus sign that is not escaped arrives as a space.
        length = parse_duration(value[1:])
        return MarketTime(value.replace(" ", "+", 1), "here", -length if value[0] == "-" else length)
    if value.isascii() and value.isdigit() and len(value) >= 10:
        if int(value) > MAX_MILLISECONDS:
            raise UsageError(f"{value[:30]} is behind the end of time; milliseconds are expected")
        return MarketTime(value, "absolute", int(value) * MILLISECOND)
    if "-" in value:
        return MarketTime(value, "absolute", parse_time(value))
    return MarketTime(value, "scenario", parse_duration(value))


def _decide(state: MarketState, keys: Mapping[str, Any], instant: Instant, ahead: Lookahead) -> Decision:
    if "time" not in keys:
        raise CommandError(ErrorCode.INVALID_REQUEST, "seek needs a time", field="time", hint=DESCRIPTION)
    begins = keys["time"].resolve(instant)
    if begins < instant.start or (state.end is not None and begins >= state.end):
        length = "" if state.end is None else f" and ends {format_duration(state.end - instant.start)} later"
        message = f"{keys['time']} lies outside of the scenario"
        raise CommandError(ErrorCode.NOT_REACHED, message, field="time", hint=f"it begins at 00:00:00{length}")
    sought = ahead.opening(state.plan, begins).after(state)
    if state.moving:
        sought = sought.run(instant.now)
    return Decision(sought, instant.here)


DESCRIPTION = 'a time of the scenario ("00:05:00"), away from here ("+5m"), ISO 8601, or ms'

SEEK = Action(
    "seek",
    "Begin a new epoch at another market time: the bytes of a market that was opened there.",
    _decide,
    {"time": Key(read_market_time, DESCRIPTION)},
)
