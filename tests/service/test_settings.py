"""Settings: read from options and variables, and each mistake in one line."""

from __future__ import annotations

import os

import pytest

from feed.errors import SettingsError
from feed.service.environment import doubtful_variables
from feed.service.option_texts import default_text, option_name, range_text
from feed.service.options import load_settings
from feed.service.settings import ENV_PREFIX, Limits, ServeSettings
from feed.units import MAX_SPEED, MILLISECOND, SECOND, parse_time


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def message_of(**options: object) -> str:
    """What the settings say about these options."""
    with pytest.raises(SettingsError) as caught:
        load_settings(options)
    return str(caught.value)


def test_defaults_are_those_of_the_design() -> None:
    """Nothing given: the limits that are documented."""
    limits = load_settings().limits
    assert (limits.max_message_size, limits.max_fragments) == (65_536, 4096)
    assert (limits.inbound_rate, limits.inbound_burst, limits.max_subscriptions) == (20, 200, 256)
    assert (limits.max_connections, limits.connect_rate) == (5000, 50)
    assert limits.handshake_timeout == limits.auth_timeout == limits.write_timeout == 10 * SECOND
    assert (limits.outbox_bytes, limits.ping_interval, limits.ping_timeout) == (1 << 20, 20 * SECOND, 60 * SECOND)
    assert (limits.resume_messages, limits.resume_seconds) == (10_000, 300 * SECOND)
    assert (limits.drain_spread, limits.drain_timeout) == (5 * SECOND, 10 * SECOND)


def test_options_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line is nearer than the environment; what it does not say comes from there."""
    monkeypatch.setenv("FEED_PORT", "9000")
    monkeypatch.setenv("FEED_SPEED", "max")
    settings = load_settings({"port": "9001", "speed": None})
    assert settings.port == 9001
    assert settings.speed == MAX_SPEED


def test_people_write_units() -> None:
    """Durations, sizes and times as a person writes them."""
    settings = load_settings(
        {"ping_interval": "500ms", "max_message_size": "32KiB", "anchor": "2025-01-06T00:00:00Z", "at": "00:00:02"}
    )
    assert settings.limits.ping_interval == 500 * MILLISECOND
    assert settings.limits.max_message_size == 32_768
    assert settings.anchor == parse_time("2025-01-06T00:00:00Z")
    assert settings.at == 2 * SECOND


def test_limits_are_made_of_text_or_seconds() -> None:
    """As in settings, and they cannot be changed."""
    assert Limits(ping_interval="5s", write_timeout=2).write_timeout == 2 * SECOND


def test_origins_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated by commas, without a slash at the end."""
    monkeypatch.setenv("FEED_ORIGINS", "https://a.example/, http://b.example:3000")
    assert load_settings().origins == ("https://a.example", "http://b.example:3000")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"port": "70000"}, ["--port", "'70000'", "0 to 65535"]),
        ({"port": "http"}, ["--port", "'http'", "integer"]),
        ({"ping_interval": "2h"}, ["--ping-interval", "'2h'", "0 to 1h"]),
        ({"write_timeout": "-1s"}, ["--write-timeout", "not a duration", "100ms to 1h"]),
        ({"max_message_size": "12"}, ["--max-message-size", "1 KiB to 16 MiB"]),
        ({"inbound_rate": "nan"}, ["--inbound-rate", "0.1 to 10000"]),
        ({"speed": "0.01"}, ["--speed", "0.1 to 1000, or max"]),
        ({"seed": str(2**53)}, ["--seed", f"0 to {2**53 - 1}"]),
        ({"anchor": "soon"}, ["--anchor", "'soon'", "2025-01-06"]),
        ({"log_level": "loud"}, ["--log-level", "'loud'", "'debug', 'info', 'warning' or 'error'"]),
        ({"origins": ["app.example"]}, ["--origin", "app.example", "https://app.example"]),
        ({"ping_timeout": "5s"}, ["ping_timeout must be longer"]),
        ({"drain_timeout": "1s"}, ["drain_timeout must not be shorter"]),
        ({"sped": "1"}, ["unknown option --sped"]),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], parts: list[str]) -> None:
    """Name, value and what is allowed, in one line."""
    message = message_of(**options)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_every_mistake_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each, by the name it was given under."""
    monkeypatch.setenv("FEED_PORT", "x")
    lines = message_of(speed="x").splitlines()
    assert [line.split()[0] for line in sorted(lines)] == ["--speed", "FEED_PORT"]


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("FEED_PROT", "FEED_PORT"), ("FEED_ORIGIN", "FEED_ORIGINS"), ("FEED_LOGLEVEL", "FEED_LOG_LEVEL"),
     ("feed_sped", "FEED_SPEED"), ("FEED_ALLOWED_HOST", "FEED_ALLOWED_HOSTS")],
)  # fmt: skip
def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, meant: str) -> None:
    """A typing mistake in the environment is no silent default, and no reason not to start."""
    monkeypatch.setenv(variable, "1")
    assert load_settings() == load_settings({})
    assert doubtful_variables() == [f"{variable} is no setting; did you mean {meant}?"]


def test_what_the_platform_injects_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kubernetes and Docker tell the containers beside a service named `feed`, or `feed-ui`."""
    for service in ("FEED", "FEED_UI"):
        injected = {
            "SERVICE_HOST": "10.96.0.12", "SERVICE_PORT": "8765", "SERVICE_PORT_WS": "8765",
            "PORT": "tcp://10.96.0.12:8765", "PORT_8765_TCP": "tcp://10.96.0.12:8765", "PORT_8765_TCP_PROTO": "tcp",
            "PORT_8765_TCP_PORT": "8765", "PORT_8765_TCP_ADDR": "10.96.0.12", "PORT_53_UDP": "udp://10.96.0.12:53",
        }  # fmt: skip
        for name, text in injected.items():
            monkeypatch.setenv(f"{service}_{name}", text)
    assert load_settings().port == 8765
    assert load_settings({"port": "9000"}).port == 9000
    assert doubtful_variables() == []


