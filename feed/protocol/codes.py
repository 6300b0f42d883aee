"""Tables of the close codes and error codes of the protocol, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = [
    "CLOSE_CODES",
    "ERROR_MEANINGS",
    "BadSubscription",
    "CloseCode",
    "ErrorCode",
    "Reconnect",
    "clipped_reason",
    "reconnect_for",
]

Reconnect = Literal["now", "back_off", "never"]

BadSubscription = "Invalid subscription parameters"
"""The message of every refused subscription; the error's code, field and hint identify the mistake."""

MAX_REASON_BYTES = 123


class ErrorCode(StrEnum):
    """Reasons that an `error` event can give for refusing a request."""

    INVALID_JSON = "INVALID_JSON"
    UNKNOWN_EVENT = "UNKNOWN_EVENT"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
    UNAUTHORIZED = "UNAUTHORIZED"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    RATE_LIMITED = "RATE_LIMITED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    TOO_LARGE = "TOO_LARGE"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    NOT_REACHED = "NOT_REACHED"
    NOT_ALLOWED = "NOT_ALLOWED"
    UNKNOWN_MARKET = "UNKNOWN_MARKET"
    UNKNOWN_CONNECTION = "UNKNOWN_CONNECTION"
    MARKET_EXISTS = "MARKET_EXISTS"


ERROR_MEANINGS = {
    ErrorCode.INVALID_JSON: "The message is not a JSON object",
    ErrorCode.UNKNOWN_EVENT: "The `event` of the request is unknown",
    ErrorCode.INVALID_REQUEST: "A key of the request, or its value, is wrong; `field` names it",
    ErrorCode.UNKNOWN_CHANNEL: "The market has no such channel",
    ErrorCode.UNKNOWN_SYMBOL: "The market has no such symbol",
    ErrorCode.NOT_SUBSCRIBED: "`unsubscribe` names a stream that the connection is not subscribed to",
    ErrorCode.UNAUTHORIZED: "The server has a token, and the client has not shown it",
    ErrorCode.TOKEN_EXPIRED: "The authentication has expired; the connection is closed with 4401",
    ErrorCode.RATE_LIMITED: "Too many messages, or too many new connections; the request was ignored",
    ErrorCode.LIMIT_EXCEEDED: "A limit of the connection or of the server is reached",
    ErrorCode.TOO_LARGE: "Reserved; a message that is too large closes the connection with 1009",
    ErrorCode.NOT_POSSIBLE: "The command is valid, but not in the market's present state",
    ErrorCode.NOT_REACHED: "The market time or the trade that was asked for does not exist",
    ErrorCode.NOT_ALLOWED: "The client may not control this market",
    ErrorCode.UNKNOWN_MARKET: "There is no market of that name",
    ErrorCode.UNKNOWN_CONNECTION: "There is no connection of that name in the market",
    ErrorCode.MARKET_EXISTS: "The market of that name was made with other keys",
}
"""The meaning of each error code, for the documentation."""


@dataclass(frozen=True, slots=True)
class CloseCode:
    """Close code of a connection: its number, its meaning and whether the client should reconnect."""

    number: int
    meaning: str
    reconnect: Reconnect


NORMAL = CloseCode(1000, "done", "never")
GOING_AWAY = CloseCode(1001, "the server stops", "back_off")
UNSUPPORTED = CloseCode(1003, "binary frames are not supported", "never")
NOT_UTF8 = CloseCode(1007, "a text frame is not UTF-8", "never")
POLICY = CloseCode(1008, "against the rules of this server", "back_off")
TOO_BIG = CloseCode(1009, "the message is too big", "never")
INTERNAL = CloseCode(1011, "an internal error", "back_off")
RESTART = CloseCode(1012, "the server restarts", "back_off")
OVERLOADED = CloseCode(1013, "the server is overloaded", "back_off")
NOT_AUTHENTICATED = CloseCode(4401, "not authenticated in time, or expired", "never")
FORBIDDEN = CloseCode(4403, "forbidden", "never")
SILENT = CloseCode(4408, "no answer in time", "now")
TOO_SLOW = CloseCode(4409, "too slow: the buffer stayed full", "back_off")
MARKET_GONE = CloseCode(4410, "the market ended or was removed", "never")
BY_FAULT = CloseCode(4499, "asked for by the scenario", "now")

CLOSE_CODES = {
    code.number: code
    for code in (
        NORMAL,
        GOING_AWAY,
        UNSUPPORTED,
        NOT_UTF8,
        POLICY,
        TOO_BIG,
        INTERNAL,
        RESTART,
        OVERLOADED,
        NOT_AUTHENTICATED,
        FORBIDDEN,
        SILENT,
        TOO_SLOW,
        MARKET_GONE,
        BY_FAULT,
    )
}


def reconnect_for(number: int) -> Reconnect:
    """Return whether a client closed with this number should reconnect; `back_off` for an unknown number."""
    code = CLOSE_CODES.get(number)
    return code.reconnect if code else "back_off"


def clipped_reason(text: str) -> str:
    """Return the reason cut to the 123 bytes that fit in a close frame, never inside a character."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= MAX_REASON_BYTES else raw[: MAX_REASON_BYTES - 3].decode("utf-8", "ignore") + "…"
