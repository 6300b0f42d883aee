"""Notes on what a client does, on each of its connections. Plain counters and short lists; verdicts come later."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from feed.clock import Clock
from feed.faults.log import Deed
from feed.market.hosted import HostedMarket
from feed.protocol.codes import reconnect_for
from feed.protocol.events import Closing, ErrorEvent, Event, PingEvent, Subscribed
from feed.protocol.requests import Pong, Rejected, Request, Subscribe

__all__ = ["Asking", "ClientRecord", "Ending", "Reports", "Roster", "Struck", "Witness"]

MAX_CLIENTS = 1_000
"""The number of clients of a market that are remembered, the last ones."""

KEPT_ENTRIES = 200
"""The number of entries kept of each list, the last ones."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Subscription that a client has asked for, at monotonic time `at`."""

    at: int
    channels: tuple[str, ...]
    symbols: tuple[str, ...]
    resumes: bool


@dataclass(frozen=True, slots=True)
class Struck:
    """Deed of a fault on a connection or a handshake of the client, at monotonic time `at`."""

    at: int
    deed: Deed


@dataclass(frozen=True, slots=True)
class Ending:
    """End of a connection: which side ended it (`client`, `server`, else `network`), with which code and reason."""

    at: int
    by: str
    code: int
    reason: str
    reconnect: str | None


class Witness:
    """Notes on one connection. Times are monotonic, ns.

    Args:
        name: the name of the connection.
        ordinal: its number in its market.
        clock: real time.
    """

    __slots__ = (
        "_clock", "answered", "asked", "blocked", "cut", "ending", "errors", "farewell", "heard_at", "late",
        "messages", "name", "opened_at", "ordinal", "pinged", "requests", "skipped", "struck", "subscribed",
        "unanswered_since",
    )  # fmt: skip

    def __init__(self, name: str, ordinal: int, clock: Clock) -> None:
        self.name = name
        self.ordinal = ordinal
        self._clock = clock
        self.opened_at = clock.now()
        self.heard_at = 0
        self.messages = 0
        # Plain lists and dictionaries: an idle connection should cost little.
        self.requests: dict[str, int] = {}
        self.asked: list[Asking] = []
        self.subscribed: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.pinged = self.answered = self.late = 0
        self.unanswered_since = 0
        self.blocked = self.skipped = 0
        self.struck: list[Struck] = []
        self.cut: str | None = None
        self.farewell: Closing | None = None
        self.ending: Ending | None = None

    def hear(self, requests: Sequence[Request | Rejected]) -> None:
        """Note a message of the client."""
        self.heard_at = now = self._clock.now()
        self.messages += 1
        for request in requests:
            kind = type(request).__name__
            self.requests[kind] = self.requests.get(kind, 0) + 1
            if isinstance(request, Subscribe):
                self.asked.append(Asking(now, request.channel, request.symbol, request.resume is not None))
                del self.asked[:-KEPT_ENTRIES]
            elif isinstance(request, Pong):
                self._answer(now)

    def tell(self, event: Event) -> None:
        """Note an event that the client is sent."""
        match event:
            case Subscribed(channel=channel, symbol=symbol):
                self.subscribed[f"{channel}:{symbol}"] = self._clock.now()
            case ErrorEvent(code=code):
                self.errors[code] = self.errors.get(code, 0) + 1
            case PingEvent():
                self.ping()
            case Closing():
                self.farewell = event

    def ping(self) -> None:
        """Note a ping, of either kind, that the client should answer."""
        self.pinged += 1
        if not self.unanswered_since:
            self.unanswered_since = self._clock.now()

    def pong(self) -> None:
        """Note a pong frame: a sign of life, and the answer to a ping if one is open."""
        self.heard_at = now = self._clock.now()
        self._answer(now)

    def end(self, goodbye: tuple[str, int, str], skipped: int) -> None:
        """Note the end of the connection."""
        by, code, reason = goodbye
        self.skipped = skipped
        reconnect = None
        if by == "server":
            reconnect = self.farewell.reconnect if self.farewell is not None else reconnect_for(code)
        self.ending = Ending(self._clock.now(), by, code, reason, reconnect)

    def _answer(self, now: int) -> None:
        if self.unanswered_since:
            self.answered += 1
            self.late = max(self.late, now - self.unanswered_since)
            self.unanswered_since = 0


@dataclass(slots=True)
class ClientRecord:
    """Client with its connections, in order, and its handshakes that were refused."""

    name: str
    connections: list[Witness] = field(default_factory=list)
    refused: deque[Struck] = field(default_factory=lambda: deque(maxlen=KEPT_ENTRIES))


class Roster:
    """Clients of one market. A client without a name is as many clients as it has connections.

    Args:
        hosted: the market.
        clock: real time.
    """

    def __init__(self, hosted: HostedMarket, clock: Clock) -> None:
        self._clock = clock
        self.clients: dict[str, ClientRecord] = {}
        self._owners: dict[str, str] = {}
        hosted.market.faults.log.on_deed = self._strike

    def enter(self, connection: str, ordinal: int, client: str) -> Witness:
        """Return the notes on a new connection of a client."""
        witness = Witness(connection, ordinal, self._clock)
        record = self._record(client or connection)
        record.connections.append(witness)
        del record.connections[:-KEPT_ENTRIES]
        return witness

    def knock(self, connection: str, client: str) -> None:
        """Note the handshake of a client, which may be refused."""
        if client:
            self._owners[connection] = client
            while len(self._owners) > MAX_CLIENTS:
                del self._owners[next(iter(self._owners))]

    def _strike(self, deed: Deed) -> None:
        """Note a deed of a fault for the client whose connection it is."""
        struck = Struck(self._clock.now(), deed)
        record = self.clients.get(self._owners.get(deed.connection, deed.connection))
        witness = None
        if record is not None:
            witness = next((each for each in reversed(record.connections) if each.name == deed.connection), None)
        if witness is not None:
            witness.struck.append(struck)
            del witness.struck[:-KEPT_ENTRIES]
        else:
            self._record(self._owners.get(deed.connection, deed.connection)).refused.append(struck)

    def _record(self, name: str) -> ClientRecord:
        record = self.clients.get(name)
        if record is None:
            if len(self.clients) >= MAX_CLIENTS:
                del self.clients[next(iter(self.clients))]
            record = self.clients[name] = ClientRecord(name)
        return record


class Reports:
    """Rosters of all markets of a server; that of a market is gone with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rosters: weakref.WeakKeyDictionary[HostedMarket, Roster] = weakref.WeakKeyDictionary()

    def of(self, hosted: HostedMarket) -> Roster:
        """Return the roster of a market."""
        roster = self._rosters.get(hosted)
        if roster is None:
            roster = self._rosters[hosted] = Roster(hosted, self._clock)
        return roster
