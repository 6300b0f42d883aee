"""The `[[events]]` of a scenario file: changes on top of the phases, which may overlap the phases and each other."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from feed.scenario.values import Duration, Factor, Length, Percent, Step
from feed.units import DAY

__all__ = [
    "EVENT_KINDS",
    "Burst",
    "Event",
    "FlashCrash",
    "GapEvent",
    "Halt",
    "HandTick",
    "Jump",
    "Overlay",
    "Pump",
    "Quiet",
    "SpreadBlowout",
    "Squeeze",
    "StatusEvent",
    "Target",
    "ThinBook",
    "event_from",
]

Size = Annotated[Percent, Field(ge=-0.95, le=5)]
MINUTE_LENGTH = 60_000_000_000


class Happening(BaseModel):
    """Keys that all events have in common."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, defer_build=True
    )

    at: Duration = Field(description="Begins so long after the start of the timeline", examples=["10m"])
    symbols: tuple[str, ...] | None = Field(
        None, min_length=1, max_length=1000, description="The symbols that it happens to; where missing: all"
    )
    name: str = Field("", max_length=64, description="A name for it, to run a market until it begins or ends")
    once: bool = Field(
        False, description="Of a timeline that is repeated: happens once, so long after the scenario's start"
    )

    @property
    def length(self) -> int:
        """The length of the event, ns."""
        return int(getattr(self, "for_", 0))

    @property
    def names(self) -> tuple[str, ...]:
        """What the event may be called: its kind, and its own name if it has one."""
        kind: str = getattr(self, "kind", "")
        return (kind, self.name) if self.name and self.name != kind else (kind,)


class Overlay(Happening):
    """Factors and a drift for a while, on top of the values of the phase."""

    kind: Literal["overlay"]
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it lasts", examples=["10m"])
    fade: bool = Field(False, description="Whether the multiples run back to 1 evenly until the end")
    drift: Size = Field(0.0, description="Change of the price from beginning to end, -95% to 500%", examples=["-3%"])
    volatility: Factor = Field(1.0, description="Multiple of the volatility, 0.01 to 100")
    activity: Factor = Field(1.0, description="Multiple of the rate of orders, 0.01 to 100")
    spread: Factor = Field(1.0, description="Multiple of the spread, 0.01 to 100")
    liquidity: Factor = Field(1.0, description="Multiple of the sizes in the book, 0.01 to 100")


class Jump(Happening):
    """A jump of the price to another level in one moment, as after news."""

    kind: Literal["jump"]
    size: Size = Field(0.02, description="Change of the price, -95% to 500%", examples=["2%"])


class FlashCrash(Happening):
    """A fall within minutes through an empty book, and a recovery that leaves a part of it."""

    kind: Literal["flash-crash"]
    size: Annotated[Percent, Field(ge=-0.95, lt=0)] = Field(-0.08, description="The fall, -95% to 0%", examples=["-8%"])
    fall: Length = Field(3 * MINUTE_LENGTH, description="How long the fall takes")
    recovery: Length = Field(12 * MINUTE_LENGTH, description="How long the way back takes")
    recovered: Annotated[Percent, Field(ge=0, le=1.5)] = Field(
        0.7, description="Share of the fall that comes back, 0% to 150%", examples=["70%"]
    )

    @property
    def length(self) -> int:
        """The length of the fall and the recovery together, ns."""
        return self.fall + self.recovery


class Squeeze(Happening):
    """Forced buying by short sellers: the price rises faster and faster, and the asks get thin."""

    kind: Literal["squeeze"]
    size: Size = Field(0.06, description="Change of the price; negative for a squeeze of longs", examples=["6%"])
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it lasts")


class Pump(Happening):
    """A promoted rise with growing volume, then a longer fall that keeps a little of the rise."""

    kind: Literal["pump"]
    size: Annotated[Percent, Field(gt=0, le=5)] = Field(0.15, description="The rise, up to 500%", examples=["15%"])
    rise: Length = Field(8 * MINUTE_LENGTH, description="How long the rise takes")
    fall: Length = Field(20 * MINUTE_LENGTH, description="How long the fall takes")
    kept: Annotated[Percent, Field(ge=0, le=1)] = Field(
        0.1, description="Share of the rise that is left in the end, 0% to 100%", examples=["10%"]
    )

    @property
    def length(self) -> int:
        """The length of the rise and the fall together, ns."""
        return self.rise + self.fall


