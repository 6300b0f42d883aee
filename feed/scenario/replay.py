"""The `[replay]` section: the recordings that a scenario plays, the part of them to play, and the continuation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from feed.scenario.values import Duration, Length

__all__ = ["Replay"]

MAX_FILES = 1000

File = Annotated[str, Field(min_length=1)]


class Replay(BaseModel):
    """A list of one or more recordings, or files that can be imported as such, played one after the other.

    The first keeps its own times; each other begins at the end of the one before.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, defer_build=True
    )

    files: tuple[File, ...] = Field(
        min_length=1,
        max_length=MAX_FILES,
        description="Paths of the files, absolute or relative to the scenario's folder",
        examples=[["day.parquet"], ["monday.parquet", "tuesday.parquet"]],
    )
    from_: Duration = Field(0, alias="from", description="Leave out so much of the first file's beginning")
    until: Length | None = Field(None, description="Stop so far into the first file, or with several into all of them")
    loop: bool = Field(False, description="Begin again at the end, without end")
    continued: bool = Field(
        False, description="Go on as a generated market from there, with this scenario's phases and events"
    )

    pace: Literal["exchange", "received"] = Field(
        "exchange", description="Whose clock it is played by: that of the exchange, or that of the recorder"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Replay:
        if self.until is not None and self.until <= self.from_:
            raise ValueError("until must be behind from")
        if self.loop and self.continued:
            raise ValueError("what is played without end cannot be continued: take out loop or continued")
        return self
