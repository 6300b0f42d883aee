"""Control of a market of a running server: every command, the barrier, the oracle, faults, report and bundle.

Each method is one request by HTTP, which is answered once it has happened: a test acts, then looks, and never
sleeps.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from feed.client.exchange import Reply, ServerAddress, key_texts
from feed.errors import FeedError

__all__ = ["Outcome", "RemoteMarket", "Verification", "open_market"]

ReportForm = Literal["json", "junit", "text"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a command that has been carried out.

    Attributes:
        action: the name of the action.
        log: the command's number in the market's log.
        epoch: the market's epoch after it.
        virtual_time: market time in ms, as clients see it.
        state: `running`, `paused` or `ended`.
        seq: the last seq of each stream that is published, by its name, such as `trading:BTC/USD`.
        facts: what else the action tells, such as `trades` of a step, or `fault`.
    """

    action: str
    log: int
    epoch: str
    virtual_time: int
    state: str
    seq: Mapping[str, int]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Outcome:
        """Return the outcome that a server's answer tells."""
        own = {name: document[name] for name in ("action", "log", "epoch", "virtual_time", "state", "seq")}
        return cls(**own, facts={name: value for name, value in document.items() if name not in own})


@dataclass(frozen=True, slots=True)
class Verification:
    """Comparison of what a client shows with what is true; false as a condition where they differ.

    Attributes:
        ok: whether they agree.
        facts: the first difference, with both values, and the message that it is about.
    """

    ok: bool
    facts: Mapping[str, Any]

    def __bool__(self) -> bool:
        return self.ok


