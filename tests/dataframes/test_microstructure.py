"""Measures of microstructure: by hand where a hand can, and against markets that are built to have them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import feed
from feed.dataframes.microstructure import (
    book_imbalance,
    micro_price,
    order_flow_imbalance,
    price_impact,
    quote_frame,
    response,
    weighted_mid,
)
from feed.errors import UsageError


def quotes_of(rows: list[tuple[float, float, float, float]], every: str = "1s") -> pd.DataFrame:
    """Quotes, one at a time."""
    index = pd.date_range("2025-01-06", periods=len(rows), freq=every, tz="UTC", name="time")
    return pd.DataFrame(rows, columns=["bid", "bid_size", "ask", "ask_size"], index=index)


def test_order_flow_imbalance_by_hand() -> None:
    """Each kind of change, as equation (10) of the paper has it."""
    frame = quotes_of(
        [
            (100, 5, 101, 5),
            (100, 7, 101, 5),  # Two more at the bid.
            (100, 7, 101, 9),  # Four more at the ask.
            (100.5, 3, 101, 9),  # A higher bid: its whole size.
            (100, 7, 101, 9),  # Which goes: its whole size.
            (100, 7, 101.5, 2),  # The ask goes: its whole size.
        ]
    )
    assert order_flow_imbalance(frame, None).tolist() == [0, 2, -4, 3, -3, 9]
    assert order_flow_imbalance(frame, "3s").tolist() == [-2, 9]
    with pytest.raises(UsageError, match="is not an interval"):
        order_flow_imbalance(frame, "9w")


def test_weighted_mid_leans_to_the_smaller_side() -> None:
    """Three times as much at the bid: three quarters of the way to the ask."""
    assert weighted_mid(quotes_of([(100, 3, 102, 1)])).tolist() == [101.5]


def test_micro_price_finds_what_imbalance_tells() -> None:
    """In a market where the larger side always wins, it stands at the next mid price, and by symmetry at the mid."""
    draw = np.random.default_rng(5)  # a fixed seed
    mid, rows = 100.0, []
    for _ in range(6000):
        up = bool(draw.random() < 0.5)
        rows.append((mid - 0.5, 9.0 if up else 1.0, mid + 0.5, 1.0 if up else 9.0))
        mid += 1.0 if up else -1.0
    frame = quotes_of(rows)
    moved = micro_price(frame, bins=4, tick=1.0) - (frame["bid"] + frame["ask"]) / 2
    bought = frame["bid_size"] > frame["ask_size"]
    assert moved[bought].mean() == pytest.approx(1.0, abs=0.1)
    assert moved[~bought].mean() == pytest.approx(-1.0, abs=0.1)
    with pytest.raises(UsageError, match="2 or more"):
        micro_price(frame, bins=1)


def test_micro_price_of_a_wide_spread_is_the_weighted_mid() -> None:
    """There is nothing to learn it from."""
    frame = quotes_of([(100, 1, 101, 3), (100, 2, 101, 3), (90, 1, 110, 3)] * 10)
    assert micro_price(frame, tick=1.0).iloc[2] == weighted_mid(frame).iloc[2]


def book_of(levels: list[tuple[str, int, float, float]]) -> pd.DataFrame:
    """One state of a book."""
    frame = pd.DataFrame(levels, columns=["side", "level", "price", "size"])
    return frame.set_index(pd.DatetimeIndex(["2025-01-06"] * len(levels), tz="UTC", name="time")).assign(symbol="X")


def test_book_imbalance_by_hand() -> None:
    """Of the levels that are asked for, with their weights; an empty side is none."""
    book = book_of([("bid", 1, 100, 3), ("bid", 2, 99, 5), ("ask", 1, 101, 1), ("ask", 2, 102, 100)])
    assert book_imbalance(book, levels=1).tolist() == [0.5]
    assert book_imbalance(book, levels=2).tolist() == [(8 - 101) / 109]
    assert book_imbalance(book, levels=2, decay=50).iloc[0] == pytest.approx(0.5)
    assert book_imbalance(book[book["side"] == "bid"]).tolist() == [1.0]
    with pytest.raises(UsageError, match="1 or more"):
        book_imbalance(book, levels=0)


def test_quotes_of_a_book_are_its_first_level() -> None:
    """Only where it changed."""
    one = book_of([("bid", 1, 100, 3), ("ask", 1, 101, 1)])
    later = one.set_axis(one.index + pd.Timedelta("1s"))
    last = one.assign(size=[4.0, 1.0]).set_axis(one.index + pd.Timedelta("2s"))
    frame = quote_frame(pd.concat([one, later, last]))
    assert frame["bid_size"].tolist() == [3, 4]
    assert frame.columns.tolist() == ["bid", "bid_size", "ask", "ask_size"]


def ticks_of(sides: np.ndarray, sizes: np.ndarray, prices: np.ndarray) -> pd.DataFrame:
    """Trades, one a second."""
    index = pd.date_range("2025-01-06", periods=len(sides), freq="1s", tz="UTC", name="time")
    data = {"side": np.where(sides > 0, "buy", "sell"), "size": sizes, "price": prices, "symbol": "X"}
    return pd.DataFrame({**data, "bid": prices - 0.5, "ask": prices + 0.5}, index=index)


def test_impact_of_a_market_with_a_known_one() -> None:
    """Two a unit, without noise; and the square root of the volume."""
    draw = np.random.default_rng(7)  # a fixed seed
    sides, sizes = draw.choice([-1, 1], 400), draw.uniform(0.1, 3, 400)
    linear = price_impact(ticks_of(sides, sizes, 1e5 + np.cumsum(2 * sides * sizes)), "1s")
    assert linear["lambda"] == pytest.approx(2, rel=0.01)
    assert linear["r2"] == pytest.approx(1, abs=0.01)
    root = price_impact(ticks_of(sides, sizes, 1e5 + np.cumsum(3 * sides * np.sqrt(sizes))), "1s")
    assert root["exponent"] == pytest.approx(0.5, abs=0.02)
    assert root["n"] == 400
    with pytest.raises(UsageError, match="two intervals"):
        price_impact(ticks_of(sides[:1], sizes[:1], np.array([1.0])))


def test_response_of_a_market_with_a_known_one() -> None:
    """A trade moves the mid price by one for good: one after each lag, where sides are drawn at random."""
    draw = np.random.default_rng(3)  # a fixed seed
    sides = draw.choice([-1, 1], 20_000)
    frame = ticks_of(sides, np.ones(20_000), 1e5 + np.cumsum(np.concatenate([[0], sides[:-1]])))
    frame.attrs["quotes"] = "before"
    found = response(frame, 10)
    assert found.index.tolist() == list(range(1, 11))
    assert found.to_numpy() == pytest.approx(np.ones(10), abs=0.1)
    with pytest.raises(UsageError, match="below the 5"):
        response(frame.head(5), 5)


def test_they_take_frames_of_our_markets() -> None:
    """And are public."""
    ticks = feed.generate("calm", until="5m", symbol="BTC/USD")
    moving = feed.generate("realistic", until="30m", symbol="BTC/USD")
    assert feed.analysis.price_impact(moving)["lambda"] > 0
    assert feed.analysis.response(ticks, 20).iloc[-1] > 0
    quotes = ticks[["bid", "bid_size", "ask", "ask_size"]]
    prices = feed.analysis.micro_price(quotes, tick=0.01)
    middle = (quotes["bid"] + quotes["ask"]) / 2
    moves = middle.diff().abs()
    assert (prices - middle).abs().median() < moves[moves > 0].mean()
    more_bids = quotes["bid_size"] > 4 * quotes["ask_size"]
    assert (prices - middle)[more_bids].mean() > (prices - middle)[~more_bids].mean()
    with pytest.raises(UsageError, match="takes one symbol"):
        feed.analysis.response(feed.generate("majors", until="1m"))
