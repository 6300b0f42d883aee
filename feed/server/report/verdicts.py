"""Lines of the report card: each looks at the notes on one client and comes to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from feed.faults.log import Deed
from feed.faults.registry import FAULTS
from feed.server.report.witness import ClientRecord, Ending, Struck, Witness
from feed.units import MILLISECOND, SECOND

__all__ = ["LINES", "ReportLine", "Verdict", "judge"]

PATIENCE = 10 * SECOND
"""The time a client may take for what it should do."""

TIGHT = 50 * MILLISECOND
"""The pause below which attempts to connect are a tight loop."""

GROWTH = 1.2
"""The factor by which the last pause between failed attempts must exceed the first one."""

MANY_ASKINGS = 5
"""The number of subscriptions to the same stream within `PATIENCE` that are too many."""

Outcome = Literal["pass", "fail", "not seen"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of one line: its outcome, the evidence, and the faults that called for it."""

    outcome: Outcome
    evidence: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ReportLine:
    """Line of the report: its name, what it watches, and how it judges."""

    name: str
    watches: str
    judge: Callable[[ClientRecord, int, int], Verdict]


def judge(record: ClientRecord, now: int, patience: int = PATIENCE) -> dict[str, Verdict]:
    """Return the verdict of each line on a client.

    Args:
        record: the notes on the client.
        now: monotonic time, ns.
        patience: the time the client may take for what it should do, ns.
    """
    return {line.name: line.judge(record, now, patience) for line in LINES}


UNSEEN = Verdict("not seen")


def _greeted(record: ClientRecord, now: int, patience: int) -> Verdict:
    heard = [witness for witness in record.connections if witness.heard_at]
    if not heard:
        return Verdict("not seen", {"connections": len(record.connections)})
    first = heard[0]
    return Verdict("pass", {"first_message_ms": _ms(first.heard_at - first.opened_at), "connection": first.name})


def _subscribed(record: ClientRecord, now: int, patience: int) -> Verdict:
    streams = sorted({stream for witness in record.connections for stream in witness.subscribed})
    asked = sum(len(witness.asked) for witness in record.connections)
    if streams:
        return Verdict("pass", {"streams": streams, "requests": asked})
    return Verdict("fail", {"requests": asked, "errors": _errors(record)}) if asked else UNSEEN


def _pings(record: ClientRecord, now: int, patience: int) -> Verdict:
    pinged = sum(witness.pinged for witness in record.connections)
    evidence = {
        "pings": pinged,
        "answered": sum(witness.answered for witness in record.connections),
        "latest_ms": _ms(max((witness.late for witness in record.connections), default=0)),
    }
    for witness in record.connections:
        until = now if witness.ending is None else witness.ending.at
        if witness.unanswered_since and until - witness.unanswered_since > patience:
            return Verdict("fail", evidence | {"unanswered_ms": _ms(until - witness.unanswered_since)})
    return Verdict("pass", evidence) if evidence["answered"] else Verdict("not seen", evidence)


def _resumed(record: ClientRecord, now: int, patience: int) -> Verdict:
    breaks = [
        (before, _next(record, before))
        for before in record.connections
        if before.ending is not None and _wants_back(before)
    ]
    calling = _calling(record, "resumed")
    # A connection that a fault has made silent has to be given up by the client.
    for witness, struck in _strikes(record, "resumed"):
        if witness.ending is None and now - struck.at > patience and struck.deed.deed == "dropped":
            evidence = {"connection": witness.name, "silent_ms": _ms(now - struck.at), "gave_up": False}
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


def _wants_back(witness: Witness) -> bool:
    """Return True if the connection ended in a way after which a client should connect again."""
    ending = witness.ending
    assert ending is not None
    if witness.cut == "close" or (ending.by == "server" and witness.cut is None):
        return ending.reconnect in ("now", "back_off")
    return ending.by == "network" or witness.cut is not None or bool(witness.struck and ending.code != 1000)


def _next(record: ClientRecord, before: Witness) -> Witness | None:
    later = record.connections[record.connections.index(before) + 1 :]
    return later[0] if later else None


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
        "after_ms": _ms(after.opened_at - before.ending.at),
        "how": "resume" if any(asking.resumes for asking in after.asked) else "anew",
        **({"missing": missing} if missing else {}),
    }


