"""Parsing of the query of a WebSocket URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from feed.dialects.base import Dialect, Form, Options
from feed.dialects.registry import DIALECTS, NATIVE, PLAIN
from feed.faults.fault import Fault
from feed.faults.registry import FaultError, read_faults
from feed.hints import nearest
from feed.market.spec import NAME, MarketSpec
from feed.protocol.keys import StreamKeyError, subscription_of
from feed.protocol.requests import Subscribe
from feed.protocol.view import MarketView
from feed.server.addressing import Address, address_of
from feed.server.market_keys import MARKET_KEYS, QueryError, read_market

__all__ = ["Connect", "parse_address", "parse_query", "subscriptions_of"]

USUAL_PATHS = NATIVE.paths

CHOICES = {"dialect": tuple(DIALECTS), "heartbeat": ("normal", "strict")}
"""Keys that any connection may have; the first value is the default."""

SUBSCRIBE = "subscribe"

FAULTS_KEY = "faults"
"""Faults for this connection: a JSON list, or the name of a plan of the scenario."""

CLIENT_KEY = "client"
"""The name that a client gives itself: in the report it keeps one line over its connections."""

COMMON = (*CHOICES, SUBSCRIBE, FAULTS_KEY, CLIENT_KEY, *MARKET_KEYS)
"""The keys of every dialect."""

MAX_KEYS = 32

MAX_SUBSCRIPTIONS = 200
"""The maximum number of streams named in one URL; one name with `*` may match many."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Parsed query: options of the connection, the market asked for, and the keys of its initial streams."""

    form: Form = PLAIN
    strict: bool | None = None
    streams: tuple[str, ...] = ()
    market: str | None = None
    spec: MarketSpec = field(default_factory=MarketSpec)
    faults: tuple[Fault, ...] = ()
    opening: tuple[str, ...] = ()
    plan: str | None = None
    client: str = ""
    plain: bool = False
    """True if the URL says itself how numbers are written."""

    def form_in(self, numbers: str | None) -> Form:
        """Return the form of data in a market that has a way of writing numbers for who asks for none."""
        if numbers != "string" or self.plain or "numbers" not in self.form.dialect.options:
            return self.form
        return self.form._replace(options=tuple(sorted({*self.form.options, ("numbers", "string")})))

    def is_strict(self, heartbeat: str | None) -> bool:
        """Return True if pings have to be answered, in a market that has a rule for who asks for none."""
        return heartbeat == "strict" if self.strict is None else self.strict


def parse_query(target: str) -> Connect:
    """Parse a request target such as `/ws?numbers=string&subscribe=trading:BTC/USD`; see `parse_address`."""
    return parse_address(address_of(target))


def parse_address(address: Address) -> Connect:
    """Parse the path and the query of a socket.

    Raises:
        QueryError: for a path without a socket, and for an unknown, repeated or bad key.
    """
    try:
        pairs = parse_qsl(address.query, keep_blank_values=True, max_num_fields=MAX_KEYS)
    except ValueError:
        hint = f"at most {MAX_KEYS} keys, out of {', '.join([*NATIVE.options, *COMMON])}"
        raise QueryError("The URL cannot be read", "query", hint) from None
    if address.dialect.is_foreign:
        return _foreign(address, address.dialect, address.path, pairs)
    path = address.path.rstrip("/") or "/"
    if NATIVE.socket(path, pairs) is None:
        raise QueryError("There is no socket at this path", "path", f"connect to {' or '.join(USUAL_PATHS)}")
    spoken = DIALECTS.get(dict(pairs).get("dialect", NATIVE.name), NATIVE)
    if spoken.is_foreign:
        return _foreign(address, spoken, spoken.usual_path, pairs)
    return _in(address, _wishes(spoken, pairs))


