"""A client keeps a checked book: right behind every message, over reconnects, and mended where it is wrong."""

from __future__ import annotations

import asyncio

import pytest

from feed.client.book import Book
from feed.client.client import Client, connect
from feed.client.messages import BookBroken, BookUpdate
from feed.errors import SubscriptionError, UsageError
from feed.units import MILLISECOND
from tests.client.conftest import quick
from tests.server.conftest import serving
from tests.support.sources import MetronomeSource
from tests.support.waiting import PATIENCE

SYMBOL = "BTC/USD"


async def updates(client: Client, count: int) -> list[BookUpdate | BookBroken]:
    """So many messages about books; each finds the book right behind it."""
    found: list[BookUpdate | BookBroken] = []
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if isinstance(message, BookUpdate | BookBroken):
                found.append(message)
                if len(found) == count:
                    break
    return found


async def test_the_book_is_right_behind_every_message() -> None:
    """Its checksum is the server's, its best levels are in order, and it has the depth that was asked for."""
    async with serving(MetronomeSource(every=10 * MILLISECOND)) as running, connect(running.url) as client:
        await client.subscribe("book", SYMBOL, depth=25)
        with pytest.raises(UsageError, match="subscribe, and read"):
            client.book(SYMBOL)
        for _ in range(50):
            [message] = await updates(client, 1)
            assert isinstance(message, BookUpdate)
            book = client.book(SYMBOL, 25)
            assert book.valid
            assert (book.seq, book.timestamp) == (message.seq, message.timestamp)
            assert book.checksum == message.checksum
        assert len(book.bids) == len(book.asks) == 25
        assert book.spread > 0
        assert book.bids == sorted(book.bids, reverse=True)


async def test_the_book_goes_on_over_a_reconnect() -> None:
    """What was missed is resumed, or the book begins anew: it is never wrong."""
    async with (
        serving(MetronomeSource(every=10 * MILLISECOND)) as running,
        connect(running.url, back_off=quick()) as client,
    ):
        await client.subscribe("book", SYMBOL)
        await updates(client, 20)
        client.drop()
        assert all(isinstance(message, BookUpdate) for message in await updates(client, 50))
        assert client.book(SYMBOL).valid
        assert client.reconnects == 1
        assert client.lost == 0


async def test_a_wrong_book_is_named_and_mended() -> None:
    """Somebody who changes it finds out at the next message, and has the server's again soon."""
    async with serving(MetronomeSource(every=10 * MILLISECOND)) as running, connect(running.url) as client:
        await client.subscribe("book", SYMBOL)
        await updates(client, 5)
        broken: list[BookBroken] = []
        while not broken:
            # On a busy machine a whole book may be in the way, which mends it without a word.
            (best, size), *others = client.book(SYMBOL).bids
            client.book(SYMBOL)._kept.apply([(best, size + 1.0), *((price, 7.0) for price, _ in others)], [])
            broken = [message for message in await updates(client, 30) if isinstance(message, BookBroken)]
        while not client.book(SYMBOL).valid:
            await updates(client, 1)
        assert len(broken) == 1
        assert (broken[0].symbol, broken[0].depth) == (SYMBOL, 10)


async def test_another_depth_is_refused_with_the_nearest() -> None:
    """The error says which depths there are."""
    async with serving(MetronomeSource()) as running, connect(running.url) as client:
        with pytest.raises(SubscriptionError, match="the nearest is 100"):
            await client.subscribe("book", SYMBOL, depth=500)


def test_the_checksum_is_that_of_the_exchange_s_documentation() -> None:
    """The example of Kraken's own page on the checksum of a book."""
    low = (0.05000, 0.04995, 0.04990, 0.04980, 0.04975, 0.04970, 0.04965, 0.04960, 0.04955, 0.04950)
    high = (0.05005, 0.05010, 0.05015, 0.05020, 0.05025, 0.05030, 0.05035, 0.05040, 0.05045, 0.05050)
    bids, asks = dict.fromkeys(low, 0.00000500), dict.fromkeys(high, 0.00000500)
    book = Book("XBT/ETH", 10, 5, 8)
    told = {"bids": list(bids.items()), "asks": list(asks.items()), "checksum": 974947235, "timestamp": 1}
    assert book.apply(1, told, snapshot=True)
    assert not book.apply(2, told | {"bids": [(0.05, 0.1)]}, snapshot=False)
    assert not book.apply(3, told | {"bids": [(0.05, 0.000005)]}, snapshot=False), "only a snapshot mends it"
