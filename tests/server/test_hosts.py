"""By which names the server may be called, and which pages may read what it answers."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from feed.server.admission import HostRule, OriginRule
from tests.server.conftest import Running, Serve
from tests.support.waiting import PATIENCE

UPGRADE = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


class Answer:
    """Status, headers in lower case, and the rest of an answer."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def json(self) -> Any:
        """The body."""
        return orjson.loads(self.body)


async def ask(running: Running, *lines: str, request: str = "GET /health HTTP/1.1") -> Answer:
    """What a request with these header lines gets; of a socket only its handshake."""
    reader, writer = await asyncio.open_connection(*running.address)
    writer.write("".join(f"{line}\r\n" for line in (request, *lines, "")).encode())
    data = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    if not data.startswith(b"HTTP/1.1 101"):
        data += await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return Answer(data)


OWN = ["localhost", "LOCALHOST:8765", "localhost.", "app.localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]",
       "[::1]:8765", "[0:0:0:0:0:0:0:1]:8765", "[::ffff:127.0.0.1]"]  # fmt: skip
FOREIGN = ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
           "[fe80::1]:8765", "feed", "host.docker.internal", "evil.example.", "2130706433"]  # fmt: skip
UNREADABLE = ["localhost:8765:1", "localhost@evil.example", "[::1", "localhost, evil.example", "a b", "localhost/",
              "localhost:port"]  # fmt: skip


@pytest.mark.parametrize("upgrade", [(), UPGRADE], ids=["http", "socket"])
@pytest.mark.parametrize("host", OWN)
async def test_own_name(serve: Serve, host: str, upgrade: tuple[str, ...]) -> None:
    """Every name and address of loopback is the server's own."""
    async with serve() as running:
        answer = await ask(running, f"Host: {host}", *upgrade, request="GET / HTTP/1.1")
        assert answer.status == (101 if upgrade else 200)


@pytest.mark.parametrize("upgrade", [(), UPGRADE], ids=["http", "socket"])
@pytest.mark.parametrize("host", FOREIGN)
async def test_foreign_name(serve: Serve, host: str, upgrade: tuple[str, ...]) -> None:
    """A page's own name that was pointed at this machine is refused, and the answer says what to do."""
    async with serve() as running:
        answer = await ask(running, f"Host: {host}", *upgrade, request="GET / HTTP/1.1")
        assert answer.status == 403
        name = host.removesuffix(":8765").removesuffix(".").strip("[]")
        assert f"--allowed-host {name};" in answer.json["hint"]
        assert name in answer.json["message"]
        assert running.server.counters.refused["host"] == 1


@pytest.mark.parametrize("host", UNREADABLE)
async def test_unreadable_host(serve: Serve, host: str) -> None:
    """What is no host is no way around the rule, and no crash."""
    async with serve() as running:
        for upgrade in ((), UPGRADE):
            answer = await ask(running, f"Host: {host}", *upgrade, request="GET / HTTP/1.1")
            assert answer.status == 400
            assert answer.json["field"] == "Host"


async def test_host_twice_or_never(serve: Serve) -> None:
    """Two hosts are none; who names no host is no browser."""
    async with serve() as running:
        assert (await ask(running, "Host: localhost", "Host: evil.example")).status == 400
        assert (await ask(running)).status == 200
        assert (await ask(running, "Host:")).status == 200


async def test_allowed_host(serve: Serve) -> None:
    """`--allowed-host` lets a name in, whatever port it comes with; `*` all."""
    async with serve(hosts=("feed", "Host.Docker.Internal:1")) as running:
        for host in ("feed", "FEED:8765", "host.docker.internal"):
            assert (await ask(running, f"Host: {host}", *UPGRADE, request="GET / HTTP/1.1")).status == 101
            assert (await ask(running, f"Host: {host}")).status == 200
        assert (await ask(running, "Host: other")).status == 403
    async with serve(hosts=("*",)) as running:
        assert (await ask(running, "Host: evil.example")).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_bound_to_all_addresses(host: str) -> None:
    """Any address is one of the machine, or of what is around it; a name is not."""
    rule = HostRule(())
    rule.listen(host, [host])
    assert rule.allows("192.0.2.7:8765")
    assert rule.allows("[2001:db8::1]:8765")
    assert rule.allows("0.0.0.0:8765")
    assert not rule.allows("evil.example")


def test_bound_to_one_address() -> None:
    """By that address and the name that it was bound by, and by no other."""
    rule = HostRule(())
    rule.listen("box.lan", ["192.0.2.7", "fe80::1%eth0"])
    assert rule.allows("192.0.2.7:8765")
    assert rule.allows("[::ffff:192.0.2.7]:8765")
    assert rule.allows("Box.LAN")
    assert not rule.allows("192.0.2.8")


