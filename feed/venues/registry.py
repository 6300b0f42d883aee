"""Venues by name, each with its parser, URL and subscribe messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from feed.errors import UsageError
from feed.hints import nearest
from feed.venues import binance, bitstamp, coinbase, kraken, kraken_v2
from feed.venues.events import Event

__all__ = ["VENUES", "Parser", "Venue", "parser", "venue_of"]


class Parser(Protocol):
    """Parser of the messages of one connection."""

    def parse(self, message: str, received: int) -> list[Event]:
        """Return the events of a message that arrived at `received`, ns UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """Venue: its parser, its URL, and its subscribe messages.

    `host` is a part of the venue's URLs.
    """

    name: str
    parser: Callable[[], Parser]
    url: str
    host: str
    subscribe_messages: Callable[[Sequence[str], Sequence[str]], list[str]]


_VENUES = (
    Venue("binance", binance.Binance, "wss://stream.binance.com:9443/stream", "binance", binance.subscribe_messages),
    Venue("bitstamp", bitstamp.Bitstamp, "wss://ws.bitstamp.net", "bitstamp", bitstamp.subscribe_messages),
    Venue(
        "coinbase", coinbase.Coinbase, "wss://ws-feed.exchange.coinbase.com", "coinbase", coinbase.subscribe_messages
    ),
    Venue("kraken", kraken.Kraken, "wss://ws.kraken.com", "kraken", kraken.subscribe_messages),
    Venue("kraken-v2", kraken_v2.KrakenV2, "wss://ws.kraken.com/v2", "ws.kraken.com/v2", kraken_v2.subscribe_messages),
)

VENUES = {venue.name: venue for venue in _VENUES}
"""Venues by name."""


def parser(venue: str) -> Parser:
    """Return a new parser, for one connection.

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
