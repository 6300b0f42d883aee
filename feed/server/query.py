"""What the query of a WebSocket URL asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from feed.dialects.native.replies import Variant
from feed.faults.fault import Fault
from feed.faults.registry import FaultError, read_faults
from feed.hints import nearest
from feed.market.markets import MarketSpec
from feed.protocol.keys import StreamKeyError, subscription_of
from feed.protocol.requests import Subscribe
from feed.protocol.view import MarketView
from feed.server.market_keys import MARKET_KEYS, QueryError, read_market

__all__ = ["Connect", "parse_query", "subscriptions_of"]

SOCKET_PATHS = ("/", "/ws")

CHOICES = {"numbers": ("plain", "string"), "heartbeat": ("normal", "strict")}

SUBSCRIBE = "subscribe"

FAULTS_KEY = "faults"
"""Faults for this connection, as a JSON list."""

KEYS = (*CHOICES, SUBSCRIBE, FAULTS_KEY, *MARKET_KEYS)

MAX_KEYS = 32

MAX_SUBSCRIPTIONS = 200
"""Streams that one URL may name; one name with `*` may be many."""


@dataclass(frozen=True, slots=True)
class Connect:
    """How a client wants its connection, which market it asks for, and the keys of streams that it begins with."""

    variant: Variant = field(default_factory=Variant)
    strict: bool = False
    streams: tuple[str, ...] = ()
    market: str | None = None
    spec: MarketSpec = field(default_factory=MarketSpec)
    faults: tuple[Fault, ...] = ()


def parse_query(target: str) -> Connect:
    """The wishes in a request target such as `/ws?numbers=string&subscribe=trading:BTC/USD`.

    Raises:
        QueryError: for a path without a socket, and for an unknown, repeated or bad key.
    """
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_KEYS)
    except ValueError:
        hint = f"at most {MAX_KEYS} keys, out of {', '.join(KEYS)}"
        raise QueryError("The URL cannot be read", "query", hint) from None
    if (parts.path.rstrip("/") or "/") not in SOCKET_PATHS:
        raise QueryError("There is no socket at this path", "path", f"connect to {' or '.join(SOCKET_PATHS)}")
    chosen = {key: choices[0] for key, choices in CHOICES.items()}
    seen: set[str] = set()
    streams: list[str] = []
    asked: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    for key, value in pairs:
        if key == SUBSCRIBE:
            streams += value.split(",")
            continue
        if key in seen:
            raise QueryError(f'The key "{key[:64]}" is there twice', key[:64], "give it once")
        seen.add(key)
        if key in MARKET_KEYS:
            asked[key] = value
        elif key == FAULTS_KEY:
            faults = _faults(value)
        else:
            chosen[key] = _checked(key, value)
    market, spec = read_market(asked)
    return Connect(
        variant=Variant(numbers="string" if chosen["numbers"] == "string" else "plain"),
        strict=chosen["heartbeat"] == "strict",
        streams=_streams(streams),
        market=market,
        spec=spec,
        faults=faults,
    )


def _streams(streams: list[str]) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(key.strip() for key in streams))
    if len(keys) > MAX_SUBSCRIPTIONS:
        hint = f"at most {MAX_SUBSCRIPTIONS} of them, or * for all"
        raise QueryError("The URL names too many streams", SUBSCRIBE, hint)
    return keys


def subscriptions_of(streams: tuple[str, ...], view: MarketView) -> tuple[Subscribe, ...]:
    """The subscriptions that the keys of streams in a URL mean.

    Raises:
        QueryError: for a stream that the market does not have.
    """
    wanted = []
    for key in streams:
        try:
            wanted.append(subscription_of(key, view))
        except StreamKeyError as error:
            raise QueryError(f'"{key[:64]}" names no stream of this market', SUBSCRIBE, error.hint) from None
    return tuple(wanted)


def _faults(value: str) -> tuple[Fault, ...]:
    try:
        return read_faults(value)
    except FaultError as error:
        raise QueryError(str(error), error.field, error.hint or "GET /faults shows what there is") from None


def _checked(key: str, value: str) -> str:
    choices = CHOICES.get(key)
    if choices is None:
        near = nearest(key, KEYS)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(KEYS)}"
        raise QueryError("The URL has an unknown key", key[:64], hint)
    if value not in choices:
        near = nearest(value, choices)
        hint = f"one of {', '.join(choices)}" + (f'; did you mean "{near}"?' if near else "")
        raise QueryError(f'The key "{key}" has a value that is not known', key, hint)
    return value
