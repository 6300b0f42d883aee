"""Models of `data` frames, for the published schema: the writers in `data.py`, `bars.py` and `book.py` spell them.

Nothing is validated with them while a market runs; tests hold every frame against the schema.
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeAliasType

__all__ = [
    "DATA_FRAMES",
    "BookData",
    "BookFrame",
    "CandleData",
    "CandlesFrame",
    "DataFrameOf",
    "StatusData",
    "StatusFrame",
    "SymbolInfo",
    "TickerData",
    "TickerFrame",
    "TradingData",
    "TradingFrame",
]

Decimal = TypeAliasType(
    "Decimal",
    Annotated[
        float | Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")],
        Field(description="A plain decimal; text after connecting with `?numbers=string`"),
    ],
)
Milliseconds = TypeAliasType(
    "Milliseconds", Annotated[int, Field(description="Market time in milliseconds since 1970, UTC")]
)
Level = TypeAliasType(
    "Level",
    Annotated[tuple[Decimal, Decimal], Field(description="Price and size; in an update, size 0 removes the level")],
)


class FramePart(BaseModel):
    """Base of the models: no key may be missing, and none may be unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SymbolInfo(FramePart):
    """Description of a symbol in the event `status`."""

    symbol: str
    tick_size: Decimal = Field(description="Smallest step of a price")
    lot_size: Decimal = Field(description="Smallest step of a size")
    price_decimals: int = Field(ge=0)
    size_decimals: int = Field(ge=0)


class TradingData(FramePart):
    """Fill, with the quote that it leaves."""

    symbol: str
    price: Decimal
    size: Decimal
    side: Literal["buy", "sell"] = Field(description="The taker's side")
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    volume: Decimal = Field(description="Size traded since the UTC day began")
    trade_id: int
    timestamp: Milliseconds


class TickerData(FramePart):
    """Figures of the last 24 hours."""

    symbol: str
    last: Decimal
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    vwap: Decimal
    change: Decimal
    change_percent: Decimal
    timestamp: Milliseconds


class CandleData(FramePart):
    """Candle in its present state, as charting libraries take it."""

    symbol: str
    interval: str
    time: int = Field(description="Beginning in seconds since 1970, UTC")
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int = Field(ge=0)
    vwap: Decimal
    closed: bool = Field(description="True in the interval's last message")
    timestamp: Milliseconds


class BookData(FramePart):
    """Order book: every level in a snapshot, the changed ones in an update. The best levels come first."""

    symbol: str
    depth: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    checksum: int = Field(ge=0, le=0xFFFFFFFF, description="CRC32 of the ten best levels of each side afterwards")
    timestamp: Milliseconds


class StatusData(FramePart):
    """Status of a symbol."""

    symbol: str
    status: Literal["online", "halted", "auction", "maintenance"]
    reason: str
    phase: str
    timestamp: Milliseconds


Channel = TypeVar("Channel")
Object = TypeVar("Object")


class DataFrameOf(FramePart, Generic[Channel, Object]):
    """Message of a channel."""

    event: Literal["data"]
    channel: Channel
    symbol: str
    type: Literal["snapshot", "update"]
    seq: int = Field(ge=0, description="Number of the message in its stream")
    skipped: int | SkipJsonSchema[None] = Field(None, ge=1, description="How many messages were left out before it")
    data: Object


class TradingFrame(DataFrameOf[Literal["trading"], TradingData]):
    """Message of the channel `trading`."""


class TickerFrame(DataFrameOf[Literal["ticker"], TickerData]):
    """Message of the channel `ticker`."""


class CandlesFrame(DataFrameOf[Literal["candles"], CandleData]):
    """Message of the channel `candles`."""


class BookFrame(DataFrameOf[Literal["book"], BookData]):
    """Message of the channel `book`."""


class StatusFrame(DataFrameOf[Literal["status"], StatusData]):
    """Message of the channel `status`, about one symbol."""


DATA_FRAMES: dict[str, type[BaseModel]] = {
    "trading": TradingFrame,
    "ticker": TickerFrame,
    "candles": CandlesFrame,
    "book": BookFrame,
    "status": StatusFrame,
}
"""Models of the frames of each channel."""
