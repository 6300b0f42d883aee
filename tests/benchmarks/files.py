"""`python -m tests.benchmarks.files`: what recording a venue, collecting and reading cost, next to plain tools.

Plain tools are websockets, orjson, pandas and pyarrow in the hands of somebody who wants the same columns and looks at
nothing else. The contenders of a round take turns, and only CPU seconds of the reader's process are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from feed.client.collect import collect
from feed.client.venue import VenueLink
from feed.client.venue_recording import VenueRecording
from feed.clock import SystemClock
from feed.data.rows import TradeRows
from feed.dataframes.files import read
from feed.dialects.registry import NATIVE
from feed.engine.source import EngineSource
from feed.protocol.effects import Stream
from feed.scenario.find import find_scenario
from feed.tape.layout import RecordingInfo
from feed.tape.parquet import RecordingFile
from feed.tape.rows import rows_of_batch
from feed.venues.registry import venue_of

__all__ = ["main"]

MS = 1_700_000_000_000
LAST = b'{"last":true}'

PARTS = ("venue", "collect", "read")


def session(count: int) -> list[bytes]:
    """Messages of Binance, in about the shares of a busy pair: four quotes for each trade, and a book each 100 ms."""
    messages: list[dict[str, Any]] = []
    update = 1000
    for number in range(count):
        update += 3
        kind, time = number % 20, MS + number
        price = 61_000 + number * 7919 % 1009 / 100
        if kind == 0:
            levels = [[f"{price - each:.8f}", f"{(number + each) % 50 / 10:.8f}"] for each in range(12)]
            data: dict[str, Any] = {"e": "depthUpdate", "E": time, "s": "BTCUSDT", "U": update - 59, "u": update}
            data |= {"b": levels, "a": levels}
            messages.append({"stream": "btcusdt@depth@100ms", "data": data})
        elif kind % 5 == 1:
            data = {"e": "trade", "E": time, "s": "BTCUSDT", "t": number // 5, "p": f"{price:.8f}", "q": "0.01700000"}
            messages.append({"stream": "btcusdt@trade", "data": data | {"T": time, "m": number % 3 == 0, "M": True}})
        else:
            data = {"u": update, "s": "BTCUSDT", "b": f"{price:.8f}", "B": "1.25869000", "a": f"{price + 1:.8f}"}
            messages.append({"stream": "btcusdt@bookTicker", "data": data | {"A": "2.44807000"}})
    # The snapshot, which a recorder would fetch otherwise.
    messages.insert(1, {"lastUpdateId": 1003, "bids": [["61000.0", "1.0"]], "asks": [["61001.0", "1.0"]]})
    return [orjson.dumps(message) for message in messages[:count]]


def frames(count: int) -> list[bytes]:
    """Ticks of ours as they are on the wire, behind the events that a client expects."""
    source = EngineSource(find_scenario("calm")[0], 7)
    instrument = source.instruments[0]
    head = {"event": "status", "epoch": "e", "state": "running", "symbols": [
        {"symbol": instrument.symbol, "tick_size": str(instrument.tick_size), "lot_size": str(instrument.lot_size)}
    ]}  # fmt: skip
    stream = Stream("trading", instrument.symbol)
    answer = {"event": "subscribed", "channel": "trading", "symbol": instrument.symbol, "seq": 0, "epoch": "e"}
    made: list[bytes] = [orjson.dumps(head), orjson.dumps(answer)]
    for batch in source.batches(source.start):
        rows = TradeRows(instrument, batch.ticks[0])
        if len(rows):
            made += NATIVE.write(stream, rows, len(made) - 1, "update", ())
        if len(made) > count + 2:
            return made[: count + 2]
    raise AssertionError("it never ends")


def _serve(messages: list[bytes], told: Connection) -> None:
    async def play(connection: ServerConnection) -> None:
        await connection.recv()
        for message in messages:
            await connection.send(message, text=True)
        await connection.wait_closed()

    async def run() -> None:
        async with serve(play, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            told.send(server.sockets[0].getsockname()[1])
            await asyncio.Future()

    asyncio.run(run())


@contextlib.contextmanager
def served(messages: list[bytes]) -> Iterator[str]:
    """A process that sends these messages to whoever connects and asks."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(messages, theirs), daemon=True)
    process.start()
    try:
        yield f"ws://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


async def venue_by_feed(url: str, count: int, path: Path) -> None:
    """The recorder of `feed record --venue`, with its checks, journal and Parquet."""
    link = VenueLink(url, ['{"method":"SUBSCRIBE"}'], SystemClock())
    recording = VenueRecording(link, venue_of("binance"), path, SystemClock(), rest="http://127.0.0.1:9")
    running = asyncio.create_task(recording.run())
    while recording.counters.messages < count:
        await asyncio.sleep(0.02)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert (await asyncio.to_thread(recording.close)) is not None


