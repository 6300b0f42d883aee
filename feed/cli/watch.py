"""`feed watch`: show a live table on a terminal, or print one line per tick elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from feed.cli.app import COMMANDS
from feed.errors import FeedError
from feed.units import SECOND, parse_duration

if TYPE_CHECKING:
    from feed.cli.board import Board
    from feed.client.happenings import Happening
    from feed.client.link import ClientLink

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed watch
  feed watch ws://127.0.0.1:9000 --symbol BTC/USD
  feed watch --count 100 > ticks.txt
"""

REDRAWS_A_SECOND = 8
"""Redraws per second; more would not be visible."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("watch", help=COMMANDS["watch"], epilog=EPILOG)
def watch(
    url: Annotated[str, typer.Argument(help="The server.")] = "ws://127.0.0.1:8765",
    symbol: Annotated[
        list[str] | None, typer.Option(help="A symbol, or several; else all.", show_default=False)
    ] = None,
    token: Annotated[str | None, typer.Option(help="Where the server asks for one.", show_default=False)] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="Stop after this time, such as 10s.", metavar="TIME")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Stop after so many ticks.", min=1, show_default=False)] = None,
) -> None:
    """Watch until Ctrl-C, or until the server ends the stream."""
    from feed.cli.board import Board
    from feed.client.link import ClientLink
    from feed.client.subscription import Subscription

    channels = ("status", "trading")
    wanted = [Subscription(channel, name) for channel in channels for name in symbol or ["*"]]
    client, board = ClientLink(url, wanted, token=token), Board()
    show = _live if sys.stdout.isatty() else _lines
    seconds = None if length is None else parse_duration(length) / SECOND
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_until(show(client, board, count), seconds))


async def _until(watching: object, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await watching  # type: ignore[misc]  # a coroutine


async def _follow(client: ClientLink, board: Board, count: int | None, on_tick: Callable[[str], None]) -> None:
    from feed.client.happenings import Frame

    async with contextlib.aclosing(client.happenings()) as happenings:
        async for happening in happenings:
            if not isinstance(happening, Frame):
                _note(happening, board)
                continue
            if happening.event == "error":
                told = [happening.body.get(key) for key in ("message", "hint")]
                raise FeedError(f"the server answers: {'; '.join(str(text) for text in told if text)}")
            row = board.take(happening.event, happening.body, happening.received, happening.missed)
            if row is not None:
                on_tick(board.line(row))
            if count is not None and board.ticks >= count:
                return


def _note(happening: Happening, board: Board) -> None:
    from feed.cli.board import waiting_text
    from feed.client.happenings import Disconnected

    if not isinstance(happening, Disconnected):
        board.state = "connected"
        return
    again = "over" if happening.retry_in is None else f"again in {waiting_text(happening.retry_in)}"
    board.state = f"{happening.code} {happening.reason}: {again}"
    if not sys.stdout.isatty():
        typer.echo(f"feed: {board.state}", err=True)


async def _lines(client: ClientLink, board: Board, count: int | None) -> None:
    await _follow(client, board, count, typer.echo)


async def _live(client: ClientLink, board: Board, count: int | None) -> None:
    from rich.console import Console
    from rich.live import Live

    from feed.clock import SystemClock

    clock, console = SystemClock(), Console()
    # Drawn by a timer and not on each tick: a fast market must not wait for a slow terminal.
    with Live(
        get_renderable=lambda: board.table(clock.now(), console.width),
        console=console,
        refresh_per_second=REDRAWS_A_SECOND,
    ):
        await _follow(client, board, count, lambda line: None)
