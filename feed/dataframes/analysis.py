"""Analysis of ticks: pure functions from the frames that `feed.dataframes.ticks` describes to series and tables.

Each takes a frame of one symbol unless it says otherwise; its result is new, and the frame stays as it is. Intervals
are texts such as `1s`, `5m` or `1h` in market time, bars begin at whole multiples of theirs since the Unix epoch, UTC.

One convention for quotes: wherever a function here uses the quote of a tick, it is the one just before the tick, as
`quote_before` returns it. A tick of our own markets carries the quote that it leaves; the one before follows exactly.

Functions of quotes and books are described in `feed.dataframes.microstructure`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feed.dataframes.microstructure import (
    book_imbalance,
    micro_price,
    order_flow_imbalance,
    price_impact,
    quote_frame,
    response,
    weighted_mid,
)
from feed.dataframes.quotes import quote_before
from feed.errors import UsageError
from feed.units import DAY, MILLISECOND, decimal_places, parse_duration

__all__ = [
    "book_imbalance",
    "flow_imbalance",
    "gap_report",
    "latency",
    "latency_report",
    "micro_price",
    "mid",
    "order_flow_imbalance",
    "price_impact",
    "queue_imbalance",
    "quote_before",
    "quote_frame",
    "realised_volatility",
    "response",
    "returns",
    "spread",
    "tick_bars",
    "time_bars",
    "volume_bars",
    "weighted_mid",
]

QUANTILES = (0.5, 0.9, 0.99, 0.999)

Ints = NDArray[np.int64]


def mid(frame: pd.DataFrame) -> pd.Series:
    """Return the mid price of the quote before each tick, in the quote currency. Any symbols."""
    before = quote_before(frame)
    return ((before["bid"] + before["ask"]) / 2).rename("mid")


def spread(frame: pd.DataFrame, unit: Literal["price", "ticks", "bps"] = "price") -> pd.Series:
    """Return ask minus bid before each tick: in quote currency, ticks (exact), or basis points of the mid price."""
    before = quote_before(frame)
    ticks = before["ask_ticks"] - before["bid_ticks"]
    if unit == "ticks":
        return ticks.rename("spread")
    # Rounded to valid prices: the difference of two floats has digits that neither has.
    width = (before["ask"] - before["bid"]).round(12)
    return (width if unit == "price" else width / mid(frame) * 1e4).rename("spread")


def returns(frame: pd.DataFrame, interval: str | None = None) -> pd.Series:
    """Return logarithmic returns of the last price, without unit: from tick to tick, or from interval to interval.

    An interval without a tick has the price before it, and so a return of 0.
    """
    _one_symbol(frame)
    price = frame["price"] if interval is None else _last_prices(frame, _milliseconds(interval))
    return pd.Series(np.diff(np.log(price.to_numpy())), index=price.index[1:], name="return")


def realised_volatility(frame: pd.DataFrame, interval: str = "1s", window: str = "5m", per: str = "1d") -> pd.Series:
    """Return realised volatility by window: root of the sum of squared returns, scaled to `per`; 0.03 is 3 % a day.

    Windows that the ticks do not fill are left out. Source: Andersen et al., Modeling and forecasting realized
    volatility, 2003.
    """
    length, step = _milliseconds(window), _milliseconds(interval)
    if length % step:
        raise UsageError(f"a window of {window} is no whole number of intervals of {interval}")
    _one_symbol(frame)
    closes = _last_prices(frame, step)
    # The first interval has a return, too, from its first price on: else the first window would never be whole.
    logs = np.log(np.concatenate([frame["price"].to_numpy()[:1], closes.to_numpy()]))
    squares = pd.Series(np.diff(logs) ** 2, index=closes.index)
    begin = _stamps(squares.index) // length * length
    sums = squares.groupby(begin).sum()
    whole = squares.groupby(begin).count() == length // step
    scale = np.sqrt(parse_duration(per) / MILLISECOND / length)
    result = (np.sqrt(sums) * scale)[whole]
    return pd.Series(result.to_numpy(), index=_times(result.index.to_numpy()), name="realised_volatility")


def queue_imbalance(frame: pd.DataFrame) -> pd.Series:
    """Return the imbalance of the best sizes before each tick: (bid - ask) / (bid + ask), from -1 to 1. Any symbols."""
    before = quote_before(frame)
    bid, ask = before["bid_lots"], before["ask_lots"]
    return ((bid - ask) / (bid + ask)).rename("queue_imbalance")


def flow_imbalance(frame: pd.DataFrame, interval: str = "1m") -> pd.Series:
    """Return the taker flow imbalance by interval: (bought - sold) / both, from -1 to 1; intervals with trades only."""
    _one_symbol(frame)
    signed = frame["size_lots"].where(frame["side"] == "buy", -frame["size_lots"])
    length = _milliseconds(interval)
    begin = frame["timestamp"].to_numpy() // length * length
    share = signed.groupby(begin).sum() / frame["size_lots"].groupby(begin).sum()
    return pd.Series(share.to_numpy(), index=_times(share.index.to_numpy()), name="flow_imbalance")


def time_bars(frame: pd.DataFrame, interval: str = "1m", *, fill: bool = False) -> pd.DataFrame:
    """Build bars of equal market time; any symbols, in order of time and then of name.

    Columns: `symbol`, `open`, `high`, `low`, `close`, `volume` (base currency, exact to the last decimal),
    `volume_lots`, `trades`, `vwap`. With `fill`, intervals without a trade are bars of no volume at the close before.
    """
    length = _milliseconds(interval)
    begin = frame["timestamp"].to_numpy() // length * length
    bars = _bars(frame, begin)
    return _filled(bars, length) if fill else bars


def tick_bars(frame: pd.DataFrame, ticks: int) -> pd.DataFrame:
    """Build bars of N ticks, the last perhaps of fewer; columns as of `time_bars`, index the begin of each."""
    _one_symbol(frame)
    if ticks < 1:
        raise UsageError("a bar has 1 tick or more")
    return _numbered(frame, np.arange(len(frame), dtype=np.int64) // ticks)


def volume_bars(frame: pd.DataFrame, volume: float) -> pd.DataFrame:
    """Build bars of about equal volume (base currency); columns as of `time_bars`, index the begin of each.

    A tick is never split: a bar ends with the tick that reaches the next multiple of `volume`.
    """
    _one_symbol(frame)
    if not volume > 0:
        raise UsageError("a bar has some volume")
    before = frame["size_lots"].cumsum().to_numpy() - frame["size_lots"].to_numpy()
    lots = volume / _step(frame, frame["symbol"].iloc[0], 1) if len(frame) else 1.0
    return _numbered(frame, (before // lots).astype(np.int64))


def gap_report(frame: pd.DataFrame) -> pd.DataFrame:
    """Find the missing numbers in each symbol's `seq`; one row a symbol.

    Columns: `rows`, `first_seq`, `last_seq`, `missing` (numbers that never came), `gaps` (runs of them), `repeated`
    (rows whose number had come before), `longest_silence_ms` (market time between two ticks).
    """
    rows = []
    for symbol, part in frame.groupby("symbol", observed=True):
        seq = np.unique(part["seq"].to_numpy())
        steps, quiet = np.diff(seq), np.diff(part["timestamp"].to_numpy())
        rows.append(
            {
                "symbol": str(symbol),
                "rows": len(part),
                "first_seq": int(seq[0]),
                "last_seq": int(seq[-1]),
                "missing": int((steps - 1).sum()),
                "gaps": int((steps > 1).sum()),
                "repeated": len(part) - len(seq),
                "longest_silence_ms": int(quiet.max()) if len(quiet) else 0,
            }
        )
    names = ["rows", "first_seq", "last_seq", "missing", "gaps", "repeated", "longest_silence_ms"]
    return pd.DataFrame(rows, columns=["symbol", *names]).set_index("symbol")


def latency(frame: pd.DataFrame, speed: float = 1.0) -> pd.Series:
    """Return each tick's delay relative to the promptest tick, ms; any symbols. Needs the column `received`.

    Market time runs `speed` times as fast as real time; what is constant on the way cannot be seen, since the two
    clocks need not agree. At `speed` max there is no schedule, and so no latency.
    """
    if "received" not in frame:
        raise UsageError("the frame does not tell when its ticks came: collect it with arrivals=True")
    if not 0 < speed < float("inf"):
        raise UsageError("speed is the market's, such as 1 or 60")
    due = (frame["timestamp"].to_numpy() - frame["timestamp"].min()) / speed
    # Differences first: milliseconds since 1970 leave a float few digits behind the point.
    lag = (frame["received"].to_numpy() - frame["received"].min()) / MILLISECOND - due
    return pd.Series(lag - lag.min(), index=frame.index, name="latency")


def latency_report(frame: pd.DataFrame, speed: float = 1.0) -> pd.Series:
    """Summarise latency above the promptest tick, ms (see `latency`): median, 90, 99, 99.9 %, the worst, and `jitter`.

    Jitter is the mean difference between the latencies of two ticks that follow each other, as in RFC 3550, 6.4.1.
    """
    lag = latency(frame, speed)
    values: dict[str, float] = {f"p{quantile * 100:g}": float(lag.quantile(quantile)) for quantile in QUANTILES}
    jitter = float(np.abs(np.diff(lag.to_numpy())).mean()) if len(lag) > 1 else 0.0
    return pd.Series({**values, "max": float(lag.max()), "jitter": jitter}, name="latency_ms")


def _bars(frame: pd.DataFrame, begin: Ints) -> pd.DataFrame:
    """Build one bar for each symbol and each value of `begin`, which is ms UTC."""
    keys = [begin, frame["symbol"].astype(str).to_numpy()]
    work = frame[["price", "size_lots"]].assign(notional=frame["price"] * frame["size_lots"])
    groups = work.groupby(keys, sort=True)
    price = groups["price"]
    columns = {"open": price.first(), "high": price.max(), "low": price.min(), "close": price.last()}
    bars = pd.DataFrame({**columns, "volume_lots": groups["size_lots"].sum(), "trades": price.count()})
    starts, symbols = (bars.index.get_level_values(level).to_numpy() for level in (0, 1))
    bars["vwap"] = groups["notional"].sum() / bars["volume_lots"]
    bars = bars.set_axis(_times(starts.astype(np.int64)), axis=0)
    bars.insert(0, "symbol", pd.Series(pd.Categorical(symbols, categories=frame["symbol"].cat.categories), bars.index))
    bars.insert(5, "volume", _volumes(frame, bars))
    return bars


def _numbered(frame: pd.DataFrame, number: Ints) -> pd.DataFrame:
    """Build one bar for each number, at the time of its first tick."""
    bars = _bars(frame, number)
    first = np.flatnonzero(np.diff(number, prepend=-1)) if len(number) else np.empty(0, np.int64)
    return bars.set_axis(_times(frame["timestamp"].to_numpy()[first]), axis=0)


def _filled(bars: pd.DataFrame, length: int) -> pd.DataFrame:
    parts = []
    for symbol, part in bars.groupby("symbol", observed=True):
        stamps = _stamps(part.index)
        every = _times(np.arange(stamps[0], stamps[-1] + 1, length, dtype=np.int64))
        whole = part.reindex(every)
        whole["close"] = whole["close"].ffill()
        for name in ("open", "high", "low", "vwap"):
            whole[name] = whole[name].fillna(whole["close"])
        whole["volume"] = whole["volume"].fillna(0.0)
        for name in ("volume_lots", "trades"):
            whole[name] = whole[name].fillna(0).astype("int64")
        whole["symbol"] = pd.Categorical([symbol] * len(whole), categories=bars["symbol"].cat.categories)
        parts.append(whole)
    return pd.concat(parts).sort_index(kind="stable") if parts else bars


def _volumes(frame: pd.DataFrame, bars: pd.DataFrame) -> NDArray[np.float64]:
    volume = np.zeros(len(bars))
    for symbol in bars["symbol"].unique():
        rows = (bars["symbol"] == symbol).to_numpy()
        volume[rows] = _exact(bars["volume_lots"].to_numpy()[rows], _step_text(frame, symbol, 1))
    return volume


def _exact(steps: Ints, step: str) -> NDArray[np.float64]:
    """Return the floats nearest to these counts of steps."""
    decimals = decimal_places(Decimal(step))
    result: NDArray[np.float64] = steps * int(Decimal(step).scaleb(decimals)) / 10.0**decimals
    return result


def _step_text(frame: pd.DataFrame, symbol: Any, which: int) -> str:
    told = frame.attrs.get("instruments", {})
    if symbol not in told:
        raise UsageError(f"frame.attrs['instruments'] does not tell the steps of {symbol}")
    return str(told[symbol][which])


def _step(frame: pd.DataFrame, symbol: Any, which: int) -> float:
    return float(_step_text(frame, symbol, which))


def _last_prices(frame: pd.DataFrame, length: int) -> pd.Series:
    """Return the last price of each interval from the first to the last that has one."""
    begin = frame["timestamp"].to_numpy() // length
    if not len(begin):
        return pd.Series(np.empty(0), index=_times(np.empty(0, np.int64)))
    every = np.arange(begin[0], begin[-1] + 1)
    last = np.searchsorted(begin, every, side="right") - 1
    return pd.Series(frame["price"].to_numpy()[last], index=_times(every * length))


def _one_symbol(frame: pd.DataFrame) -> None:
    if frame["symbol"].nunique() > 1:
        raise UsageError('this takes one symbol: frame[frame["symbol"] == "BTC/USD"]')


def _milliseconds(interval: str) -> int:
    nanoseconds = parse_duration(interval)
    if nanoseconds < MILLISECOND or nanoseconds > 366 * DAY or nanoseconds % MILLISECOND:
        raise UsageError(f"{interval} is not an interval; use whole milliseconds, such as 1s or 5m")
    return nanoseconds // MILLISECOND


def _times(milliseconds: Ints) -> pd.DatetimeIndex:
    stamps = np.ascontiguousarray(milliseconds, np.int64)
    return pd.DatetimeIndex(stamps.view("datetime64[ms]"), tz="UTC", name="time")


def _stamps(index: Any) -> Ints:
    stamps: Ints = pd.DatetimeIndex(index).as_unit("ms").asi8
    return stamps
