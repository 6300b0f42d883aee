"""Answers of a session: the errors of requests that were refused, and the events around the answers to one request."""

from __future__ import annotations

from feed.protocol.effects import Effect, Send
from feed.protocol.events import Acknowledged, ErrorEvent, Subscribed, Unsubscribed
from feed.protocol.requests import Rejected, Request

__all__ = ["error_of", "group_answers"]


def group_answers(request: Request, effects: list[Effect]) -> list[Effect]:
    """Return the answers to a request, enclosed by the two `Acknowledged` events that sum them up."""
    events = [effect.event for effect in effects if isinstance(effect, Send)]
    results = tuple(event for event in events if isinstance(event, Subscribed | Unsubscribed | ErrorEvent))
    before, behind = (Acknowledged(request=request, results=results, done=done) for done in (False, True))
    return [Send(before), *effects, Send(behind)]


def error_of(rejected: Rejected) -> ErrorEvent:
    """Return the error that a refused request is answered with."""
    return ErrorEvent(
        message=rejected.message,
        code=rejected.code,
        id=rejected.id,
        field=rejected.field,
        hint=rejected.hint,
        context=rejected.context,
    )
