"""Names, numbers and descriptions of products, as both interfaces of the exchange have them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from feed.data.ticks import Instrument
from feed.dialects.exchange.texts import FixedWriter, fixed

__all__ = ["currencies", "currency_row", "order_ids", "product_id", "product_row", "writer"]

SIZE_DECIMALS = 8

MIXER, ALL_BITS = 0x9E3779B97F4A7C15, 2**64 - 1
"""A multiplier that makes neighbouring numbers look unlike each other, and the bits that are kept."""

CURRENCY_NAMES = {
    "BTC": "Bitcoin", "ETH": "Ether", "SOL": "Solana", "USD": "United States Dollar", "EUR": "Euro",
    "USDC": "USDC", "USDT": "Tether", "GBP": "British Pound",
}  # fmt: skip

MONEY = ("USD", "EUR", "GBP")


@lru_cache(maxsize=64)
def writer(instrument: Instrument) -> FixedWriter:
    """Return the writer of an instrument: its own decimals for prices, 8 for sizes."""
    return FixedWriter(instrument, None, SIZE_DECIMALS)


@lru_cache(maxsize=64)
def product_id(symbol: str) -> str:
    """Return the exchange's name of an instrument: `BTC-USD`."""
    return symbol.replace("/", "-")


def order_ids(number: int) -> tuple[bytes, bytes]:
    """Return the made-up ids of the two orders of a trade, or of the orders at a price, stable for its number."""
    text = f"{number * MIXER & ALL_BITS:016x}"
    first, second, third = text[:8], text[8:12], text[12:15]
    return (
        f"{first}-{second}-4{third}-a{text[3:6]}-{number:012x}".encode(),
        f"{text[8:]}-{text[4:8]}-4{text[1:4]}-b{third}-{number:012x}".encode(),
    )


def product_row(each: Instrument, status: str) -> dict[str, Any]:
    """Return the description of a product."""
    base, _, quote = each.symbol.partition("/")
    return {
        "id": product_id(each.symbol),
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": fixed(each.tick_units, each.price_decimals),
        "base_increment": fixed(each.lot_units, each.size_decimals),
        "display_name": product_id(each.symbol),
        "min_market_funds": "1",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": status in ("halted", "maintenance"),
        "status": "online",
        "status_message": "",
        "trading_disabled": status == "maintenance",
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": status == "auction",
        "high_bid_limit_percentage": "",
    }


def currencies(instruments: Sequence[Instrument]) -> dict[str, int]:
    """Return the currencies of all products, each with its number of decimals."""
    found: dict[str, int] = {}
    for each in instruments:
        base, _, quote = each.symbol.partition("/")
        found.setdefault(base, SIZE_DECIMALS)
        found.setdefault(quote, each.price_decimals if quote in MONEY else SIZE_DECIMALS)
    return found


def currency_row(name: str, decimals: int) -> dict[str, Any]:
    """Return the description of a currency."""
    is_money = name in MONEY
    network = name.lower() if is_money else CURRENCY_NAMES.get(name, name).lower()
    return {
        "id": name,
        "name": CURRENCY_NAMES.get(name, name),
        "min_size": fixed(1, decimals),
        "status": "online",
        "message": "",
        "max_precision": fixed(1, decimals),
        "convertible_to": ["USDC"] if name == "USD" else [],
        "details": {
            "type": "fiat" if is_money else "crypto",
            "symbol": "$" if name == "USD" else name,
            "network_confirmations": 0 if is_money else 2,
            "sort_order": 1,
            "crypto_address_link": "",
            "crypto_transaction_link": "",
            "push_payment_methods": [],
            "group_types": [],
            "display_name": CURRENCY_NAMES.get(name, name),
            "processing_time_seconds": 0,
            "min_withdrawal_amount": 0,
            "max_withdrawal_amount": 0,
        },
        "default_network": "" if is_money else network,
        "supported_networks": [],
        "display_name": CURRENCY_NAMES.get(name, name),
    }
