"""Names of answers to requests, and the codes that a close frame may have."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from feed.protocol.codes import CLOSE_CODES
from feed.protocol.events import (
    Acknowledged,
    Authenticated,
    CommandDone,
    ErrorEvent,
    Subscribed,
    Subscriptions,
    Unsubscribed,
)

__all__ = ["ANSWERS", "CloseNumber"]

ANSWERS = frozenset(
    kind.__name__
    for kind in (Acknowledged, Authenticated, CommandDone, ErrorEvent, Subscribed, Subscriptions, Unsubscribed)
)
"""Events that answer requests; a dialect answers with one or another of them."""

NEVER_SENT = {1004: "it is reserved", 1005: "it means that there was none", 1006: "use reset or close-without-frame"}


def _check_code(number: int) -> int:
    if (1000 <= number <= 1014 and number not in NEVER_SENT) or 3000 <= number <= 4999:
        return number
    known = (*CLOSE_CODES, 3000, 4999)
    near = min(known, key=lambda code: abs(code - number))
    hint = NEVER_SENT.get(number, f"the nearest is {near}")
    raise PydanticCustomError("close_code", "{code} is never sent in a close frame", {"code": number, "hint": hint})


CloseNumber = Annotated[
    int, AfterValidator(_check_code), WithJsonSchema({"type": "integer", "minimum": 1000, "maximum": 4999})
]
"""Code of a close frame (RFC 6455, 7.4)."""
