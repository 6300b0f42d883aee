"""One form of ticks: over the wire, from a scenario and from a file, row by row and type by type the same."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pandas.testing
import pytest

import feed.dataframes.ticks
from feed.client.collect import collect, collect_sync
from feed.data.columns import DECIMALS
from feed.dataframes.ticks import COLUMNS, INTEGERS, frame_digest, generate
from feed.errors import ScenarioError, UsageError
from tests.client.conftest import market_of

TICKS = 3000


@pytest.mark.parametrize(("scenario", "symbol"), [("flash-crash", "BTC/USD"), ("majors", "*"), ("majors", "ETH/USD")])
async def test_wire_and_offline_are_the_same(scenario: str, symbol: str) -> None:
    """Equal frames, and so equal digests; another seed is another market."""
    async with market_of(scenario, seed=7) as running:
        wire = await collect(running.url, symbol=symbol, n=TICKS)
    offline = generate(scenario, seed=7, until="10m", symbol=symbol).head(TICKS)
    if symbol == "*":
        # The head of all symbols may lack one that trades later.
        offline["symbol"] = offline["symbol"].cat.remove_unused_categories()
    pandas.testing.assert_frame_equal(wire, offline)
    assert list(wire.columns) == COLUMNS
    assert frame_digest(wire) == frame_digest(offline)
    assert frame_digest(wire) != frame_digest(generate(scenario, seed=8, until="10m", symbol=symbol).head(TICKS))


def test_types_are_as_described() -> None:
    """A UTC index, integers beside it, categories, floats next to exact steps."""
    frame = generate("majors", until="30s")
    assert str(frame.index.dtype) == "datetime64[ms, UTC]"
    assert (pd.DatetimeIndex(frame.index).as_unit("ns").asi8 == frame["timestamp"] * 1_000_000).all()
    for name in ("timestamp", "seq", "trade_id", *INTEGERS.values()):
        assert frame[name].dtype == np.int64, name
    assert {str(frame[name].dtype) for name in DECIMALS} == {"float64"}
    assert list(frame["side"].cat.categories) == ["buy", "sell"]
    assert list(frame["symbol"].cat.categories) == sorted(set(frame["symbol"]))
    for symbol, rows in frame.groupby("symbol", observed=True):
        tick, lot = (float(step) for step in frame.attrs["instruments"][symbol])
        assert np.rint(rows["price"] / tick).astype(np.int64).equals(rows["price_ticks"])
        assert np.rint(rows["volume"] / lot).astype(np.int64).equals(rows["volume_lots"])
        assert rows["seq"].tolist() == list(range(1, len(rows) + 1))


def test_an_empty_span_has_every_column() -> None:
    """No tick is a frame, too, with the same types."""
    full = generate("quiet", until="1h")
    empty = generate("quiet", until=0.000001)
    assert len(empty) == 0
    assert len(full) > 0
    assert empty.dtypes.drop("symbol").equals(full.dtypes.drop("symbol"))
    assert empty.index.dtype == full.index.dtype


def test_beginning_later_gives_the_later_ticks() -> None:
    """`at` cuts the past off, and `seq` begins anew as on a server that begins there."""
    whole = generate("flash-crash", until="4m")
    part = generate("flash-crash", at="3m", until="4m")
    later = whole[whole["timestamp"] >= part["timestamp"].iloc[0]]
    assert later["trade_id"].tolist() == part["trade_id"].tolist()
    assert part["seq"].iloc[0] == 1
    assert later["volume_lots"].tolist() == part["volume_lots"].tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scenario": "calm"}, "never ends"),
        ({"scenario": "calm", "until": "1m", "symbol": "BTC/USDT"}, "did you mean BTC/USD"),
        ({"scenario": "calm", "until": "1m", "at": "1m"}, "behind its end"),
        ({"scenario": "flash-crsh", "until": "1m"}, "did you mean flash-crash"),
        ({"scenario": "calm", "until": "soon"}, "not a duration"),
    ],
)
def test_mistakes_are_named(options: dict[str, str], words: str) -> None:
    """Each says what would be right."""
    with pytest.raises((UsageError, ScenarioError), match=words):
        generate(**options)  # type: ignore[arg-type]


async def test_collect_sync_inside_a_running_loop() -> None:
    """As in a notebook: the loop of the caller stands still, so the server is another one's."""
    async with market_of("flash-crash", seed=7) as running:
        got = await asyncio.to_thread(_inside_a_loop, running.url)
    assert frame_digest(got) == frame_digest(generate("flash-crash", seed=7, until="5m").head(500))


def _inside_a_loop(url: str) -> pd.DataFrame:
    async def cell() -> pd.DataFrame:
        return collect_sync(url, n=500)

    return asyncio.run(cell())


def test_module_describes_every_column() -> None:
    """The page that tells of the columns names them all."""
    for name in COLUMNS:
        assert f"`{name}`" in str(feed.dataframes.__doc__), name