def _foreign(address: Address, dialect: Dialect, path: str, pairs: list[tuple[str, str]]) -> Connect:
    socket = dialect.socket(path, pairs)
    if socket is None:
        raise QueryError(f"{dialect.name} has no socket at this path", "path", f"such as {dialect.usual_path}")
    # As exchanges do: what they do not know there they pass over. Which market it is, and its faults, are ours to know.
    known = {FAULTS_KEY, CLIENT_KEY, *MARKET_KEYS}
    wishes = _wishes(dialect, list({key: (key, value) for key, value in pairs if key in known}.values()))
    return _in(address, replace(wishes, form=Form(dialect, socket.options), opening=socket.opening))


def _in(address: Address, wishes: Connect) -> Connect:
    """Return the wishes for the market that the path names; a key of that name may say the same."""
    if address.market is None:
        return wishes
    named, _ = read_market({"market": address.market})
    return replace(wishes, market=named)


def _wishes(dialect: Dialect, pairs: list[tuple[str, str]]) -> Connect:
    given: dict[str, str] = {}
    streams: list[str] = []
    for key, value in pairs:
        if key == SUBSCRIBE:
            streams += value.split(",")
        elif key in given:
            raise QueryError(f'The key "{key[:64]}" is there twice', key[:64], "give it once")
        else:
            given[key] = value
    known = {**dialect.options, **CHOICES}
    asked = {key: given.pop(key) for key in MARKET_KEYS if key in given}
    wished = given.pop(FAULTS_KEY, "")
    plan = wished if NAME.fullmatch(wished) else None
    faults = _faults(wished) if wished and plan is None else ()
    client = _client(given.pop(CLIENT_KEY, ""))
    chosen = {key: _checked(key, value, known) for key, value in given.items()}
    market, spec = read_market(asked)
    return Connect(
        form=Form(dialect, _options(dialect, chosen)),
        strict=chosen["heartbeat"] == "strict" if "heartbeat" in chosen else None,
        plain="numbers" in chosen,
        streams=_streams(streams),
        market=market,
        spec=spec,
        faults=faults,
        plan=plan,
        client=client,
    )


def _options(dialect: Dialect, given: Mapping[str, str]) -> Options:
    """Return the chosen options of a dialect, without default values."""
    chosen = {key: given[key] for key, values in dialect.options.items() if given.get(key) in values[1:]}
    return tuple(sorted(chosen.items()))


def _streams(streams: list[str]) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(key.strip() for key in streams))
    if len(keys) > MAX_SUBSCRIPTIONS:
        hint = f"at most {MAX_SUBSCRIPTIONS} of them, or * for all"
        raise QueryError("The URL names too many streams", SUBSCRIBE, hint)
    return keys


def subscriptions_of(streams: tuple[str, ...], view: MarketView) -> tuple[Subscribe, ...]:
    """Return the subscriptions for the keys of streams in a URL.

    Raises:
        QueryError: for a stream that the market does not have.
    """
    wanted = []
    for key in streams:
        try:
            wanted.append(subscription_of(key, view))
        except StreamKeyError as error:
            raise QueryError(f'"{key[:64]}" names no stream of this market', SUBSCRIBE, error.hint) from None
    return tuple(wanted)


def _client(value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise QueryError(f"{value[:40]!r} is no name for a client", CLIENT_KEY, "1 to 64 of A-Z a-z 0-9 . _ -")
    return value


def _faults(value: str) -> tuple[Fault, ...]:
    try:
        return read_faults(value)
    except FaultError as error:
        raise QueryError(str(error), error.field, error.hint or "GET /faults shows what there is") from None


def _checked(key: str, value: str, known: Mapping[str, tuple[str, ...]]) -> str:
    choices = known.get(key)
    if choices is None:
        keys = [*known, SUBSCRIBE, FAULTS_KEY, CLIENT_KEY, *MARKET_KEYS]
        near = nearest(key, keys)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(keys)}"
        raise QueryError("The URL has an unknown key", key[:64], hint)
    if value not in choices:
        near = nearest(value, choices)
        hint = f"one of {', '.join(choices)}" + (f'; did you mean "{near}"?' if near else "")
        raise QueryError(f'The key "{key}" has a value that is not known', key, hint)
    return value
