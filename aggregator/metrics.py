"""What Prometheus is told: counters kept by the service, gauges asked for when somebody looks.

Names follow the conventions of Prometheus: base units, `_total` for counters. Every label has few
values; no source, host or category is one, and of several processes each is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client import Gauge as Kept
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aggregator.model import Result

#: Seconds; a check waits for its turn at its host, so that long ones are nothing unusual.
_CHECKS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_ROUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)

#: What is asked for when somebody looks: what it is, and its value now, or that of each process of several.
Gauge = tuple[str, float | Mapping[str, float]]
Gauges = Callable[[], Mapping[str, Gauge]]


def shown(gauges: Gauges) -> bytes:
    """These and nothing else, in the format of `Metrics.media_type`: what a process tells that counts nothing."""
    registry = CollectorRegistry()
    registry.register(_Asked(gauges))
    return generate_latest(registry)


class Metrics:
    """Made once for each service; nothing of it is shared between two in one process."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, gauges: Gauges) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it out
        self._registry = registry = CollectorRegistry()
        self._checks = Counter("aggregator_checks", "Checks of sources.", ["outcome"], registry=registry)
        self._check_seconds = Histogram(
            "aggregator_check_seconds", "From a check's begin to its end.", buckets=_CHECKS, registry=registry
        )
        self._entries = Counter("aggregator_entries", "Entries of checked documents.", ["decision"], registry=registry)
        self._round_seconds = Histogram(
            "aggregator_round_seconds", "Grouping and publishing.", buckets=_ROUNDS, registry=registry
        )
        self._written = Counter("aggregator_documents_written", "Published files written.", registry=registry)
        self._lag = Kept("aggregator_event_loop_lag_seconds", "How late the event loop last was.", registry=registry)
        registry.register(_Asked(gauges))

    def checked(self, result: Result, seconds: float) -> None:
        """Count one check and what it brought."""
        self._checks.labels(str(result.outcome)).inc()
        self._check_seconds.observe(seconds)
        tally = result.tally
        for decision in ("new", "changed", "same", "refused"):
            self._entries.labels(decision).inc(getattr(tally, decision))

    def published(self, documents: int, seconds: float) -> None:
        """Count one round of grouping and publishing."""
        self._written.inc(documents)
        self._round_seconds.observe(seconds)

    def late(self, seconds: float) -> None:
        """Note how much later than due the event loop came back to something."""
        self._lag.set(seconds)

    def text(self) -> bytes:
        """Everything, in the format of `media_type`."""
        return generate_latest(self._registry)


class _Asked(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterator[Metric]:
        """Nothing: else the registry would ask for the values to learn the names."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        for name, (what, value) in self._gauges().items():
            if isinstance(value, Mapping):
                kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                family = kind(f"aggregator_{name}", what, labels=["process"])
                for process, one in value.items():
                    family.add_metric([process], one)
                yield family
            else:
                yield GaugeMetricFamily(f"aggregator_{name}", what, value=value)
