"""The scenario file's format, version 1: every key with its type, unit and range."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from feed.data.ticks import Instrument
from feed.scenario.events import Event, HandTick
from feed.scenario.faults import fault_schema
from feed.scenario.replay import Replay
from feed.scenario.tickfile import TickFile
from feed.scenario.values import Duration, Extent, Factor, Instant, Length, Percent, Step
from feed.units import MAX_SEED, parse_time

__all__ = ["MAX_PRICE_STEPS", "MarketModel", "Phase", "ScenarioDocument", "SymbolModel"]

MAX_SYMBOLS = 1000
MAX_PHASES = 10_000
MAX_EVENTS = 10_000
MAX_TICKS = 100_000
MAX_PRICE_STEPS = 10**12

DEFAULT_START = parse_time("2025-01-06T00:00:00Z")

Text = Annotated[str, Field(max_length=2000)]
Status = Literal["online", "halted", "auction", "maintenance"]


class _FaultTables:
    """Schema of the list of faults, which is read by the registry of faults and not here."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        return dict(fault_schema())


FaultTables = Annotated[tuple[dict[str, Any], ...], _FaultTables]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class SymbolModel(_Section):
    """An instrument of the market."""

    symbol: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,20}(/[A-Za-z0-9._-]{1,20})?$",
        description="Name of the symbol, as clients subscribe to it",
        examples=["BTC/USD"],
    )
    tick_size: Step = Field(Decimal("0.01"), description="Step of prices, in the quote currency", examples=[0.01])
    lot_size: Step = Field(Decimal("0.00001"), description="Step of sizes, in the base currency", examples=[0.00001])
    start_price: Step = Field(Decimal(65000), description="Price at the start, in the quote currency", examples=[65000])
    order_size: float = Field(
        0.02, gt=0, le=1e9, allow_inf_nan=False, description="Median size of an order, in the base currency"
    )

    daily_volatility: Percent | None = Field(
        None,
        ge=0,
        le=1,
        description="Typical standard deviation of a day's return; where missing: the market's",
        examples=["3.4%"],
    )
    orders_per_second: float | None = Field(
        None,
        ge=0.001,
        le=2000,
        allow_inf_nan=False,
        description="Typical rate of orders, 0.001 to 2000; where missing: the market's",
    )

    @property
    def instrument(self) -> Instrument:
        """The symbol as the engine and the wire use it."""
        return Instrument(self.symbol, self.tick_size, self.lot_size)

    @model_validator(mode="after")
    def _fits_its_steps(self) -> SymbolModel:
        steps = self.start_price / self.tick_size
        if not 2 <= steps <= MAX_PRICE_STEPS:
            raise PydanticCustomError(
                "start_price",
                "start_price is {steps} steps of tick_size; it must be 2 to {most}",
                {"steps": f"{steps:.3g}", "most": f"{MAX_PRICE_STEPS:.0e}"},
            )
        if self.start_price % self.tick_size:
            raise PydanticCustomError("start_price", "start_price is not a whole number of tick_size")
        if self.order_size < float(self.lot_size):
            raise PydanticCustomError("order_size", "order_size is smaller than lot_size")
        return self


class MarketModel(_Section):
    """The character of the market, unless a phase sets it differently."""

    daily_volatility: Percent = Field(
        0.034,
        ge=0,
        le=1,
        description="Typical standard deviation of a day's return, 0% to 100%",
        examples=["3.4%"],
    )
    orders_per_second: float = Field(
        5.0,
        ge=0.001,
        le=2000,
        allow_inf_nan=False,
        description="Typical rate of orders, 0.001 to 2000; each has one or more fills",
    )
    correlation: float = Field(
        0.7, ge=0, le=1, allow_inf_nan=False, description="Share of returns that all symbols have in common, 0 to 1"
    )
    seasonality: bool = Field(True, description="Busy and quiet hours of the day, quieter weekends")
    activity: Factor = Field(1.0, description="Multiple of all rates of orders, 0.01 to 100; feed serve --activity")
    plain: bool = Field(
        False,
        description="Even trades of one fill, and a spread of one tick where no script widens it: easy to read",
    )


