"""`feed record`: record a running market to a file, showing its message rate meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feed.cli.app import COMMANDS
from feed.errors import UsageError
from feed.units import SECOND, parse_duration
from feed.venues.registry import VENUES

if TYPE_CHECKING:
    from feed.client.feed_recording import FeedRecording
    from feed.client.recording import WireCounters
    from feed.client.venue_recording import VenueRecording
    from feed.clock import Clock

__all__ = ["app"]

Names = list[str] | None

EPILOG = """\b
Examples:
  feed record ws://127.0.0.1:8765 --out day.parquet --for 10m
  feed record --venue kraken-v2 --symbol BTC/USD --symbol ETH/USD --out kraken.parquet
  feed record --out candles.parquet --channel trading --channel candles:1m
\b
While it is made the recording is FILE.part: after a kill, feed recover makes a whole one of it.
Exit codes: 0 recorded; 1 nobody answers, or the recording is not finished; 2 a wrong usage.
"""

OWN_URL = "ws://127.0.0.1:8765"

OWN_CHANNELS = ("trading", "status", "ticker")

USUAL_INTERVAL, USUAL_DEPTH = "1m", 10
"""Part of candles and books that are named without one."""

VENUE_CHANNELS = ("trading", "quote")

VENUE_SYMBOLS = ("BTC/USD",)

REDRAWS_A_SECOND = 4
"""Redraws per second."""

RATE_OVER = 2 * SECOND
"""Time (ns) over which rates are measured."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("record", help=COMMANDS["record"], epilog=EPILOG)
def record(
    out: Annotated[Path, typer.Option(help="The recording to be: name.parquet.")],
    url: Annotated[str | None, typer.Argument(help="The server; else ours on this machine, or the venue's.")] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="One, or several: trading, status, ticker, book:25, candles:1m; of venues also quote."),
    ] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="One, or several; else all, of venues BTC/USD.")] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="Stop after this time, such as 10m; else at Ctrl-C.", metavar="TIME")
    ] = None,
    venue: Annotated[str, typer.Option(help=f"Whose language it speaks: {', '.join(('feed', *VENUES))}.")] = "feed",
    token: Annotated[str | None, typer.Option(help="Where our server asks for one.", show_default=False)] = None,
    rest: Annotated[
        str | None,
        typer.Option(help="The host of a venue's snapshots of books, in place of its own.", metavar="URL"),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Keep a venue's messages as they came, too: in name.raw.gz.")
    ] = False,
) -> None:
    """Record until Ctrl-C, until the time is over, or until the market has ended."""
    from feed.clock import SystemClock
    from feed.service.logs import configure_logs
    from feed.tape.journal import part_of
    from feed.tape.writer import check_target

    check_target(out)
    if part_of(out).exists():
        raise UsageError(f"{part_of(out)} is there: an earlier recording was cut off; feed recover makes one of it")
    configure_logs("warning", "console")
    seconds = None if length is None else parse_duration(length) / SECOND
    clock = SystemClock()
    make = _own if venue == "feed" else partial(_venue, venue, rest, raw)
    if venue == "feed" and rest is not None:
        raise UsageError("--rest is for venues: our own server sends the snapshots of books itself")
    if venue == "feed" and raw:
        raise UsageError("--raw is for venues: of our own server every message is in the recording as it came")
    recording = make(url, channel, symbol, token, out, clock)
    begin = clock.now()
    with _shown(recording.counters, clock):
        asyncio.run(_until_stopped(recording, seconds))
    raise typer.Exit(_told(out, recording, max(1, clock.now() - begin) / SECOND))


def _own(
    url: str | None, channels: Names, symbols: Names, token: str | None, out: Path, clock: Clock
) -> FeedRecording | VenueRecording:
    from feed.client.feed_recording import FeedRecording
    from feed.client.link import ClientLink
    from feed.client.subscription import ManySubscriptions

    named = [_parts(name) for name in channels or OWN_CHANNELS]
    wanted = ManySubscriptions(
        tuple(dict.fromkeys(name for name, _ in named)),
        tuple(symbols or ["*"]),
        tuple(part.get("interval", USUAL_INTERVAL) for name, part in named if name == "candles"),
        tuple(part.get("depth", USUAL_DEPTH) for name, part in named if name == "book"),
    )
    return FeedRecording(ClientLink(url or OWN_URL, [wanted], token=token, clock=clock), out, clock)