async def venue_plainly(url: str, count: int, path: Path) -> None:
    """Received, decoded, put into columns by kind, and written as Parquet."""
    rows: list[tuple[Any, ...]] = []
    clock = SystemClock()
    names = ["received", "time", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size", "id", "data"]
    writer: pq.ParquetWriter | None = None
    async with connect(url, max_size=None, compression=None) as connection:
        await connection.send('{"method":"SUBSCRIBE"}')
        for number in range(count):
            message = orjson.loads(await connection.recv(decode=False))
            received, data = clock.wall(), message.get("data")
            if data is None:
                continue
            none = (None,) * 4
            row: tuple[Any, ...]
            if message["stream"].endswith("trade"):
                row = (data["T"], "trade", float(data["p"]), float(data["q"]), *none, data["t"], None)
            elif "U" in data:
                levels = orjson.dumps([data["b"], data["a"]]).decode()
                row = (data["E"], "book", None, None, *none, data["u"], levels)
            else:
                quote = (float(data[key]) for key in ("b", "B", "a", "A"))
                row = (None, "quote", None, None, *quote, data["u"], None)
            rows.append((received, *row))
            if len(rows) == 8192 or number == count - 1:
                table = pa.table(dict(zip(names, map(pa.array, zip(*rows, strict=True)), strict=True)))
                writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                writer.write_table(table)
                rows = []
    assert writer is not None
    writer.close()


async def collect_by_feed(url: str, count: int, path: Path) -> None:
    """`feed.collect`."""
    assert len(await collect(url, n=count)) == count


async def collect_plainly(url: str, count: int, path: Path) -> None:
    """Received, decoded, and made a table by pandas, with times and categories."""
    rows: list[dict[str, Any]] = []
    async with connect(url, max_size=None, compression=None) as connection:
        await connection.send('{"event":"subscribe"}')
        while len(rows) < count:
            message = orjson.loads(await connection.recv(decode=False))
            if message["event"] == "data":
                rows.append(message["data"] | {"seq": message["seq"]})
    frame = pd.DataFrame(rows)
    frame.index = pd.to_datetime(frame["timestamp"], unit="ms", utc=True)
    frame = frame.astype({"symbol": "category", "side": "category"})
    assert len(frame) == count


def recording_of(path: Path, count: int) -> Path:
    """A recording of so many ticks."""
    source = EngineSource(find_scenario("calm")[0], 7)
    file, counts = RecordingFile(path), [0] * (2 * len(source.instruments))
    for batch in source.batches(source.start):
        file.write(rows_of_batch(source.instruments, batch, counts))
        if sum(counts) > count:
            break
    steps = {each.symbol: (f"{each.tick_size:f}", f"{each.lot_size:f}") for each in source.instruments}
    file.finish(RecordingInfo(version="1", source="benchmark", instruments=steps))
    return path


async def read_by_feed(url: str, count: int, path: Path) -> None:
    """`feed.read`, with every check."""
    assert len(read(path).ticks) >= count


async def read_plainly(url: str, count: int, path: Path) -> None:
    """Read by pandas, the trades chosen, with steps as whole numbers."""
    frame = pd.read_parquet(path)
    frame = frame[frame["channel"] == "trading"]
    for name in ("price", "bid", "ask"):
        frame[f"{name}_ticks"] = (frame[name] / 0.01).round().astype("int64")
    for name in ("size", "bid_size", "ask_size", "volume"):
        frame[f"{name}_lots"] = (frame[name] / 0.00001).round().astype("int64")
    frame["timestamp"] = frame["time"].astype("int64") // 1_000_000
    assert len(frame) >= count


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process and its threads."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    before = used()
    work()
    return used() - before


def say_ratio(name: str, costs: Sequence[Sequence[float]], unit: str) -> None:
    """Print the ratio of ours to plain tools, from the microseconds a unit of both in each round."""
    ratios = [ours / plain for ours, plain in costs]
    told = " and ".join(f"{median(column):.2f}" for column in zip(*costs, strict=True))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{name}: {median(ratios):.2f} times plain tools ({spread}), {told} us a {unit}")


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print the ratios; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.files", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"which of {', '.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    parser.add_argument("--count", type=int, default=60_000, help="messages or rows of a round (60000)")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    count = options.count
    pairs = {
        "venue": (session, venue_by_feed, venue_plainly),
        "collect": (frames, collect_by_feed, collect_plainly),
        "read": (None, read_by_feed, read_plainly),
    }
    for part in options.part or PARTS:
        make, ours, plain = pairs[part]
        with tempfile.TemporaryDirectory(prefix="feed-benchmark-") as folder:
            rows = count * 10 if part == "read" else count
            kept = recording_of(Path(folder) / "read.parquet", rows) if part == "read" else None
            with served(make(count)) if make is not None else contextlib.nullcontext("") as url:
                costs = [
                    [
                        cpu(partial(_run, partial(work, url, rows, kept or Path(folder) / f"{name}{number}.parquet")))
                        / rows
                        * 1e6
                        for name, work in (("ours", ours), ("plain", plain))
                    ]
                    for number in range(options.rounds)
                ]
        say_ratio(part, costs, "row")
    return 0


if __name__ == "__main__":
    sys.exit(main())