class Phase(_Section):
    """A stretch of the timeline; keys left out keep their value from `[market]`."""

    name: str = Field(min_length=1, max_length=64, description="Shown to clients in the status channel")
    at: Duration | None = Field(None, description="Begins so long after the start; else where the last phase ends")
    for_: Duration | None = Field(
        None, alias="for", description="How long it lasts; only the last phase may leave it out and last to the end"
    )
    drift: Percent = Field(
        0.0, ge=-0.99, le=10, description="Change of the price over the phase, -99% to 1000%", examples=["-8%"]
    )
    volatility: Factor = Field(1.0, description="Multiple of the market's volatility, 0.01 to 100")
    activity: Factor = Field(1.0, description="Multiple of the market's rate of orders, 0.01 to 100")
    spread: float = Field(
        1.0,
        ge=0.01,
        le=100_000,
        allow_inf_nan=False,
        description="Multiple of the market's spread, which is mostly one tick",
    )
    liquidity: Factor = Field(1.0, description="Multiple of the sizes that stand in the book, 0.01 to 100")
    status: Status = Field("online", description="Status of all symbols; only online and auction have trades")
    reason: str = Field("", max_length=200, description="Why, for the status channel")
    jump: Percent = Field(
        0.0,
        ge=-0.95,
        le=5,
        description="Change of the price at once where the phase begins, -95% to 500%",
        examples=["-3%"],
    )
    reversion: Length | None = Field(
        None, description="Half-life with which the price comes back to where the phase began; where missing: none"
    )

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, defer_build=True
    )


class ScenarioDocument(_Section):
    """A scenario file, each of whose values is valid by itself."""

    format: Literal[1] = Field(1, description="Version of the file format")
    name: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
        description="Name of the scenario: lower case letters, digits and dashes",
        examples=["flash-crash"],
    )
    description: Text = Field("", description="What it is for, in a sentence")
    seed: int = Field(1, ge=0, le=MAX_SEED, strict=True, description="Another seed is another market of the same kind")
    start: Instant = Field(DEFAULT_START, description="Market time of the beginning, UTC")
    duration: Extent = Field(
        "endless", description="Length in market time, or endless: after the timeline the market goes on without phases"
    )
    market: MarketModel = Field(default_factory=MarketModel, description="The character of the market")
    symbols: tuple[SymbolModel, ...] = Field(
        (SymbolModel(symbol="BTC/USD"),),
        min_length=1,
        max_length=MAX_SYMBOLS,
        description="The instruments",
        json_schema_extra={"default": [{"symbol": "BTC/USD"}]},
    )
    phases: tuple[Phase, ...] = Field((), max_length=MAX_PHASES, description="The timeline")
    events: tuple[Event, ...] = Field(
        (), max_length=MAX_EVENTS, description="What happens on top of the phases; events may overlap"
    )
    ticks: tuple[HandTick, ...] = Field((), max_length=MAX_TICKS, description="Trades that are written by hand")
    faults: FaultTables = Field(
        (), max_length=256, description="What goes wrong on connections; see the page of faults"
    )
    repeat: int = Field(
        1, ge=1, le=1000, strict=True, description="How often the timeline of phases and events is played, 1 to 1000"
    )
    include: tuple[str, ...] = Field(
        (),
        max_length=64,
        description="Files in this folder whose contents come before this one's",
        examples=[["base.toml"]],
    )
    source: TickFile | None = Field(None, description="A file of trades to replay in place of the engine")
    replay: Replay | None = Field(None, description="Recordings to play in place of the engine, or before it")

    @property
    def end(self) -> int | None:
        """Market time of the end, ns UTC, or None."""
        return None if self.duration == "endless" else self.start + self.duration

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that the scenario plays, relative to its folder."""
        if self.replay is not None:
            return self.replay.files
        return () if self.source is None else (self.source.file,)

    @property
    def symbol_names(self) -> tuple[str, ...]:
        """The names of the symbols; none if they are those of a recording."""
        return () if self.replay is not None else tuple(symbol.symbol for symbol in self.symbols)

    @property
    def timeline(self) -> int:
        """The length of one turn of the timeline of phases and events, ns."""
        ends = 0
        for phase in self.phases:
            ends = (ends if phase.at is None else phase.at) + (phase.for_ or 0)
        return max([ends, *(event.at + event.length for event in self.events if not event.once)])

    @property
    def script_end(self) -> int | None:
        """The time from the beginning after which no phase or event is left, ns; None without such a time."""
        endless = bool(self.phases) and self.phases[-1].for_ is None
        return None if endless or self.replay is not None or not self.timeline else self.timeline * self.repeat
