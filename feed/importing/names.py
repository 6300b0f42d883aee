"""Names that writers give to the columns of trades, quotes and bars, by purpose; the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from feed.importing.heads import folded
from feed.venues.values import BASES, QUOTES

__all__ = [
    "BAR_NAMES", "DAY_NAMES", "MAKER_NAMES", "SYMBOL_NAMES", "TIME_NAMES", "TRADE_NAMES", "alike_names", "plain_name",
]  # fmt: skip

TIME_NAMES = (
    "timestampms", "time", "timestamp", "ts", "time_ms", "timestamp_ms", "ts_ms", "time_exchange",
    "exchange_timestamp", "exchange_time", "exchange_ts", "ts_exchange", "ts_event", "origin_time", "trade_time",
    "trade_timestamp", "trade_ts", "transaction_time", "transact_time", "event_time", "exec_date", "deal_time",
    "executed_at", "created_time", "create_time", "created_at", "open_time", "kline_open_time", "candle_begin_time",
    "candle_time", "start_time", "time_period_start", "period_start", "minute_epoch", "unix", "unix_timestamp",
    "unix_time", "epoch", "epoch_ms", "mts", "T", "datetime", "date_time", "system_time", "gmt_time", "utc_time",
    "local_time", "timestamp_utc", "date", "start",
)  # fmt: skip

DAY_NAMES = ("date", "day", "trade_date")
"""Columns of days beside a column that has only times of a day."""

MAKER_NAMES = ("is_buyer_maker", "buyer_maker", "buyer_is_maker", "m", "ibm", "sell", "is_sell", "taker_side_sell")
"""Columns that are true where the taker sold."""

TRADE_NAMES: dict[str, tuple[str, ...]] = {
    "time": TIME_NAMES,
    # Closes of bars without highs and lows are read like other prices.
    "price": (
        "price", "trade_price", "trade_px", "px", "rate", "deal_price", "exec_price", "execution_price", "fill_price",
        "price_usd", "last_price", "p", "close", "c", "last",
    ),
    # Where a file has its sizes in several currencies, the name that tells the base currency comes first.
    "size": (
        "home_notional", "base_qty", "base_volume", "base_amount", "base_size", "size", "trade_size", "quantity",
        "trade_quantity", "qty", "trade_qty", "amount", "trade_amount", "exec_qty", "deal_amount", "sz", "q", "volume",
        "vol", "v",
    ),
    "side": (
        "side", "taker_side", "aggressor_side", "aggressor", "trade_side", "order_side", "taker_direction", "direction",
        "trade_type", "buy_sell", *MAKER_NAMES, "maker_side",
    ),
    "trade_id": ("trade_id", "id", "tid", "agg_trade_id", "aggregate_trade_id", "match_id", "deal_id", "exec_id"),
    "received": (
        "received", "local_timestamp", "received_time", "receive_time", "receipt_timestamp", "time_coinapi", "recv_ts",
        "local_ts", "ts_recv", "recv_time", "local_time", "collected_at", "ingest_time",
    ),
    "bid": ("bid", "bid_price", "best_bid", "best_bid_price", "bid_px"),
    "bid_size": ("bid_size", "bid_qty", "bid_amount", "bid_volume", "best_bid_size", "best_bid_qty", "bid_sz"),
    "ask": ("ask", "ask_price", "best_ask", "best_ask_price", "ask_px"),
    "ask_size": ("ask_size", "ask_qty", "ask_amount", "ask_volume", "best_ask_size", "best_ask_qty", "ask_sz"),
}  # fmt: skip

BAR_NAMES: dict[str, tuple[str, ...]] = {
    "time": TIME_NAMES,
    "open": ("open", "o", "open_price", "px_open", "open_px"),
    "high": ("high", "h", "high_price", "px_high", "high_px"),
    "low": ("low", "l", "low_price", "px_low", "low_px"),
    "close": ("close", "c", "close_price", "px_close", "close_px", "price", "last"),
    "volume": (
        "volume", "v", "base_volume", "volume_base", "vol", "volume_from", "sx_sum", *(f"volume {it}" for it in BASES),
        "tick_volume", "tickvol",
    ),
}  # fmt: skip

SYMBOL_NAMES = (
    "symbol", "instrument", "instrument_id", "instrument_name", "inst_id", "pair", "market", "product_id", "ticker",
    "coin", "contract",
)  # fmt: skip

PRICE_KEYS = ("price", "bid", "ask", "open", "high", "low", "close")

UNITS = {"ms", "us", "µs", "ns", "s", "sec", "seconds", "utc", "gmt", "base", "coin", *(base.lower() for base in BASES)}
"""Words in parentheses behind a name that only tell its unit."""

_UNIT = re.compile(r"\(([^()]*)\)")


def plain_name(name: str, key: str = "") -> str:
    """Return a name without case, marks between its words, and its unit in parentheses.

    The currency of a price may be such a unit, but not that of a size: there it is another one.
    """
    known = UNITS | ({quote.lower() for quote in QUOTES} | {"quote"} if key in PRICE_KEYS else set())
    text = _UNIT.sub(lambda found: "" if found[1].strip().lower() in known else f"of{found[1]}", folded(name))
    if "/" in text and not text.isascii():
        # The same in another language.
        text = text.partition("/")[0]
    return re.sub(r"[\W_]+", "", text)


def alike_names(names: Iterable[str], known: Sequence[str], key: str = "") -> list[str]:
    """Return those of a file's names that are among the known ones, the likeliest first."""
    places: dict[str, int] = {}
    for place, name in enumerate(known):
        places.setdefault(plain_name(name), place)
    found = [name for name in dict.fromkeys(names) if plain_name(name, key) in places]
    # Of `t` and `T` the one that is spelled so.
    return sorted(found, key=lambda name: (places[plain_name(name, key)], name not in known))
