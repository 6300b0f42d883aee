"""Session of one connection. It holds all session state, but no sockets, clocks or data.

The contract: `open`, `receive` and `expire` return the effects to carry out, in order, and `deadline` is the time at
which `expire` must be called. Data never passes through: a session only selects the streams of a connection.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from feed.clock import Now
from feed.protocol import codes
from feed.protocol.answers import error_of, group_answers
from feed.protocol.codes import BadSubscription, ErrorCode
from feed.protocol.deadlines import Deadlines, Timer
from feed.protocol.effects import Abort, Act, Close, Consult, Effect, ProbePeer, Send, Stream
from feed.protocol.events import (
    Authenticated,
    ErrorEvent,
    Heartbeat,
    PingEvent,
    PongEvent,
    Subscriptions,
)
from feed.protocol.rate import TokenBucket
from feed.protocol.requests import (
    Auth,
    Control,
    Expect,
    ListSubscriptions,
    Ping,
    Pong,
    Rejected,
    Request,
    Subscribe,
    Unsubscribe,
)
from feed.protocol.subscriptions import SubscriptionBook
from feed.protocol.view import USUAL_HEARTBEAT, HeartbeatRule, MarketView, SessionLimits
from feed.units import MILLISECOND

__all__ = ["Session"]

MAX_RATE_WARNINGS = 20
"""The number of messages over the limit that are answered with an error; the last one closes the connection."""

MAX_WRONG_TOKENS = 5
"""The number of wrong tokens that are answered with an error; the last one closes the connection."""

SCOPES = ("read",)
CONTROL_SCOPES = ("read", "control")
"""What a token allows; that of control allows both."""


class Session:
    """The server's side of one connection.

    Args:
        connection: the connection's name, for the status frame.
        view: the market of the connection.
        limits: limits on the client's requests and silence.
        token: the token that the client must send, or None if anybody may listen.
        may_control: whether the client may control the market.
        control_token: the token with which it may, or None.
        strict: whether the client asked to be closed when it does not answer `ping` events.
        wanted: subscriptions made at the beginning, or as soon as the client is authenticated.
        heartbeat: the dialect's rule for heartbeats.
    """

    __slots__ = (
        "_authenticated",
        "_bucket",
        "_connection",
        "_control_token",
        "_deadlines",
        "_heartbeat_interval",
        "_heartbeat_rule",
        "_limits",
        "_may_control",
        "_strict",
        "_subscriptions",
        "_token",
        "_view",
        "_wanted",
        "_warnings",
        "_wrong_tokens",
    )

    def __init__(
        self,
        connection: str,
        view: MarketView,
        limits: SessionLimits,
        *,
        now: Now,
        token: str | None = None,
        strict: bool = False,
        may_control: bool = False,
        control_token: str | None = None,
        wanted: tuple[Subscribe, ...] = (),
        heartbeat: HeartbeatRule = USUAL_HEARTBEAT,
    ) -> None:
        self._connection = connection
        self._view = view
        self._limits = limits
        self._token = None if token is None else token.encode("utf-8", "surrogatepass")
        self._strict = strict
        self._may_control = may_control
        self._control_token = None if control_token is None else control_token.encode("utf-8", "surrogatepass")
        self._wanted = wanted
        self._heartbeat_rule = heartbeat
        self._heartbeat_interval = limits.heartbeat_interval if heartbeat.interval is None else heartbeat.interval
        self._authenticated = token is None
        self._subscriptions = SubscriptionBook(view, limits.max_subscriptions)
        self._bucket = TokenBucket(limits.inbound_rate, limits.inbound_burst, now.monotonic)
        self._warnings = 0
        self._wrong_tokens = 0
        self._deadlines = Deadlines()

    @property
    def deadline(self) -> int | None:
        """Monotonic time at which `expire` must be called, or None."""
        return self._deadlines.next

    @property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the client is subscribed to."""
        return self._subscriptions.streams

    def open(self, now: Now) -> list[Effect]:
        """Start the timers of a new connection and greet it with its status."""
        at = now.monotonic
        limits = self._limits
        self._arm(Timer.HEARTBEAT, at, self._heartbeat_interval)
        self._arm(Timer.PROBE, at, limits.ping_interval)
        self._arm(Timer.DEAD, at, limits.ping_timeout)
        self._arm(Timer.SUBSCRIBE, at, limits.subscribe_timeout)
        if not self._authenticated:
            self._arm(Timer.AUTH, at, limits.auth_timeout)
        if self._strict:
            self._arm(Timer.STRICT_PING, at, limits.ping_interval)
            self._arm(Timer.STRICT_PONG, at, limits.ping_timeout)
        return [Send(self._view.status(self._connection))]

    def heard(self, now: Now) -> None:
        """Note that bytes came from the peer, so that it counts as alive."""
        self._arm(Timer.DEAD, now.monotonic, self._limits.ping_timeout)

    def control_frame(self, now: Now) -> list[Effect]:
        """Handle a ping frame. It counts against the rate limit like a message, since it is answered like one."""
        return self._over_rate(None, now)

    def pong_frame(self, payload: bytes, now: Now) -> list[Effect]:
        """Handle a pong frame: just a sign of life."""
        del payload
        self.heard(now)
        return []

    def status_changed(self, status: str, now: Now) -> list[Effect]:
        """Do nothing: a status is a message of its channel."""
        del status, now
        return []

    def receive(self, requests: Sequence[Request | Rejected], now: Now) -> list[Effect]:
        """Handle a message with the requests in it, and return the effects."""
        request_id = requests[0].id if requests else None
        if over := self._over_rate(request_id, now):
            return over
        return [effect for request in requests for effect in self._take(request, now)]

    def _take(self, request: Request | Rejected, now: Now) -> list[Effect]:
        if isinstance(request, Rejected):
            return [Send(error_of(request))]
        if not self._authenticated and not isinstance(request, Auth | Ping | Pong):
            return [self._unauthorized(request, "send an auth event with the server's token first")]
        return self._answer(request, now)

    def begin(self, now: Now) -> list[Effect]:
        """Make the initial subscriptions, once, after the greeting; do nothing before the client is authenticated."""
        if not self._authenticated:
            return []
        wanted, self._wanted = self._wanted, ()
        return [effect for request in wanted for effect in self._answer(request, now)]

    def expire(self, now: Now, last_sent: int) -> list[Effect]:
        """Fire the timers that are due. `last_sent` is the monotonic time of the last transmission to the peer."""
        effects: list[Effect] = []
        for timer in self._deadlines.due(now.monotonic):
            effects += self._fire(timer, now, last_sent)
            if effects and isinstance(effects[-1], Close | Abort):
                break
        return effects

    def _answer(self, request: Request, now: Now) -> list[Effect]:
        match request:
            case Subscribe():
                self._deadlines.clear(Timer.SUBSCRIBE)
                return group_answers(request, self._subscriptions.subscribe(request))
            case Unsubscribe():
                return group_answers(request, self._subscriptions.unsubscribe(request))
            case Ping():
                server_time = now.wall // MILLISECOND
                return [Send(PongEvent(timestamp=request.timestamp, server_time=server_time, id=request.id))]
            case Pong():
                if self._strict:
                    self._arm(Timer.STRICT_PONG, now.monotonic, self._limits.ping_timeout)
                return []
            case Auth():
                return self._authenticate(request, now)
            case Control():
                return [self._control(request)]
            case Expect():
                return [Consult(request)]
            case ListSubscriptions():
                return [Send(self._listing(request))]
        raise AssertionError(f"no answer to {type(request).__name__}")

    def renew(self) -> list[Effect]:
        """Restart every subscription, because a new epoch of the market has begun."""
        return self._subscriptions.renew()

    def end(self, stream: Stream) -> list[Effect]:
        """End a subscription without a request of the client."""
        return self._subscriptions.end(stream)

    def _control(self, request: Control) -> Effect:
        if not self._may_control:
            return Send(
                ErrorEvent(
                    message="This market does not obey this connection",
                    code=ErrorCode.NOT_ALLOWED,
                    id=request.id,
                    hint='send {"event":"auth","token":…} with its control token, or use a market of your own',
                )
            )
        return Act(request.action, request.keys, request.id)

    def _fire(self, timer: Timer, now: Now, last_sent: int) -> list[Effect]:
        limits = self._limits
        at = now.monotonic
        match timer:
            case Timer.AUTH:
                return [Close(codes.NOT_AUTHENTICATED, "no auth event in time")]
            case Timer.TOKEN:
                error = ErrorEvent(message="The token has expired", code=ErrorCode.TOKEN_EXPIRED)
                return [Send(error), Close(codes.NOT_AUTHENTICATED, "the token has expired")]
            case Timer.DEAD:
                return [Abort("the peer has been silent for too long")]
            case Timer.STRICT_PONG:
                return [Close(codes.SILENT, "no pong event in time")]
            case Timer.SUBSCRIBE:
                return [Close(codes.SILENT, "no subscription in time")]
            case Timer.PROBE:
                self._arm(Timer.PROBE, at, limits.ping_interval)
                return [ProbePeer()]
            case Timer.STRICT_PING:
                self._arm(Timer.STRICT_PING, at, limits.ping_interval)
                return [Send(PingEvent(timestamp=now.wall // MILLISECOND))]
            case Timer.HEARTBEAT:
                return self._heartbeat(now, last_sent)

    def _heartbeat(self, now: Now, last_sent: int) -> list[Effect]:
        interval = self._heartbeat_interval
        if last_sent + interval > now.monotonic:
            self._arm(Timer.HEARTBEAT, last_sent, interval)
            return []
        self._arm(Timer.HEARTBEAT, now.monotonic, interval)
        if self._heartbeat_rule.needs_stream and not self._subscriptions.streams:
            return []
        last = {stream.key: self._view.seq(stream) for stream in self._subscriptions.streams}
        return [Send(Heartbeat(timestamp=self._view.virtual_time, last=last))]

    def _authenticate(self, request: Auth, now: Now) -> list[Effect]:
        # Compare bytes, in constant time: text outside ASCII would raise, an early exit would leak timing.
        shown = request.token.encode("utf-8", "surrogatepass")
        controls = self._control_token is not None and hmac.compare_digest(shown, self._control_token)
        # Where only control has a token, any other one is a wrong guess.
        wanted = self._control_token if self._token is None else self._token
        if not controls and wanted is not None and not hmac.compare_digest(shown, wanted):
            return self._wrong_token(request)
        self._may_control = self._may_control or controls
        self._authenticated = True
        self._deadlines.clear(Timer.AUTH)
        expires_at = None
        if self._token is not None and self._limits.token_ttl:
            self._arm(Timer.TOKEN, now.monotonic, self._limits.token_ttl)
            expires_at = (now.wall + self._limits.token_ttl) // MILLISECOND
        return [
            Send(Authenticated(scopes=CONTROL_SCOPES if controls else SCOPES, expires_at=expires_at, id=request.id)),
            *self.begin(now),
        ]

    def _wrong_token(self, request: Auth) -> list[Effect]:
        self._wrong_tokens += 1
        refusal = self._unauthorized(request, "the token is not the one that this server was started with")
        if self._wrong_tokens < MAX_WRONG_TOKENS:
            return [refusal]
        return [refusal, Close(codes.FORBIDDEN, "too many wrong tokens")]

    def _over_rate(self, request_id: str | int | float | None, now: Now) -> list[Effect]:
        if self._bucket.take(now.monotonic):
            return []
        self._warnings += 1
        limits = self._limits
        error = ErrorEvent(
            message="Too many messages",
            code=ErrorCode.RATE_LIMITED,
            id=request_id,
            hint=f"at most {limits.inbound_rate:g} a second, {limits.inbound_burst} in a burst; this one was ignored",
        )
        if self._warnings < MAX_RATE_WARNINGS:
            return [Send(error)]
        return [Send(error), Close(codes.POLICY, "too many messages, after warnings")]

    def _listing(self, request: ListSubscriptions) -> Subscriptions:
        rows: tuple[dict[str, str | int], ...] = tuple(
            stream.names | {"seq": self._view.seq(stream)} for stream in self._subscriptions.streams
        )
        return Subscriptions(subscriptions=rows, epoch=self._view.epoch, id=request.id)

    @staticmethod
    def _unauthorized(request: Request, hint: str) -> Send:
        asks_for_data = isinstance(request, Subscribe | Unsubscribe)
        message = BadSubscription if asks_for_data else "Not authenticated"
        return Send(ErrorEvent(message=message, code=ErrorCode.UNAUTHORIZED, id=request.id, hint=hint))

    def _arm(self, timer: Timer, since: int, after: int) -> None:
        if after:
            self._deadlines.set(timer, since + after)
