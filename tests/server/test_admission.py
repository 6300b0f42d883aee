"""Who may connect, at the limit and one past it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from feed.server.admission import MAX_ADDRESSES, ConnectRates, OriginRule, is_loopback
from feed.units import MILLISECOND, SECOND
from tests.server.conftest import LIMITS, Serve


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("app.localhost", True), ("127.0.0.1", True), ("127.8.9.1", True), ("[::1]", True),
     ("::1", True), ("::ffff:127.0.0.1", True), ("LOCALHOST", True), ("localhost.example", False), ("", False),
     ("10.0.0.1", False), ("::", False), ("127.0.0.1.example", False), ("::ffff:10.0.0.1", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    """Names and addresses of this machine, and what only looks like them."""
    assert is_loopback(host) is loopback


def test_rate_of_an_address() -> None:
    """Fifty at once pass and the next does not; a second later fifty more; another address has its own count."""
    rates = ConnectRates(50)
    assert [rates.allows("192.0.2.1", 0) for _ in range(51)] == [True] * 50 + [False]
    assert rates.allows("192.0.2.2", 0)
    assert [rates.allows("192.0.2.1", SECOND) for _ in range(51)] == [True] * 50 + [False]
    assert all(rates.allows("127.0.0.1", 0) for _ in range(1000))


def test_addresses_do_not_pile_up() -> None:
    """A crowd of addresses costs bounded memory."""
    rates = ConnectRates(1)
    for number in range(MAX_ADDRESSES + 100):
        rates.allows(f"2001:db8::{number:x}", 0)
    assert len(rates._buckets) == MAX_ADDRESSES


def test_origin_rule() -> None:
    """What was named is allowed as it was named, and `*` allows all."""
    rule = OriginRule(("https://App.example/", "null"))
    assert rule.allows("https://app.example")
    assert rule.allows("null")
    assert not rule.allows("https://app.example:444")
    assert not rule.allows("ftp://localhost")
    assert OriginRule(("*",)).allows("anything")


async def test_handshake_in_time(serve: Serve) -> None:
    """Who connects and says nothing is dropped, and holds no place."""
    limits = replace(LIMITS, handshake_timeout=200 * MILLISECOND)
    async with serve(limits=limits) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert running.server.open_connections == 0
