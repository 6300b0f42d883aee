"""Venues by name, each with its parser, URL and subscribe messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from feed.errors import UsageError
from feed.hints import nearest
from feed.venues import binance, bitfinex, bitstamp, coinbase, coinbase_advanced, kraken, kraken_v2
from feed.venues.events import Event

__all__ = ["VENUES", "Parser", "SnapshotParser", "Snapshots", "Venue", "parser", "venue_of"]


class Parser(Protocol):
    """Parser of the messages of one connection after the other, which keeps its position across them.

    `awaiting` has the symbols whose book needs a snapshot, each with its name as the venue writes it.
    """

    awaiting: dict[str, str]

    def parse(self, message: str | bytes, received: int) -> list[Event]:
        """Return the events of a message that arrived at `received`, ns UTC."""
        ...

    def disconnected(self) -> list[Event]:
        """Return the losses of a broken connection that the ids of the next messages will not tell."""
        ...

    def finish(self) -> list[Event]:
        """Return the doubts that remain at the end of a session."""
        ...


@runtime_checkable
class SnapshotParser(Parser, Protocol):
    """Parser of a venue whose snapshots of books are fetched beside the stream."""

    def snapshot(self, symbol: str, body: str | bytes, received: int) -> list[Event]:
        """Return the events of a fetched snapshot."""
        ...


class SnapshotUrl(Protocol):
    """Function that returns the URL of a snapshot."""

    def __call__(self, symbol: str, stream_url: str = "", rest: str | None = None) -> str:
        """Return the URL for the venue's name of a symbol; `rest` is a host in place of the venue's."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Place of the snapshots of a venue's books that are fetched beside the stream.

    Attributes:
        url: function that returns a snapshot's URL from the venue's name of the symbol, the URL of the stream, and
            another host, if any.
        symbol: function that returns the symbol of such a URL, or None.
    """

    url: SnapshotUrl
    symbol: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Venue:
    """Venue: its parser, its URL, and its subscribe messages.

    Attributes:
        hosts: parts of the venue's URLs, of which the longest that a URL has tells the venue.
        snapshots: the place of the snapshots that are fetched beside the stream.
        renew_messages: function that returns the messages after which the stream sends a book's snapshot again.
    """

    name: str
    parser: Callable[[], Parser]
    url: str
    hosts: tuple[str, ...]
    subscribe_messages: Callable[[Sequence[str], Sequence[str]], list[str]]
    snapshots: Snapshots | None = None
    renew_messages: Callable[[str], list[str]] | None = None


_VENUES = (
    Venue(
        "binance",
        binance.Binance,
        "wss://stream.binance.com:9443/stream",
        ("binance",),
        binance.subscribe_messages,
        snapshots=Snapshots(binance.snapshot_url, binance.snapshot_symbol),
    ),
    Venue(
        "bitstamp",
        bitstamp.Bitstamp,
        "wss://ws.bitstamp.net",
        ("bitstamp",),
        bitstamp.subscribe_messages,
        snapshots=Snapshots(bitstamp.snapshot_url, bitstamp.snapshot_symbol),
    ),
    Venue(
        "coinbase", coinbase.Coinbase, "wss://ws-feed.exchange.coinbase.com", ("coinbase",), coinbase.subscribe_messages
    ),
    Venue(
        "coinbase-advanced",
        coinbase_advanced.CoinbaseAdvanced,
        "wss://advanced-trade-ws.coinbase.com",
        ("advanced-trade-ws.coinbase", "coinbase-advanced"),
        coinbase_advanced.subscribe_messages,
        renew_messages=coinbase_advanced.renew_messages,
    ),
    Venue(
        "bitfinex",
        bitfinex.Bitfinex,
        "wss://api-pub.bitfinex.com/ws/2",
        ("bitfinex",),
        bitfinex.subscribe_messages,
        renew_messages=bitfinex.renew_messages,
    ),
    Venue(
        "kraken",
        kraken.Kraken,
        "wss://ws.kraken.com",
        ("kraken",),
        kraken.subscribe_messages,
        renew_messages=kraken.renew_messages,
    ),
    Venue(
        "kraken-v2",
        kraken_v2.KrakenV2,
        "wss://ws.kraken.com/v2",
        ("ws.kraken.com/v2", "/kraken/v2"),
        kraken_v2.subscribe_messages,
        renew_messages=kraken_v2.renew_messages,
    ),
)

VENUES = {venue.name: venue for venue in _VENUES}
"""Venues by name."""


def parser(venue: str) -> Parser:
    """Return a new parser, for one session.

    Raises:
        UsageError: there is no such venue.
    """
    return venue_of(venue).parser()


def venue_of(venue: str) -> Venue:
    """Return the venue of that name. Raises UsageError if there is none."""
    if venue in VENUES:
        return VENUES[venue]
    near = nearest(venue, VENUES)
    hint = f"did you mean {near!r}? " if near else ""
    raise UsageError(f"there is no venue {venue!r}; {hint}known are {', '.join(VENUES)}")