def _backoff(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "backoff")
    starts = sorted([*(struck.at for struck in record.refused), *(witness.opened_at for witness in record.connections)])
    failed = [struck.at for struck in record.refused]
    failed += [w.ending.at for w in record.connections if w.ending is not None and _wants_back(w)]
    pauses = [next((start for start in starts if start > end), None) for end in sorted(failed)]
    waits = [start - end for start, end in zip(pauses, sorted(failed), strict=True) if start is not None]
    if not waits:
        return Verdict("not seen", {}, calling)
    evidence = {"pauses_ms": [_ms(wait) for wait in waits], "jitter": _jitter(waits)}
    if sum(wait < TIGHT for wait in waits) > 1:
        return Verdict("fail", evidence | {"tight_loop": True}, calling)
    if len(waits) < 3:
        return Verdict("pass" if len(waits) > 1 or waits[0] >= TIGHT else "not seen", evidence, calling)
    return Verdict("pass" if waits[-1] >= GROWTH * waits[0] else "fail", evidence, calling)


def _jitter(waits: list[int]) -> str:
    """Return whether pauses look random: those of a plain doubling are each about twice the one before."""
    if len(waits) < 3:
        return "too few pauses"
    ratios = [later / max(1, earlier) for earlier, later in pairwise(waits)]
    even = all(min(abs(ratio - 2), abs(ratio - 1)) < 0.1 for ratio in ratios)
    return "none to be seen" if even else "seen"


def _terminal(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "terminal")
    for witness in record.connections:
        ending = witness.ending
        if ending is None or ending.by != "server" or ending.reconnect != "never":
            continue
        evidence = {"connection": witness.name, "code": ending.code}
        after = _next(record, witness)
        if after is not None:
            return Verdict("fail", evidence | {"returned_ms": _ms(after.opened_at - ending.at)}, calling)
        if now - ending.at > patience:
            return Verdict("pass", evidence | {"silent_ms": _ms(now - ending.at)}, calling)
        return Verdict("not seen", evidence | {"silent_ms": _ms(now - ending.at)}, calling)
    return Verdict("not seen", {}, calling)


def _resynced(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "resynced")
    told: list[dict[str, Any]] = []
    waiting = False
    for witness, struck in _strikes(record, "resynced"):
        if struck.deed.deed == "unchanged":
            continue
        asked = _asked_anew(record, witness, struck)
        evidence = {"stream": struck.deed.stream, "seq": struck.deed.seq, "kind": struck.deed.kind}
        if asked is None:
            late = now - struck.at
            if late > patience:
                return Verdict("fail", evidence | {"asked_anew": False, "waited_ms": _ms(late)}, calling)
            waiting = True
        else:
            told.append(evidence | {"after_ms": _ms(asked - struck.at)})
    if waiting or not told:
        return Verdict("not seen", {"asked_anew": told} if told else {}, calling)
    return Verdict("pass", {"asked_anew": told[-20:]}, calling)


def _asked_anew(record: ClientRecord, witness: Witness, struck: Struck) -> int | None:
    """Return when the client first asked for the stream again after a deed, on this connection or a later one."""
    channel = (struck.deed.stream or "").split(":")[0]
    place = record.connections.index(witness)
    for later in record.connections[place:]:
        for asking in later.asked:
            if asking.at > struck.at and {channel, "*"} & set(asking.channels):
                return asking.at
    return None


def _survived(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "survived")
    survived: dict[str, int] = {}
    waiting = False
    for witness, struck in _strikes(record, "survived"):
        if witness.heard_at > struck.at:
            survived[struck.deed.kind] = survived.get(struck.deed.kind, 0) + 1
            continue
        evidence = {"kind": struck.deed.kind, "stream": struck.deed.stream, "seq": struck.deed.seq}
        ending = witness.ending
        if ending is not None and witness.cut is None and ending.by != "server" and not _is_clean(ending):
            return Verdict("fail", evidence | {"ended_by": ending.by, "code": ending.code}, calling)
        waiting = True
    if survived:
        return Verdict("pass", {"survived": survived}, calling)
    return Verdict("not seen", {"no_answer_yet": waiting} if waiting else {}, calling)


