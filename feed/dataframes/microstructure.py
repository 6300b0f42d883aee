"""Microstructure: pure functions of quotes, trades and books, each with its source.

A *quote frame* has a DatetimeIndex of UTC and the columns `bid`, `bid_size`, `ask`, `ask_size`, one row a change of the
touch: `quote_frame` makes one of a book, and `feed.scan(path, "quote")` reads recorded ones. A *book frame* is what
`RecordingData.book_frame` returns. Tick frames are those of `feed.dataframes`, and of one symbol.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feed.dataframes.quotes import quote_before
from feed.errors import UsageError
from feed.units import DAY, MILLISECOND, parse_duration

__all__ = [
    "book_imbalance",
    "micro_price",
    "order_flow_imbalance",
    "price_impact",
    "quote_frame",
    "response",
    "weighted_mid",
]

MAX_TERMS = 6
"""Further changes of the mid price that are summed; the terms fall fast."""

QUOTE = ("bid", "bid_size", "ask", "ask_size")

Floats = NDArray[np.float64]


def quote_frame(book: pd.DataFrame) -> pd.DataFrame:
    """Return the best bid and ask after each change of a book that has both, as a quote frame."""
    _one(book)
    best = book[book["level"] == 1]
    sides = [best[best["side"] == side] for side in ("bid", "ask")]
    # Several changes may have the same time: the last one stands.
    bid, ask = (side[~side.index.duplicated(keep="last")][["price", "size"]] for side in sides)
    frame = pd.concat([bid, ask], axis=1, join="inner").set_axis(pd.Index(QUOTE), axis=1)
    changed = (frame != frame.shift()).any(axis=1)
    return frame[changed]


def weighted_mid(quotes: pd.DataFrame) -> pd.Series:
    """Return the mid price weighted by the size of the other side: near the ask where the bid is the larger.

    It is the first approximation of the micro-price. Source: Gatheral and Oomen, Zero-intelligence realized variance
    estimation, 2010.
    """
    share = quotes["bid_size"] / (quotes["bid_size"] + quotes["ask_size"])
    return (share * quotes["ask"] + (1 - share) * quotes["bid"]).rename("weighted_mid")


def micro_price(quotes: pd.DataFrame, *, bins: int = 10, tick: float | None = None) -> pd.Series:
    """Return the micro-price: where the mid price is expected, given the imbalance and the spread of now.

    Estimated from the quotes themselves, which should be a few thousand: for each bin of the imbalance and each spread
    of one or two ticks, the mean of the next changes of the mid price. Wider spreads, and bins that never moved, keep
    the weighted mid. Source: Stoikov, The micro-price: a high-frequency estimator of future prices, 2018.

    Args:
        bins: bins of the imbalance, from 0 to 1.
        tick: the tick size; else the smallest difference of two prices.
    """
    if bins < 2:
        raise UsageError(f"bins is {bins}; it is a number of bins, 2 or more")
    mid = ((quotes["bid"] + quotes["ask"]) / 2).to_numpy()
    step = tick or _tick(quotes)
    state, count = _states(quotes, bins, step)
    adjust = _adjustments(state, mid, count)
    known = (state >= 0) & np.isfinite(adjust[np.maximum(state, 0)])
    moved = np.where(known, mid + adjust[np.maximum(state, 0)], weighted_mid(quotes).to_numpy())
    return pd.Series(moved, index=quotes.index, name="micro_price")


def order_flow_imbalance(quotes: pd.DataFrame, interval: str | None = "1s") -> pd.Series:
    """Return the order flow imbalance: what comes to the bid and leaves the ask, in base currency.

    A change adds the size of the bid where its price did not fall, and takes its size of before where it did not rise;
    of the ask the other way round. Summed by interval, None for each change alone. Source: Cont, Kukanov and Stoikov,
    The price impact of order book events, 2014.
    """
    columns = {name: quotes[name].to_numpy(dtype=float) for name in QUOTE}
    bid, ask = columns["bid"], columns["ask"]
    bids, asks = columns["bid_size"], columns["ask_size"]
    flow = np.zeros(len(quotes))
    flow[1:] = (
        bids[1:] * (bid[1:] >= bid[:-1])
        - bids[:-1] * (bid[1:] <= bid[:-1])
        - asks[1:] * (ask[1:] <= ask[:-1])
        + asks[:-1] * (ask[1:] >= ask[:-1])
    )
    series = pd.Series(flow, index=quotes.index, name="order_flow_imbalance")
    return series if interval is None else series.resample(_interval(interval)).sum()


def book_imbalance(book: pd.DataFrame, *, levels: int = 5, decay: float = 0.0) -> pd.Series:
    """Return the imbalance of the sizes of the best levels: (bids - asks) / (bids + asks), from -1 to 1.

    Args:
        book: a book frame of one symbol.
        levels: the number of levels of each side.
        decay: how fast a level's weight falls with its rank, exp(-decay * (rank - 1)); 0 for equal weights.

    Source: Cao, Hansch and Wang, The information content of an open limit-order book, 2009.
    """
    _one(book)
    if levels < 1:
        raise UsageError(f"levels is {levels}; it is a number of levels, 1 or more")
    seen = book[book["level"] <= levels]
    weight = seen["size"] * np.exp(-decay * (seen["level"] - 1))
    sums = [weight[seen["side"] == side].groupby(level=0).sum() for side in ("bid", "ask")]
    bids, asks = sums[0].align(sums[1], fill_value=0.0)
    imbalance: pd.Series = (bids - asks) / (bids + asks)
    return imbalance.rename("book_imbalance")


def price_impact(ticks: pd.DataFrame, interval: str = "10s") -> pd.Series:
    """Fit the price impact of signed volume: Kyle's lambda, and the exponent of a power law.

    The change of the price by interval over the signed volume that was traded in it. Returns `lambda` (price per unit
    of base currency, least squares through the origin), its standard error `stderr`, `r2`, and `exponent` of
    |change| ~ |volume| ^ exponent (0.5 where the square-root law holds), and the number of intervals `n`.
    Sources: Kyle, Continuous auctions and insider trading, 1985; Bouchaud, Price impact, 2009.
    """
    _one(ticks)
    signed = np.where(ticks["side"] == "buy", ticks["size"], -ticks["size"])
    grouped = pd.DataFrame({"price": ticks["price"].to_numpy(), "flow": signed}, index=ticks.index).resample(
        _interval(interval)
    )
    flow = grouped["flow"].sum().to_numpy()
    close = grouped["price"].last().ffill().to_numpy()
    change = np.diff(close, prepend=float(ticks["price"].iloc[0]) if len(ticks) else 0.0)
    kept = flow != 0
    return pd.Series(_fit(flow[kept], change[kept]), name="price_impact")


def response(ticks: pd.DataFrame, lags: int = 100) -> pd.Series:
    """Return the response function: the mean change of the mid price, in the trade's direction, n trades later.

    Mid prices are those just before the trades, see `quote_before`.

    Index `lag`, from 1. It rises and flattens where prices digest orders slowly. Source: Bouchaud, Gefen, Potters and
    Wyart, Fluctuations and response in financial markets, 2004.
    """
    _one(ticks)
    if not 1 <= lags < max(len(ticks), 2):
        raise UsageError(f"lags is {lags}; it is a number of trades, below the {len(ticks)} that there are")
    before = quote_before(ticks)
    mid = ((before["bid"] + before["ask"]) / 2).to_numpy()
    sign = np.where(ticks["side"] == "buy", 1.0, -1.0)
    values = [float(np.mean(sign[:-lag] * (mid[lag:] - mid[:-lag]))) for lag in range(1, lags + 1)]
    return pd.Series(values, index=pd.RangeIndex(1, lags + 1, name="lag"), name="response")


def _states(quotes: pd.DataFrame, bins: int, step: float) -> tuple[NDArray[np.int64], int]:
    """Return a state for each quote, of imbalance and spread, and their number; -1 for a wider spread."""
    share = (quotes["bid_size"] / (quotes["bid_size"] + quotes["ask_size"])).to_numpy()
    place = np.minimum((share * bins).astype(np.int64), bins - 1)
    spread = np.rint((quotes["ask"] - quotes["bid"]).to_numpy() / step).astype(np.int64)
    widths = 2
    state = np.where((spread >= 1) & (spread <= widths), place * widths + spread - 1, -1)
    return state, bins * widths


def _adjustments(state: NDArray[np.int64], mid: Floats, count: int) -> Floats:
    """Return the expected change of the mid price for each state, in the limit of many changes.

    With Q the probabilities of going to another state at an unchanged mid, R those of going there with a change, and K
    the mean of the next change: the first change is expected as (1 - Q)^-1 K, and each further one by B = (1 - Q)^-1 R.
    Imbalances are mirrored, as the paper has it, so that the sum converges.
    """
    now, then, change = state[:-1], state[1:], np.diff(mid)
    both = (now >= 0) & (then >= 0)
    now, then, change = now[both], then[both], change[both]
    mirror = _mirrored(count)
    now, then = np.concatenate([now, mirror[now]]), np.concatenate([then, mirror[then]])
    change = np.concatenate([change, -change])
    total = np.bincount(now, minlength=count).astype(float)
    still, moving, gain = np.zeros((count, count)), np.zeros((count, count)), np.zeros(count)
    moves = change != 0
    np.add.at(still, (now[~moves], then[~moves]), 1)
    np.add.at(moving, (now[moves], then[moves]), 1)
    np.add.at(gain, now[moves], change[moves])
    seen = total > 0
    share = np.where(seen, 1 / np.maximum(total, 1), 0.0)
    still, moving, gain = still * share[:, None], moving * share[:, None], gain * share
    inverse = np.linalg.pinv(np.eye(count) - still)
    first, further = inverse @ gain, inverse @ moving
    result = first.copy()
    for _ in range(MAX_TERMS):
        first = further @ first
        result += first
    result[~seen] = np.nan
    return result


def _mirrored(count: int) -> NDArray[np.int64]:
    """Return for each state the one with bid and ask exchanged."""
    bins = count // 2
    place, width = np.divmod(np.arange(count), 2)
    return (bins - 1 - place) * 2 + width


def _tick(quotes: pd.DataFrame) -> float:
    prices = np.unique(np.concatenate([quotes["bid"].to_numpy(), quotes["ask"].to_numpy()]))
    steps = np.diff(prices)
    steps = steps[steps > np.finfo(float).eps * np.max(np.abs(prices), initial=1.0) * 4]
    if not len(steps):
        raise UsageError("the tick size cannot be told by quotes that never change: give it as tick=")
    return float(steps.min())


def _fit(flow: Floats, change: Floats) -> dict[str, float]:
    if len(flow) < 2:
        raise UsageError("an impact needs two intervals with trades or more")
    squares = float(np.sum(flow**2))
    slope = float(np.sum(flow * change)) / squares
    rest = float(np.sum((change - slope * flow) ** 2))
    total = float(np.sum(change**2))
    moved = change != 0
    exponent = np.nan
    if moved.sum() > 1:
        exponent = float(np.polyfit(np.log(np.abs(flow[moved])), np.log(np.abs(change[moved])), 1)[0])
    return {
        "lambda": slope,
        "stderr": float(np.sqrt(rest / max(len(flow) - 1, 1) / squares)),
        "r2": 1 - rest / total if total else 0.0,
        "exponent": exponent,
        "n": float(len(flow)),
    }


def _interval(text: str) -> pd.Timedelta:
    length = parse_duration(text)
    if length < MILLISECOND or length > DAY:
        raise UsageError(f"{text} is not an interval; use 1ms to 1d, such as 1s or 5m")
    return pd.Timedelta(length, unit="ns")


def _one(frame: Any) -> None:
    if "symbol" in frame and frame["symbol"].nunique() > 1:
        raise UsageError('this takes one symbol: frame[frame["symbol"] == "BTC/USD"]')