@pytest.mark.parametrize("variable", ["FEED_URL", "FEED_API_KEY", "FEED_REAL_DATA", "FEED_ENV", "FEEDS_PROT", "FEED_"])
def test_variables_of_others_are_no_business_of_ours(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """What is near to no setting is for another program."""
    monkeypatch.setenv(variable, "x")
    assert load_settings() == load_settings({})
    assert doubtful_variables() == []


def test_upper_case_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable may be in lower case as well."""
    monkeypatch.setenv("feed_port", "1")
    assert load_settings().port == 1
    monkeypatch.setenv("FEED_PORT", "2")
    assert load_settings().port == 2


@pytest.mark.parametrize("host", ["http://feed", "a b", "feed/ws", "a:b"])
def test_allowed_hosts(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Names or addresses, with or without a port; what is none is named."""
    monkeypatch.setenv("FEED_ALLOWED_HOSTS", "feed, host.docker.internal:8765,[::1],*")
    assert load_settings().allowed_hosts == ("feed", "host.docker.internal:8765", "[::1]", "*")
    assert "is not a host name; write it like host.docker.internal" in message_of(allowed_hosts=[host])


def test_a_bad_token_is_not_shown() -> None:
    """Messages end in logs."""
    assert message_of(token="").startswith("--token: ")
    assert "secret" not in repr(load_settings({"token": "secret"}))


@pytest.mark.parametrize("name", Limits.model_fields)
def test_every_limit_holds_at_its_range_and_not_past_it(name: str) -> None:
    """The two ends that help and messages show are the real ones."""
    low, high = range_text(name).split(" to ")
    for value in (low, high):
        partner = {"ping_timeout": {"ping_interval": "0"}, "drain_timeout": {"drain_spread": "0"}}.get(name, {})
        partner |= {"ping_interval": {"ping_timeout": "0"}, "drain_spread": {"drain_timeout": "1h"}}.get(name, {})
        load_settings({name: value.replace(" ", ""), **partner})
    assert f"allowed is {low} to {high}" in message_of(**{name: "10000000GiB" if "iB" in high else "99999999"})


@pytest.mark.parametrize("name", ServeSettings.model_fields)
def test_every_setting_describes_itself(name: str) -> None:
    """What help shows."""
    assert ServeSettings.model_fields[name].description
    assert option_name(name).startswith("--")
    assert "00000000" not in default_text(name)