def _kept_up(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "kept-up")
    evidence = {
        "skipped": sum(witness.skipped for witness in record.connections),
        "socket_full": sum(witness.blocked for witness in record.connections),
        "latest_answer_ms": _ms(max((witness.late for witness in record.connections), default=0)),
    }
    slow = [w.name for w in record.connections if w.farewell is not None and w.farewell.code == TOO_SLOW]
    slow += [w.name for w in record.connections if w.ending is not None and w.ending.code == TOO_SLOW]
    if slow:
        return Verdict("fail", evidence | {"closed_as_too_slow": sorted(set(slow))}, calling)
    has_data = any(witness.subscribed for witness in record.connections)
    return Verdict("pass" if has_data else "not seen", evidence, calling)


TOO_SLOW = 4409


def _polite(record: ClientRecord, now: int, patience: int) -> Verdict:
    calling = _calling(record, "polite")
    requests: dict[str, int] = {}
    for witness in record.connections:
        for name, count in witness.requests.items():
            requests[name] = requests.get(name, 0) + count
    evidence: dict[str, Any] = {"requests": requests, "errors": _errors(record)}
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


def _closed(record: ClientRecord, now: int, patience: int) -> Verdict:
    own = [w for w in record.connections if w.ending is not None and w.cut is None and w.ending.by != "server"]
    if not own:
        return UNSEEN
    last = own[-1]
    assert last.ending is not None
    evidence = {"connection": last.name, "code": last.ending.code, "reason": last.ending.reason}
    struck = tuple(_told(each.deed) for each in last.struck[-1:])
    # What a fault has broken, or silenced, nobody can close cleanly.
    return Verdict("pass" if _is_clean(last.ending) else "not seen" if struck else "fail", evidence, struck)


def _is_clean(ending: Ending) -> bool:
    """Return True if the client has said goodbye."""
    return ending.by == "client" and ending.code in (1000, 1001, 1005)


def _strikes(record: ClientRecord, watched: str) -> Iterable[tuple[Witness, Struck]]:
    """Yield the deeds of faults that a line watches, with their connections."""
    for witness in record.connections:
        for struck in witness.struck:
            if FAULTS[struck.deed.kind].watched == watched:
                yield witness, struck


def _calling(record: ClientRecord, watched: str) -> tuple[dict[str, Any], ...]:
    """Return the faults that called for a line, each once, with its last deed."""
    found: dict[tuple[str, int], Deed] = {}
    deeds = [struck.deed for _, struck in _strikes(record, watched)]
    deeds += [struck.deed for struck in record.refused if FAULTS[struck.deed.kind].watched == watched]
    for deed in deeds:
        found[deed.source, deed.fault] = deed
    return tuple(_told(deed) for deed in found.values())


def _told(deed: Deed) -> dict[str, Any]:
    document = {
        "fault": deed.fault,
        "from": deed.source,
        "kind": deed.kind,
        "connection": deed.connection,
        "stream": deed.stream,
        "seq": deed.seq,
    }
    return {name: value for name, value in document.items() if value is not None}


def _errors(record: ClientRecord) -> dict[str, int]:
    errors: dict[str, int] = {}
    for witness in record.connections:
        for code, count in witness.errors.items():
            errors[str(code)] = errors.get(str(code), 0) + count
    return errors


def _ms(nanoseconds: int) -> int:
    return nanoseconds // MILLISECOND


LINES = (
    ReportLine("greeted", "took its greeting and said or answered something", _greeted),
    ReportLine("subscribed", "subscribed to something that there is", _subscribed),
    ReportLine("pings", "answered pings, and how late", _pings),
    ReportLine("resumed", "came back after a break, with all of its streams: how, and how soon", _resumed),
    ReportLine("backoff", "waited between attempts to connect, longer each time, with jitter", _backoff),
    ReportLine("terminal", "stayed away after a close that says never", _terminal),
    ReportLine("resynced", "asked anew after a gap, a bad checksum or a silence of a stream", _resynced),
    ReportLine("survived", "was still there and answered after each bad frame", _survived),
    ReportLine("kept-up", "took data as fast as it came", _kept_up),
    ReportLine("polite", "asked no more often than it should", _polite),
    ReportLine("closed", "closed its connection with a close frame", _closed),
)
"""The lines of the report, in order."""
