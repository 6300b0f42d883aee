"""Rules by which files of trades are read, each with its own name: what is mended, what is refused, what is counted."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IMPORT_RULES", "SOURCE_RULES", "TradeRules"]


@dataclass(frozen=True, slots=True)
class TradeRules:
    """Rules for files of trades. The defaults are those of `feed import`: mend what can be mended, and report it.

    Attributes:
        finds_columns: look for columns that were not given, by their usual names.
        leaves_out_broken_rows: leave out rows that are cut off, instead of refusing the file.
        turns_newest_first: turn round a file that begins with its newest trade, instead of refusing it.
        leaves_out_empty_rows: leave out rows of size 0, instead of refusing the file.
        sides_by_sign: without a column of sides, take a negative size for a sale.
        fills_missing_sides: infer the side of a trade whose cell has none, instead of refusing the file.
        infers_from_all_rows: infer sides from all rows of a file, those without a size included, not by symbol.
        counts_rows: without trade ids, number trades by their rows in the file, not from 1 by symbol.
        takes_words_as_ids: count trades where ids are no numbers, instead of refusing the file.
        ids_must_grow: refuse ids that do not grow, and look for no gaps between them.
        allows_missing_quotes: keep a trade whose quote has empty cells without a quote, instead of refusing the file.
        widens_quotes: widen quotes that do not hold their trade, instead of leaving them to the replay and refusing
            crossed ones.
    """

    finds_columns: bool = True
    leaves_out_broken_rows: bool = True
    turns_newest_first: bool = True
    leaves_out_empty_rows: bool = False
    sides_by_sign: bool = True
    fills_missing_sides: bool = True
    infers_from_all_rows: bool = False
    counts_rows: bool = False
    takes_words_as_ids: bool = True
    ids_must_grow: bool = False
    allows_missing_quotes: bool = True
    widens_quotes: bool = True


IMPORT_RULES = TradeRules()
"""Rules of `feed import`."""

SOURCE_RULES = TradeRules(
    finds_columns=False,
    leaves_out_broken_rows=False,
    turns_newest_first=False,
    leaves_out_empty_rows=True,
    sides_by_sign=False,
    fills_missing_sides=False,
    infers_from_all_rows=True,
    counts_rows=True,
    takes_words_as_ids=False,
    ids_must_grow=True,
    allows_missing_quotes=False,
    widens_quotes=False,
)
"""Rules of `[source]`: the file says what it means, and a mistake in it is refused with its place."""
