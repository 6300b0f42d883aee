"""`GET /metrics`: the counters as Prometheus text, read when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from feed.market.hosted import HostedMarket
from feed.market.markets import Markets
from feed.server.counters import ServerCounters
from feed.server.http.routes import Page
from feed.units import SECOND

if TYPE_CHECKING:
    from feed.tape.intake import RecordingCounters

__all__ = ["Metrics"]

PRIVATE = "~private"
"""The label of all markets that belong to single connections."""


class Metrics(Collector):
    """Collector of the counters of the hot paths.

    Args:
        open_connections: how many connections are open now.

    Attributes:
        recording: how the recording goes, where there is one.
    """

    def __init__(
        self,
        server: ServerCounters,
        markets: Markets,
        open_connections: Callable[[], int],
    ) -> None:
        self._server = server
        self._markets = markets
        self._open = open_connections
        self.recording: RecordingCounters | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def page(self) -> Page:
        """The page that Prometheus scrapes."""
        return Page(generate_latest(self._registry), "text/plain; version=0.0.4; charset=utf-8")

    def collect(self) -> Iterable[Metric]:
        """Yield every metric with its present value."""
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
        """Return one sample a market; markets of single connections share one, so that labels stay few."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for name, group in self._grouped().items():
            for kind, key, text, value in _rows(group):
                if key not in families:
                    families[key] = kind(key, text, labels=["market"])
                families[key].add_metric([name], value)
        return families.values()

    def _grouped(self) -> dict[str, list[HostedMarket]]:
        groups: dict[str, list[HostedMarket]] = {}
        for hosted in self._markets:
            groups.setdefault(PRIVATE if hosted.is_nameless else hosted.name, []).append(hosted)
        return groups


def _rows(group: list[HostedMarket]) -> list[tuple[type[CounterMetricFamily | GaugeMetricFamily], str, str, float]]:
    hubs = [hosted.market.hub for hosted in group]
    counters = [hub.counters for hub in hubs]
    paces = [hosted.player.counters for hosted in group]
    lag, worst = max(pace.lag for pace in paces), max(pace.worst_lag for pace in paces)
    backlog = sum(hub.backlog for hub in hubs)
    pasts = [hosted.market.history for hosted in group]
    return [
        (CounterMetricFamily, "feed_messages_published", "Messages published", sum(c.published for c in counters)),
        (CounterMetricFamily, "feed_deliveries", "Messages handed to subscribers", sum(c.deliveries for c in counters)),
        (CounterMetricFamily, "feed_writes", "Writes that the deliveries took", sum(c.writes for c in counters)),
        (CounterMetricFamily, "feed_skipped", "Messages that conflation left out", sum(c.skipped for c in counters)),
        (
            CounterMetricFamily,
            "feed_delivered_bytes",
            "Bytes handed to subscribers",
            sum(c.delivered_bytes for c in counters),
        ),
        (GaugeMetricFamily, "feed_subscriptions", "Subscriptions", sum(hub.subscriptions for hub in hubs)),
        (GaugeMetricFamily, "feed_backlog", "Subscribers for whom something waits", backlog),
        (GaugeMetricFamily, "feed_lag_seconds", "How late the last message was published", lag / SECOND),
        (GaugeMetricFamily, "feed_lag_max_seconds", "The latest that any message was", worst / SECOND),
        (GaugeMetricFamily, "feed_market_memory_bytes", "Memory of recent messages", sum(m.nbytes for m in pasts)),
        (CounterMetricFamily, "feed_late_messages", "Messages published over 50 ms late", sum(p.late for p in paces)),
    ]


def _of_recording(recording: RecordingCounters) -> Iterable[Metric]:
    yield CounterMetricFamily("feed_recorded_messages", "Messages in the recording's journal", recording.written)
    yield CounterMetricFamily("feed_recording_lost", "Messages that the recording has lost", recording.lost)
    yield CounterMetricFamily("feed_recording_failures", "Writes that the disk refused", recording.failures)
    yield GaugeMetricFamily("feed_recording_bytes", "Size of the recording's journal", recording.size)
    yield GaugeMetricFamily("feed_recording_ok", "1 while nothing is in its way", recording.state == "recording")
