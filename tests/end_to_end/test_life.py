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

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.conftest import ROOT, Served, start
from tests.support.clients import closed_with

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
    with urllib.request.urlopen(f"{served.http}/metrics", timeout=10) as answer:
        found = re.search(rf"^{name}(?:{{[^}}]*}})? ([\d.e+-]+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def test_drain_with_clients_that_do_not_read() -> None:
    """Everyone who listens is told; three that never read again cannot hold it up; it exits with 0 in time."""
    with start("volatile", "--speed", "100") as served:
        clients = await subscribers(served, 30)
        for client in clients[:3]:
            client.transport.pause_reading()
        await asyncio.sleep(0.5)
        began = time.monotonic()
        served.signal(signal.SIGTERM)
        ends = await asyncio.gather(*(closed_with(client, 20) for client in clients[3:]))
        assert set(ends) == {(1012, "the server restarts")}
        assert await asyncio.to_thread(served.wait) == 0
        assert time.monotonic() - began < 15
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
        await asyncio.sleep(0.3)
        assert served.process.poll() is None
        served.signal(signal.SIGINT)
        assert await asyncio.to_thread(served.wait, 3) != 0
        for client in clients:
            client.transport.abort()


async def test_stalled_process_catches_up() -> None:
    """Two seconds in which the process does not run lose nothing, and the metric tells of them."""
    with start("volatile", "--speed", "5") as served:
        [client] = await subscribers(served, 1)
        seqs: list[int] = []

        async def read(until: float) -> None:
            while time.monotonic() < until:
                message = json.loads(await asyncio.wait_for(client.recv(), 10))
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
                message = json.loads(await asyncio.wait_for(client.recv(), 20))
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
            message = json.loads(await asyncio.wait_for(client.recv(), 20))
        assert json.loads(await asyncio.wait_for(client.recv(), 5))["event"] == "heartbeat"
        client.transport.abort()
    with start(short_scenario(tmp_path), "--speed", "max", "--at-end", "exit") as served:
        [client] = await subscribers(served, 1)
        assert (await closed_with(client, 20))[0] == 1001
        assert await asyncio.to_thread(served.wait) == 0


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
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FEED_")}
    command = [sys.executable, "-m", "feed", "serve", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**clean, **environment}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4


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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        f"feed: 127.0.0.1:{port} is taken by another program; use --port {int(port) + 1}, or --port 0 for any free one"
    )
