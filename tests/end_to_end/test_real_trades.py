"""A day of real trades through the whole server: each in order, with its own time, whatever the speed."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from feed.market.player import Player
from feed.scenario.find import find_scenario
from feed.sources.opening import open_source
from feed.units import MILLISECOND, SECOND
from tests.end_to_end.conftest import start
from tests.support.market import TRADING, Reader, make_market
from tests.support.real_data import real_file
from tests.support.virtual import LoopClock, VirtualLoop, run_virtually


@dataclass(frozen=True)
class RealFile:
    """A file of real trades, its mapping, and its times and prices as pandas reads them."""

    name: str
    symbol: str
    mapping: str

    @property
    def path(self) -> Path:
        """Where it is, or the reason to skip."""
        return real_file(self.name)

    def scenario(self, folder: Path) -> Path:
        """A scenario that replays it."""
        file = folder / "replay.toml"
        source = f'[source]\nfile = "{self.path}"\n{self.mapping}\n'
        file.write_text(f'name = "replay"\n[[symbols]]\nsymbol = "BTC/USD"\n{self.symbol}\n{source}')
        return file

    def trades(self) -> list[tuple[int, Decimal]]:
        """Milliseconds and prices, read without any of our code."""
        if self.name.endswith(".parquet"):
            frame = pd.read_parquet(self.path).reset_index()
            prices = [Decimal(repr(price)) for price in frame["price"]]
            return list(zip(frame["timestamp"].astype("int64").tolist(), prices, strict=True))
        with zipfile.ZipFile(self.path) as archive:
            rows = pd.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), header=None, dtype={4: str})
        midnight = 1_475_798_400_000
        return [(midnight + int(ms), Decimal(price)) for ms, price in zip(rows[0], rows[4], strict=True)]


FILES = [
    RealFile(
        "kraken_btcusdt_20231113_trades.parquet",
        "tick_size = 0.1\nlot_size = 0.00000001",
        'time = "timestamp"\nsize = "quantity"',
    ),
    RealFile(
        "binance_spot_btcusdt_20220115_00-06_trades.parquet",
        "tick_size = 0.01\nlot_size = 0.00001",
        'time = "timestamp"\nsize = "quantity"',
    ),
    RealFile(
        "lean_coinbase_second_btcusd_20161007_trade.zip",
        "tick_size = 0.01\nlot_size = 0.00000001",
        'time = 0\nprice = 4\nsize = 5\ndate = "2016-10-07"',
    ),
]
EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.split("_")[0])


def checked(frame: bytes) -> tuple[int, Decimal]:
    """Time and price of a tick whose quotes are sound."""
    data: dict[str, Any] = json.loads(frame, parse_float=Decimal)["data"]
    assert data["bid"] < data["ask"]
    assert data["bid"] <= data["price"] <= data["ask"]
    return data["timestamp"], Decimal(data["price"])


@EVERY_FILE
async def test_all_trades_at_full_speed(file: RealFile, tmp_path: Path) -> None:
    """Every trade of the file arrives, in order, with its price and its time; then the market ends with 4410."""
    expected = file.trades()
    with start(str(file.scenario(tmp_path)), "--speed", "max") as served:
        async with connect(served.url, compression=None) as client:
            await client.send('{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}')
            got: list[tuple[int, Decimal]] = []
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    frame = await client.recv(decode=False)
                    if b'"event":"data"' in frame:
                        got.append(checked(frame))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4410
    assert got == expected


@EVERY_FILE
@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_trades_keep_their_own_timing(file: RealFile, tmp_path: Path, speed: float) -> None:
    """Each write happens at the time of its trades, within the millisecond that the clock may gather; bursts stay."""
    scenario, path = find_scenario(str(file.scenario(tmp_path)))
    source = open_source(scenario, path)
    loop = VirtualLoop()
    clock = LoopClock(loop)
    market = make_market(source, clock, speed=speed)
    player = Player(market, clock, wait_for=0, gather=MILLISECOND, patience=SECOND)
    writes: list[tuple[int, int]] = []

    class Timed(Reader):
        def write(self, data: bytes) -> None:
            writes.append((clock.now(), data.count(b'"event"')))

    Timed(market, TRADING)
    begun = clock.now()

    async def main() -> None:
        task = asyncio.create_task(player.play_out())
        while sum(count for _, count in writes) < 1500 and not task.done():
            await asyncio.sleep(30)
        task.cancel()

    run_virtually(main(), loop)
    times = [time for time, _ in file.trades()]
    row = 0
    for at, count in writes:
        due = begun + int((times[row] * MILLISECOND - source.start) / speed)
        assert -MILLISECOND <= at - due <= 3 * MILLISECOND
        row += count
        assert row == len(times) or times[row] != times[row - 1], "trades of one moment go out together"
    assert row >= 1500
