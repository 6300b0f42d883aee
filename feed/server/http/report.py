"""`GET /markets/<name>/report`: what each client of a market did, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feed.clock import Clock
from feed.errors import UsageError
from feed.hints import nearest
from feed.market.commands import CommandError
from feed.market.hosted import HostedMarket
from feed.market.markets import Markets
from feed.server.http.routes import Page, problem, refusal
from feed.server.report.formats import report_document, report_junit, report_text
from feed.server.report.verdicts import USUAL_PATIENCE
from feed.server.report.witness import Reports
from feed.units import parse_duration

__all__ = ["ReportPages"]

FORMATS = ("json", "junit", "text")

KEYS = ("format", "client", "patience")


class ReportPages:
    """Pages of the report cards.

    Args:
        markets: the markets.
        reports: the notes on their clients.
        clock: real time.
    """

    def __init__(self, markets: Markets, reports: Reports, clock: Clock) -> None:
        self._markets = markets
        self._reports = reports
        self._clock = clock

    def document(self, hosted: HostedMarket) -> dict[str, Any]:
        """Return the whole report of a market as a JSON object."""
        return report_document(hosted.name, self._reports.of(hosted), self._clock.now())

    def report(self, name: str, query: Mapping[str, str]) -> Page:
        """Return the report of one market."""
        for key in query:
            if key not in KEYS:
                near = nearest(key, KEYS)
                hint = f'did you mean "{near}"?' if near else f"one of {', '.join(KEYS)}"
                return problem(400, "INVALID_REQUEST", "Unknown key", field=key[:64], hint=hint)
        form = query.get("format", "json")
        if form not in FORMATS:
            near = nearest(form, FORMATS)
            hint = f'did you mean "{near}"?' if near else f"one of {', '.join(FORMATS)}"
            return problem(400, "INVALID_REQUEST", f"There is no format {form[:40]!r}", field="format", hint=hint)
        try:
            hosted = self._markets.find(name)
            patience = parse_duration(query["patience"]) if "patience" in query else USUAL_PATIENCE
        except CommandError as error:
            return refusal(error)
        except UsageError as error:
            return problem(400, "INVALID_REQUEST", str(error), field="patience", hint="a duration such as 2s")
        document = report_document(name, self._reports.of(hosted), self._clock.now(), patience)
        if "client" in query:
            names = [client["client"] for client in document["clients"]]
            if query["client"] not in names:
                near = nearest(query["client"], names)
                hint = f'did you mean "{near}"?' if near else f"there is {', '.join(names[:8]) or 'none yet'}"
                return problem(404, "UNKNOWN_CONNECTION", "There is no such client", field="client", hint=hint)
            document["clients"] = [client for client in document["clients"] if client["client"] == query["client"]]
            document["failed"] = sum(line["verdict"] == "fail" for line in document["clients"][0]["lines"])
        return _page(form, document)


def _page(form: str, document: dict[str, object]) -> Page:
    if form == "junit":
        return Page(report_junit(document), "application/xml; charset=utf-8")
    if form == "text":
        return Page(report_text(document), "text/plain; charset=utf-8")
    return Page.json(document)
