"""Verdicts on manners: how a client greets, asks, answers, keeps up and says goodbye."""

from __future__ import annotations

from typing import Any

from feed.protocol import codes
from feed.server.report.evidence import UNSEEN, Verdict, as_ms, errors_of, facts_of, faults_calling, is_clean
from feed.server.report.witness import ClientRecord, Witness

__all__ = ["judge_closed", "judge_greeted", "judge_kept_up", "judge_pings", "judge_polite", "judge_subscribed"]

MANY_ASKINGS = 5
"""The number of subscriptions to the same stream within `PATIENCE` that are too many."""


def judge_greeted(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client took its greeting and said or answered something."""
    heard = [witness for witness in record.connections if witness.heard_at]
    if not heard:
        return Verdict("not seen", {"connections": len(record.connections)})
    first = heard[0]
    return Verdict("pass", {"first_message_ms": as_ms(first.heard_at - first.opened_at), "connection": first.name})


def judge_subscribed(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client subscribed to something that there is."""
    streams = sorted({stream for witness in record.connections for stream in witness.subscribed})
    asked = sum(len(witness.asked) for witness in record.connections)
    if streams:
        return Verdict("pass", {"streams": streams, "requests": asked})
    return Verdict("fail", {"requests": asked, "errors": errors_of(record)}) if asked else UNSEEN


def judge_pings(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client answered its pings in time."""
    pinged = sum(witness.pinged for witness in record.connections)
    evidence = {
        "pings": pinged,
        "answered": sum(witness.answered for witness in record.connections),
        "latest_ms": as_ms(max((witness.late for witness in record.connections), default=0)),
    }
    for witness in record.connections:
        until = now if witness.ending is None else witness.ending.at
        if witness.unanswered_since and until - witness.unanswered_since > patience:
            return Verdict("fail", evidence | {"unanswered_ms": as_ms(until - witness.unanswered_since)})
    return Verdict("pass", evidence) if evidence["answered"] else Verdict("not seen", evidence)


def judge_kept_up(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client took data as fast as it came."""
    calling = faults_calling(record, "kept-up")
    evidence = {
        "skipped": sum(witness.skipped for witness in record.connections),
        "socket_full": sum(witness.blocked for witness in record.connections),
        "latest_answer_ms": as_ms(max((witness.late for witness in record.connections), default=0)),
    }
    slow = [w.name for w in record.connections if w.farewell is not None and w.farewell.code == codes.TOO_SLOW.number]
    slow += [w.name for w in record.connections if w.ending is not None and w.ending.code == codes.TOO_SLOW.number]
    if slow:
        return Verdict("fail", evidence | {"closed_as_too_slow": sorted(set(slow))}, calling)
    has_data = any(witness.subscribed for witness in record.connections)
    return Verdict("pass" if has_data else "not seen", evidence, calling)


def judge_polite(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client asked no more often than it should."""
    calling = faults_calling(record, "polite")
    requests: dict[str, int] = {}
    for witness in record.connections:
        for name, count in witness.requests.items():
            requests[name] = requests.get(name, 0) + count
    evidence: dict[str, Any] = {"requests": requests, "errors": errors_of(record)}
    if not requests:
        return Verdict("not seen", {}, calling)
    busiest = max((_most_askings(witness, patience) for witness in record.connections), default=0)
    limited = evidence["errors"].get("RATE_LIMITED", 0) - _refused_by_faults(record)
    if busiest > MANY_ASKINGS or limited > 0:
        return Verdict("fail", evidence | {"same_subscription": busiest, "rate_limited": max(0, limited)}, calling)
    return Verdict("pass", evidence, calling)


def _most_askings(witness: Witness, within: int) -> int:
    """Return how often the same subscription was asked for within a time, at most."""
    most = 0
    askings = list(witness.asked)
    for place, first in enumerate(askings):
        same = [each for each in askings[place:] if each.channels == first.channels and each.symbols == first.symbols]
        most = max(most, sum(each.at - first.at <= within for each in same))
    return most


def _refused_by_faults(record: ClientRecord) -> int:
    return sum(struck.deed.kind in ("rate-limit", "error") for w in record.connections for struck in w.struck)


def judge_closed(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client closed its last connection with a close frame."""
    own = [w for w in record.connections if w.ending is not None and w.cut is None and w.ending.by != "server"]
    if not own:
        return UNSEEN
    last = own[-1]
    assert last.ending is not None
    evidence = {"connection": last.name, "code": last.ending.code, "reason": last.ending.reason}
    struck = tuple(facts_of(each.deed) for each in last.struck[-1:])
    # What a fault has broken, or silenced, nobody can close cleanly.
    return Verdict("pass" if is_clean(last.ending) else "not seen" if struck else "fail", evidence, struck)
