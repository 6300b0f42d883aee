"""feed: a simulated market on a real WebSocket.

All public names are available here; each is loaded on first access, so `import feed` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from feed.version import __version__

if TYPE_CHECKING:
    from feed.client.blocking import RemoteMarketSync, open_market_sync
    from feed.client.book import Book
    from feed.client.client import Client, connect
    from feed.client.collect import collect, collect_sync
    from feed.client.control import Outcome, RemoteMarket, Verification, open_market
    from feed.client.happenings import Connected, Disconnected
    from feed.client.messages import BookBroken, BookUpdate, Candle, Data, Message, SymbolStatus, Tick, Ticker
    from feed.client.progress import Gap
    from feed.dataframes import analysis
    from feed.dataframes.files import TickData, read
    from feed.dataframes.lazy import scan
    from feed.dataframes.tape import RecordingData
    from feed.dataframes.ticks import frame_digest, generate
    from feed.errors import (
        ConnectError,
        FeedError,
        MarketExistsError,
        NotAllowedError,
        NotPossibleError,
        NotReachedError,
        RefusedError,
        UnknownMarketError,
    )
    from feed.service.process import ServerProcess, start_server


__all__ = [
    "Book",
    "BookBroken",
    "BookUpdate",
    "Candle",
    "Client",
    "ConnectError",
    "Connected",
    "Data",
    "Disconnected",
    "FeedError",
    "Gap",
    "MarketExistsError",
    "Message",
    "NotAllowedError",
    "NotPossibleError",
    "NotReachedError",
    "Outcome",
    "RecordingData",
    "RefusedError",
    "RemoteMarket",
    "RemoteMarketSync",
    "ServerProcess",
    "SymbolStatus",
    "Tick",
    "TickData",
    "Ticker",
    "UnknownMarketError",
    "Verification",
    "__version__",
    "analysis",
    "collect",
    "collect_sync",
    "connect",
    "frame_digest",
    "generate",
    "open_market",
    "open_market_sync",
    "read",
    "scan",
    "start_server",
]

_HOMES = {
    "Book": "feed.client.book",
    "BookBroken": "feed.client.messages",
    "BookUpdate": "feed.client.messages",
    "Candle": "feed.client.messages",
    "Client": "feed.client.client",
    "ConnectError": "feed.errors",
    "Connected": "feed.client.happenings",
    "Data": "feed.client.messages",
    "Disconnected": "feed.client.happenings",
    "FeedError": "feed.errors",
    "Gap": "feed.client.progress",
    "MarketExistsError": "feed.errors",
    "Message": "feed.client.messages",
    "NotAllowedError": "feed.errors",
    "NotPossibleError": "feed.errors",
    "NotReachedError": "feed.errors",
    "Outcome": "feed.client.control",
    "RecordingData": "feed.dataframes.tape",
    "RefusedError": "feed.errors",
    "RemoteMarket": "feed.client.control",
    "RemoteMarketSync": "feed.client.blocking",
    "ServerProcess": "feed.service.process",
    "SymbolStatus": "feed.client.messages",
    "Tick": "feed.client.messages",
    "TickData": "feed.dataframes.files",
    "Ticker": "feed.client.messages",
    "UnknownMarketError": "feed.errors",
    "Verification": "feed.client.control",
    "collect": "feed.client.collect",
    "collect_sync": "feed.client.collect",
    "connect": "feed.client.client",
    "frame_digest": "feed.dataframes.ticks",
    "generate": "feed.dataframes.ticks",
    "open_market": "feed.client.control",
    "open_market_sync": "feed.client.blocking",
    "read": "feed.dataframes.files",
    "scan": "feed.dataframes.lazy",
    "start_server": "feed.service.process",
}
"""Map from each public name to the module that defines it; `analysis` is itself a module."""


def __getattr__(name: str) -> Any:
    if name == "analysis":
        return importlib.import_module("feed.dataframes.analysis")
    if name not in _HOMES:
        raise AttributeError(f"module 'feed' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
