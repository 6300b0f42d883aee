"""Numbers with units: durations, market times, speeds, bytes, and decimal steps as exact integers.

All times are integer nanoseconds; an instant counts from the Unix epoch, UTC. All texts parsed here are user
input, so each error quotes the input and shows a valid value.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from feed.errors import UsageError

__all__ = [
    "DAY",
    "HOUR",
    "KIB",
    "MAX_SEED",
    "MAX_SPEED",
    "MIB",
    "MICROSECOND",
    "MILLISECOND",
    "MINUTE",
    "SECOND",
    "decimal_places",
    "format_duration",
    "format_time",
    "parse_duration",
    "parse_speed",
    "parse_step",
    "parse_time",
]

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

KIB = 1024
MIB = 1024 * KIB

MAX_SEED = 2**53 - 1
"""Largest seed, the largest integer that a browser reads exactly; the status event shows the seed."""

MAX_SPEED = math.inf
"""Speed of a market that is paced by its subscribers and not by a clock."""

_UNITS = {
    "ns": 1,
    "us": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "min": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|ms|s|min|m|h|d|w)")
_CLOCK = re.compile(r"(?:(\d+)d\s*)?(\d{1,3}):([0-5]\d):([0-5]\d(?:\.\d{1,9})?)")
_MAX_NS = 2**62


def _scaled(text: str, unit: int) -> int:
    return int(Decimal(text) * unit)


def parse_duration(value: str | int | float | timedelta) -> int:
    """Return the nanoseconds of a duration such as `90`, `"90s"`, `"1h30m"`, `"500ms"`, `"7d"` or `"00:10:00"`.

    A bare number means seconds.

    Raises:
        UsageError: if the value is none of these, negative, or longer than a century.
    """
    nanoseconds: int | None = None
    if isinstance(value, timedelta):
        nanoseconds = (value.days * 86_400 + value.seconds) * SECOND + value.microseconds * MICROSECOND
    elif isinstance(value, bool):
        pass
    elif isinstance(value, int):
        nanoseconds = value * SECOND
    elif isinstance(value, float):
        nanoseconds = _scaled(repr(value), SECOND) if math.isfinite(value) else None
    elif isinstance(value, str) and len(value) <= 64:
        nanoseconds = _duration_text(value.strip())
    if nanoseconds is None or not 0 <= nanoseconds < _MAX_NS:
        raise UsageError(f"{_shown(value)} is not a duration; write it like 90s, 1h30m, 7d or 00:10:00")
    return nanoseconds


def _duration_text(text: str) -> int | None:
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = clock.groups()
        whole = int(days or 0) * DAY + int(hours) * HOUR + int(minutes) * MINUTE
        return whole + _scaled(seconds, SECOND)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return _scaled(text, SECOND)
    if not text or _PART.sub("", text).strip():
        return None
    return sum(_scaled(number, _UNITS[unit]) for number, unit in _PART.findall(text))


def format_duration(nanoseconds: int) -> str:
    """Format a duration as `00:10:00`, with milliseconds if not zero and with days if longer than one day."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    days, left = divmod(left, DAY)
    hours, left = divmod(left, HOUR)
    minutes, left = divmod(left, MINUTE)
    seconds, left = divmod(left, SECOND)
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    if left // MILLISECOND:
        text += f".{left // MILLISECOND:03d}"
    return f"{sign}{days}d {text}" if days else sign + text


def parse_time(value: str | datetime | date) -> int:
    """Return the nanoseconds since the Unix epoch of an ISO 8601 time; a time without an offset is UTC.

    Raises:
        UsageError: if the value is not a time.
    """
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, str) and len(value) <= 64:
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    if moment is None:
        raise UsageError(f"{_shown(value)} is not a time; write it like 2025-01-06T14:30:00Z")
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * MICROSECOND


def format_time(nanoseconds: int) -> str:
    """Format a time as ISO 8601 in UTC with milliseconds: `2025-01-06T14:30:00.000Z`."""
    seconds, rest = divmod(nanoseconds, SECOND)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // MILLISECOND:03d}Z"


def parse_speed(value: str | int | float) -> float:
    """Return a market's speed: market seconds per real second, from 0.1 to 1000, or `max` (`MAX_SPEED`).

    Raises:
        UsageError: if the value is neither.
    """
    if isinstance(value, str) and value.strip().lower() == "max":
        return MAX_SPEED
    try:
        speed = float(value)
    except (TypeError, ValueError, OverflowError):
        speed = math.nan
    if isinstance(value, bool) or not 0.1 <= speed <= 1000:
        raise UsageError(f"{_shown(value)} is not a speed; use 0.1 to 1000, or max")
    return speed


def parse_step(value: str | int | float | Decimal) -> Decimal:
    """Return a tick or lot size as an exact decimal. A float is read by its shortest text, so 0.01 is exactly 0.01.

    Raises:
        UsageError: if the value is not a positive number (at most 10**9) with at most 12 decimals.
    """
    try:
        step = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        step = Decimal(0)
    if isinstance(value, bool) or not step.is_finite() or not 0 < step <= 10**9 or decimal_places(step) > 12:
        raise UsageError(f"{_shown(value)} is not a positive number of at most 12 decimals, such as 0.01")
    return step.normalize()


def decimal_places(step: Decimal) -> int:
    """The number of decimals needed to write `step` exactly."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
