"""The figures an SRE needs, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paramedic import __version__

_MINUTES = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, float("inf"))
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, float("inf"))
#: Values of labels that an alert can be written for before they occur.
_RESULTS = ("Created", "Exists", "Attached", "Reopened", "Resolved", "NothingToResolve", "Unavailable")
_REFUSALS = ("unauthorized", "malformed", "too_large", "encoding", "slow", "method", "path", "busy", "no_tokens")
_STEPS = (0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, float("inf"))


class Metrics:
    """All metrics of one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody asks for
        self.registry = CollectorRegistry()
        self.ended = Counter(
            "paramedic_incidents_ended_total", "Incidents that ended, by how.", ["phase"], registry=self.registry
        )
        self.steps = Histogram(
            "paramedic_step_duration_seconds", "From the start of a step's attempt to its end.",
            ["action", "outcome"], buckets=_STEPS, registry=self.registry,
        )  # fmt: skip
        self.to_acknowledge = self._span("acknowledge", "detection to acknowledgement by a person")
        self.to_first_action = self._span("first_action", "detection to the first remediation")
        self.to_resolve = self._span("resolve", "the start of the impact to proven recovery")
        self.api_requests = Counter(
            "paramedic_api_requests_total", "Requests to the API server; code 0 is no answer.",
            ["method", "resource", "code"], registry=self.registry,
        )  # fmt: skip
        self.reconciles = Counter(
            "paramedic_reconciles_total", "Looks at an object, by what came of it.", ["kind", "result"],
            registry=self.registry,
        )  # fmt: skip
        self.notifications = Counter(
            "paramedic_notifications_total", "Messages to people, by what became of each attempt.", ["state"],
            registry=self.registry,
        )  # fmt: skip
        self.leader = Gauge("paramedic_leader", "1 while this process leads.", registry=self.registry)
        self.events_dropped = Counter(
            "paramedic_events_dropped_total", "Kubernetes Events that could not be written.", registry=self.registry
        )
        self.admission_enforced = Gauge(
            "paramedic_admission_enforced",
            "1 while the policies are there that check who opens, approves and cancels (manifests/admission).",
            registry=self.registry,
        )
        self._receive()
        Gauge("paramedic_build_info", "1, with the version.", ["version"], registry=self.registry).labels(
            __version__
        ).set(1)

    def _receive(self) -> None:
        """What the alert receiver counts."""
        self.alert_requests = Histogram(
            "paramedic_receiver_request_duration_seconds", "From a request's headers to its answer.", ["code"],
            buckets=_REQUESTS, registry=self.registry,
        )  # fmt: skip
        self.alert_requests_refused = Counter(
            "paramedic_receiver_refused_total", "Requests that were not taken, by why.", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self.alerts_received = Counter(
            "paramedic_alerts_received_total", "Alerts of the requests that were taken.", ["status"],
            registry=self.registry,
        )  # fmt: skip
        self.alerts = Counter(
            "paramedic_alerts_total", "Alerts, by what became of them.", ["result"], registry=self.registry
        )
        self.alerts_truncated = Counter(
            "paramedic_alerts_truncated_total",
            "Alerts that Alertmanager left out (max_alerts).",
            registry=self.registry,
        )
        for result in _RESULTS:
            self.alerts.labels(result)
        for reason in _REFUSALS:
            self.alert_requests_refused.labels(reason)

    def _span(self, name: str, text: str) -> Histogram:
        return Histogram(f"paramedic_time_to_{name}_seconds", f"From {text}.", buckets=_MINUTES, registry=self.registry)

    def count_request(self, method: str, path: str, status: int) -> None:
        """One request to the API server."""
        self.api_requests.labels(method, resource_in(path), str(status)).inc()

    def watch(self, phases: Callable[[], dict[str, int]], queue: Callable[[], tuple[int, float]]) -> None:
        """Reads these at each scrape: incidents by phase; the queue's depth and the age of its oldest key."""
        self.registry.register(_Snapshot(phases, queue))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Snapshot(Collector):
    def __init__(self, phases: Callable[[], dict[str, int]], queue: Callable[[], tuple[int, float]]) -> None:
        self._phases, self._queue = phases, queue

    def collect(self) -> Iterator[Metric]:
        incidents = GaugeMetricFamily("paramedic_incidents", "Incidents by phase.", labels=["phase"])
        for phase, count in sorted(self._phases().items()):
            incidents.add_metric([phase], count)
        depth, oldest = self._queue()
        yield incidents
        yield GaugeMetricFamily("paramedic_queue_depth", "Objects that wait to be looked at.", value=depth)
        yield GaugeMetricFamily(
            "paramedic_queue_oldest_seconds", "How long the oldest of them has waited.", value=oldest
        )


def resource_in(path: str) -> str:
    """The resource that a URL path is about, such as `deployments` or `pods/log`."""
    parts = [part for part in path.split("/") if part]
    parts = parts[3:] if parts[:1] == ["apis"] else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    if not parts:
        return "other"
    return f"{parts[0]}/{parts[2]}" if len(parts) > 2 else parts[0]
