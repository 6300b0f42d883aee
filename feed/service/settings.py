"""Settings of `feed serve`, from options and from `FEED_*` variables, and every limit with its range.

Times are nanoseconds once they are read; users write `10s`, `1m30s` or a bare number of seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from feed.errors import SettingsError, UsageError
from feed.hints import nearest
from feed.scenario.values import Anchor, reads
from feed.units import DAY, HOUR, MAX_SEED, MICROSECOND, MILLISECOND, SECOND, parse_duration, parse_speed, parse_time

__all__ = [
    "ENV_PREFIX",
    "MAX_SEED",
    "REPEATED",
    "Anchor",
    "Limits",
    "ServeSettings",
    "default_text",
    "doubtful_variables",
    "load_settings",
    "option_name",
    "range_text",
]

ENV_PREFIX = "FEED_"

REPEATED = frozenset({"origins", "allowed_hosts", "record_channels", "dialects"})
"""Settings whose option may be given several times; their variable is a list separated by commas."""

NEAR = 0.7
"""Similarity to a setting's name, from 0 to 1, from which on a variable counts as a misspelling."""

# Variables that Kubernetes and Docker set in every container for a service whose name begins with "feed".
_PLATFORM = re.compile(r"FEED(_\w+)?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_PLATFORM_PORT = re.compile(r"FEED(_\w+)?_PORT")
_PLATFORM_ADDRESS = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)

KIB = 1024
MIB = 1024 * KIB


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
    exchange_limits: Literal["on", "off"] = Field(
        "on", description="Whether dialects have the exchange's limits of requests and connections"
    )
    recordings: Path | None = Field(
        None, description="Folder of recordings that clients may ask for by the name of their file"
    )

    @property
    def limits(self) -> Limits:
        """Limits alone, as the server takes them."""
        # The values have been parsed and checked: parsed again, times in ns would be taken for seconds.
        return Limits.model_construct(**{name: getattr(self, name) for name in Limits.model_fields})


def option_name(field: str) -> str:
    """Return the command line's name of a setting: `--max-message-size`; a repeated one is in the singular."""
    name = field.removesuffix("s") if field in REPEATED else field
    return "--" + name.replace("_", "-")


def range_text(field: str) -> str:
    """Return the allowed values of a setting, such as `100ms to 1h`; empty if its parser's own message gives them."""
    info = ServeSettings.model_fields[field]
    bounds: list[Any] = [getattr(item, name) for name in ("ge", "le") for item in info.metadata if hasattr(item, name)]
    if len(bounds) != 2:
        return ""
    return " to ".join(_with_unit(bound, info) for bound in bounds)


def default_text(field: str) -> str:
    """Return a setting's default as users write it, such as `default 10s`; empty if there is none."""
    info = ServeSettings.model_fields[field]
    value = info.default
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"default {', '.join(value)}"
    return f"default {value if isinstance(value, str) else _with_unit(value, info)}"


def load_settings(options: Mapping[str, object] | None = None) -> ServeSettings:
    """Return the settings: each from the options, else from its `FEED_*` variable, else its default.

    Args:
        options: values by field name; None means not given.

    Raises:
        SettingsError: names each bad setting, its value and what is allowed. Unknown variables in the environment are
            ignored; `doubtful_variables` finds those that may be a misspelling.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    problems = [f"unknown option {option_name(name)}" for name in given if name not in ServeSettings.model_fields]
    if problems:
        raise SettingsError("\n".join(problems))
    told = {**_variables(os.environ), **given}
    try:
        return ServeSettings(**told)
    except ValidationError as error:
        raise SettingsError("\n".join(_described(dict(item), given, told) for item in error.errors())) from None


def doubtful_variables() -> list[str]:
    """Return warnings of variables that are no settings but look like a misspelt one, each with the right name."""
    found = []
    for variable, text in sorted(os.environ.items()):
        name = variable.upper()
        if name.startswith(ENV_PREFIX) and not _is_setting(name) and not _is_platforms(name, text):
            near = nearest(name.removeprefix(ENV_PREFIX), ServeSettings.model_fields, cutoff=NEAR)
            if near is not None:
                found.append(f"{variable} is no setting; did you mean {ENV_PREFIX}{near.upper()}?")
    return found


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings given as variables, by field name; of two that differ in case, the upper-case one."""
    found: dict[str, str] = {}
    for variable, text in sorted(environment.items()):
        name = variable.upper()
        if _is_setting(name) and not _is_platforms(name, text):
            found.setdefault(name.removeprefix(ENV_PREFIX).lower(), text)
    return found


def _is_setting(variable: str) -> bool:
    return variable.startswith(ENV_PREFIX) and variable.removeprefix(ENV_PREFIX).lower() in ServeSettings.model_fields


def _is_platforms(variable: str, text: str) -> bool:
    """Return True for a platform's service address: `FEED_PORT=tcp://10.0.0.1:8765` was not written by a user."""
    if _PLATFORM_PORT.fullmatch(variable) and _PLATFORM_ADDRESS.match(text):
        return True
    return _PLATFORM.fullmatch(variable) is not None


def _described(item: dict[str, Any], given: Mapping[str, object], told: Mapping[str, object]) -> str:
    if not item["loc"]:
        return str(item["ctx"]["error"])
    field = str(item["loc"][0])
    variable = ENV_PREFIX + field.upper()
    name = option_name(field) if field in given else variable
    # The text as written: pydantic's own input is the parsed value.
    written = told.get(field, item["input"])
    shown = "" if field == "token" else f" {str(written)[:60]!r}"
    allowed = range_text(field)
    return f"{name}{shown}: {_reason(item)}" + (f"; allowed is {allowed}" if allowed else "")


def _reason(item: dict[str, Any]) -> str:
    own = item.get("ctx", {}).get("error")
    if isinstance(own, ValueError):
        return str(own)
    # The bounds of pydantic's own message are in nanoseconds or bytes.
    return "out of range" if item["type"] in ("greater_than_equal", "less_than_equal") else str(item["msg"])


def _with_unit(value: float, info: FieldInfo) -> str:
    if info.annotation is ByteSize:
        return ByteSize(value).human_readable(separator=" ").replace(".0 ", " ")
    if isinstance(value, int) and any(isinstance(item, BeforeValidator) for item in info.metadata):
        return _short_duration(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short_duration(nanoseconds: int) -> str:
    units = (("d", DAY), ("h", HOUR), ("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND))
    for name, unit in units:
        if nanoseconds >= unit and nanoseconds % unit == 0:
            return f"{nanoseconds // unit}{name}"
    return f"{nanoseconds}ns" if nanoseconds else "0"
