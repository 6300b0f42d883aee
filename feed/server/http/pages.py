"""The pages that the server answers HTTP with."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from feed.clock import Clock
from feed.market.markets import Markets
from feed.server.http.bundle import BundlePages
from feed.server.http.control import ControlPages
from feed.server.http.docs import DocsPages
from feed.server.http.faults import FaultPages
from feed.server.http.history import HistoryPages
from feed.server.http.metrics import Metrics
from feed.server.http.oracle import OraclePages
from feed.server.http.report import ReportPages
from feed.server.http.routes import Endpoint, Page
from feed.server.http.web import WebPages
from feed.server.report.witness import Reports
from feed.units import MILLISECOND, SECOND, format_time
from feed.version import __version__

if TYPE_CHECKING:
    from feed.tape.intake import RecordingCounters

__all__ = ["Pages"]


class Pages:
    """Pages by path.

    Args:
        scenarios: gives name, description and more of every scenario there is.
        scenario_text: gives the text of a scenario's file by its name.
        open_connections: how many clients are connected.
        reports: notes on what the clients do.
        history_timeout: for an answer about the past, ns.

    Attributes:
        recording: how the recording goes, where there is one.
    """

    def __init__(
        self,
        markets: Markets,
        metrics: Metrics,
        control: ControlPages,
        clock: Clock,
        *,
        open_connections: Callable[[], int],
        scenarios: Callable[[], list[dict[str, Any]]],
        scenario_text: Callable[[str], str],
        reports: Reports,
        history_timeout: int = 5 * SECOND,
    ) -> None:
        self._reports = reports
        self._markets = markets
        self._control = control
        self._metrics = metrics
        self._clock = clock
        self._started = clock.now()
        self._open = open_connections
        self._scenarios = scenarios
        self._scenario_text = scenario_text
        self._history_timeout = history_timeout
        self._paths: dict[str, Endpoint] = {}
        self.recording: RecordingCounters | None = None

    def by_path(self) -> dict[str, Endpoint]:
        """Return every path with its endpoint."""
        history, faults = HistoryPages(self._markets, self._history_timeout), FaultPages(self._markets)
        reports = ReportPages(self._markets, self._reports, self._clock)
        oracle = OraclePages(self._markets)
        paths: dict[str, Endpoint] = {
            **WebPages(self.front, self._scenario_text).by_path(),
            "/ws": self.socket_only,
            "/health": self.health,
            "/metrics": self._metrics.page,
            "/scenarios": self.scenarios,
            "/faults": faults.catalogue,
            "/markets": history.listing,
            "/markets/<name>": history.market,
            "/markets/<name>/log": self._control.log,
            "/markets/<name>/outline": self._control.outline,
            "/markets/<name>/scenario": self._control.scenario,
            "/markets/<name>/state": oracle.state,
            "/markets/<name>/verify": oracle.verify,
            "/markets/<name>/candles": history.candles,
            "/markets/<name>/trades": history.trades,
            "/markets/<name>/faults": faults.done,
            "/markets/<name>/report": reports.report,
            "/markets/<name>/bundle": BundlePages(self._markets, reports.document).bundle,
            **DocsPages().by_path(),
            "/openapi.json": self.openapi,
        }
        self._paths = paths
        return paths

    async def openapi(self) -> Page:
        """Return the OpenAPI document of these paths."""
        from feed.server.contracts import openapi_document  # Its models cost a start that few need.

        return Page.json(await asyncio.to_thread(openapi_document, self._paths, self._control.by_path()))

    def health(self) -> Page:
        """Return the state of the server and its main market, for orchestrators and test runners."""
        market = self._markets.main.market
        return Page.json(
            {
                "status": "ok" if market.failure is None else "failed",
                "version": __version__,
                "market": market.identity.name,
                **market.summary,
                "connections": self._open(),
                "subscriptions": market.hub.subscriptions,
                "uptime_seconds": (self._clock.now() - self._started) // SECOND,
                **({} if self.recording is None else {"recording": asdict(self.recording)}),
            }
        )

    def scenarios(self) -> Page:
        """Return the scenarios that can be served."""
        return Page.json({"scenarios": self._scenarios()})

    def socket_only(self) -> Page:
        """Return the answer on the socket's path to a request of a client without WebSocket."""
        return Page(b"Connect with a WebSocket client.\n", "text/plain; charset=utf-8", 426)

    def front(self) -> Page:
        """Return the front page of a server whose live page has not been built."""
        market = self._markets.main.market
        rows = {
            "Scenario": market.identity.scenario,
            "Seed": str(market.state.seed),
            "State": "waiting for its first subscriber" if market.state.waits else market.phase,
            "Market time": format_time(market.virtual_time * MILLISECOND),
            "Symbols": ", ".join(market.symbols),
            "Channels": ", ".join(market.channels),
            "Connections": str(self._open()),
        }
        table = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in rows.items())
        body = _FRONT.format(version=__version__, table=table, symbol=html.escape(market.symbols[0]))
        return Page(body.encode(), "text/html; charset=utf-8")


_FRONT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>feed: a market to test against</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; --line: #8884; --dim: #888; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .25rem; }}
p {{ margin: .75rem 0; }}
small {{ color: var(--dim); font-weight: normal; }}
table {{ border-collapse: collapse; margin: 1.5rem 0; width: 100%; }}
th, td {{ text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); }}
th {{ font-weight: 500; color: var(--dim); width: 9rem; }}
pre {{ background: #8881; padding: 1rem; overflow-x: auto; border-radius: 6px; font-size: .875rem; }}
</style>
</head>
<body>
<h1>feed <small>{version}</small></h1>
<p>A fake market on a real WebSocket: the same ticks on every run, made to test trading frontends against.</p>
<table>{table}</table>
<p>Connect to this address and subscribe:</p>
<pre>const websocket = new WebSocket(location.origin.replace("http", "ws"));
websocket.onopen = () =&gt; websocket.send(JSON.stringify(
  {{event: "subscribe", channel: "trading", symbol: "{symbol}"}}));
websocket.onmessage = (event) =&gt; console.log(JSON.parse(event.data));</pre>
<p><a href="/docs">documentation</a> ·
<a href="/health">health</a> · <a href="/metrics">metrics</a> · <a href="/scenarios">scenarios</a></p>
</body>
</html>
"""
