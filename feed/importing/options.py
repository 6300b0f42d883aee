"""Options of the user about the files; an option left out is None, and its value is inferred and reported."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from feed.errors import UsageError
from feed.importing.rules import IMPORT_RULES, TradeRules
from feed.importing.spelling import COMMAND, Spelling
from feed.scenario.tickfile import Column, TimeUnit

__all__ = ["BAR_COLUMNS", "TRADE_COLUMNS", "Options"]

TRADE_COLUMNS = (
    "time", "price", "size", "side", "trade_id", "symbol", "received", "bid", "bid_size", "ask", "ask_size",
)  # fmt: skip

BAR_COLUMNS = ("time", "open", "high", "low", "close", "volume", "trades")


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an import.

    Attributes:
        columns: name or position from 0, by the purpose of the column.
        symbol: symbol of all rows; else a column or the file's name gives it.
        usual_symbol: symbol if nothing else gives one; without it that is an error.
        interval: length of a bar, ns.
        clamp: move an open or a close outside of low and high to the nearer of them.
        contract_size: how much one contract is, where sizes are contracts.
        size_in: the currency of sizes or contracts: `base` or `quote`.
        rules: what is mended, refused and counted in a file of trades.
        spelling: spelling of options, in messages.
        sort: sort rows by their times instead of refusing rows out of order.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    symbol: str | None = None
    usual_symbol: str | None = None
    time_unit: TimeUnit | None = None
    date: datetime.date | None = None
    side_means: str | None = None
    buy: str | None = None
    missing_size: str | None = None
    rounding: bool = False
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    delimiter: str | None = None
    header: bool | None = None
    interval: int | None = None
    sort: bool = False
    clamp: bool = False
    contract_size: Decimal | None = None
    size_in: str | None = None
    rules: TradeRules = IMPORT_RULES
    spelling: Spelling = COMMAND

    def only(self, kind: str, *, columns: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> None:
        """Refuse options that have no use for the format.

        Args:
            kind: the content that the format reads, for the message.
            columns: columns that may be given.
            others: options beside columns and `sort` that may be given.

        Raises:
            UsageError: names the option.
        """
        for key in self.columns:
            if key not in columns:
                raise UsageError(f"--{key.replace('_', '-')} is of no use for {kind}")
        for name in ("symbol", "time_unit", "date", "side_means", "buy", "missing_size", "rounding", "tick_size",
                     "lot_size", "delimiter", "header", "interval", "clamp",
                     "contract_size", "size_in"):  # fmt: skip
            if getattr(self, name) not in (None, False) and name not in others:
                raise UsageError(f"--{name.replace('_', '-')} is of no use for {kind}")
