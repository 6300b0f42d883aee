"""What the log says of requests that are refused, when there are many."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from websockets.datastructures import Headers
from websockets.http11 import Request

from feed.clock import ManualClock
from feed.server.http.routes import problem, respond
from feed.server.lines import REFUSAL_EVERY, Refusals, say_heard
from feed.units import MILLISECOND


def test_a_flood_of_refusals_is_no_flood_of_lines() -> None:
    """The first has a line; the next one has to wait for its time, and tells how many there were meanwhile."""
    clock = ManualClock()
    refusals = Refusals(clock)
    full = respond(problem(503, "LIMIT_EXCEEDED", "all taken"))
    with capture_logs() as lines:
        for _ in range(1001):
            refusals.say_answer(Request("/", Headers()), full, ("10.0.0.1", 5000))
            clock.advance(REFUSAL_EVERY // 1000)
        missing = respond(problem(404, "NOT_FOUND", "no such page"))
        refusals.say_answer(Request("/nope?token=hush", Headers()), missing, ("10.0.0.1", 5001))
    assert clock.now() > 1000 * MILLISECOND
    assert [(line["status"], line.get("others")) for line in lines] == [(503, None), (503, 999), (404, None)]
    assert lines[0]["reason"] == "all taken"
    assert "hush" not in str(lines)


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"event": "auth", "token": "hush"}', '{"event":"auth"}'),
        (b'{"method":"subscribe","params":{"channel":"book","token":"hush"}}',
         '{"method":"subscribe","params":{"channel":"book"}}'),
        (b'{"event":"ping","timestamp":{"token":"hush"}}', "(with a token)"),
        (b'{"event":"auth","token":"hush"', "(with a token)"),
        (b"[" * 300 + b"]" * 300, "[" * 200),
    ],
)  # fmt: skip
def test_a_message_is_shown_without_its_token(payload: bytes, shown: str) -> None:
    """In whatever dialect, and however it is written."""
    with capture_logs() as lines:
        say_heard("c1", payload)
    assert [repr(line["message"]) for line in lines] == [shown]
