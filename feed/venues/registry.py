"""The venues by name, and what it takes to listen to one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from feed.errors import UsageError
from feed.hints import nearest
from feed.venues import binance, bitstamp, coinbase, kraken, kraken_v2
from feed.venues.events import Event

__all__ = ["VENUES", "Listening", "Parser", "listening", "parser"]


class Parser(Protocol):
    """Follows the messages of one connection."""

    def parse(self, message: str, received: int) -> list[Event]:
        """The events of a message that came in at `received`, ns UTC."""
        ...


VENUES: dict[str, type[Parser]] = {
    "binance": binance.Binance,
    "bitstamp": bitstamp.Bitstamp,
    "coinbase": coinbase.Coinbase,
    "kraken": kraken.Kraken,
    "kraken-v2": kraken_v2.KrakenV2,
}


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a venue is heard, and how it is asked."""

    url: str
    subscribe_messages: Callable[[Sequence[str], Sequence[str]], list[str]]


_LISTENING = {
    "binance": Listening("wss://stream.binance.com:9443/stream", binance.subscribe_messages),
    "bitstamp": Listening("wss://ws.bitstamp.net", bitstamp.subscribe_messages),
    "coinbase": Listening("wss://ws-feed.exchange.coinbase.com", coinbase.subscribe_messages),
    "kraken": Listening("wss://ws.kraken.com", kraken.subscribe_messages),
    "kraken-v2": Listening("wss://ws.kraken.com/v2", kraken_v2.subscribe_messages),
}


def parser(venue: str) -> Parser:
    """A new parser, for one connection.

    Raises:
        UsageError: there is no such venue.
    """
    return VENUES[_known(venue)]()


def listening(venue: str) -> Listening:
    """Where the venue is heard. Raises UsageError for one that is unknown."""
    return _LISTENING[_known(venue)]


def _known(venue: str) -> str:
    if venue in VENUES:
        return venue
    near = nearest(venue, VENUES)
    hint = f"did you mean {near!r}? " if near else ""
    raise UsageError(f"there is no venue {venue!r}; {hint}known are {', '.join(VENUES)}")
