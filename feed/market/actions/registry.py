"""Registry of all actions by name, shared by the socket, HTTP and the documentation."""

from __future__ import annotations

from feed.hints import nearest
from feed.market.actions.base import Action
from feed.market.actions.fault import FAULT
from feed.market.actions.mark import MARK
from feed.market.actions.pause import PAUSE
from feed.market.actions.restart import RESTART
from feed.market.actions.resume import RESUME
from feed.market.actions.run_until import RUN_UNTIL
from feed.market.actions.seek import SEEK
from feed.market.actions.shock import SHOCK
from feed.market.actions.speed import SPEED
from feed.market.actions.step import STEP
from feed.market.commands import CommandError
from feed.protocol.codes import ErrorCode

__all__ = ["ACTIONS", "find_action"]

ACTIONS = {action.name: action for action in (PAUSE, RESUME, SPEED, STEP, RUN_UNTIL, SEEK, RESTART, SHOCK, FAULT, MARK)}


def find_action(name: str) -> Action:
    """Return the action of that name; raise `CommandError` with the nearest name if there is none."""
    action = ACTIONS.get(name)
    if action is None:
        near = nearest(name, ACTIONS)
        hint = f'did you mean "{near}"?' if near else f"one of {', '.join(ACTIONS)}"
        raise CommandError(ErrorCode.INVALID_REQUEST, "Unknown action", field="action", hint=hint)
    return action
