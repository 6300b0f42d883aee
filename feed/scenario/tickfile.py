"""The `[source]` section: a file of real trades that a scenario replays, and what its columns mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Column", "TickFile"]

Column = Annotated[str | int, Field(description="A column's name, or its position from 0 in a file without a header")]


class TickFile(BaseModel):
    """A CSV or Parquet file of trades (also .gz and .zip) and the mapping of its columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(description="Path of the file, absolute or relative to the scenario's folder")
    format: Literal["csv", "parquet"] | None = Field(None, description="Taken from the file's name where missing")
    time: Column = Field("time", description="Column of the trade's time")
    time_unit: Literal["ns", "us", "ms", "s", "iso"] = Field("ms", description="Unit of the time column")
    price: Column = Field("price", description="Column of the trade's price")
    size: Column = Field("size", description="Column of the trade's size")
    side: Column | None = Field(None, description="Column of the taker's side; without it the tick rule infers it")
