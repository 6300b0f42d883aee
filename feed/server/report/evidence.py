"""Verdicts, and what their evidence is made of: deeds of faults, ends of connections, errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from feed.faults.log import Deed
from feed.faults.registry import FAULTS
from feed.server.report.witness import ClientRecord, Ending, Struck, Witness
from feed.units import MILLISECOND

__all__ = [
    "UNSEEN",
    "Outcome",
    "Verdict",
    "as_ms",
    "errors_of",
    "facts_of",
    "faults_calling",
    "is_clean",
    "next_connection",
    "strikes",
    "wants_back",
]

Outcome = Literal["pass", "fail", "not seen"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of one line: its outcome, the evidence, and the faults that called for it."""

    outcome: Outcome
    evidence: dict[str, Any] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()


UNSEEN = Verdict("not seen")


def strikes(record: ClientRecord, watched: str) -> Iterable[tuple[Witness, Struck]]:
    """Yield the deeds of faults that a line watches, with their connections."""
    for witness in record.connections:
        for struck in witness.struck:
            if FAULTS[struck.deed.kind].watched == watched:
                yield witness, struck


def faults_calling(record: ClientRecord, watched: str) -> tuple[dict[str, Any], ...]:
    """Return the faults that called for a line, each once, with its last deed."""
    found: dict[tuple[str, int], Deed] = {}
    deeds = [struck.deed for _, struck in strikes(record, watched)]
    deeds += [struck.deed for struck in record.refused if FAULTS[struck.deed.kind].watched == watched]
    for deed in deeds:
        found[deed.source, deed.fault] = deed
    return tuple(facts_of(deed) for deed in found.values())


def facts_of(deed: Deed) -> dict[str, Any]:
    """Return the facts of a deed that a report shows."""
    document = {
        "fault": deed.fault,
        "from": deed.source,
        "kind": deed.kind,
        "connection": deed.connection,
        "stream": deed.stream,
        "seq": deed.seq,
    }
    return {name: value for name, value in document.items() if value is not None}


def errors_of(record: ClientRecord) -> dict[str, int]:
    """Return how often the client was sent each error code."""
    errors: dict[str, int] = {}
    for witness in record.connections:
        for code, count in witness.errors.items():
            errors[str(code)] = errors.get(str(code), 0) + count
    return errors


def is_clean(ending: Ending) -> bool:
    """Return True if the client has said goodbye."""
    return ending.by == "client" and ending.code in (1000, 1001, 1005)


def wants_back(witness: Witness) -> bool:
    """Return True if the connection ended in a way after which a client should connect again."""
    ending = witness.ending
    assert ending is not None
    if witness.cut == "close" or (ending.by == "server" and witness.cut is None):
        return ending.reconnect in ("now", "back_off")
    return ending.by == "network" or witness.cut is not None or bool(witness.struck and ending.code != 1000)


def next_connection(record: ClientRecord, before: Witness) -> Witness | None:
    """Return the connection that the client made after another one; None if there is none."""
    later = record.connections[record.connections.index(before) + 1 :]
    return later[0] if later else None


def as_ms(nanoseconds: int) -> int:
    """Return a time in whole milliseconds."""
    return nanoseconds // MILLISECOND
