"""What a message of a venue comes to. Prices and sizes stay the decimal text that the venue wrote.

Times are ns UTC and the exchange's own; None where the message has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BookSnapshot", "BookUpdate", "Event", "Levels", "Note", "NoteKind", "Quote", "Side", "Status", "Trade"]

Side = Literal["buy", "sell"]

Levels = tuple[tuple[str, str], ...]
"""Price and size of each level; size 0 takes the level away."""

NoteKind = Literal["gap", "duplicate", "checksum", "no-snapshot", "malformed", "unknown", "reply"]


@dataclass(frozen=True, slots=True)
class Trade:
    """A fill. `side` is the taker's, None where the venue does not tell."""

    symbol: str
    time: int | None
    price: str
    size: str
    side: Side | None
    trade_id: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask with their sizes."""

    symbol: str
    time: int | None
    bid: str
    bid_size: str
    ask: str
    ask_size: str


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The whole book, best levels first, as deep as `depth` says (empty where the venue does not)."""

    symbol: str
    time: int | None
    bids: Levels
    asks: Levels
    depth: str = ""


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """Levels that changed, in the order in which they did."""

    symbol: str
    time: int | None
    bids: Levels
    asks: Levels
    depth: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What the venue says of itself or of a symbol, in its own words."""

    symbol: str
    time: int | None
    status: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the reader of a session should know.

    Attributes:
        kind: gap and duplicate (numbers of the venue that do not follow each other), checksum (its book is not ours),
            no-snapshot (updates of a book whose beginning is unknown), malformed (no message of this venue), unknown
            (a message of no known kind), reply (to a request).
        stream: whose numbers: trading, quote or book; empty where that makes no sense.
        after, before: the venue's numbers on both sides of a gap.
    """

    kind: NoteKind
    symbol: str
    text: str
    stream: str = ""
    after: int | None = None
    before: int | None = None


Event = Trade | Quote | BookSnapshot | BookUpdate | Status | Note
