"""`connect` and the client: subscriptions and typed messages, with all network handling inside the client."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from feed.client.backoff import BackOff
from feed.client.book import Book
from feed.client.happenings import Connected, Disconnected, Frame
from feed.client.link import ClientLink
from feed.client.messages import BookBroken, BookUpdate, Message, Tick, message_of
from feed.client.subscription import Subscription
from feed.clock import Clock, SystemClock
from feed.errors import ConnectError, SubscriptionError, UsageError
from feed.protocol.effects import Stream
from feed.protocol.events import ErrorEvent, PongEvent, Status, Subscribed
from feed.units import SECOND

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Client", "connect"]

ANSWER_TIMEOUT = 10 * SECOND
"""Timeout for the answer to a request, ns."""

MAX_PENDING = 1_000_000
"""Maximum number of messages that may arrive before an answer."""


def connect(
    url: str,
    *,
    token: str | None = None,
    back_off: BackOff | None = None,
    clock: Clock | None = None,
) -> Client:
    """Create a client of a running server, to be used as `async with feed.connect(url) as client:`.

    Args:
        url: such as `ws://127.0.0.1:8765`.
        token: required if the server asks for one.
        back_off: waits between attempts to reconnect; by default 0.25 s, doubling up to 15 s, with jitter.
        clock: for the time of arrival.
    """
    return Client(ClientLink(url, token=token, back_off=back_off, clock=clock), clock or SystemClock())


class Client:
    """Session with a server, across any number of connections.

    Iterating gives everything in order: `Tick`, `Candle`, `BookUpdate` and so on from the channels, `Gap` where
    messages are known to be lost, `Disconnected` and `Connected`, and what else the server says. It ends after `close`,
    or when the server says that reconnecting is pointless.
    """

    def __init__(self, link: ClientLink, clock: Clock) -> None:
        self.status: Status | None = None
        self._link = link
        self._clock = clock
        self._ids = itertools.count(1)
        self._pending: deque[Message] = deque()
        self._books: dict[tuple[str, int], Book] = {}

    async def __aenter__(self) -> Client:
        """Connect. Raises ConnectError where no server answers: only a connection that once worked is retried."""
        while self.status is None:
            message = await self._pull()
            if isinstance(message, Disconnected) or message is None:
                reason = message.reason if message is not None else "it is over"
                await self.close()
                raise ConnectError(f"{self._link.url}: {reason}")
            if not isinstance(message, Connected | Status):
                self._pending.append(message)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; iterating ends."""
        self._pending.clear()
        await self._link.close()

    @property
    def lost(self) -> int:
        """The number of messages known to be lost, so far."""
        return self._link.progress.lost

    @property
    def reconnects(self) -> int:
        """The number of reconnects."""
        return max(0, self._link.attempts - 1)

    def seq(self, channel: str, symbol: str) -> int | None:
        """Return the last `seq` of a stream; None while it is not subscribed."""
        return next((n for s, n in self._link.progress.seqs.items() if s[:2] == (channel, symbol)), None)

    def book(self, symbol: str, depth: int = 10) -> Book:
        """Return the book of a subscribed symbol, after the last message that was read.

        It is checked after every message. Where it is wrong a `BookBroken` comes and a new snapshot is requested.

        Raises:
            UsageError: nothing of it has come yet.
        """
        book = self._books.get((symbol, depth))
        if book is None:
            raise UsageError(f"no book of {symbol} with depth {depth} yet: subscribe, and read its first message")
        return book

    async def subscribe(
        self,
        channel: str = "trading",
        symbol: str = "*",
        *,
        history: int | None = None,
        interval: str | None = None,
        depth: int | None = None,
    ) -> list[Subscribed]:
        """Subscribe to a channel of a symbol; each may be `*`. Holds over reconnects.

        Args:
            channel: such as `trading` or `status`.
            symbol: such as `BTC/USD`.
            history: begin with at most this many of the last messages.
            interval: of candles, such as `1m`.
            depth: of a book, such as 10.

        Returns:
            The resulting subscriptions, one a stream.

        Raises:
            SubscriptionError: the server refuses; nothing has changed.
        """
        wish = Subscription(channel, symbol, history, interval, depth)
        self._link.subscriptions.append(wish)
        try:
            answers = await self._ask(wish.request())
        except SubscriptionError:
            self._link.subscriptions.remove(wish)
            raise
        return [answer for answer in answers if isinstance(answer, Subscribed)]

    async def unsubscribe(
        self, channel: str, symbol: str, *, interval: str | None = None, depth: int | None = None
    ) -> None:
        """Unsubscribe with the arguments of the subscription. Raises SubscriptionError if there is none."""
        link = self._link
        # Streams of a `*` subscription are independent: it continues without the one stream that is removed here.
        link.subscriptions[:] = [wish for wish in link.subscriptions if not link.answered(wish)]
        wish = Subscription(channel, symbol, interval=interval, depth=depth)
        await self._ask(wish.request() | {"event": "unsubscribe"})

    async def ping(self) -> int:
        """Measure a round trip through the server's session, ns."""
        begin = self._clock.now()
        await self._ask(None)
        return self._clock.now() - begin

    def drop(self) -> None:
        """Break the connection, as a network failure does: for testing."""
        self._link.drop()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Iterate over every message, in order."""
        while True:
            message = self._pending.popleft() if self._pending else await self._pull()
            if message is None:
                return
            yield message

    async def ticks(self) -> AsyncGenerator[Tick, None]:
        """Iterate over the ticks only."""
        async for message in self:
            if isinstance(message, Tick):
                yield message

    def frame(self, ticks: Iterable[Tick], *, arrivals: bool = False) -> pd.DataFrame:
        """Convert ticks that were read to a DataFrame, as `feed.dataframes.ticks` describes it.

        Args:
            ticks: in order of arrival.
            arrivals: add the column `received`: the time of each arrival, wall clock, ns UTC.
        """
        from feed.client.tables import instruments_of, rows_of, ticks_frame

        symbols = self.status.symbols if self.status is not None else ()
        frame, received = ticks_frame(*rows_of(ticks), instruments_of(symbols))
        if arrivals:
            now = self._clock.read()
            frame["received"] = received + (now.wall - now.monotonic)
        return frame

    async def _pull(self) -> Message | None:
        """Return the next message; a loss before it is returned first."""
        happening = await self._link.pull()
        if not isinstance(happening, Frame):
            return happening
        message = message_of(happening)
        if isinstance(message, Status):
            self.status = message
        first, *rest = (*happening.gaps, message)
        if isinstance(message, BookUpdate) and not await self._keep_book(message):
            rest.append(BookBroken(message.symbol, message.depth, message.seq))
        self._pending.extend(rest)
        return first

    async def _keep_book(self, update: BookUpdate) -> bool:
        """Apply an update to the client's book; False where the book proves to be wrong."""
        key = (update.symbol, update.depth)
        book = self._books.get(key)
        if book is None:
            symbols = self.status.symbols if self.status is not None else ()
            steps = next((each for each in symbols if each["symbol"] == update.symbol), {})
            decimals = (int(steps.get("price_decimals", 0)), int(steps.get("size_decimals", 0)))
            book = self._books[key] = Book(*key, *decimals)
        was_valid = book.valid
        changes = {"bids": update.bids, "asks": update.asks}
        told = {"checksum": update.checksum, "timestamp": update.timestamp}
        if book.apply(update.seq, changes | told, snapshot=update.snapshot):
            return True
        # Reported and requested once; messages until the snapshot change nothing.
        if was_valid or update.snapshot:
            stream = Stream("book", update.symbol, str(update.depth))
            await self._link.send(Subscription.to(stream).request())
            return False
        return True

    async def _ask(self, request: dict[str, object] | None) -> list[Message]:
        """Send a request and a `ping` after it: once that is answered, every answer to the request has arrived."""
        mark = f"feed-{next(self._ids)}"
        barrier = {"event": "ping", "timestamp": mark, "id": mark}
        sent = request is None or await self._link.send(request | {"id": mark})
        if not sent or not await self._link.send(barrier):
            # The next connection begins with all subscriptions.
            return []
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT / SECOND):
                return await self._answers(mark)
        except TimeoutError as error:
            raise ConnectError(f"{self._link.url} does not answer") from error

    async def _answers(self, mark: str) -> list[Message]:
        """Collect every message with this id up to the pong; other messages are queued for reading."""
        answers: list[Message] = []
        kept: list[Message] = []
        refused: ErrorEvent | None = None
        try:
            while (message := await self._next_new(kept)) is not None:
                kept.append(message)
                if getattr(message, "id", None) != mark:
                    if isinstance(message, Disconnected):
                        return []
                    continue
                if isinstance(message, ErrorEvent):
                    refused = refused or message
                if isinstance(message, PongEvent):
                    kept.pop()
                    if refused is not None:
                        raise SubscriptionError(_worded(refused))
                    return answers
                answers.append(message)
            return answers
        finally:
            self._pending.extendleft(reversed(kept))

    async def _next_new(self, kept: list[Message]) -> Message | None:
        if len(kept) >= MAX_PENDING:
            raise UsageError("too much came while an answer was waited for; read on before the next request")
        return self._pending.popleft() if self._pending else await self._pull()


def _worded(error: ErrorEvent) -> str:
    return f"{error.message}: {error.code}" + (f" ({error.hint})" if error.hint else "")
