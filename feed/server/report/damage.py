"""Verdicts on damaged data: whether a client asks anew for what it lost, and survives bad frames."""

from __future__ import annotations

from typing import Any

from feed.server.report.evidence import Verdict, as_ms, faults_calling, is_clean, strikes
from feed.server.report.witness import ClientRecord, Struck, Witness

__all__ = ["judge_resynced", "judge_survived"]


def judge_resynced(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client asked anew after each gap, bad checksum or silence of a stream."""
    calling = faults_calling(record, "resynced")
    told: list[dict[str, Any]] = []
    waiting = False
    for witness, struck in strikes(record, "resynced"):
        if struck.deed.deed == "unchanged":
            continue
        asked = _asked_anew(record, witness, struck)
        evidence = {"stream": struck.deed.stream, "seq": struck.deed.seq, "kind": struck.deed.kind}
        if asked is None:
            late = now - struck.at
            if late > patience:
                return Verdict("fail", evidence | {"asked_anew": False, "waited_ms": as_ms(late)}, calling)
            waiting = True
        else:
            told.append(evidence | {"after_ms": as_ms(asked - struck.at)})
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


def judge_survived(record: ClientRecord, now: int, patience: int) -> Verdict:
    """Judge whether the client answered after each bad frame."""
    calling = faults_calling(record, "survived")
    survived: dict[str, int] = {}
    waiting = False
    for witness, struck in strikes(record, "survived"):
        if witness.heard_at > struck.at:
            survived[struck.deed.kind] = survived.get(struck.deed.kind, 0) + 1
            continue
        evidence = {"kind": struck.deed.kind, "stream": struck.deed.stream, "seq": struck.deed.seq}
        ending = witness.ending
        if ending is not None and witness.cut is None and ending.by != "server" and not is_clean(ending):
            return Verdict("fail", evidence | {"ended_by": ending.by, "code": ending.code}, calling)
        waiting = True
    if survived:
        return Verdict("pass", {"survived": survived}, calling)
    return Verdict("not seen", {"no_answer_yet": waiting} if waiting else {}, calling)
