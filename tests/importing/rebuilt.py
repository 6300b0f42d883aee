"""Books of captured sessions rebuilt by code that shares nothing with the product, as the venues' documents say."""

from __future__ import annotations

import gzip
import heapq
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

__all__ = ["Rebuilt", "rebuilt"]

# By the price as a float, which is quick to sort by.
Side = dict[float, tuple[Decimal, Decimal]]
Top = tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]


class Rebuilt:
    """One book: what is known of it after each of its messages."""

    def __init__(self) -> None:
        self.bids: Side = {}
        self.asks: Side = {}
        self.tops: list[Top] = []
        self.last = 0
        self.waiting: list[dict[str, Any]] = []
        self.joined = False

    def set(self, bids: Any, asks: Any) -> None:
        """Put levels into it; those of size 0 go."""
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for row in levels:
                price, size = Decimal(row[0]), Decimal(row[1])
                if size:
                    side[float(price)] = (price, size)
                else:
                    side.pop(float(price), None)

    def cut(self, depth: int) -> None:
        """Keep only so many levels of each side."""
        for side, best in ((self.bids, max), (self.asks, min)):
            while len(side) > depth:
                del side[(min if best is max else max)(side)]

    def note(self, levels: int = 25) -> None:
        """Remember the best levels."""
        bids, asks = heapq.nlargest(levels, self.bids), heapq.nsmallest(levels, self.asks)
        self.tops.append(([self.bids[each] for each in bids], [self.asks[each] for each in asks]))


def lines(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """URL (of an answer, else empty) and text of every message, in the order in which they came."""
    found: list[tuple[Decimal, str, str]] = []
    for path in paths:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        for line in text.splitlines():
            if answer := re.match(r"(http\S+) -> ([\d.]+): (.*)", line):
                found.append((Decimal(answer[2]), answer[1], answer[3]))
            elif message := re.match(r"([\d.]+):? +([{\[].*)", line):
                found.append((Decimal(message[1]), "", message[2]))
    found.sort(key=lambda each: each[0])
    for _, url, text in found:
        yield url, text


def rebuilt(venue: str, paths: list[Path]) -> dict[str, Rebuilt]:
    """The books of a session by the venue's symbol; a message that is of no known book leaves it as it is."""
    books: dict[str, Rebuilt] = {}
    every = list(lines(paths))
    with_snapshots = {
        found[1].upper() for url, _ in every if (found := re.search(r"(?:symbol=|order_book/)(\w+)", url))
    }
    for url, text in every:
        if url and not re.search(r"/depth\?|/order_book/", url):
            continue
        _READ[venue](books, url, json.loads(text, parse_float=str), with_snapshots)
    return books


def _binance(books: dict[str, Rebuilt], url: str, message: Any, with_snapshots: set[str]) -> None:
    data = message.get("data", message)
    if url:
        symbol = re.search(r"symbol=(\w+)", url)
        assert symbol
        book = books.setdefault(symbol[1], Rebuilt())
        book.bids, book.asks, book.joined, book.last = {}, {}, True, data["lastUpdateId"]
        book.set(data["bids"], data["asks"])
        for event in book.waiting:
            if event["u"] > book.last:
                assert event.get("pu", event["U"] - 1) <= book.last
                book.set(event["b"], event["a"])
                book.last = event["u"]
        book.note()
    elif data.get("e") == "depthUpdate":
        book = books.setdefault(data["s"], Rebuilt())
        if data["s"] not in with_snapshots:
            # A session without snapshots: there is only what changed.
            book.set(data["b"], data["a"])
        elif not book.joined:
            book.waiting.append(data)
        elif data["u"] > book.last:
            assert data.get("pu", data["U"] - 1) <= book.last
            book.set(data["b"], data["a"])
            book.last = data["u"]
        book.note()


def _kraken(books: dict[str, Rebuilt], url: str, message: Any, with_snapshots: set[str]) -> None:
    if not isinstance(message, list) or not str(message[-2]).startswith("book"):
        return
    depth = int(message[-2].partition("-")[2])
    book = books.setdefault(message[-1], Rebuilt())
    parts = {key: rows for part in message[1:-2] for key, rows in part.items()}
    if "as" in parts:
        book.bids, book.asks = {}, {}
    book.set(parts.get("bs", []) + parts.get("b", []), parts.get("as", []) + parts.get("a", []))
    book.cut(depth)
    book.note()


def _bitstamp(books: dict[str, Rebuilt], url: str, message: Any, with_snapshots: set[str]) -> None:
    if url:
        name = url.rstrip("/").rpartition("/")[2]
        book = books.setdefault(name, Rebuilt())
        book.bids, book.asks, book.joined = {}, {}, True
        book.set(message["bids"], message["asks"])
        book.last = int(message["microtimestamp"])
        for event in book.waiting:
            if int(event["microtimestamp"]) > book.last:
                book.set(event["bids"], event["asks"])
        book.note()
    elif message["event"] == "data" and message["channel"].startswith("diff_order_book_"):
        name, data = message["channel"].rpartition("_")[2], message["data"]
        book = books.setdefault(name, Rebuilt())
        if name.upper() in with_snapshots and not book.joined:
            book.waiting.append(data)
        elif int(data["microtimestamp"]) > book.last:
            book.set(data["bids"], data["asks"])
        book.note()


def _coinbase(books: dict[str, Rebuilt], url: str, message: Any, with_snapshots: set[str]) -> None:
    if message["type"] == "snapshot":
        book = books[message["product_id"]] = Rebuilt()
        book.set(message["bids"], message["asks"])
        book.note()
    elif message["type"] == "l2update":
        book, changes = books[message["product_id"]], message["changes"]
        sides = [[row[1:] for row in changes if row[0] == side] for side in ("buy", "sell")]
        book.set(*sides)
        book.note()


_READ = {"binance": _binance, "kraken": _kraken, "bitstamp": _bitstamp, "coinbase": _coinbase}
