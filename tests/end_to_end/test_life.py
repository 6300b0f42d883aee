"""How a server starts, stumbles and ends: signals, stalls, ends of scenarios, and what it says when it can't start."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from feed.cli.app import app
from tests.end_to_end.conftest import ROOT, Served, start
from tests.support.clients import closed_with
from tests.support.waiting import PATIENCE, becomes

SUBSCRIBE = '{"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'


async def subscribers(served: Served, count: int) -> list[ClientConnection]:
    """So many clients that are subscribed."""
    clients = [await connect(served.url, max_queue=None, compression=None) for _ in range(count)]
    for client in clients:
        await client.send(SUBSCRIBE)
        await client.recv()
    return clients


def metric(served: Served, name: str) -> float:
    """The value of a metric."""
    with urllib.request.urlopen(f"{served.http}/metrics", timeout=PATIENCE) as answer:
        found = re.search(rf"^{name}(?:{{[^}}]*}})? ([\d.e+-]+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def health(served: Served) -> dict[str, Any]:
    """What the server says of itself."""
    with urllib.request.urlopen(f"{served.http}/health", timeout=PATIENCE) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


async def test_drain_with_clients_that_do_not_read() -> None:
    """Everyone who listens is told; three that never read again cannot hold it up; it exits with 0 in time."""
    with start("volatile", "--speed", "100") as served:
        clients = await subscribers(served, 30)
        for client in clients[:3]:
            client.transport.pause_reading()
        await asyncio.sleep(0.5)
        served.signal(signal.SIGTERM)
        ends = await asyncio.gather(*(closed_with(client) for client in clients[3:]))
        assert set(ends) == {(1012, "the server restarts")}
        # Without a bound it would wait for the three for ever.
        assert await asyncio.to_thread(served.wait, PATIENCE) == 0
        for client in clients[:3]:
            client.transport.abort()


async def test_second_signal_stops_at_once() -> None:
    """Who asks twice does not wait for a client that does not answer."""
    with start("volatile", "--speed", "1000", "--drain-spread", "10s", "--drain-timeout", "10s") as served:
        clients = await subscribers(served, 3)
        for client in clients:
            client.transport.pause_reading()
        await asyncio.sleep(1)
        served.signal(signal.SIGINT)
        await becomes(lambda: "stopping" in served.output)
        # What comes at once after a signal is the same one.
        await asyncio.sleep(0.3)
        assert served.process.poll() is None
        served.signal(signal.SIGINT)
        # In order it would be 0, after ten seconds.
        assert await asyncio.to_thread(served.wait, PATIENCE) == 130
        for client in clients:
            client.transport.abort()


async def test_stalled_process_catches_up() -> None:
    """Two seconds in which the process does not run lose nothing, and the metric tells of them."""
    with start("volatile", "--speed", "5") as served:
        [client] = await subscribers(served, 1)
        seqs: list[int] = []

        async def read(until: float) -> None:
            while time.monotonic() < until:
                message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
                if message["event"] == "data":
                    seqs.append(message["seq"])

        await read(time.monotonic() + 1)
        served.signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        served.signal(signal.SIGCONT)
        await read(time.monotonic() + 2)
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert metric(served, "feed_lag_max_seconds") > 1.5
        assert metric(served, "feed_late_messages_total") > 0
        assert metric(served, "feed_lag_seconds") < 1
        client.transport.abort()


def short_scenario(folder: Path) -> str:
    """Five market minutes."""
    file = folder / "short.toml"
    file.write_text('name = "short"\nduration = "5m"\n')
    return str(file)


async def test_end_closes(tmp_path: Path) -> None:
    """By default clients are told that the market has ended, and closed with 4410."""
    with start(short_scenario(tmp_path), "--speed", "max") as served:
        [client] = await subscribers(served, 1)
        events = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
                if message["event"] != "data":
                    events.append(message)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4410
        assert [event["state"] for event in events if event["event"] == "market"] == ["running", "ended"]
        [closing] = [event for event in events if event["event"] == "closing"]
        assert (closing["code"], closing["reconnect"], closing["in_ms"]) == (4410, "never", 1000)
        served.signal(signal.SIGINT)
        assert served.wait() == 0


async def test_end_holds_or_exits(tmp_path: Path) -> None:
    """`hold` keeps the connection with heartbeats; `exit` ends the server."""
    with start(short_scenario(tmp_path), "--speed", "max", "--at-end", "hold") as served:
        [client] = await subscribers(served, 1)
        message: dict[str, object] = {}
        while message.get("state") != "ended":
            message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
        assert json.loads(await asyncio.wait_for(client.recv(), PATIENCE))["event"] == "heartbeat"
        client.transport.abort()
    with start(short_scenario(tmp_path), "--speed", "max", "--at-end", "exit") as served:
        [client] = await subscribers(served, 1)
        assert (await closed_with(client))[0] == 1001
        assert await asyncio.to_thread(served.wait) == 0


async def test_an_ended_market_stands_at_its_end(tmp_path: Path) -> None:
    """Its clock does not run on, and who comes then gets nothing that is behind the end."""
    file = tmp_path / "brief.toml"
    file.write_text('name = "brief"\nstart = 2025-01-06T14:00:00Z\nduration = "10s"\n')
    end = 1_736_172_010_000
    with start(str(file), "--speed", "20", "--at-end", "hold") as served:
        [client] = await subscribers(served, 1)
        message: dict[str, Any] = {}
        while message.get("state") != "ended":
            message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
        assert message["virtual_time"] == end
        await asyncio.sleep(0.3)
        assert health(served)["virtual_time"] == end
        for interval in ("1s", "5s", "1m"):
            wish = {"event": "subscribe", "channel": "candles", "symbol": "BTC/USD", "interval": interval}
            await client.send(json.dumps(wish))
            while message.get("channel") != "candles" or message.get("event") != "data":
                message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
            assert message["data"]["timestamp"] < end
            assert message["data"]["time"] * 1000 < end
            message = {}
        client.transport.abort()


async def test_a_speed_that_is_not_kept_is_said() -> None:
    """Once in the log, as an event, and by HTTP: how fast it really is and how far behind."""
    with start("volatile", "--speed", "1000") as served:
        client = await connect(served.url, max_queue=None)
        wish = {"event": "subscribe", "channel": "book", "symbol": "BTC/USD", "depth": 100}
        await client.send(json.dumps(wish))
        message: dict[str, Any] = {}
        while "real_speed" not in message:
            message = json.loads(await asyncio.wait_for(client.recv(), PATIENCE))
        assert message["event"] == "market"
        assert message["state"] == "running"
        assert 0 < message["real_speed"] < message["speed"] == 1000
        assert message["behind_ms"] >= 1000
        shown = health(served)
        assert 0 < shown["real_speed"] < shown["speed"] == 1000
        assert shown["behind_ms"] > 0
        assert served.output.count("cannot keep its speed") == 1
        client.transport.abort()


async def test_resume_after_a_cut() -> None:
    """A client that comes back gets exactly what it missed, and one that comes to another market is told so."""
    with start("volatile", "--speed", "20") as served:
        [client] = await subscribers(served, 1)
        seqs: list[int] = []
        while len(seqs) < 100:
            message = json.loads(await client.recv())
            seqs += [message["seq"]] if message["event"] == "data" else []
        client.transport.abort()
        await asyncio.sleep(0.5)
        again = await connect(served.url, compression=None)
        epoch = json.loads(await again.recv())["epoch"]
        resume = {"epoch": epoch, "seq": seqs[-1]}
        await again.send(json.dumps(json.loads(SUBSCRIBE) | {"resume": resume}))
        subscribed = json.loads(await again.recv())
        assert subscribed["recovered"] is True
        assert subscribed["seq"] > seqs[-1]
        while len(seqs) < 400:
            message = json.loads(await again.recv())
            seqs += [message["seq"]] if message["event"] == "data" else []
        assert seqs == list(range(1, 401))
        again.transport.abort()
    with start("volatile", "--seed", "99") as other:
        client = await connect(other.url, compression=None)
        await client.recv()
        await client.send(json.dumps(json.loads(SUBSCRIBE) | {"resume": resume}))
        assert json.loads(await client.recv())["recovered"] is False
        client.transport.abort()


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["nope"], {}, "there is no such scenario"),
        (["flash-crahs"], {}, "did you mean flash-crash?"),
        (["/no/such/file.toml"], {}, "cannot be read"),
        (["--speed", "0.05"], {}, "0.1 to 1000, or max"),
        (["--port", "99999"], {}, "0 to 65535"),
        (["--seed", "-1"], {}, "--seed"),
        (["--prot", "1"], {}, "--port"),
        (["--origin", "app.example"], {}, "https://app.example"),
        (["--at", "soon"], {}, "00:10:00"),
        (["--anchor", "tomorrow"], {}, "2025-01-06T14:30:00Z"),
        (["--host", "256.1.1.1"], {}, "256.1.1.1"),
        (["--allowed-host", "http://feed"], {}, "host.docker.internal"),
        ([], {"FEED_PORT": "many"}, "FEED_PORT"),
        (["--max-connections", "0"], {}, "1 to 100000"),
    ],
)
def test_what_cannot_start_says_why(arguments: list[str], environment: dict[str, str], told: str) -> None:
    """One clear line, no traceback, exit code 2."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("FEED_")}
    done = CliRunner().invoke(app, ["serve", *arguments], env=others | environment)
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4


def test_a_process_that_cannot_start_says_why() -> None:
    """The same of a real one, whose streams are those of the system."""
    command = [sys.executable, "-m", "feed", "serve", "flash-crahs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "did you mean flash-crash?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_environment_does_not_stop_it() -> None:
    """What others put there is not read; what looks misspelt is told, as a line of the log."""
    platform = {"FEED_PORT": "tcp://10.96.0.12:8765", "FEED_SERVICE_HOST": "10.96.0.12", "FEED_URL": "http://feed"}
    with start(**platform, FEED_SPED="2") as served, urllib.request.urlopen(served.http + "/health") as answer:
        assert answer.status == 200
    told = [line for line in served.lines if "FEED_" in line]
    assert len(told) == 1
    assert "FEED_SPED is no setting; did you mean FEED_SPEED?" in told[0]


def test_taken_port(calm: Served) -> None:
    """The port's number, and another one to take."""
    port = calm.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "feed", "serve", "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"feed: 127.0.0.1:{port} is taken by another program; use --port {int(port) + 1}, or --port 0 for any free one"
    )
