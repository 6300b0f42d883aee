"""What the log says of requests that are refused, when there are many."""

from __future__ import annotations

from structlog.testing import capture_logs
from websockets.datastructures import Headers
from websockets.http11 import Request

from feed.clock import ManualClock
from feed.server.http.routes import problem, respond
from feed.server.lines import REFUSAL_EVERY, Refusals
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