class RemoteMarket:
    """Market of a running server, by name.

    Args:
        url: the server, such as `ws://127.0.0.1:8765`.
        name: the market.
        token: what the server asks for: its token, or the control token for the shared market.
        patience: seconds for an answer; None: for ever.

    Every method raises a `RefusedError` where the server refuses (`NotReachedError`, `NotPossibleError`,
    `UnknownMarketError`, `MarketExistsError` and `NotAllowedError` are the frequent kinds; each has `code`, `field` and
    `hint`), and a `ConnectError` where there is none.
    """

    def __init__(
        self, url: str, name: str = "main", *, token: str | None = None, patience: float | None = 60.0
    ) -> None:
        self._address = ServerAddress.of(url, token=token, patience=patience)
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.url!r}, {self.name!r})"

    @property
    def url(self) -> str:
        """The URL of a WebSocket client that joins this market."""
        return self.url_with()

    def url_with(self, **keys: object) -> str:
        """Return the same URL with more keys, such as `client="checkout-page"` or `numbers="string"`."""
        return f"{self._address.socket}/?{urlencode(key_texts({'market': self.name, **keys}), quote_via=quote)}"

    @property
    def address(self) -> ServerAddress:
        """The server."""
        return self._address

    # The market.

    async def open(self, /, **keys: object) -> dict[str, Any]:
        """Make the market, with keys such as `scenario`, `seed`, `speed`, `at`, `paused`, `faults`; return what it is.

        A market that is there with the same keys is taken as it is; with others this is a `MarketExistsError`.
        """
        return (await self._ask("POST", "", keys)).document

    async def close(self, /) -> None:
        """End the market; its connections are closed with 4410."""
        await self._ask("DELETE")

    async def describe(self, /) -> dict[str, Any]:
        """Return scenario, seed, state, speed, virtual_time, epoch, connections and more."""
        return (await self._ask("GET")).document

    # Commands.

    async def act(self, /, action: str, keys: Mapping[str, object] | None = None) -> Outcome:
        """Carry out any action that the server knows; the other methods are this one with a name."""
        return Outcome.of((await self._ask("POST", f"/{quote(action, safe='')}", keys)).document)

    async def pause(self, /, **barrier: object) -> Outcome:
        """Let market time stand still: behind this no data comes."""
        return await self.act("pause", barrier)

    async def resume(self, /, **barrier: object) -> Outcome:
        """Let market time run on from where it stands."""
        return await self.act("resume", barrier)

    async def speed(self, /, value: float | str, **barrier: object) -> Outcome:
        """Change how fast market time runs: 0.1 to 1000, or `max`."""
        return await self.act("speed", {"value": value, **barrier})

    async def step(
        self, /, count: int | None = None, *, symbol: str | None = None, length: object = None, **barrier: object
    ) -> Outcome:
        """Go on by so many trades (1), of one symbol or of any, or by so long, such as `length="250ms"`."""
        return await self.act("step", {"count": count, "symbol": symbol, "for": length, **barrier})

    async def run_until(self, /, time: object = None, **keys: object) -> Outcome:
        """Play up to a time, or to what the keys name, and stand there.

        Args:
            time: ISO 8601, ms, `"+5m"`, or `"00:05:00"` of the scenario.
            keys: in its place `price` with `symbol`, `seq` with `channel` and `symbol`, `phase`, or `event`; beside it
                `speed` (max) and `limit` (24h).
        """
        return await self.act("run_until", {"time": time, **keys})

    async def seek(self, /, time: object, **barrier: object) -> Outcome:
        """Begin a new epoch at any time, earlier or later: the bytes of a market that was opened there."""
        return await self.act("seek", {"time": time, **barrier})

    async def restart(self, /, *, seed: int | None = None, scenario: str | None = None, **barrier: object) -> Outcome:
        """Begin a new epoch at the beginning, of another seed or scenario if one is given."""
        return await self.act("restart", {"seed": seed, "scenario": scenario, **barrier})

    async def shock(self, /, kind: str, **keys: object) -> Outcome:
        """Let an event of a scenario happen now, with its keys, as in `shock("flash-crash", size="-8%")`."""
        return await self.act("shock", {"kind": kind, **keys})

    async def fault(self, /, kind: str, **keys: object) -> Outcome:
        """Arm a fault now; its number is `facts["fault"]`. `for_` stands for the key `for`."""
        return await self.act("fault", {"kind": kind, **keys})

    async def clear_fault(self, /, number: int | Literal["all"] = "all") -> Outcome:
        """End a fault, or all of them."""
        return await self.act("fault", {"clear": number})

    async def mark(self, /, text: str) -> Outcome:
        """Write a line in the market's log."""
        return await self.act("mark", {"text": text})

    # The barrier and the oracle.

    async def settle(self, /, settle_ms: int | None = None) -> dict[str, Any]:
        """Wait until every client has what has been sent to it; tell `settled`, and the connections that have not."""
        return (await self._ask("GET", "/settle", {"settle_ms": settle_ms})).document

    async def expect(self, /, channel: str = "trading", symbol: str | None = None, **keys: object) -> dict[str, Any]:
        """Return what a correct client shows after the message `seq` of a stream; the last one where it is missing."""
        return (await self._ask("GET", "/state", {"channel": channel, "symbol": symbol, **keys})).document

    async def verify(self, /, channel: str = "trading", symbol: str | None = None, **shown: object) -> Verification:
        """Compare what a client shows after `seq` (`last`, `bid`, `ask`, `bids`, `asks`, `candle`) with the truth."""
        facts = (await self._ask("GET", "/verify", {"channel": channel, "symbol": symbol, **shown})).document
        return Verification(bool(facts.get("ok")), facts)

    # What has happened.

    async def report(self, /) -> dict[str, Any]:
        """Return what the clients did, line by line, with verdict and evidence."""
        return (await self._ask("GET", "/report")).document

    async def report_text(self, /, form: Literal["text", "junit"] = "text") -> str:
        """Return the report as text for people, or as JUnit's XML for CI."""
        return (await self._ask("GET", "/report", {"format": form})).text

    async def faults(self, /) -> dict[str, Any]:
        """Return which faults were armed, and what was done to which connection at which seq."""
        return (await self._ask("GET", "/faults")).document

    async def log(self, /) -> list[dict[str, Any]]:
        """Return the commands that the market has been given, in order."""
        return [json.loads(line) for line in (await self._ask("GET", "/log")).body.splitlines()]

    async def scenario(self, /) -> str:
        """Return the effective scenario: the file that would do the same by itself."""
        return (await self._ask("GET", "/scenario")).text

    async def bundle(self, /) -> bytes:
        """Return the bundle, a zip of scenario, log, faults, report and traffic, as `feed replay-bundle` takes it."""
        return (await self._ask("GET", "/bundle")).body

    async def _ask(self, /, method: str, what: str = "", keys: Mapping[str, object] | None = None) -> Reply:
        return await self._exchange(method, f"/markets/{quote(self.name, safe='')}{what}", keys)

    async def _exchange(self, /, method: str, path: str, keys: Mapping[str, object] | None) -> Reply:
        return await self._address.ask(method, path, keys)


@contextlib.asynccontextmanager
async def open_market(
    url: str, name: str, *, token: str | None = None, patience: float | None = 60.0, **keys: object
) -> AsyncGenerator[RemoteMarket, None]:
    """Make a market, and end it with the block: `async with feed.open_market(url, "mine", paused=True) as market:`.

    Args:
        url: the server, such as `ws://127.0.0.1:8765`.
        name: the market.
        token: what the server asks for.
        patience: seconds for an answer.
        keys: of the market, such as `scenario`, `seed`, `speed`, `at`, `paused`, `faults`.
    """
    market = RemoteMarket(url, name, token=token, patience=patience)
    await market.open(**keys)
    try:
        yield market
    finally:
        with contextlib.suppress(FeedError):
            await market.close()
