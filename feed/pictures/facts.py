"""Picture of a market's facts: tails, memory, hours and sizes, and the place of each fact in its band."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feed.pictures.canvas import BAD, COLOURS, GOOD, GREY, figure
from feed.realism import statistics
from feed.realism.bands import BANDS
from feed.realism.bars import LAGS
from feed.realism.scoreboard import Fact
from feed.realism.table import FillTable, MinuteBars, bars_of, merged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Sample", "draw_facts"]

Floats = NDArray[np.float64]

MOST_FILLS = 400_000
SIGN_LAGS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


class Sample:
    """Data for the picture: the bars of all days that pass through, and the first fills."""

    def __init__(self) -> None:
        self._bars: list[MinuteBars] = []
        self.fills: FillTable | None = None

    def watch(self, days: Iterable[FillTable]) -> Iterator[FillTable]:
        """Yield the same days unchanged, collecting bars and fills."""
        for day in days:
            if len(day):
                self.add(bars_of(day))
                self.fills = day[:MOST_FILLS] if self.fills is None else self.fills
            yield day

    def add(self, bars: MinuteBars) -> None:
        """Append bars."""
        self._bars.append(bars)

    @property
    def bars(self) -> MinuteBars:
        """All bars, joined in order."""
        keys = ("minute", "close", "volume")
        return MinuteBars(
            *(np.concatenate([getattr(part, key) for part in self._bars] or [np.empty(0)]) for key in keys)
        )


def draw_facts(title: str, facts: Sequence[Fact], sample: Sample) -> Figure:
    """Draw the facts, 15 by 9 inches."""
    drawn = figure(15, 9)
    grid = drawn.add_gridspec(3, 3, width_ratios=[1, 1, 1.15])
    drawn.suptitle(title, fontsize=13)
    bars, fills = sample.bars, sample.fills
    r = np.diff(np.log(bars.close)) if len(bars) else np.empty(0)
    r = r[np.isfinite(r)]
    _tails(drawn.add_subplot(grid[0, 0]), r)
    _memory(drawn.add_subplot(grid[0, 1]), r)
    _hours(drawn.add_subplot(grid[1, 0]), bars)
    _signs(drawn.add_subplot(grid[1, 1]), fills)
    _sizes(drawn.add_subplot(grid[2, 0]), fills)
    _waits(drawn.add_subplot(grid[2, 1]), fills)
    _bands(drawn.add_subplot(grid[:, 2]), facts)
    return drawn


def _nothing(axes: Any, why: str) -> None:
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def _exceeded(values: Floats) -> tuple[Floats, Floats]:
    """Return each value with the share that is at least as large, thinned to visible points."""
    ordered = np.sort(values[values > 0])[::-1]
    share = np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    rows = np.unique(np.geomspace(1, max(len(ordered), 1), 400).astype(np.int64)) - 1
    return (ordered[rows], share[rows]) if len(ordered) else (ordered, share)


def _tails(axes: Any, r: Floats) -> None:
    axes.set_title("tails: returns of a minute")
    if len(r) < 100 or not r.std() > 0:
        _nothing(axes, "too few minutes")
        return
    x, share = _exceeded(np.abs(r - r.mean()) / r.std())
    axes.loglog(x, share, color=COLOURS[0], label="this market")
    chance = np.geomspace(0.1, 4.5, 60)
    axes.loglog(chance, _normal_tail(chance), color=GREY, ls="--", label="normal")
    start = float(np.quantile(np.abs(r - r.mean()) / r.std(), 0.95))
    far, band = np.geomspace(start, max(float(x[0]), start * 2), 30), BANDS["hill_1m"]
    steep, flat = (0.05 * (far / start) ** -power for power in (band.high, band.low))
    axes.fill_between(far, steep, flat, color=GOOD, alpha=0.2, lw=0, label="real tails")
    axes.set_ylim(max(0.3 / len(r), 1e-6), 1)
    axes.set_xlim(0.1, max(20.0, float(x[0]) * 1.2))
    axes.set_xlabel("absolute return, standard deviations")
    axes.set_ylabel("share that is larger")
    axes.legend(frameon=False, fontsize=8)


def _normal_tail(x: Floats) -> Floats:
    """Return P(|N| > x), by the bound of Chiani, which is within a few percent here."""
    result: Floats = 2 * (np.exp(-x * x / 2) / 12 + np.exp(-2 * x * x / 3) / 4)
    return np.minimum(result, 1.0)


def _memory(axes: Any, r: Floats) -> None:
    axes.set_title("memory: volatility and returns of minutes")
    lags = [lag for lag in LAGS if lag < len(r) // 2]
    if len(lags) < 3:
        _nothing(axes, "too few minutes")
        return
    axes.semilogx(lags, [statistics.autocorrelation(np.abs(r), lag) for lag in lags], "o-", ms=4, label="|return|")
    axes.semilogx(lags, [statistics.autocorrelation(r, lag) for lag in lags], "o-", ms=3, color=GREY, label="return")
    for lag, name in ((1, "acf_absr_1m_lag1"), (60, "acf_absr_1m_lag60")):
        axes.vlines(lag, BANDS[name].low, BANDS[name].high, color=GOOD, lw=7, alpha=0.3)
    axes.set_xlabel("lag, minutes")
    axes.set_ylabel("autocorrelation")
    axes.legend(frameon=False, fontsize=8)


def _hours(axes: Any, bars: MinuteBars) -> None:
    axes.set_title("the day: volume by hour")
    hour = bars.minute.astype(np.int64) // 60 % 24
    if len(np.unique(hour)) < 12:
        _nothing(axes, "less than half a day")
        return
    mean = np.array([bars.volume[hour == h].mean() if (hour == h).any() else np.nan for h in range(24)])
    axes.bar(range(24), mean / np.nanmean(mean), color=COLOURS[0], alpha=0.8)
    axes.axhline(1, color=GREY, lw=0.8)
    axes.set_xlabel("hour of the day, UTC")
    axes.set_ylabel("volume, multiples of the mean")


def _signs(axes: Any, fills: FillTable | None) -> None:
    axes.set_title("memory: sides of orders")
    orders = None if fills is None else merged(fills)
    if orders is None or orders.side is None or len(orders) < 500:
        _nothing(axes, "no sides of orders in the file" if fills is not None else "no trades in the file")
        return
    sign = orders.side.astype(np.float64)
    axes.semilogx(SIGN_LAGS, [statistics.autocorrelation(sign, lag) for lag in SIGN_LAGS], "o-", ms=4)
    band = BANDS["sign_acf_lag1"]
    axes.vlines(1, band.low, band.high, color=GOOD, lw=7, alpha=0.3)
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_xlabel("lag, orders")
    axes.set_ylabel("autocorrelation")


def _sizes(axes: Any, fills: FillTable | None) -> None:
    axes.set_title("sizes of trades")
    if fills is None or len(fills) < 100:
        _nothing(axes, "no trades in the file" if fills is None else "too few trades")
        return
    x, share = _exceeded(fills.size)
    axes.loglog(x, share, color=COLOURS[0])
    axes.set_xlabel("size, base currency")
    axes.set_ylabel("share that is larger")


def _waits(axes: Any, fills: FillTable | None) -> None:
    axes.set_title("waits between orders")
    waits = np.empty(0) if fills is None else np.diff(merged(fills).time) / 1e9
    if len(waits) < 100:
        _nothing(axes, "no trades in the file" if fills is None else "too few trades")
        return
    x, share = _exceeded(waits)
    axes.loglog(x, share, color=COLOURS[0], label="this market")
    axes.loglog(x, np.exp(-x / waits.mean()), color=GREY, ls="--", label="by chance (Poisson)")
    axes.set_ylim(0.3 / len(waits), 1.2)
    axes.set_xlabel("wait, s")
    axes.set_ylabel("share that is longer")
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _bands(axes: Any, facts: Sequence[Fact]) -> None:
    """Draw each fact between the ends of its band, at 0 and 1; values far outside are drawn at the edge."""
    axes.set_title("facts in the bands of real markets")
    known = [fact for fact in facts if fact.band is not None and np.isfinite(fact.value)]
    axes.axvspan(0, 1, color=GOOD, alpha=0.12, lw=0)
    for row, fact in enumerate(known):
        assert fact.band is not None
        width = fact.band.high - fact.band.low
        inside = (fact.value - fact.band.low) / width if width > 0 else 0.5 if fact.passed else 2.0
        place = min(max(inside, -0.45), 1.45)
        axes.plot(place, row, "o" if fact.passed else "X", color=GOOD if fact.passed else BAD, ms=7)
        axes.text(1.6, row, f"{fact.value:.3g}", va="center", fontsize=8)
    axes.set_yticks(range(len(known)), [fact.name for fact in known], fontsize=8)
    axes.set_ylim(len(known), -1)
    axes.set_xlim(-0.5, 1.95)
    axes.set_xticks([0, 1], ["lowest", "highest"])
    axes.set_xlabel("place in the band (value at the right)")
