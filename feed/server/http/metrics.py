"""`GET /metrics`: the counters as Prometheus text, read when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from feed.market.market import Market
from feed.market.pacing import PaceCounters
from feed.server.counters import ServerCounters
from feed.server.http.routes import Page
from feed.units import SECOND

if TYPE_CHECKING:
    from feed.tape.intake import RecordingCounters

__all__ = ["Metrics"]


class Metrics(Collector):
    """Reads what the hot paths count.

    Args:
        open_connections: how many connections are open now.

    Attributes:
        recording: how the recording goes, where there is one.
    """

    def __init__(
        self,
        server: ServerCounters,
        market: Market,
        pace: PaceCounters,
        open_connections: Callable[[], int],
    ) -> None:
        self._server = server
        self._market = market
        self._pace = pace
        self._open = open_connections
        self.recording: RecordingCounters | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> Page:
        """The page that Prometheus scrapes."""
        return Page(generate_latest(self._registry), "text/plain; version=0.0.4; charset=utf-8")

    def collect(self) -> Iterable[Metric]:
        """Every metric, with its present value."""
        yield from self._of_server()
        yield from self._of_market()
        if self.recording is not None:
            yield from _of_recording(self.recording)

    def _of_server(self) -> Iterable[Metric]:
        server = self._server
        yield GaugeMetricFamily("feed_connections", "Open connections", self._open())
        yield CounterMetricFamily("feed_connections_opened", "Connections since the start", server.connections)
        yield CounterMetricFamily("feed_messages_received", "Messages from clients", server.messages_in)
        yield CounterMetricFamily("feed_slow_readers", "Connections closed for being too slow", server.slow)
        errors = CounterMetricFamily("feed_errors", "Error events by code", labels=["code"])
        for code, count in sorted(server.errors.items()):
            errors.add_metric([code], count)
        yield errors
        refused = CounterMetricFamily("feed_refused", "Handshakes refused by reason", labels=["reason"])
        for reason, count in sorted(server.refused.items()):
            refused.add_metric([reason], count)
        yield refused

    def _of_market(self) -> Iterable[Metric]:
        hub, counters, pace = self._market.hub, self._market.hub.counters, self._pace
        name = self._market.identity.name
        rows: list[tuple[type[CounterMetricFamily | GaugeMetricFamily], str, str, float]] = [
            (CounterMetricFamily, "feed_messages_published", "Messages published", counters.published),
            (CounterMetricFamily, "feed_deliveries", "Messages handed to subscribers", counters.deliveries),
            (CounterMetricFamily, "feed_writes", "Writes that the deliveries took", counters.writes),
            (CounterMetricFamily, "feed_skipped", "Messages that conflation left out", counters.skipped),
            (CounterMetricFamily, "feed_delivered_bytes", "Bytes handed to subscribers", counters.delivered_bytes),
            (GaugeMetricFamily, "feed_subscriptions", "Subscriptions", hub.subscriptions),
            (GaugeMetricFamily, "feed_backlog", "Subscribers for whom something waits", hub.backlog),
            (GaugeMetricFamily, "feed_lag_seconds", "How late the last message was published", pace.lag / SECOND),
            (GaugeMetricFamily, "feed_lag_max_seconds", "The latest that any message was", pace.worst_lag / SECOND),
            (CounterMetricFamily, "feed_late_messages", "Messages published over 50 ms late", pace.late),
        ]
        for kind, key, text, value in rows:
            metric = kind(key, text, labels=["market"])
            metric.add_metric([name], value)
            yield metric


def _of_recording(recording: RecordingCounters) -> Iterable[Metric]:
    yield CounterMetricFamily("feed_recorded_messages", "Messages in the recording's journal", recording.written)
    yield CounterMetricFamily("feed_recording_lost", "Messages that the recording has lost", recording.lost)
    yield CounterMetricFamily("feed_recording_failures", "Writes that the disk refused", recording.failures)
    yield GaugeMetricFamily("feed_recording_bytes", "Size of the recording's journal", recording.size)
    yield GaugeMetricFamily("feed_recording_ok", "1 while nothing is in its way", recording.state == "recording")
