"""A classifier that tells generated markets from real ones: how well it does it is how far we are from them.

`python -m tests.realism.classifier` prints, for orders in windows of two minutes and for minute bars in windows of four
hours, the area under the curve of a forest on days or hours that it was not trained on, less one half (0: it guesses,
0.5: it always knows), and the features that tell most by themselves. Real data comes from the folder FEED_REAL_DATA.
The generated market is set to each file's price, rate and volatility.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feed.engine.source import EngineSource
from feed.importing.options import Options
from feed.realism.files import read_file
from feed.realism.scoreboard import fills_of
from feed.realism.statistics import autocorrelation, kurtosis, rank_correlation
from feed.realism.table import FillTable, MinuteBars, bars_of, merged
from feed.realism.twin import twin_of
from feed.scenario.load import scenario_from
from feed.units import HOUR, MINUTE, SECOND
from tests.support.real_data import FOLDER

__all__ = ["Verdict", "bar_features", "judge", "order_features"]

Floats = NDArray[np.float64]
Features = dict[str, float]

WINDOW = 2 * MINUTE
BARS = 240
SEEDS = (1, 2)
SESSIONS = {
    "binance_spot_btcusdt_20220115_00-06_trades.parquet": Options(),
    "bitfinex_btcusd_201803_201804_1m.parquet": Options(),
    "coinbase_btcusd_20260706_20260720_1m.csv.gz": Options(),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier found of one file: its distance, and that of the best features alone."""

    name: str
    windows: int
    distance: float
    alone: list[tuple[str, float, float, float]]


def order_features(fills: FillTable) -> Iterator[Features]:
    """Yield the features of each window with enough orders."""
    for start in range(int(fills.time[0]), int(fills.time[-1]) - WINDOW, WINDOW):
        lo, hi = np.searchsorted(fills.time, [start, start + WINDOW])
        if hi - lo >= 150:
            yield _orders_of(start, fills[lo:hi])


def _orders_of(start: int, fills: FillTable) -> Features:
    orders = merged(fills)
    gaps = np.diff(orders.time).astype(np.float64)
    change = np.diff(orders.price)
    scale = float(np.abs(change).mean()) or 1.0
    moved = change != 0
    second = (orders.time - start) // SECOND
    counts = np.bincount(second, minlength=120).astype(np.float64)
    volume = np.bincount(second, weights=orders.size, minlength=120)
    last = np.maximum(np.searchsorted(orders.time, start + np.arange(121) * SECOND) - 1, 0)
    r = np.diff(np.log(orders.price[last]))
    log = np.log(orders.size)
    return {
        "short gaps": float(np.mean(gaps < 0.05 * gaps.mean())),
        "variation of gaps": float(gaps.std() / gaps.mean()),
        "memory of gaps": autocorrelation(np.log(gaps + 1e6), 1),
        "spread of log size": float(log.std()),
        "memory of sizes": autocorrelation(log, 1),
        "later memory of sizes": autocorrelation(log, 5),
        "unchanged prices": float(np.mean(~moved)),
        "reversals": float(np.mean(np.sign(change[moved])[1:] != np.sign(change[moved])[:-1])),
        "kurtosis of changes": float(np.log(max(kurtosis(change), 0.1) + 3)),
        "memory of step sizes": autocorrelation(np.abs(change) / scale, 1),
        "size and change": rank_correlation(log[1:], np.abs(change)),
        "count memory": autocorrelation(counts, 1),
        "return and count": rank_correlation(np.abs(r), counts),
        "return and volume": rank_correlation(np.abs(r), volume.astype(np.float64)),
        "still seconds": float(np.mean(r == 0)),
        "memory of returns": autocorrelation(r, 1),
        "fano": float(np.log(counts.var() / counts.mean())),
    }


def bar_features(bars: MinuteBars) -> Iterator[Features]:
    """Yield the features of each window of bars."""
    for lo in range(0, len(bars.close) - BARS, BARS):
        yield _bars_of(bars.close[lo : lo + BARS], bars.volume[lo : lo + BARS])


