"""Verdicts on reconnects: whether a client comes back after a break, how soon, and where it should stay away."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from feed.server.report.evidence import Verdict, as_ms, faults_calling, next_connection, strikes, wants_back
from feed.server.report.witness import ClientRecord, Witness
from feed.units import MILLISECOND

__all__ = ["judge_backoff", "judge_resumed", "judge_terminal"]

MIN_PAUSE = 50 * MILLISECOND
"""The pause below which attempts to connect are a tight loop."""

MIN_GROWTH = 1.2
"""The factor by which the last pause between failed attempts must exceed the first one."""


def judge_resumed(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client came back after each break with all of its streams."""
    breaks = [
        (before, next_connection(record, before))
        for before in record.connections
        if before.ending is not None and wants_back(before)
    ]
    calling = faults_calling(record, "resumed")
    # A connection that a fault has made silent has to be given up by the client.
    for witness, struck in strikes(record, "resumed"):
        if witness.ending is None and now - struck.at > patience and struck.deed.deed == "dropped":
            evidence = {"connection": witness.name, "silent_ms": as_ms(now - struck.at), "gave_up": False}
            return Verdict("fail", evidence, calling)
    if not breaks:
        return Verdict("not seen", {}, calling)
    told = [_return(before, after) for before, after in breaks]
    for (before, after), evidence in zip(breaks, told, strict=True):
        assert before.ending is not None
        waited = now - (before.ending.at if after is None else after.opened_at)
        if not _is_back(before, after):
            return Verdict("fail" if waited > patience else "not seen", evidence, calling)
    return Verdict("pass", {"breaks": told}, calling)


def _is_back(before: Witness, after: Witness | None) -> bool:
    return after is not None and set(before.subscribed) <= set(after.subscribed)


def _return(before: Witness, after: Witness | None) -> dict[str, Any]:
    assert before.ending is not None
    evidence: dict[str, Any] = {"connection": before.name, "code": before.ending.code, "cut": before.cut}
    if after is None:
        return evidence | {"returned": False}
    missing = sorted(set(before.subscribed) - set(after.subscribed))
    return evidence | {
        "returned": after.name,
        "after_ms": as_ms(after.opened_at - before.ending.at),
        "how": "resume" if any(asking.resumes for asking in after.asked) else "anew",
        **({"missing": missing} if missing else {}),
    }


def judge_backoff(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client waited between attempts to connect, longer each time."""
    calling = faults_calling(record, "backoff")
    starts = sorted([*(struck.at for struck in record.refused), *(witness.opened_at for witness in record.connections)])
    failed = [struck.at for struck in record.refused]
    failed += [w.ending.at for w in record.connections if w.ending is not None and wants_back(w)]
    pauses = [next((start for start in starts if start > end), None) for end in sorted(failed)]
    waits = [start - end for start, end in zip(pauses, sorted(failed), strict=True) if start is not None]
    if not waits:
        return Verdict("not seen", {}, calling)
    evidence = {"pauses_ms": [as_ms(wait) for wait in waits], "jitter": _jitter(waits)}
    if sum(wait < MIN_PAUSE for wait in waits) > 1:
        return Verdict("fail", evidence | {"tight_loop": True}, calling)
    if len(waits) < 3:
        return Verdict("pass" if len(waits) > 1 or waits[0] >= MIN_PAUSE else "not seen", evidence, calling)
    return Verdict("pass" if waits[-1] >= MIN_GROWTH * waits[0] else "fail", evidence, calling)


def _jitter(waits: list[int]) -> str:
    """Return whether pauses look random: those of a plain doubling are each about twice the one before."""
    if len(waits) < 3:
        return "too few pauses"
    ratios = [later / max(1, earlier) for earlier, later in pairwise(waits)]
    even = all(min(abs(ratio - 2), abs(ratio - 1)) < 0.1 for ratio in ratios)
    return "none to be seen" if even else "seen"


def judge_terminal(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client stayed away after a close that says never."""
    calling = faults_calling(record, "terminal")
    for witness in record.connections:
        ending = witness.ending
        if ending is None or ending.by != "server" or ending.reconnect != "never":
            continue
        evidence = {"connection": witness.name, "code": ending.code}
        after = next_connection(record, witness)
        if after is not None:
            return Verdict("fail", evidence | {"returned_ms": as_ms(after.opened_at - ending.at)}, calling)
        if now - ending.at > patience:
            return Verdict("pass", evidence | {"silent_ms": as_ms(now - ending.at)}, calling)
        return Verdict("not seen", evidence | {"silent_ms": as_ms(now - ending.at)}, calling)
    return Verdict("not seen", {}, calling)
