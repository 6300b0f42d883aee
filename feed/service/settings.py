"""Settings of `feed serve`, from options and from `FEED_*` variables, and every limit with its range.

Times are nanoseconds once they are read; users write `10s`, `1m30s` or a bare number of seconds.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ByteSize, ConfigDict, Field, model_validator

from feed.errors import UsageError
from feed.scenario.values import Anchor, reads
from feed.units import DAY, HOUR, KIB, MAX_SEED, MIB, MILLISECOND, SECOND, parse_duration, parse_speed, parse_time

__all__ = [
    "ENV_PREFIX",
    "MAX_SEED",
    "REPEATED",
    "Anchor",
    "Limits",
    "ServeSettings",
]

ENV_PREFIX = "FEED_"

REPEATED = frozenset({"origins", "allowed_hosts", "record_channels", "dialects"})
"""Settings whose option may be given several times; their variable is a list separated by commas."""


def _read_anchor(value: Any) -> str | int:
    return value if value in ("scenario", "now") else parse_time(value)


def _read_origins(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(_read_origin(item.strip()) for item in items if item.strip())


def _read_names(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(dict.fromkeys(part.strip() for item in items for part in item.split(",") if part.strip()))


def _read_origin(text: str) -> str:
    if text in ("*", "null"):
        return text
    parts = urlsplit(text)
    if not parts.scheme or not parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError(f"{text!r} is not an origin; write it like https://app.example, or * for all pages")
    return text.rstrip("/")


def _read_hosts(value: Any) -> tuple[str, ...]:
    names = _read_names(value)
    for name in names:
        if name != "*" and not _HOST_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is not a host name; write it like host.docker.internal, or * for all")
    return names


def _read_dialects(value: Any) -> tuple[tuple[str, int], ...]:
    found = []
    for item in _read_names(value):
        name, _, port = item.partition("=")
        if not name or not port.isascii() or not port.isdigit() or int(port) > 65_535:
            raise UsageError(f"{item!r} is no dialect with a port; write it like kraken=8766")
        found.append((name, int(port)))
    return tuple(found)


_HOST_NAME = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")

Duration = Annotated[int, reads(parse_duration)]


class Limits(BaseModel):
    """Limits on clients' messages, connections and buffers, and time-outs; times in ns, sizes in bytes.

    Values are given as text or seconds, as settings are: `Limits(ping_interval="5s")`. A time-out of 0 never runs out
    if its description says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    max_message_size: ByteSize = Field(
        ByteSize(64 * KIB), ge=KIB, le=16 * MIB, description="Largest message a client may send; above: close 1009"
    )
    max_fragments: int = Field(4096, ge=1, le=65_536, description="Most fragments of one message; above: close 1009")
    inbound_rate: float = Field(20, ge=0.1, le=10_000, description="Messages a second that a client may send")
    inbound_burst: int = Field(200, ge=1, le=100_000, description="Messages that a client may send at once")
    max_subscriptions: int = Field(256, ge=1, le=10_000, description="Subscriptions of one connection")
    max_connections: int = Field(5000, ge=1, le=100_000, description="Connections at a time; above: HTTP 503")
    connect_rate: float = Field(
        50, ge=0.1, le=10_000, description="New connections a second from one address, loopback exempt; above: HTTP 429"
    )
    handshake_timeout: Duration = Field(10 * SECOND, ge=100 * MILLISECOND, le=HOUR, description="For the handshake")
    history_timeout: Duration = Field(
        5 * SECOND, ge=100 * MILLISECOND, le=HOUR, description="For an answer about the past by HTTP; then 503"
    )
    auth_timeout: Duration = Field(
        10 * SECOND, ge=100 * MILLISECOND, le=HOUR, description="For the auth message where a token is set; then 4401"
    )
    subscribe_timeout: Duration = Field(
        0, ge=0, le=HOUR, description="For the first subscription, then close 4408; 0: for ever"
    )
    token_ttl: Duration = Field(
        0, ge=0, le=365 * DAY, description="How long an authentication lasts, then close 4401; 0: for ever"
    )
    outbox_bytes: ByteSize = Field(
        ByteSize(MIB),
        ge=16 * KIB,
        le=1024 * MIB,
        description="Bytes that may wait for a slow reader; above: close 4409",
    )
    write_timeout: Duration = Field(
        10 * SECOND, ge=100 * MILLISECOND, le=HOUR, description="For a reader that takes nothing; then close 4409"
    )
    ping_interval: Duration = Field(20 * SECOND, ge=0, le=HOUR, description="Between ping frames; 0: none are sent")
    ping_timeout: Duration = Field(60 * SECOND, ge=0, le=HOUR, description="For a silent peer, then dropped; 0: never")
    heartbeat_interval: Duration = Field(
        SECOND, ge=0, le=HOUR, description="Silence after which a heartbeat is sent; 0: none are sent"
    )
    resume_messages: int = Field(
        10_000, ge=0, le=10_000_000, description="Messages of a stream that a client can come back to"
    )
    resume_seconds: Duration = Field(
        300 * SECOND, ge=0, le=DAY, description="Time of a stream that a client can come back to"
    )
    resume_memory: ByteSize = Field(
        ByteSize(256 * MIB),
        ge=MIB,
        le=65_536 * MIB,
        description="Bytes of all that clients of a market can come back to; above: the oldest is dropped",
    )
    max_markets: int = Field(256, ge=0, le=10_000, description="Markets besides the shared one; above: HTTP 503")
    max_market_memory: ByteSize = Field(
        ByteSize(512 * MIB),
        ge=MIB,
        le=1024 * 1024 * MIB,
        description="Memory of the markets besides the shared one, by an estimate; above: HTTP 503 for a new one",
    )
    market_idle: Duration = Field(
        60 * SECOND, ge=SECOND, le=DAY, description="How long a market without connections and requests stays"
    )
    traffic_bytes: ByteSize = Field(
        ByteSize(MIB),
        ge=0,
        le=1024 * MIB,
        description="Bytes of traffic kept of each market with a name, for its bundle, the newest; 0: none",
    )
    drain_spread: Duration = Field(5 * SECOND, ge=0, le=HOUR, description="Goodbyes are spread over it on SIGTERM")
    drain_timeout: Duration = Field(10 * SECOND, ge=0, le=HOUR, description="For goodbyes to be answered, then dropped")
    gather: Duration = Field(
        MILLISECOND, ge=0, le=SECOND, description="Longest time that data waits for more to share a write with"
    )
    max_lag: Duration = Field(
        10 * SECOND,
        ge=100 * MILLISECOND,
        le=DAY,
        description="How late a market may be on a busy machine, then its clock waits; a second but for the shared one",
    )
    patience: Duration = Field(
        SECOND, ge=0, le=HOUR, description="At speed max, how long one slow reader may hold up the market"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Limits:
        if self.ping_timeout and self.ping_timeout <= self.ping_interval:
            raise ValueError("ping_timeout must be longer than ping_interval")
        if self.drain_timeout < self.drain_spread:
            raise ValueError("drain_timeout must not be shorter than drain_spread")
        return self


class ServeSettings(Limits):
    """All settings of `feed serve`. Created by `load_settings`, which words the error messages."""

    scenario: str = Field("calm", min_length=1, description="A scenario's name, or the path of a scenario file")
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on")
    port: int = Field(8765, ge=0, le=65_535, description="Port to listen on; 0: any that is free")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="In place of the scenario's own seed")
    speed: Annotated[float, reads(parse_speed)] = Field(
        1.0, description="Market seconds a real second, 0.1 to 1000, or max"
    )
    activity: float = Field(1.0, ge=0.01, le=100, description="Multiple of the rate of orders: 0.1 is a tenth as many")
    at: Duration = Field(0, description="Begin so far into the scenario, such as 00:10:00")
    anchor: Annotated[Anchor, reads(_read_anchor)] = Field(
        "scenario", description="The first timestamp: scenario (its own date), now, or a time"
    )
    until: Duration | None = Field(
        None, ge=MILLISECOND, description="End so far into the scenario, counted as in --at, or so far into a recording"
    )
    loop: Literal["off", "on"] = Field("off", description="Of a recording: begin again at its end")
    pace: Literal["exchange", "received"] = Field(
        "exchange",
        description="Of a recording: the clock by which it is played, that of the exchange or the recorder's",
    )
    then: str | None = Field(
        None, min_length=1, description="Of a recording: go on from its end as this scenario, at its last prices"
    )
    wait_for: int = Field(
        1, ge=0, le=100_000, description="Market time begins once there are so many subscribers; 0: at once"
    )
    at_end: Literal["close", "hold", "exit"] = Field(
        "close", description="When the scenario has ended: close the clients with 4410, hold them, or exit"
    )
    token: str | None = Field(None, min_length=1, repr=False, description="Clients must show it before anything else")
    origins: Annotated[tuple[str, ...], reads(_read_origins)] = Field(
        (), description="Web pages that may connect besides those from loopback, such as https://app.example, or *"
    )
    allowed_hosts: Annotated[tuple[str, ...], reads(_read_hosts)] = Field(
        (), description="Names that the server may be called by besides localhost, such as host.docker.internal, or *"
    )
    control: Literal["auto", "off"] = Field(
        "auto", description="Whether clients may pause, step and seek the shared market; auto: those of this machine"
    )
    control_token: str | None = Field(
        None, min_length=1, repr=False, description="Who shows it may control the shared market, from anywhere"
    )
    tls_cert: Path | None = Field(None, description="Certificate (PEM): clients connect by wss and https")
    tls_key: Path | None = Field(None, description="Key of the certificate; where missing: in the same file")
    tls: Literal["off", "self-signed"] = Field(
        "off", description="self-signed: a certificate made here, for pages that are https"
    )
    compression: Literal["off", "on"] = Field(
        "off", description="Compress data for clients that offer it: about 0.6 of the bytes, for more CPU time"
    )
    record: Path | None = Field(None, description="Record what the market publishes to this file, name.parquet")
    record_channels: Annotated[tuple[str, ...], reads(_read_names)] = Field(
        ("trading", "status", "ticker"), description="What is recorded of every symbol, such as book, or book:25 alone"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is worth a line")
    log_format: Literal["console", "json"] = Field("console", description="How a line looks")
    scenarios: Path | None = Field(None, description="Folder of scenarios in place of the bundled ones")

    dialects: Annotated[tuple[tuple[str, int], ...], reads(_read_dialects)] = Field(
        (), description="One more port that speaks one exchange's dialect at its root, such as kraken=8766"
    )
    exchange_limits: Literal["on", "market", "off"] = Field(
        "on",
        description="Whether dialects have the exchange's limits of requests and connections; market: they have, but "
        "a day after which a connection is closed is one of market time",
    )
    recordings: Path | None = Field(
        None, description="Folder of recordings that clients may ask for by the name of their file"
    )

    @property
    def limits(self) -> Limits:
        """Limits alone, as the server takes them."""
        # The values have been parsed and checked: parsed again, times in ns would be taken for seconds.
        return Limits.model_construct(**{name: getattr(self, name) for name in Limits.model_fields})