def _bars_of(close: Floats, volume: Floats) -> Features:
    r = np.diff(np.log(close))
    absolute, log = np.abs(r) / (np.abs(r).mean() or 1.0), np.log(volume[1:] + 1e-6)
    quiet = np.argsort(absolute, kind="stable")[: BARS // 3]
    return {
        "spread of log volume": float(log.std()),
        "memory of volume": autocorrelation(log, 1),
        "later memory of volume": autocorrelation(log, 15),
        "return and volume": rank_correlation(absolute, log),
        "kurtosis": float(np.log(kurtosis(r) + 3)),
        "memory of |returns|": autocorrelation(absolute, 1),
        "memory of |returns| at 4": autocorrelation(absolute, 4),
        "memory of |returns| at 16": autocorrelation(absolute, 16),
        "memory of returns": autocorrelation(r, 1),
        "volume of quiet minutes": float(log[quiet].mean() - log.mean()),
        "spikes of volume": float(np.max(log) - np.median(log)),
        "smooth volume": autocorrelation(np.diff(log), 1),
    }


def generated(real: FillTable | MinuteBars, length: int, seed: int) -> FillTable:
    """The fills of a market that is set to a file."""
    source = EngineSource(scenario_from(twin_of(real), "twin"), seed)
    first = source.start + 10 * HOUR
    blocks = [fills_of(block, source.instruments[0]) for block in source.ticks(0, first, first + length)]
    columns: list[Any] = [
        np.concatenate([getattr(block, name) for block in blocks]) for name in ("time", "price", "size", "side")
    ]
    return FillTable(*columns)


def judge(name: str, real: FillTable | MinuteBars) -> Verdict:
    """Train on the first half of the real windows and on one seed, and test on the others."""
    if isinstance(real, MinuteBars):
        theirs = list(bar_features(real))
        made = [list(bar_features(bars_of(generated(real, 10 * 24 * HOUR, seed)))) for seed in SEEDS]
    else:
        theirs = list(order_features(real))
        made = [list(order_features(generated(real, 3 * HOUR, seed))) for seed in SEEDS]
    half = len(theirs) // 2
    names = list(theirs[0])
    train = _table(names, theirs[:half], made[0])
    test = _table(names, theirs[half:], made[1])
    return Verdict(name, len(theirs), _distance(train, test), _alone(names, train[0], train[1]))


Table = tuple[Floats, NDArray[np.int64]]


def _table(names: list[str], real: list[Features], made: list[Features]) -> Table:
    rows = np.array([[window[name] for name in names] for window in (*real, *made)])
    return np.nan_to_num(rows), np.repeat([1, 0], [len(real), len(made)])


def _distance(train: Table, test: Table) -> float:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    forest = RandomForestClassifier(200, min_samples_leaf=3, class_weight="balanced", random_state=0)
    forest.fit(*train)
    return float(roc_auc_score(test[1], forest.predict_proba(test[0])[:, 1])) - 0.5


def _alone(names: list[str], rows: Floats, real: NDArray[np.int64]) -> list[tuple[str, float, float, float]]:
    from sklearn.metrics import roc_auc_score

    found = [
        (name, abs(float(roc_auc_score(real, rows[:, column])) - 0.5), *_medians(rows[:, column], real))
        for column, name in enumerate(names)
    ]
    return sorted(found, key=lambda item: -item[1])


def _medians(values: Floats, real: NDArray[np.int64]) -> tuple[float, float]:
    return float(np.median(values[real == 1])), float(np.median(values[real == 0]))


def main() -> None:
    """Prints the tables."""
    for name, options in SESSIONS.items():
        path: Path = FOLDER / name
        if not path.is_file():
            sys.stdout.write(f"{name}: not in {FOLDER}\n")
            continue
        verdict = judge(name, read_file(path, options))
        sys.stdout.write(f"\n{name}: {verdict.windows} windows, distance {verdict.distance:.2f}\n")
        for feature, distance, real, made in verdict.alone:
            sys.stdout.write(f"  {feature:28} {distance:.2f}   real {real:8.3f}   ours {made:8.3f}\n")


if __name__ == "__main__":
    main()
