"""Messages of a client: one frozen value an event. Events unknown to this version become `Other`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from feed.client.book import BookLevel
from feed.client.happenings import Connected, Disconnected, Frame
from feed.client.progress import Gap, stream_of
from feed.dialects.native.events import EVENTS
from feed.protocol.effects import Stream
from feed.protocol.events import Event

__all__ = [
    "BookBroken",
    "BookUpdate",
    "Candle",
    "Data",
    "Message",
    "Other",
    "SymbolStatus",
    "Tick",
    "Ticker",
    "message_of",
]


@dataclass(frozen=True, slots=True)
class Tick:
    """Fill, of the channel `trading`.

    Prices and sizes are the floats nearest to the decimals on the wire. `side` is the taker's, `buy` or `sell`; the
    quote is the one that stands behind the fill; `volume` is the size traded since the UTC day began.
    `timestamp` is market time in ms UTC, `received` the client's monotonic clock in ns. `snapshot` marks the past.
    """

    symbol: str
    seq: int
    price: float
    size: float
    side: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    volume: float
    trade_id: int
    timestamp: int
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class SymbolStatus:
    """Status of a symbol, of the channel `status`; `timestamp` is market time in ms UTC."""

    symbol: str
    seq: int
    status: str
    reason: str
    phase: str
    timestamp: int
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Ticker:
    """Statistics of a symbol's last 24 hours, of the channel `ticker`; fields as on the wire, `timestamp` in ms UTC."""

    symbol: str
    seq: int
    last: float
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    open: float
    high: float
    low: float
    volume: float
    vwap: float
    change: float
    change_percent: float
    timestamp: int
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Candle:
    """Candle in its current state, of the channel `candles`: `time` is its begin, in s UTC, `timestamp` now in ms."""

    symbol: str
    seq: int
    interval: str
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    vwap: float
    closed: bool
    timestamp: int
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """Message of the channel `book`: all levels of a snapshot, or the changed ones, (price, size); size 0: removed.

    `client.book(symbol, depth)` is the whole book. `checksum` is of the book after this message.
    """

    symbol: str
    seq: int
    depth: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    checksum: int
    timestamp: int
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class BookBroken:
    """Checksum mismatch of the client's book after the message `seq`; a new snapshot has been requested."""

    symbol: str
    depth: int
    seq: int


@dataclass(frozen=True, slots=True)
class Data:
    """Message of any other channel, with its `data` unchanged."""

    stream: Stream
    seq: int
    data: Mapping[str, Any]
    received: int
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Event unknown to this version of the client."""

    event: str
    body: Mapping[str, Any]


Message = (
    Tick
    | SymbolStatus
    | Ticker
    | Candle
    | BookUpdate
    | BookBroken
    | Data
    | Event
    | Other
    | Gap
    | Connected
    | Disconnected
)
"""Every type that iterating over a client can return."""

_NEEDED = {
    kind: frozenset(item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING)
    for kind in EVENTS.values()
}
_KNOWN = {kind: frozenset(item.name for item in fields(kind)) for kind in EVENTS.values()}


def message_of(frame: Frame) -> Message:
    """Return the typed form of a frame."""
    if frame.event == "data":
        return _data_of(frame)
    kind = EVENTS.get(frame.event)
    if kind is None or not _NEEDED[kind] <= frame.body.keys():
        return Other(frame.event, frame.body)
    known = _KNOWN[kind]
    return kind(**{name: value for name, value in frame.body.items() if name in known})


def _data_of(frame: Frame) -> Message:
    body = frame.body
    data, channel = body.get("data"), body.get("channel")
    try:
        build = _CHANNELS.get(str(channel))
        snapshot = body["type"] == "snapshot"
        if build is not None:
            return build(body["seq"], data, frame.received, snapshot)
        if not isinstance(data, dict):
            return Other(frame.event, body)
        return Data(stream_of(body), body["seq"], data, frame.received, snapshot)
    except (KeyError, TypeError, ValueError):
        return Other(frame.event, body)


def _tick(seq: int, data: Any, received: int, snapshot: bool) -> Tick:
    # float() also reads the text of `?numbers=string`.
    return Tick(
        data["symbol"],
        seq,
        float(data["price"]),
        float(data["size"]),
        data["side"],
        float(data["bid"]),
        float(data["bid_size"]),
        float(data["ask"]),
        float(data["ask_size"]),
        float(data["volume"]),
        data["trade_id"],
        data["timestamp"],
        received,
        snapshot,
    )


def _book(seq: int, data: Any, received: int, snapshot: bool) -> BookUpdate:
    bids, asks = (
        tuple((float(price), float(size)) for price, size in levels) for levels in (data["bids"], data["asks"])
    )
    told = (data["checksum"], data["timestamp"])
    return BookUpdate(data["symbol"], seq, data["depth"], bids, asks, *told, received, snapshot)


def _status(seq: int, data: Any, received: int, snapshot: bool) -> SymbolStatus:
    texts = (data["status"], data["reason"], data["phase"])
    return SymbolStatus(data["symbol"], seq, *texts, data["timestamp"], received, snapshot)


def _built(kind: type[Ticker] | type[Candle]) -> Callable[[int, Any, int, bool], Message]:
    """Return a builder of a class whose fields have the wire's names."""
    names = [item.name for item in fields(kind) if item.name not in ("seq", "received", "snapshot")]
    floats = {item.name for item in fields(kind) if item.type == "float"}

    def build(seq: int, data: Any, received: int, snapshot: bool) -> Message:
        values: dict[str, Any] = {name: float(data[name]) if name in floats else data[name] for name in names}
        return kind(**values, seq=seq, received=received, snapshot=snapshot)

    return build


_CHANNELS: dict[str, Callable[[int, Any, int, bool], Message]] = {
    "book": _book,
    "trading": _tick,
    "status": _status,
    "ticker": _built(Ticker),
    "candles": _built(Candle),
}
