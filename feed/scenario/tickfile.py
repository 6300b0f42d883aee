"""The `[source]` section: a file of real trades that a scenario replays, and the meaning of its columns."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Column", "TickFile", "TimeUnit"]

Column = Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0, le=10_000)]
"""A column's name, or its position, counted from 0."""

TimeUnit = Literal["ns", "us", "ms", "s", "min", "iso"]


class TickFile(BaseModel):
    """A CSV or Parquet file of trades (also .gz, .bz2, .xz and .zip) and the mapping of its columns.

    A row is a trade; rows stand in order of time, and those of the same time keep their order. A row of size 0, as
    in bars of a minute without a trade, is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    file: str = Field(
        min_length=1,
        description="Path of the file, absolute or relative to the scenario's folder; a .zip holds one file",
        examples=["trades.parquet", "2023-11-13.csv.gz"],
    )
    format: Literal["csv", "parquet"] | None = Field(
        None, description="What the file is; its first bytes tell, so that this only checks them", examples=["csv"]
    )
    delimiter: str = Field(
        ",", min_length=1, max_length=1, description="What separates the columns of a CSV", examples=[",", ";", "\t"]
    )
    header: bool | None = Field(
        None,
        description="Whether a CSV begins with its columns' names; where missing: if any column here is named",
        examples=[False],
    )
    time: Column = Field("time", description="Column of the trade's time: name, or position from 0", examples=["time"])
    time_unit: TimeUnit = Field(
        "ms", description="Unit of the time column; a Parquet timestamp needs none", examples=["ms", "iso"]
    )
    date: datetime.date | None = Field(
        None, description="Where times count from midnight: the day (UTC) of the file", examples=["2018-04-04"]
    )
    price: Column = Field("price", description="Column of the trade's price", examples=["price", 4])
    size: Column = Field("size", description="Column of the trade's size", examples=["size", "amount"])
    missing_size: Literal["error", "skip"] = Field(
        "error",
        description="A row without a size is an error, or a bar without a trade that is left out",
        examples=["skip"],
    )
    rounding: bool = Field(
        False,
        description="Round prices and sizes to the symbol's steps; else one that is no multiple is an error",
        examples=[True],
    )
    side: Column | None = Field(
        None,
        description="Column of the side; without it the tick rule infers it: up is a buy, down a sell, else as before",
        examples=["side", "is_buyer_maker"],
    )
    side_means: Literal["taker", "maker", "buyer-is-maker"] = Field(
        "taker",
        description="Whose side the column tells; buyer-is-maker: true where the seller was the taker",
        examples=["buyer-is-maker"],
    )
    buy: str | None = Field(
        None,
        description="The text that means a buy, every other is a sell; where missing: buy, b, bid, 1, true or long",
        examples=["B"],
    )
    bid: Column | None = Field(
        None,
        description="Column of the best bid before the trade; without it the trade sits at a touch one tick wide",
        examples=["bid"],
    )
    ask: Column | None = Field(None, description="Column of the best ask before the trade", examples=["ask"])
    bid_size: Column | None = Field(
        None, description="Column of the best bid's size; without it the trade's size", examples=["bid_size"]
    )
    ask_size: Column | None = Field(
        None, description="Column of the best ask's size; without it the trade's size", examples=["ask_size"]
    )
    trade_id: Column | None = Field(
        None, description="Column of a growing whole number; without it rows are counted from 1", examples=["id"]
    )

    @model_validator(mode="after")
    def _fits_together(self) -> TickFile:
        if (self.bid is None) != (self.ask is None):
            raise ValueError("bid and ask come together")
        if self.bid is None and (self.bid_size is not None or self.ask_size is not None):
            raise ValueError("bid_size and ask_size need bid and ask")
        if self.date is not None and self.time_unit == "iso":
            raise ValueError("date is for times that count from midnight, which iso times do not")
        return self

    @property
    def columns(self) -> dict[str, Column]:
        """The name or position in the file of each wanted column, by key of this section."""
        keys = ("time", "price", "size", "side", "bid", "ask", "bid_size", "ask_size", "trade_id")
        return {key: column for key in keys if (column := getattr(self, key)) is not None}

    @property
    def has_header(self) -> bool:
        """Tell whether the first line of a CSV is taken as names."""
        return any(isinstance(column, str) for column in self.columns.values()) if self.header is None else self.header
