"""Symbols and venues that a file's name tells: a guess, which is said, and which an option overrides."""

from __future__ import annotations

import re
from pathlib import Path

from feed.errors import UsageError
from feed.importing.findings import Findings
from feed.importing.heads import head_of
from feed.importing.options import Options
from feed.venues.values import BASES, QUOTES

__all__ = ["symbol_in", "symbol_told", "venue_in"]

VENUES = (
    "binance", "bitfinex", "bitflyer", "bitget", "bithumb", "bitmex", "bitstamp", "bybit", "coinbase", "cryptocom",
    "deribit", "dydx", "ftx", "gate", "gdax", "gemini", "huobi", "hyperliquid", "kraken", "kucoin", "mexc", "okex",
    "okx", "poloniex", "upbit",
)  # fmt: skip
"""Exchanges by the names that files have of them."""

_BASE = "|".join(sorted(BASES, key=len, reverse=True))
_QUOTE = "|".join(sorted(QUOTES, key=len, reverse=True))
_PAIR = re.compile(rf"(?<![A-Za-z0-9])t?({_BASE})[-_/]?({_QUOTE})(?![A-Za-z])", re.IGNORECASE)
_CURRENCY = re.compile(
    rf"(?<![a-z])(?:{'|'.join(VENUES)}|btce|localbtc|mtgox|itbit|okcoin|cex)[-_]?(USD|EUR|GBP|JPY)(?![A-Za-z])"
)
_MARKED = re.compile(rf"(?<![A-Za-z0-9])([A-Z0-9]{{2,10}})[-_/]({_QUOTE})(?![A-Za-z])")
WORDS = {"bitcoin": "BTC", "ethereum": "ETH"}

_KNOWN_BASE = re.compile(
    rf"(?i)(?<![A-Za-z0-9])({'|'.join(WORDS)}|BTC|XBT|ETH|SOL|XRP|DOGE|LTC|BCH|ADA)(?![A-Za-z0-9])"
)
_CURRENCY_END = re.compile("(?<=.)(usd|eur|gbp|jpy)$")
_KRAKEN = re.compile(r"X([A-Z]{3})Z([A-Z]{3})")
_CAPITALS = re.compile(rf"(?<![A-Za-z0-9])([A-Z0-9]{{2,10}}?)({_QUOTE})(?![A-Za-z])")


def symbol_in(path: Path) -> str | None:
    """Return the pair that a file's name has in it, or else its folder's name; None if there is none."""
    for name in (path.name, path.parent.name):
        for pattern in (_PAIR, _MARKED, _CAPITALS):
            if (found := pattern.search(name)) is not None:
                return f"{found[1]}/{found[2]}".upper()
    # Files of bitcoincharts.com are called after the venue and the currency.
    found = _CURRENCY.search(path.name) or _CURRENCY.search(path.parent.name)
    return f"BTC/{found[1]}" if found else None


def symbol_told(path: Path, options: Options, findings: Findings) -> str:
    """Return the symbol that an option or the file's name tells, or the usual one, and say which it was.

    Raises:
        UsageError: nothing tells it.
    """
    if options.symbol:
        return options.symbol
    beside = head_of(path).symbol
    if (found := _PAIR.fullmatch(beside) or _KRAKEN.fullmatch(beside) or _MARKED.fullmatch(beside)) is not None:
        findings.say(f"the symbol is {found[1]}/{found[2]}: told beside the rows")
        return f"{found[1]}/{found[2]}".upper()
    if (named := symbol_in(path)) is not None:
        findings.say(f"the symbol is {named}: told by the name of {path.name}")
        return named
    if (base := _KNOWN_BASE.search(path.name)) is not None and not options.usual_symbol:
        symbol = f"{WORDS.get(base[1].lower(), base[1].upper())}/USD"
        findings.say(f"the symbol is {symbol}: the name of {path.name} tells {base[1]}, and USD is assumed")
        return symbol
    if options.usual_symbol:
        findings.say(f"nothing tells what is traded: {options.usual_symbol} is assumed")
        return options.usual_symbol
    raise UsageError(f"{path.name} does not tell what is traded: tell it, such as --symbol BTC/USDT")


def venue_in(path: Path) -> str | None:
    """Return the exchange that a file's name has in it, or else its folder's name; None if there is none."""
    for name in (path.name, path.parent.name):
        words = [_CURRENCY_END.sub("", word) for word in re.split(r"[^a-z]+", name.lower())]
        if (found := next((venue for venue in VENUES if venue in words), None)) is not None:
            return found
    return None
