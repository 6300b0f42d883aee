"""Lines of the report card: each looks at the notes on one client and comes to a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from feed.server.report.damage import judge_resynced, judge_survived
from feed.server.report.evidence import Verdict
from feed.server.report.manners import (
    judge_closed,
    judge_greeted,
    judge_kept_up,
    judge_pings,
    judge_polite,
    judge_subscribed,
)
from feed.server.report.reconnects import judge_backoff, judge_resumed, judge_terminal
from feed.server.report.witness import ClientRecord
from feed.units import SECOND

__all__ = ["LINES", "ReportLine", "judge"]

USUAL_PATIENCE = 10 * SECOND
"""The time a client may take for what it should do."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """Line of the report: its name, what it watches, and how it judges."""

    name: str
    watches: str
    judge: Callable[[ClientRecord, int, int], Verdict]


def judge(record: ClientRecord, now: int, patience: int = USUAL_PATIENCE) -> dict[str, Verdict]:
    """Return the verdict of each line on a client.

    Args:
        record: the notes on the client.
        now: monotonic time, ns.
        patience: the time the client may take for what it should do, ns.
    """
    return {line.name: line.judge(record, now, patience) for line in LINES}


LINES = (
    ReportLine("greeted", "took its greeting and said or answered something", judge_greeted),
    ReportLine("subscribed", "subscribed to something that there is", judge_subscribed),
    ReportLine("pings", "answered pings, and how late", judge_pings),
    ReportLine("resumed", "came back after a break, with all of its streams: how, and how soon", judge_resumed),
    ReportLine("backoff", "waited between attempts to connect, longer each time, with jitter", judge_backoff),
    ReportLine("terminal", "stayed away after a close that says never", judge_terminal),
    ReportLine("resynced", "asked anew after a gap, a bad checksum or a silence of a stream", judge_resynced),
    ReportLine("survived", "was still there and answered after each bad frame", judge_survived),
    ReportLine("kept-up", "took data as fast as it came", judge_kept_up),
    ReportLine("polite", "asked no more often than it should", judge_polite),
    ReportLine("closed", "closed its connection with a close frame", judge_closed),
)
"""The lines of the report, in order."""
