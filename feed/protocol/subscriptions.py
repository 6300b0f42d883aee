"""Subscriptions of a client, and the effects of requests that change them."""

from __future__ import annotations

from collections.abc import Iterator

from feed.hints import nearest
from feed.protocol.codes import BadSubscription, ErrorCode
from feed.protocol.effects import PART_KEYS, Effect, Join, Leave, Send, Stream
from feed.protocol.events import ErrorEvent, Subscribed, Unsubscribed
from feed.protocol.requests import Subscribe, Unsubscribe
from feed.protocol.view import MarketView

__all__ = ["SubscriptionBook"]

ALL = "*"

USUAL = {"interval": "1m", "depth": "10"}
"""The default interval and depth of a subscription that names none."""


class SubscriptionBook:
    """Streams of one session, in the order of subscription."""

    __slots__ = ("_limit", "_streams", "_view")

    def __init__(self, view: MarketView, limit: int) -> None:
        self._view = view
        self._limit = limit
        # Each stream with its max_rate (messages a second), or None.
        self._streams: dict[Stream, float | None] = {}

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The subscribed streams."""
        return tuple(self._streams)

    def subscribe(self, request: Subscribe) -> list[Effect]:
        """Subscribe: return one answer for each pair of channel and symbol, each followed by its `Join`."""
        if refused := self._too_many_pairs(request) or self._needless_part(request):
            return [refused]
        targets = list(self._targets(request))
        if request.resume is not None and len(targets) > 1:
            return [self._one_resume(request, len(targets))]
        effects: list[Effect] = []
        for target in targets:
            effects += self._join(target, request) if isinstance(target, Stream) else [Send(target)]
        return effects

    def renew(self) -> list[Effect]:
        """Restart each stream, as if it had just been subscribed to."""
        view = self._view
        effects: list[Effect] = []
        for stream, max_rate in self._streams.items():
            subscribed = Subscribed(
                channel=stream.channel,
                symbol=stream.symbol,
                interval=stream.interval,
                depth=stream.depth,
                seq=view.seq(stream),
                epoch=view.epoch,
                max_rate=max_rate,
            )
            snapshot = int(view.has_snapshot(stream.channel))
            effects += [Send(subscribed), Join(stream, snapshot=snapshot, max_rate=max_rate)]
        return effects

    def unsubscribe(self, request: Unsubscribe) -> list[Effect]:
        """Unsubscribe: return one answer for each pair; with `"*"` only for streams of the client."""
        if too_many := self._too_many_pairs(request):
            return [too_many]
        effects: list[Effect] = []
        wild = ALL in request.channel or ALL in request.symbol
        for target in self._targets(request):
            if not isinstance(target, Stream):
                effects.append(Send(target))
            elif target in self._streams:
                effects += self._leave(target, request)
            elif not wild:
                effects.append(Send(self._not_subscribed(target, request)))
        return effects or [Send(self._nothing_to_leave(request))]

    def _too_many_pairs(self, request: Subscribe | Unsubscribe) -> Send | None:
        # A short frame may name many pairs: refuse it whole instead of answering each.
        view = self._view
        wild = isinstance(request, Subscribe)
        channels = _expanded(request.channel, view.channels) if wild else request.channel
        symbols = _expanded(request.symbol, view.symbols) if wild else request.symbol
        pairs = len(symbols) * sum(len(self._parts(channel, request)) for channel in channels)
        if pairs <= self._limit:
            return None
        return Send(self._limit_exceeded(request, f"{pairs} pairs in one request"))

    def _needless_part(self, request: Subscribe) -> Send | None:
        """Return a refusal if a key applies to none of the channels; such a key is a mistake and is not ignored."""
        channels = _expanded(request.channel, self._view.channels)
        for key in request.parts:
            having = [name for name in self._view.channels if PART_KEYS.get(name) == key]
            if all(name in self._view.channels and name not in having for name in channels):
                return Send(self._means_nothing(key, having, request))
        return None

    @staticmethod
    def _one_resume(request: Subscribe, streams: int) -> Send:
        """Return the refusal of a resume for several streams, since each stream has its own `seq`."""
        hint = f"resume has the seq of one stream, and this names {streams}: subscribe to each with its own"
        return Send(
            ErrorEvent(
                message=BadSubscription,
                code=ErrorCode.INVALID_REQUEST,
                id=request.id,
                field="resume",
                hint=hint,
            )
        )

    @staticmethod
    def _means_nothing(key: str, having: list[str], request: Subscribe) -> ErrorEvent:
        hint = f"only {', '.join(having)} has {key}s" if having else f"no channel here has {key}s"
        return ErrorEvent(message=BadSubscription, code=ErrorCode.INVALID_REQUEST, id=request.id, field=key, hint=hint)

    def _targets(self, request: Subscribe | Unsubscribe) -> Iterator[Stream | ErrorEvent]:
        for channel in _expanded(request.channel, self._view.channels):
            if channel not in self._view.channels:
                yield self._unknown("channel", channel, self._view.channels, ErrorCode.UNKNOWN_CHANNEL, request)
                continue
            for symbol in _expanded(request.symbol, self._view.symbols):
                if symbol in self._view.symbols:
                    yield from self._of_symbol(channel, symbol, request)
                else:
                    yield self._unknown("symbol", symbol, self._view.symbols, ErrorCode.UNKNOWN_SYMBOL, request)

    def _of_symbol(self, channel: str, symbol: str, request: Subscribe | Unsubscribe) -> Iterator[Stream | ErrorEvent]:
        known = self._view.parts(channel)
        for part in self._parts(channel, request):
            if part in known:
                yield Stream(channel, symbol, part)
            else:
                yield self._unknown(PART_KEYS[channel], part, known, ErrorCode.INVALID_REQUEST, request)

    def _parts(self, channel: str, request: Subscribe | Unsubscribe) -> tuple[str, ...]:
        """Return the intervals or depths of a request; if it names none, the default one to join, or all to leave."""
        known = self._view.parts(channel) if channel in self._view.channels else ("",)
        if known == ("",):
            return known
        key = PART_KEYS[channel]
        if key in request.parts:
            return _expanded(request.parts[key], known)
        if isinstance(request, Subscribe):
            return (USUAL[key],)
        mine = {stream.part for stream in self._streams if stream.channel == channel}
        return tuple(part for part in known if part in mine) or known[:1]

    def _join(self, stream: Stream, request: Subscribe) -> list[Effect]:
        if stream not in self._streams and len(self._streams) >= self._limit:
            return [Send(self._limit_exceeded(request, "this connection has no subscription left"))]
        self._streams[stream] = request.max_rate
        view = self._view
        view.listen(stream)
        resume = request.resume
        recovered = None if resume is None else view.recoverable(stream, resume.epoch, resume.seq)
        subscribed = Subscribed(
            channel=stream.channel,
            symbol=stream.symbol,
            interval=stream.interval,
            depth=stream.depth,
            seq=view.seq(stream),
            epoch=view.epoch,
            recovered=recovered,
            max_rate=request.max_rate,
            id=request.id,
        )
        if resume is not None and recovered:
            return [Send(subscribed), Join(stream, after_seq=resume.seq, max_rate=request.max_rate)]
        wants_snapshot = recovered is False or (request.snapshot and view.has_snapshot(stream.channel))
        snapshot = max(request.history or 0, int(wants_snapshot))
        return [Send(subscribed), Join(stream, snapshot=snapshot, max_rate=request.max_rate)]

    def end(self, stream: Stream) -> list[Effect]:
        """Unsubscribe the client from a stream without a request; nothing happens if it has no such subscription."""
        return self._leave(stream, None) if stream in self._streams else []

    def _leave(self, stream: Stream, request: Unsubscribe | None) -> list[Effect]:
        del self._streams[stream]
        view = self._view
        left = Unsubscribed(
            channel=stream.channel,
            symbol=stream.symbol,
            interval=stream.interval,
            depth=stream.depth,
            seq=view.seq(stream),
            epoch=view.epoch,
            id=None if request is None else request.id,
        )
        return [Leave(stream), Send(left)]

    def _unknown(
        self,
        field: str,
        value: str,
        valid: tuple[str, ...],
        code: ErrorCode,
        request: Subscribe | Unsubscribe,
    ) -> ErrorEvent:
        near = nearest(value, valid)
        hint = f'did you mean "{near}"?' if near else f"one of {_some(valid)}"
        if field == "depth":
            hint = f"the nearest is {min(valid, key=lambda known: abs(int(known) - int(value)))}; one of {_some(valid)}"
        return ErrorEvent(
            message=BadSubscription,
            code=code,
            id=request.id,
            field=field,
            hint=hint,
            channel=value if field == "channel" else None,
            symbol=value if field == "symbol" else None,
        )

    def _limit_exceeded(self, request: Subscribe | Unsubscribe, what: str) -> ErrorEvent:
        return ErrorEvent(
            message=BadSubscription,
            code=ErrorCode.LIMIT_EXCEEDED,
            id=request.id,
            hint=f"{what}; a connection may have {self._limit}",
        )

    def _not_subscribed(self, stream: Stream, request: Unsubscribe) -> ErrorEvent:
        near = nearest(stream.key, (other.key for other in self._streams))
        return ErrorEvent(
            message=BadSubscription,
            code=ErrorCode.NOT_SUBSCRIBED,
            id=request.id,
            hint=f"the nearest subscription is {near}" if near else "this connection has no such subscription",
            channel=stream.channel,
            symbol=stream.symbol,
        )

    @staticmethod
    def _nothing_to_leave(request: Unsubscribe) -> ErrorEvent:
        return ErrorEvent(
            message=BadSubscription,
            code=ErrorCode.NOT_SUBSCRIBED,
            id=request.id,
            hint="this connection has no subscription that this names",
        )


def _expanded(names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    return known if ALL in names else names


def _some(names: tuple[str, ...], count: int = 8) -> str:
    rest = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + rest
