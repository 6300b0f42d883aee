"""First layer: volatility and activity of each minute, readable at any minute without the past.

Model: a log-normal cascade. Log volatility and log activity are sums of independent normals that are constant on
nested grids of 1 to 4096 minutes, so both cluster on every scale from minutes to days (a discrete form of the
multifractal random walk of Bacry, Delour and Muzy, 2001). Volatility also rises after a trend (the feedback that
Zumbach, 2010, measured), and rare jumps are added. All of it is a function of the minute's number and the seed; the
script of a scenario comes on top, so an event changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from feed.engine.timeline import FIXED
from feed.randomness import RandomStream, exp2, normal, normals, uniform
from feed.scenario.model import MarketModel, SymbolModel

__all__ = ["HEAT_SQUARE", "Minutes", "waves"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = TypeVar("Column", np.float64, np.int64)

MINUTES_A_DAY = 1440
LOG2_E = 1.4426950408889634
UNIT = 2.0**FIXED * LOG2_E
"""Fixed-point units of log2 in one unit of the natural logarithm."""
LN2 = 0.6931471805599453
MEAN_ABS = 1.2533141373155003
"""Reciprocal of the mean absolute value of a standard normal."""

FINEST = 256
"""Number of normals of the longest windows: they are drawn for several cells at once."""
SUM_BITS = 32

KEPT_DAYS = 32
"""Number of stretches for which the parts common to all symbols are kept."""

# Standard deviations of log2, by the grid's cell length in minutes.
SHARED = {1: 0.16, 4: 0.20, 16: 0.22, 64: 0.28, 256: 0.30, 1024: 0.24, 4096: 0.18}
VOLATILITY_ONLY = {1: 0.30, 4: 0.20, 16: 0.26, 64: 0.22, 256: 0.28, 1024: 0.16}
ACTIVITY_ONLY = {4: 0.16, 64: 0.16}
HEAT_SQUARE = sum(weight * weight for weights in (SHARED, VOLATILITY_ONLY) for weight in weights.values())
"""Variance of log2 of the volatility, without its part that changes over months."""
YEARS = {16_384: 0.30, 65_536: 0.30, 262_144: 0.30}
"""Windows of weeks and months, common to all symbols: calm times and wild ones."""
ACTIVITY_SHARE = 0.7
"""Share of the shared part that goes into activity; all of it goes into volatility."""

TREND = (15, 45)
TREND_WEIGHT = 0.30
LEVERAGE = 0.1
JUMP_CHANCE = 1 / 2000
JUMP_SIZE = 8.0
QUIET_BOOST, MOVE_BOOST = 0.60, 0.40

# Relative activity by hour of the day, UTC: quiet near 03 h, busiest near 15 h. Volatility goes with its square root.
HOURS = (
    0.92, 0.82, 0.72, 0.66, 0.68, 0.72, 0.80, 0.92, 1.00, 1.00, 0.98, 1.00,
    1.12, 1.36, 1.62, 1.72, 1.60, 1.40, 1.22, 1.12, 1.06, 1.02, 1.00, 0.96,
)  # fmt: skip
WEEKEND = 0.62


@dataclass(frozen=True, slots=True)
class _Day:
    """Values of each minute of a day; see the methods of `Minutes`."""

    activity: Floats
    sigma: Floats
    heat: Floats
    changes: Ints


class Minutes:
    """Minutes of one symbol, counted from the Unix epoch; they are made and cached a day at a time.

    Args:
        market: the market's character.
        symbol: the instrument.
        seed: the market's seed.
        start: the minute at which the scenario starts.
    """

    def __init__(self, market: MarketModel, symbol: SymbolModel, seed: int, start: int) -> None:
        self._market = market
        self._symbol = symbol.symbol
        self._volatility = symbol.daily_volatility or market.daily_volatility
        self._rate = (symbol.orders_per_second or market.orders_per_second) * market.activity
        self._seed = seed
        self._day = lru_cache(maxsize=2)(self._make_day)
        self._totals: dict[int, int] = {}
        self._years_before = float(self._years(start, 1)[0])

    def activity(self, first: int, count: int) -> Floats:
        """Return the orders per second in each of `count` minutes."""
        return self._stretch(lambda day: day.activity, first, count)

    def sigma(self, first: int, count: int) -> Floats:
        """Return the standard deviation of each minute's return (natural log), without its jump."""
        return self._stretch(lambda day: day.sigma, first, count)

    def deviations(self, first: int, count: int) -> Floats:
        """Return `sigma` in units of `changes`."""
        return self.sigma(first, count) * UNIT

    def heat(self, first: int, count: int) -> Floats:
        """Return log2 of each minute's volatility, relative to the usual one."""
        return self._stretch(lambda day: day.heat, first, count)

    def changes(self, first: int, count: int) -> Ints:
        """Return each minute's change of log2 of the price, in fixed point."""
        return self._stretch(lambda day: day.changes, first, count)

    def day_changes(self, day: int) -> Ints:
        """Return the changes of the minutes of a day."""
        return self._day(day).changes

    def day_change(self, day: int) -> int:
        """Return the change of a whole day; it is kept."""
        total = self._totals.get(day)
        if total is None:
            total = self._totals[day] = int(self.day_changes(day).sum())
        return total

    def _stretch(self, column: Callable[[_Day], NDArray[Column]], first: int, count: int) -> NDArray[Column]:
        day, offset = divmod(first, MINUTES_A_DAY)
        parts = [column(self._day(day))[offset : offset + count]]
        while (missing := count - sum(map(len, parts))) > 0:
            day += 1
            parts.append(column(self._day(day))[:missing])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _make_day(self, day: int) -> _Day:
        minutes = np.arange(day * MINUTES_A_DAY, (day + 1) * MINUTES_A_DAY, dtype=np.int64)
        shared, shock, season = self._shared(minutes), self._shock(minutes), self._season(minutes)
        heat = shared + grids(self._stream, "volatility", VOLATILITY_ONLY, minutes)
        sigma = self._sigma(heat, season)
        returns = sigma * self._trend_factor(minutes) * (shock + self._jumps(minutes)) - sigma * sigma / 2.0
        changes = np.floor(np.clip(returns, -1.0, 1.0) * UNIT + 0.5).astype(np.int64)
        return _Day(self._activity(minutes, shared, season, shock), sigma, heat, changes)

    def _activity(self, minutes: Ints, shared: Floats, season: Floats, shock: Floats) -> Floats:
        log = ACTIVITY_SHARE * shared + grids(self._stream, "activity", ACTIVITY_ONLY, minutes)
        spread = ACTIVITY_SHARE * ACTIVITY_SHARE * _square(SHARED) + _square(ACTIVITY_ONLY)
        # The mean of 2 ** normal is above 1; this excess is removed, so that the rate is the scenario's.
        boost = QUIET_BOOST + MOVE_BOOST * MEAN_ABS * np.minimum(np.abs(shock), 6.0)
        result: Floats = exp2(log - spread * (LN2 / 2.0)) * boost * season * self._rate
        return result

    def _sigma(self, heat: Floats, season: Floats) -> Floats:
        mean = HEAT_SQUARE * LN2
        typical = self._volatility / float(np.sqrt(float(MINUTES_A_DAY)))
        result: Floats = exp2(heat - mean) * typical * np.sqrt(season)
        return result

    def _shock(self, minutes: Ints) -> Floats:
        """Return each minute's standard normal: a part common to all symbols and a part of this symbol alone."""
        own = normal(self._stream("return").words(int(minutes[0]), len(minutes)))
        return self._mixed(_common_shock(self._seed, int(minutes[0]), len(minutes)), own)

    def _mixed(self, common: Floats, own: Floats) -> Floats:
        share = self._market.correlation
        result: Floats = common * float(np.sqrt(share)) + own * float(np.sqrt(1.0 - share))
        return result

    def _jumps(self, minutes: Ints) -> Floats:
        words = self._stream("jump").words(2 * int(minutes[0]), 2 * len(minutes))
        happens = uniform(words[0::2]) < JUMP_CHANCE
        return np.where(happens, normal(words[1::2]) * JUMP_SIZE, 0.0)

    def _trend_factor(self, minutes: Ints) -> Floats:
        """Return the volatility factor after a trend; the trend is of the shocks alone, so no past state is needed."""
        longest = max(TREND)
        before = np.arange(int(minutes[0]) - longest, int(minutes[-1]) + 1, dtype=np.int64)
        steps = np.floor(self._shock(before) * 2.0**FIXED).astype(np.int64)
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])
        factor = np.full(len(minutes), 1.0 - TREND_WEIGHT * len(TREND))
        for length in TREND:
            trend = sums[longest : longest + len(minutes)] - sums[longest - length : longest - length + len(minutes)]
            scaled = trend.astype(np.float64) / 2.0**FIXED / float(np.sqrt(float(length)))
            # After a fall volatility rises a little more than after a rise.
            factor += TREND_WEIGHT * (np.abs(scaled) * MEAN_ABS - LEVERAGE * scaled)
        result: Floats = np.maximum(factor, 0.2)
        return result

    def _shared(self, minutes: Ints) -> Floats:
        own = grids(self._stream, "shared", SHARED, minutes)
        common = _common_heat(self._seed, int(minutes[0]), len(minutes))
        return self._mixed(common, own) + self._years(int(minutes[0]), len(minutes)) - self._years_before

    def _years(self, first: int, count: int) -> Floats:
        """Return the part of the log factors that changes over months; a scenario is what it says at its start."""
        return _years(self._seed, first, count)

    def _season(self, minutes: Ints) -> Floats:
        if not self._market.seasonality:
            return np.ones(len(minutes))
        of_day = minutes % MINUTES_A_DAY
        hour, part = of_day // 60, (of_day % 60).astype(np.float64) / 60.0
        table = np.array(HOURS)
        value = table[hour] * (1.0 - part) + table[(hour + 1) % 24] * part
        # The Unix epoch was a Thursday.
        weekend = (minutes // MINUTES_A_DAY + 3) % 7 >= 5
        return np.where(weekend, value * WEEKEND, value)

    def _stream(self, name: str) -> RandomStream:
        return RandomStream(self._seed, f"{self._symbol} {name}")


# Parts that all symbols of a market have in common, kept: a market of a hundred symbols asks a hundred times.


def _common(seed: int, name: str) -> RandomStream:
    return RandomStream(seed, f"* {name}")


@lru_cache(maxsize=KEPT_DAYS)
def _common_shock(seed: int, first: int, count: int) -> Floats:
    return normal(_common(seed, "return").words(first, count))


@lru_cache(maxsize=KEPT_DAYS)
def _common_heat(seed: int, first: int, count: int) -> Floats:
    minutes = np.arange(first, first + count, dtype=np.int64)
    return grids(partial(_common, seed), "shared", SHARED, minutes)


@lru_cache(maxsize=KEPT_DAYS)
def _years(seed: int, first: int, count: int) -> Floats:
    return waves(partial(_common, seed), "years", YEARS, first, count)


def waves(
    stream: Callable[[str], RandomStream], name: str, weights: Mapping[int, float], first: int, count: int
) -> Floats:
    """Sum moving averages of normals over windows of these lengths, for `count` cells from `first` on.

    Each has variance 1 before it is weighted, at every cell: unlike values that are constant on the cells of a grid,
    a moving average has no edges. Normals are summed in fixed point, so the result does not depend on `first`.
    """
    total = np.zeros(count)
    for length, weight in weights.items():
        step = max(1, length // FINEST)
        low, high = (first - length) // step, (first + count - 1) // step
        dice = normals(stream(f"{name} {length}").words(low // 2, (high - 2 * (low // 2)) // 2 + 1))
        dice = dice[low % 2 :][: high - low + 1]
        sums = np.cumsum(np.floor(dice * 2.0**SUM_BITS).astype(np.int64))
        window = length // step
        moved = (sums[window:] - sums[:-window]).astype(np.float64) * (weight / 2.0**SUM_BITS / float(np.sqrt(window)))
        if step == 1:
            total += moved[len(moved) - count :]
        else:
            total += moved.take((np.arange(first, first + count, dtype=np.int64) // step) - (high - len(moved) + 1))
    return total


def grids(stream: Callable[[str], RandomStream], name: str, weights: Mapping[int, float], cells: Ints) -> Floats:
    """Sum over grids a normal that is constant on each of their cells; `cells` never decrease."""
    total = np.zeros(len(cells))
    for size, weight in weights.items():
        grid = cells // size
        first, last = int(grid[0]), int(grid[-1])
        values = normal(stream(f"{name} {size}").words(first, last - first + 1))
        total += weight * values.take(grid - first)
    return total


def _square(weights: Mapping[int, float]) -> float:
    return sum(weight * weight for weight in weights.values())
