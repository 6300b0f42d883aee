"""`feed watch` on a real server, line by line."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from feed.cli.board import STALE_AFTER, Board, waiting_text
from feed.dataframes.ticks import generate
from feed.service.process import start_server
from feed.units import MILLISECOND, SECOND, format_time

TICK = {
    "price": 65000.5,
    "size": 0.5,
    "side": "buy",
    "bid": 65000.25,
    "bid_size": 1,
    "ask": 65000.5,
    "ask_size": 2,
    "volume": 3,
    "trade_id": 7,
    "timestamp": 1_736_121_600_000,
}


def watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where there is no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "feed", "watch", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_a_line_a_tick() -> None:
    """So many, with the symbol's decimals; a refused symbol and a wrong address end it with one line."""
    with start_server("flash-crash", speed=20, seed=7) as server:
        done = watch(server.url, "--count", "5")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert [line.split()[-1] for line in lines] == ["1", "2", "3", "4", "5"]
        first = generate("flash-crash", seed=7, until="1m").iloc[0]
        numbers = f"{first['price']:.2f} {first['size']:.5f} {first['side']} bid {first['bid']:.2f}"
        assert lines[0].startswith(f"{format_time(int(first['timestamp']) * MILLISECOND)} BTC/USD {numbers}")
        refused = watch(server.url, "--symbol", "BTC/USDT", "--for", "20s")
        assert refused.returncode == 1
        assert "did you mean" in refused.stderr
    wrong = watch("localhost:1")
    assert wrong.returncode == 2
    assert "no WebSocket URL" in wrong.stderr


def test_board_shows_the_newest_and_the_health() -> None:
    """Prices with their decimals, gaps in number, and staleness instead of a state."""
    board = Board()
    symbols = [{"symbol": "BTC/USD", "price_decimals": 2, "size_decimals": 5}]
    board.take("status", {"scenario": "calm", "seed": 1, "speed": 1, "symbols": symbols}, 0, 0)
    body = {"symbol": "BTC/USD", "channel": "trading", "seq": 9, "data": TICK}
    row = board.take("data", body, 10, missed=2)
    assert row is not None
    assert (board.price(row, "price"), board.size(row, "size"), board.spread(row)) == ("65000.50", "0.50000", "0.25")
    assert (row.gaps, row.seq, board.ticks) == (2, 9, 1)
    assert board.stale(10 + STALE_AFTER - 1) is None
    assert board.stale(10 + STALE_AFTER) == STALE_AFTER
    text = drawn(board, 140, 10 + STALE_AFTER)
    assert "65000.50" in text
    assert "nothing for 3.0 s" in text


def drawn(board: Board, width: int, now: int = 10) -> str:
    """The table on a terminal of so many columns."""
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(board.table(now, width))
    return console.export_text()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 140])
def test_no_number_is_cut_on_a_narrow_terminal(width: int) -> None:
    """What has no room is left out as a column, what matters least first; what is shown is whole."""
    board = Board()
    symbols = [{"symbol": name, "price_decimals": 2, "size_decimals": 5} for name in ("BTC/USD", "ETH/USD")]
    board.take("status", {"scenario": "calm", "seed": 1, "speed": 1, "symbols": symbols}, 0, 0)
    for name in ("BTC/USD", "ETH/USD"):
        tick = TICK | {"price": 65000.5, "volume": 123456.78901}
        board.take("data", {"symbol": name, "channel": "trading", "seq": 123456, "data": tick}, 10, 0)
        board.take("data", {"symbol": name, "channel": "status", "data": {"status": "online"}}, 10, 0)
    text = drawn(board, width)
    assert "…" not in text
    assert text.count("65000.50") >= 2
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        for part in ("BTC/USD", "65000.25", "0.50000", "ticks/s", "gaps", "online"):
            assert part in text
    assert ("123456.78901" in text) == (width > 100)


def test_columns_stay_when_numbers_get_shorter() -> None:
    """A column that comes and goes with a digit is hard to read."""
    board = Board()
    for ask, expected in ((65000.5, True), (65123456.5, False), (65000.5, False)):
        board.take("data", {"symbol": "BTC/USD", "channel": "trading", "seq": 1, "data": TICK | {"ask": ask}}, 10, 0)
        assert ("spread" in drawn(board, 84)) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "told"), [(215 * MILLISECOND, "0.2 s"), (3 * SECOND, "3.0 s"), (130 * SECOND, "00:02:10")]
)
def test_waits_are_told_as_a_person_says_them(nanoseconds: int, told: str) -> None:
    """A clock's form is for market time."""
    assert waiting_text(nanoseconds) == told


@pytest.mark.parametrize("event", ["error", "market"])
def test_board_tells_the_state(event: str) -> None:
    """What the server says of itself is the caption."""
    board = Board()
    assert board.take(event, {"state": "ended", "message": "no"}, 0, 0) is None
    assert board.state == ("ended" if event == "market" else "error: no")