class SpreadBlowout(Happening):
    """A retreat of the market makers: the spread widens, then closes again."""

    kind: Literal["spread-blowout"]
    for_: Length = Field(2 * MINUTE_LENGTH, alias="for", description="How long it takes to close")
    factor: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] = Field(
        500.0, description="The spread at its widest, in multiples of the usual one"
    )


class ThinBook(Happening):
    """A thin order book for a while: the same orders move the price further."""

    kind: Literal["thin-book"]
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it lasts")
    factor: Annotated[float, Field(ge=0.001, le=1, allow_inf_nan=False)] = Field(
        0.1, description="What is left of the sizes"
    )


class Burst(Happening):
    """A burst of many more orders for a while."""

    kind: Literal["burst"]
    for_: Length = Field(MINUTE_LENGTH // 2, alias="for", description="How long it lasts")
    factor: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = Field(10.0, description="Multiple of orders")


class Quiet(Happening):
    """A quiet stretch with hardly any orders."""

    kind: Literal["quiet"]
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it lasts")
    factor: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.05, description="What is left of the orders; 0 is silence while the symbol stays online"
    )


class Halt(Happening):
    """A halt of trading, then an auction that gathers orders, then a busy reopening, perhaps at another price."""

    kind: Literal["halt"]
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it is halted, before the auction")
    auction: Duration = Field(2 * MINUTE_LENGTH, le=DAY, description="How long the auction is; 0 for none")
    gap: Size = Field(0.0, description="Change of the price over the stop", examples=["-4%"])
    reason: str = Field("circuit breaker", max_length=200, description="Why, for the status channel")

    @property
    def length(self) -> int:
        """The length of the halt and the auction together, ns."""
        return self.for_ + self.auction


class GapEvent(Happening):
    """A moment without trades although the symbol is online, then a trade at another price."""

    kind: Literal["gap"]
    size: Size = Field(0.03, description="Change of the price, -95% to 500%")
    for_: Length = Field(MINUTE_LENGTH // 2, alias="for", description="How long there is no trade")


class StatusEvent(Happening):
    """Another status for a while; only online and auction have trades."""

    kind: Literal["status"]
    status: Literal["online", "halted", "auction", "maintenance"] = Field(description="The status")
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it lasts")
    reason: str = Field("", max_length=200, description="Why, for the status channel")


class Target(Happening):
    """A move of the price to a given one, as in a real market: a bridge, not a straight line."""

    kind: Literal["target"]
    price: Step = Field(description="Price at the end, in the quote currency", examples=[70000])
    for_: Length = Field(10 * MINUTE_LENGTH, alias="for", description="How long it takes to get there")


Event = Annotated[
    Overlay
    | Jump
    | FlashCrash
    | Squeeze
    | Pump
    | SpreadBlowout
    | ThinBook
    | Burst
    | Quiet
    | Halt
    | GapEvent
    | StatusEvent
    | Target,
    Field(discriminator="kind"),
]


@cache
def _events() -> TypeAdapter[Event]:
    """Return the validator, which a scenario without events need not wait for."""
    return TypeAdapter(Event)


def event_from(document: object) -> Event:
    """Return the event with the keys of one of the `[[events]]`; raise pydantic's ValidationError if it is none."""
    return _events().validate_python(document)


EVENT_KINDS = (
    "overlay",
    "jump",
    "flash-crash",
    "squeeze",
    "pump",
    "spread-blowout",
    "thin-book",
    "burst",
    "quiet",
    "halt",
    "gap",
    "status",
    "target",
)


class HandTick(BaseModel):
    """A trade written by hand, among the trades that the engine generates."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    at: Duration = Field(description="So long after the start", examples=["90s"])
    price: Step = Field(description="A whole number of tick sizes", examples=[65000.5])
    size: Step = Field(description="A whole number of lot sizes", examples=[0.25])
    side: Literal["buy", "sell"] = Field("buy", description="The side that took")
    symbol: str | None = Field(None, description="Where missing: the first symbol")
