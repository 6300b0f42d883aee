"""Forms of the report: JSON for programs, JUnit for build servers, text for people."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from feed.server.report.evidence import Verdict
from feed.server.report.verdicts import LINES, USUAL_PATIENCE, judge
from feed.server.report.witness import ClientRecord, Roster

__all__ = ["report_document", "report_junit", "report_text"]

MARKS = {"pass": "ok  ", "fail": "FAIL", "not seen": "-   "}


def report_document(market: str, roster: Roster, now: int, patience: int = USUAL_PATIENCE) -> dict[str, Any]:
    """Return the report of a market as a JSON object: each client with all of its lines."""
    clients = [_client(record, now, patience) for record in roster.clients.values()]
    failed = sum(line["verdict"] == "fail" for client in clients for line in client["lines"])
    return {"market": market, "failed": failed, "clients": clients}


def _client(record: ClientRecord, now: int, patience: int) -> dict[str, Any]:
    verdicts = judge(record, now, patience)
    return {
        "client": record.name,
        "connections": [{"name": each.name, "ordinal": each.ordinal} for each in record.connections],
        "refused": len(record.refused),
        "lines": [{"line": line.name, "watches": line.watches, **_verdict(verdicts[line.name])} for line in LINES],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"verdict": verdict.outcome, "evidence": verdict.evidence, "faults": list(verdict.faults)}


def report_junit(document: dict[str, Any]) -> bytes:
    """Return a report as JUnit XML: a suite for each client, a case for each line; what was not seen is skipped."""
    suites = ElementTree.Element("testsuites", name=f"feed {document['market']}")
    for client in document["clients"]:
        outcomes = [line["verdict"] for line in client["lines"]]
        counts = {"failures": outcomes.count("fail"), "skipped": outcomes.count("not seen"), "tests": len(outcomes)}
        told = {name: str(count) for name, count in counts.items()}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": client["client"], "errors": "0", **told})
        for line in client["lines"]:
            case = ElementTree.SubElement(suite, "testcase", classname=f"feed.{client['client']}", name=line["line"])
            if line["verdict"] == "fail":
                failure = ElementTree.SubElement(case, "failure", message=f"not seen that it {line['watches']}")
                failure.text = _evidence(line)
            elif line["verdict"] == "not seen":
                ElementTree.SubElement(case, "skipped")
    body: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return body


def report_text(document: dict[str, Any]) -> bytes:
    """Return a report for people, one line each."""
    rows = [f"market {document['market']}: {len(document['clients'])} clients, {document['failed']} lines failed"]
    for client in document["clients"]:
        names = ", ".join(each["name"] for each in client["connections"])
        rows.append(f"\n{client['client']} ({names or 'never connected'})")
        rows += [
            f"  {MARKS[line['verdict']]} {line['line']:<10}  {_evidence(line)}".rstrip() for line in client["lines"]
        ]
    return ("\n".join(rows) + "\n").encode()


def _evidence(line: dict[str, Any]) -> str:
    parts = [f"{name}={value}" for name, value in line["evidence"].items()]
    parts += [f"because of {fault['kind']} (fault {fault['fault']} of the {fault['from']})" for fault in line["faults"]]
    return "; ".join(parts)