def _parts(name: str) -> tuple[str, dict[str, Any]]:
    """Split a channel's name from the interval or depth of its stream: `candles:1m` or `book:25`."""
    channel, _, part = name.partition(":")
    if not part:
        return channel, {}
    if channel == "candles":
        return channel, {"interval": part}
    if channel != "book" or not part.isdigit():
        raise UsageError(f"--channel {name!r}: only candles have an interval, as in candles:1m, and books a depth")
    return channel, {"depth": int(part)}


def _venue(
    venue: str,
    rest: str | None,
    raw: bool,
    url: str | None,
    channels: Names,
    symbols: Names,
    token: str | None,
    out: Path,
    clock: Clock,
) -> FeedRecording | VenueRecording:
    from feed.client.snapshots import check_rest_url
    from feed.client.venue import VenueLink
    from feed.client.venue_recording import VenueRecording
    from feed.tape.rawlines import RawLines, raw_of
    from feed.venues.registry import venue_of

    if token is not None:
        raise UsageError("--token is for our own server")
    heard = venue_of(venue)
    if rest is not None:
        if heard.snapshots is None:
            raise UsageError(
                f"--rest is for venues whose books need a snapshot beside the stream; {venue} sends its own"
            )
        check_rest_url(rest)
    requests = heard.subscribe_messages(channels or VENUE_CHANNELS, symbols or VENUE_SYMBOLS)
    lines = RawLines(raw_of(out), clock) if raw else None
    return VenueRecording(VenueLink(url or heard.url, requests, clock), heard, out, clock, rest=rest, raw=lines)


async def _until_stopped(recording: FeedRecording | VenueRecording, seconds: float | None) -> None:
    """Record until the end, the time limit or a signal; then finish the file. A second signal exits at once."""
    from feed.service.signals import on_signals

    loop = asyncio.get_running_loop()
    running = loop.create_task(recording.run())
    asked: list[int] = []

    def stop(number: int) -> None:
        if asked:
            sys.stderr.write("stopped at once\n")
            sys.stderr.flush()
            os._exit(130)
        asked.append(number)
        running.cancel()

    with on_signals(stop):
        try:
            async with asyncio.timeout(seconds):
                await running
        except (TimeoutError, asyncio.CancelledError):
            pass
        finally:
            await asyncio.to_thread(recording.close)


@contextlib.contextmanager
def _shown(counters: WireCounters, clock: Clock) -> Iterator[None]:
    """Show a line on stderr that is redrawn, if that is a terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    rates = _Rates(counters, clock)
    with Live(get_renderable=rates.line, console=console, refresh_per_second=REDRAWS_A_SECOND, transient=True):
        yield


class _Rates:
    """Line of received messages and bytes, with their rates."""

    def __init__(self, counters: WireCounters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._seen: deque[tuple[int, int, int]] = deque([(clock.now(), 0, 0)])

    def line(self) -> str:
        """Return the line to show."""
        counters, now = self._counters, self._clock.now()
        seen = self._seen
        seen.append((now, counters.messages, counters.size))
        while len(seen) > 2 and now - seen[0][0] > RATE_OVER:
            seen.popleft()
        passed = max(1, now - seen[0][0]) / SECOND
        messages, size = (counters.messages - seen[0][1]) / passed, (counters.size - seen[0][2]) / passed
        return (
            f"{counters.state}: {counters.messages:,} messages, {messages:,.0f}/s, "
            f"{_bytes(counters.size)}, {_bytes(size)}/s, {counters.lost:,} lost"
        )


def _told(out: Path, recording: FeedRecording | VenueRecording, seconds: float) -> int:
    """Print the result of the recording; returns the exit code."""
    done, counters = recording.close(), recording.counters
    if done is None:
        typer.echo("feed: nothing was recorded", err=True)
        return 1
    rate = f"{counters.messages / seconds:,.0f}/s, {_bytes(counters.size)}"
    losses = f"{done.gaps} gaps, {counters.lost + done.lost} lost"
    if counters.unknown:
        losses += f", and in {counters.unknown} of the gaps an unknown number"
    typer.echo(f"{out}: {done.written} messages in {seconds:.1f} s ({rate}), {losses}")
    return 0 if done.state == "finished" else 1


def _bytes(count: float) -> str:
    units = ["B", "kB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return f"{count:,.1f} {units[0]}"
