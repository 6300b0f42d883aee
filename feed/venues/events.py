"""Events parsed from a venue's messages. Prices and sizes stay the decimal text that the venue wrote.

Times are ns UTC by the exchange's clock; None if the message has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Event",
    "Levels",
    "Note",
    "NoteKind",
    "Quote",
    "Side",
    "Trade",
    "VenueBookEnd",
    "VenueBookSnapshot",
    "VenueBookUpdate",
    "VenueStatus",
]

Side = Literal["buy", "sell"]

Levels = tuple[tuple[str, str], ...]
"""Price and size of each level; size 0 removes the level."""

NoteKind = Literal["gap", "duplicate", "checksum", "no-snapshot", "old-snapshot", "malformed", "unknown", "reply"]


@dataclass(frozen=True, slots=True)
class Trade:
    """Trade (a fill). `side` is the taker's, None if the venue does not give it.

    `past` marks a trade from before the session, which the venue repeats at its beginning.
    """

    symbol: str
    time: int | None
    price: str
    size: str
    side: Side | None
    trade_id: int | None = None
    past: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask with their sizes, and the venue's number of the book's state, where it gives one."""

    symbol: str
    time: int | None
    bid: str
    bid_size: str
    ask: str
    ask_size: str
    update_id: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class VenueBookSnapshot:
    """Whole order book, best levels first, with `depth` levels per side (empty if the venue does not give it).

    Attributes:
        last_id: the venue's number of the last change in it.
        snapshot_id: the number of the venue's own snapshot, if updates from before its arrival were applied to it.
    """

    symbol: str
    time: int | None
    bids: Levels
    asks: Levels
    depth: str = ""
    last_id: int | None = None
    snapshot_id: int | None = None


@dataclass(frozen=True, slots=True)
class VenueBookUpdate:
    """Levels that changed, in the order of their changes.

    Attributes:
        first_id, last_id: the venue's numbers of the first and the last change in it.
        applies: False if it is no change of a known book: no snapshot has come yet, the book has ended with a gap, or
            the snapshot has the change already.
    """

    symbol: str
    time: int | None
    bids: Levels
    asks: Levels
    depth: str = ""
    first_id: int | None = None
    last_id: int | None = None
    applies: bool = True


@dataclass(frozen=True, slots=True)
class VenueBookEnd:
    """End of a book: its changes are no longer known, until the next snapshot."""

    symbol: str
    time: int | None
    reason: str
    depth: str = ""


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """Status of the venue or of a symbol, in the venue's own words."""

    symbol: str
    time: int | None
    status: str


@dataclass(frozen=True, slots=True)
class Note:
    """Remark on a session, such as a gap or an unreadable message.

    Attributes:
        kind: gap and duplicate (numbers of the venue that do not follow each other), checksum (its book is not
            ours), no-snapshot (updates of a book whose beginning is unknown), old-snapshot (a snapshot that ends
            before the updates that are known), malformed (no message of this venue), unknown (a message of no known
            kind), reply (to a request).
        stream: the stream of the numbers: trading, quote or book; empty if none applies.
        after, before: the venue's numbers on both sides of a gap.
        missing: the number of lost messages; None if the venue's numbers do not tell it.
    """

    kind: NoteKind
    symbol: str
    text: str
    stream: str = ""
    after: int | None = None
    before: int | None = None
    missing: int | None = None


Event = Trade | Quote | VenueBookSnapshot | VenueBookUpdate | VenueBookEnd | VenueStatus | Note