def test_own_page() -> None:
    """A page that came from the server itself may connect, by whatever name of the server."""
    rule = OriginRule(())
    assert rule.allows("http://192.0.2.7:8765", "192.0.2.7:8765")
    assert rule.allows("https://feed.example", "feed.example")
    assert rule.allows("http://feed.example", "feed.example:80")
    assert not rule.allows("http://192.0.2.7:8765", "192.0.2.7:8766")
    assert not rule.allows("http://192.0.2.7:8765")


async def test_every_name_is_no_own_name(serve: Serve) -> None:
    """`--allowed-host *` answers to any name, and still does not let in the pages of each."""
    async with serve(hosts=("*",)) as running:
        own = "Host: evil.example:8765", "Origin: http://evil.example:8765"
        assert "access-control-allow-origin" not in (await ask(running, *own)).headers
    async with serve(hosts=("feed",)) as running:
        answer = await ask(running, "Host: feed:8765", "Origin: http://feed:8765")
        assert answer.headers["access-control-allow-origin"] == "http://feed:8765"


PAGE = "Origin: http://localhost:5173"


@pytest.mark.parametrize(
    "request_line",
    ["GET /markets/main/candles?symbol=BTC/USD HTTP/1.1", "GET /health HTTP/1.1", "GET /helth HTTP/1.1",
     "GET /markets/main/candles?symbol=x HTTP/1.1", "POST /health HTTP/1.1"],
)  # fmt: skip
async def test_a_page_may_read(serve: Serve, request_line: str) -> None:
    """A page that the socket lets in may read every answer, an error as well; the origin is named, not a wildcard."""
    async with serve(origins=("https://app.example",)) as running:
        for origin in ("http://localhost:5173", "https://app.example"):
            answer = await ask(running, "Host: localhost", f"Origin: {origin}", request=request_line)
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["vary"] == "Origin"
        for lines in ((), ("Origin: https://evil.example",), (PAGE, "Origin: https://evil.example")):
            answer = await ask(running, "Host: localhost", *lines, request=request_line)
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"


async def test_all_pages_may_read(serve: Serve) -> None:
    """`--origin *` names the origin that asks."""
    async with serve(origins=("*",)) as running:
        answer = await ask(running, "Host: localhost", "Origin: https://any.example")
        assert answer.headers["access-control-allow-origin"] == "https://any.example"
        answer = await ask(running, "Host: localhost", "Origin: null")
        assert answer.headers["access-control-allow-origin"] == "null"


@pytest.mark.parametrize("path", ["/markets/main/candles?symbol=BTC/USD", "/health", "/helth", "/"])
async def test_preflight(serve: Serve, path: str) -> None:
    """What a browser asks before a request with a header of its own, a token's included: it needs no token for that."""
    async with serve(token="secret") as running:
        asked = "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization,x-trace"
        answer = await ask(running, "Host: localhost", PAGE, *asked, request=f"OPTIONS {path} HTTP/1.1")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
        assert answer.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, OPTIONS, POST"
        assert answer.headers["access-control-allow-headers"] == "authorization,x-trace"
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-private-network" not in answer.headers
        private = "Access-Control-Request-Private-Network: true"
        answer = await ask(running, "Host: localhost", PAGE, *asked, private, request=f"OPTIONS {path} HTTP/1.1")
        assert answer.headers["access-control-allow-private-network"] == "true"


async def test_preflight_of_a_foreign_page(serve: Serve) -> None:
    """No, and by which option it would be yes."""
    async with serve() as running:
        answer = await ask(running, "Host: localhost", "Origin: https://evil.example", request="OPTIONS / HTTP/1.1")
        assert answer.status == 403
        assert not any(name.startswith("access-control") for name in answer.headers)
        assert answer.json["hint"] == "start feed with --origin https://evil.example"


async def test_options_of_a_program(serve: Serve) -> None:
    """Without an origin it is a question about the server."""
    async with serve() as running:
        answer = await ask(running, "Host: localhost", request="OPTIONS * HTTP/1.1")
        assert (answer.status, answer.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, POST")


async def test_two_tokens_are_none(serve: Serve) -> None:
    """A header that is there twice is refused like a wrong one."""
    async with serve(token="secret") as running:
        twice = ("Authorization: Bearer secret",) * 2
        answer = await ask(running, "Host: localhost", PAGE, *twice, request="GET /markets/main HTTP/1.1")
        assert answer.status == 401
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
