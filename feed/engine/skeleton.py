"""The first layer: volatility, activity and price of each minute, readable at any minute without the past.

Model: a log-normal cascade. Log volatility and log activity are sums of independent normals that are constant on
nested grids of 1 to 4096 minutes, so both cluster on every scale from minutes to days (a discrete form of the
multifractal random walk of Bacry, Delour and Muzy, 2001). Volatility also rises after a trend (the feedback that
Zumbach, 2010, measured), and rare jumps are added. All of it is a function of the minute's number and the seed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from feed.engine.timeline import Timeline
from feed.randomness import Stream, exp2, normal, uniform
from feed.scenario.model import Scenario, SymbolModel
from feed.units import MINUTE

__all__ = ["FIXED", "Skeleton"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIXED = 40
"""Log2 prices are summed as integers with so many binary places: a sum of floats depends on how it is grouped."""

MINUTES_A_DAY = 1440
GRIDS = (1, 4, 16, 64, 256, 1024, 4096)
SHARED = (0.14, 0.20, 0.22, 0.24, 0.26, 0.22, 0.18)
"""What volatility and activity have in common: standard deviation of log2 on each grid."""
VOLATILITY_ONLY = {1: 0.24, 16: 0.22, 256: 0.22}
ACTIVITY_ONLY = {4: 0.30, 64: 0.20}
TREND = (15, 120)
TREND_WEIGHT = 0.22
JUMP_CHANCE = 1 / 3000
JUMP_SIZE = 9.0

# Relative activity by hour of the day, UTC: quiet near 03 h, busiest near 15 h. Volatility goes with its square root.
HOURS = (
    0.92, 0.84, 0.76, 0.70, 0.72, 0.76, 0.82, 0.92, 1.00, 1.00, 0.98, 1.00,
    1.10, 1.30, 1.50, 1.58, 1.50, 1.36, 1.22, 1.12, 1.08, 1.04, 1.00, 0.96,
)  # fmt: skip
WEEKEND = 0.66


class Skeleton:
    """The minutes of one symbol.

    Args:
        scenario: the market's character and its timeline.
        symbol: the instrument.
        seed: the market's seed.
    """

    def __init__(self, scenario: Scenario, symbol: SymbolModel, seed: int, timeline: Timeline) -> None:
        self._market = scenario.market
        self._symbol = symbol
        self._seed = seed
        self._timeline = timeline
        self._start_minute = scenario.start // MINUTE
        self._start_ticks = float(symbol.start_price / symbol.tick_size)
        self._day = lru_cache(maxsize=16)(self._make_day)
        self._closes: dict[int, int] = {}

    def activity(self, minutes: Ints) -> Floats:
        """Orders a second, for each of consecutive minutes, before the phases' factors."""
        log = self._shared(minutes) + self._grids("activity", ACTIVITY_ONLY, minutes)
        spread = sum(w * w for w in (*SHARED, *ACTIVITY_ONLY.values()))
        # The mean of 2 ** normal is above 1; that is taken out, so that the rate is what the scenario says.
        mean = spread * 0.6931471805599453 / 2
        surprise = np.abs(self._shock(minutes))
        boost = 0.55 + 0.45 * np.minimum(surprise, 6.0) * 1.2533
        return exp2(log - mean) * boost * self._season(minutes) * self._market.orders_per_second

    def prices(self, first: int, count: int) -> Ints:
        """The price in ticks at the beginning of minute `first` and at the end of it and the `count - 1` next ones."""
        logs = self._log_prices(first, count)
        ticks = exp2(logs.astype(np.float64) / 2.0**FIXED) * self._start_ticks
        return np.maximum(np.floor(np.clip(ticks, 2.0, 1e15) + 0.5).astype(np.int64), 2)

    def sigma(self, minutes: Ints) -> Floats:
        """Standard deviation of the minute's return (natural log), without its jump."""
        log = self._shared(minutes) + self._grids("volatility", VOLATILITY_ONLY, minutes)
        spread = sum(w * w for w in (*SHARED, *VOLATILITY_ONLY.values()))
        typical = self._market.daily_volatility / np.sqrt(float(MINUTES_A_DAY))
        scale = exp2(log - spread * 0.6931471805599453) * typical
        result: Floats = scale * np.sqrt(self._season(minutes)) * self._timeline.volatility(minutes)
        return result

    def _log_prices(self, first: int, count: int) -> Ints:
        """log2(price / start price), in fixed point, at `count + 1` edges of minutes."""
        day, offset = divmod(first, MINUTES_A_DAY)
        logs = np.empty(count + 1, np.int64)
        logs[0] = self._open_of(day) + (self._day(day)[offset - 1] if offset else 0)
        filled = 1
        while filled <= count:
            part = self._day(day)[offset : offset + count + 1 - filled]
            logs[filled : filled + len(part)] = part + self._open_of(day)
            filled += len(part)
            day, offset = day + 1, 0
        return logs

    def _open_of(self, day: int) -> int:
        """log2 price at the beginning of a day, in fixed point; 0 at the scenario's start."""
        anchor, offset = divmod(self._start_minute, MINUTES_A_DAY)
        if not self._closes:
            self._closes[anchor] = -int(self._day(anchor)[offset - 1]) if offset else 0
        known = min(self._closes, key=lambda other: abs(other - day))
        while known < day:
            self._closes[known + 1] = self._closes[known] + int(self._day(known)[-1])
            known += 1
        while known > day:
            self._closes[known - 1] = self._closes[known] - int(self._day(known - 1)[-1])
            known -= 1
        return self._closes[day]

    def _make_day(self, day: int) -> Ints:
        """The sum of the returns of a day up to each of its minutes, in fixed point."""
        minutes = np.arange(day * MINUTES_A_DAY, (day + 1) * MINUTES_A_DAY, dtype=np.int64)
        returns = self._returns(minutes)
        fixed = np.floor(returns * (2.0**FIXED * 1.4426950408889634) + 0.5).astype(np.int64)
        drift = np.floor(self._timeline.drift(minutes) * 2.0**FIXED + 0.5).astype(np.int64)
        return np.cumsum(fixed + drift)

    def _returns(self, minutes: Ints) -> Floats:
        """The natural log return of each minute, without the script's drift."""
        sigma = self.sigma(minutes) * self._trend_factor(minutes)
        result: Floats = sigma * (self._shock(minutes) + self._jumps(minutes)) - sigma * sigma / 2.0
        return result

    def _shock(self, minutes: Ints) -> Floats:
        """The minute's standard normal: a part that all symbols share and a part of its own."""
        share = self._market.correlation
        own = normal(self._stream("return").words(int(minutes[0]), len(minutes)))
        if share == 0:
            return own
        common = normal(Stream(self._seed, "common return").words(int(minutes[0]), len(minutes)))
        result: Floats = common * np.sqrt(share) + own * np.sqrt(1.0 - share)
        return result

    def _jumps(self, minutes: Ints) -> Floats:
        stream = self._stream("jump")
        words = stream.words(2 * int(minutes[0]), 2 * len(minutes))
        happens = uniform(words[0::2]) < JUMP_CHANCE
        return np.where(happens, normal(words[1::2]) * JUMP_SIZE, 0.0)

    def _trend_factor(self, minutes: Ints) -> Floats:
        """Volatility is higher after a trend; the trend is that of the shocks alone, so no past state is needed."""
        longest = max(TREND)
        before = np.arange(int(minutes[0]) - longest, int(minutes[-1]) + 1, dtype=np.int64)
        steps = np.floor(self._shock(before) * 2.0**FIXED).astype(np.int64)
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])
        factor = np.full(len(minutes), 1.0 - TREND_WEIGHT * len(TREND))
        for length in TREND:
            trend = sums[longest : longest + len(minutes)] - sums[longest - length : longest - length + len(minutes)]
            scaled = trend.astype(np.float64) / 2.0**FIXED / np.sqrt(float(length))
            # A slight minus sign: after a fall volatility rises a little more than after a rise.
            factor += TREND_WEIGHT * (np.abs(scaled) * 1.2533 - 0.1 * scaled)
        result: Floats = np.maximum(factor, 0.2)
        return result

    def _shared(self, minutes: Ints) -> Floats:
        return self._grids("shared", dict(zip(GRIDS, SHARED, strict=True)), minutes)

    def _grids(self, name: str, weights: dict[int, float], minutes: Ints) -> Floats:
        """The sum over grids of a normal that is constant on each of their cells."""
        total = np.zeros(len(minutes))
        for size, weight in weights.items():
            cells = minutes // size
            first, last = int(cells[0]), int(cells[-1])
            values = normal(self._stream(f"{name} {size}").words(first, last - first + 1))
            total += weight * values[cells - first]
        return total

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

    def _stream(self, name: str) -> Stream:
        return Stream(self._seed, f"{self._symbol.symbol} {name}")
