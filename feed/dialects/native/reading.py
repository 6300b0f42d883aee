"""Reading of native requests: JSON objects, read without ever raising, and refused with a hint."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from feed.dialects.native.requests import (
    MAX_HISTORY,
    MAX_ID_LENGTH,
    MAX_NAME_LENGTH,
    MAX_RATE,
    MIN_RATE,
    MODELS,
    RequestText,
    SubscribeText,
    UnsubscribeText,
)
from feed.hints import nearest
from feed.protocol.codes import BadSubscription, ErrorCode
from feed.protocol.requests import Rejected, Request, RequestId

__all__ = ["decode"]


def decode(payload: bytes) -> Request | Rejected:
    """Return the request in the payload of a text frame, or the reason why it is none. Never raises."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return Rejected(code=ErrorCode.INVALID_JSON, message=f"Invalid JSON: {error}", hint=_JSON_HINT)
    if not isinstance(document, dict):
        message = f"A request is a JSON object, not {_kind(document)}"
        return Rejected(code=ErrorCode.INVALID_REQUEST, message=message, hint=_JSON_HINT)
    return _request(document)


_JSON_HINT = 'send an object like {"event":"subscribe","channel":"trading","symbol":"BTC/USD"}'


def _request(document: dict[str, Any]) -> Request | Rejected:
    request_id = _readable_id(document.get("id"))
    event = document.get("event")
    if not isinstance(event, str):
        return _no_event(document, request_id)
    model = MODELS.get(event)
    if model is None:
        near = nearest(event, MODELS)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(MODELS)}"
        return Rejected(code=ErrorCode.UNKNOWN_EVENT, message="Unknown event", id=request_id, field="event", hint=hint)
    try:
        return model.model_validate(document).neutral()
    except ValidationError as error:
        return _invalid(model, error, document, request_id)


def _no_event(document: dict[str, Any], request_id: RequestId | None) -> Rejected:
    if "event" in document:
        message = f"The event must be a string, not {_kind(document['event'])}"
    else:
        message = "The request has no event"
    hint = f"one of {', '.join(MODELS)}"
    return Rejected(code=ErrorCode.INVALID_REQUEST, message=message, id=request_id, field="event", hint=hint)


def _invalid(
    model: type[RequestText], error: ValidationError, document: dict[str, Any], request_id: RequestId | None
) -> Rejected:
    problems = error.errors(include_url=False, include_input=False)
    # A misspelt key shows twice, as unknown and as missing: the unknown one is the place to point at.
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    subscription = issubclass(model, SubscribeText | UnsubscribeText)
    field = _field(problem, model)
    return Rejected(
        code=ErrorCode.INVALID_REQUEST,
        message=BadSubscription if subscription else "Invalid request",
        id=request_id,
        field=field,
        hint=_hint(problem, model, document),
    )


def _field(problem: ErrorDetails, model: type[RequestText]) -> str:
    location = problem["loc"]
    if location and location[0] in model.model_fields:
        # The parts after an array's index or a union's branch are pydantic's own, not the client's.
        inner = [str(part) for part in location[1:] if part in ("epoch", "seq")]
        return ".".join([str(location[0]), *inner])
    return ".".join(str(part) for part in location)[:64]


def _hint(problem: ErrorDetails, model: type[RequestText], document: dict[str, Any]) -> str:
    names = list(model.model_fields)
    if problem["type"] == "extra_forbidden":
        if problem["loc"][0] in model.model_fields:
            return f"{problem['loc'][0]} has only the keys epoch and seq"
        missing = [name for name in names if name not in document]
        near = nearest(problem["loc"][0], missing)
        if near:
            return f'did you mean "{near}"?'
        return f"{model.model_fields['event'].default} has only the keys {', '.join(names)}"
    if problem["type"] == "missing":
        return f"{'.'.join(str(part) for part in problem['loc'])} is required"
    return _VALID.get(str(problem["loc"][0])) or problem["msg"]


_NAMES_HINT = f'a name of at most {MAX_NAME_LENGTH} characters, an array of names, or "*" for all'
_VALID = {
    "id": f"a string of at most {MAX_ID_LENGTH} characters, or a number",
    "channel": _NAMES_HINT,
    "symbol": _NAMES_HINT,
    "interval": 'an interval such as "1m", an array of intervals, or "*" for all',
    "depth": 'a number of levels such as 10, an array of them, or "*" for all',
    "history": f"a whole number from 0 to {MAX_HISTORY}",
    "resume": 'an object like {"epoch":"…","seq":4211}, both as the server gave them',
    "max_rate": f"a number of messages a second from {MIN_RATE} to {MAX_RATE}",
    "token": "a string of at most 4096 characters",
    "timestamp": "any JSON value that is not nested too deeply",
}


def _readable_id(value: object) -> RequestId | None:
    """Return the id to answer with, if the given value can be one."""
    if isinstance(value, str):
        return value if len(value) <= MAX_ID_LENGTH else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _kind(value: object) -> str:
    names = {
        dict: "an object", list: "an array", str: "a string", bool: "a boolean",
        int: "a number", float: "a number", type(None): "null",
    }  # fmt: skip
    return names.get(type(value), "that")
