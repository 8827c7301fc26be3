"""The figures an SRE needs, for Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paramedic import __version__
from paramedic.api.v1alpha1.base import Severity
from paramedic.api.v1alpha1.incident_status import Phase
from paramedic.engine.lifecycle import ENDED

_MINUTES = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, float("inf"))
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, float("inf"))
#: Values of labels that an alert can be written for before they occur.
_RESULTS = ("Created", "Exists", "Attached", "Reopened", "Resolved", "NothingToResolve", "Unavailable")
_REFUSALS = ("unauthorized", "malformed", "too_large", "encoding", "slow", "method", "path", "busy", "no_tokens")
_STEPS = (0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, float("inf"))
_OTHER = "other"
_MOST_PLAYBOOKS = 100


@dataclass(frozen=True)
class Figures:
    """What is counted at each scrape. Times are in seconds."""

    phases: Mapping[str, int]  # incidents in each phase
    oldest: Mapping[str, float]  # for how long the oldest incident of a phase has stood still
    queue_depth: int
    queue_oldest: float
    watch_silent: bool


class Metrics:
    """All metrics of one process.

    A series that can be foreseen is there from the start, as zero: Prometheus sees no increase in one that appears
    with its first event.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody asks for
        self.registry = CollectorRegistry()
        self._playbooks: set[str] = set()
        self._add_incidents()
        self._add_people()
        self._add_process()
        self.expect("")

    def _add_incidents(self) -> None:
        self.ended = Counter(
            "paramedic_incidents_ended_total", "Incidents that ended, by how.", ["phase", "playbook"],
            registry=self.registry,
        )  # fmt: skip
        self.steps_ended = Counter(
            "paramedic_steps_total", "Steps that are over, by how.", ["playbook", "step", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.steps = Histogram(
            "paramedic_step_duration_seconds", "From the start of a step's attempt to its end.",
            ["action", "outcome"], buckets=_STEPS, registry=self.registry,
        )  # fmt: skip
        self.undos = Counter(
            "paramedic_undos_total", "Changes taken back, or not.", ["outcome"], registry=self.registry
        )
        for outcome in ("Undone", "Failed"):
            self.undos.labels(outcome)
        self.to_acknowledge = self._span("acknowledge", "detection to acknowledgement by a person")
        self.to_first_action = self._span("first_action", "detection to the first remediation")
        self.to_resolve = self._span("resolve", "the start of the impact to proven recovery")

    def _add_people(self) -> None:
        self.notifications = Counter(
            "paramedic_notifications_total", "Messages to people, by what became of each attempt.", ["state"],
            registry=self.registry,
        )  # fmt: skip
        for state in ("Sent", "Failed", "Unknown"):
            self.notifications.labels(state)
        self.escalations = Counter(
            "paramedic_escalations_total", "Levels of escalation that were reached, by the incident's severity.",
            ["severity"], registry=self.registry,
        )  # fmt: skip
        for severity in get_args(Severity):
            self.escalations.labels(severity)

    def _add_process(self) -> None:
        self.api_requests = Counter(
            "paramedic_api_requests_total", "Requests to the API server; code 0 is no answer.",
            ["method", "resource", "code"], registry=self.registry,
        )  # fmt: skip
        self.reconciles = Counter(
            "paramedic_reconciles_total", "Looks at an object, by what came of it.", ["kind", "result"],
            registry=self.registry,
        )  # fmt: skip
        for kind in ("Incident", "Playbook"):
            for result in ("ok", "unavailable", "error"):
                self.reconciles.labels(kind, result)
        self.leader = Gauge("paramedic_leader", "1 while this process leads.", registry=self.registry)
        self.paused = Gauge("paramedic_paused", "1 while a person holds every effect.", registry=self.registry)
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
        ProcessCollector(registry=self.registry)

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
        return Histogram(
            f"paramedic_time_to_{name}_seconds", f"From {text}.", ["playbook", "severity"], buckets=_MINUTES,
            registry=self.registry,
        )  # fmt: skip

    def expect(self, playbook: str, severity: str = "") -> None:
        """Incidents with this playbook and severity may come. Without a playbook: those for which there is none."""
        name = self.playbook(playbook)
        for phase in sorted(ENDED):
            self.ended.labels(phase, name)
        if severity:
            for histogram in (self.to_acknowledge, self.to_first_action, self.to_resolve):
                histogram.labels(name, severity)

    def playbook(self, name: str) -> str:
        """The label for a playbook. After a hundred names it is `other`, so that names cannot grow without bound."""
        if name in self._playbooks or len(self._playbooks) < _MOST_PLAYBOOKS:
            self._playbooks.add(name)
            return name
        return _OTHER

    def count_step(self, playbook: str, step: str, outcome: str) -> None:
        """One step that is over."""
        name = self.playbook(playbook)
        self.steps_ended.labels(name, _OTHER if name == _OTHER else step, outcome).inc()

    def count_request(self, method: str, path: str, status: int) -> None:
        """One request to the API server."""
        self.api_requests.labels(method, resource_in(path), str(status)).inc()

    def watch(self, figures: Callable[[], Figures]) -> None:
        """Reads these at each scrape."""
        self.registry.register(_Snapshot(figures))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Snapshot(Collector):
    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        now = self._figures()
        incidents = GaugeMetricFamily("paramedic_incidents", "Incidents by phase.", labels=["phase"])
        for phase in get_args(Phase):
            incidents.add_metric([phase], now.phases.get(phase, 0))
        oldest = GaugeMetricFamily(
            "paramedic_incidents_oldest_seconds",
            "For how long the oldest of them has been Pending, or has waited for a person; 0 where there is none.",
            labels=["phase"],
        )
        for phase, seconds in sorted(now.oldest.items()):
            oldest.add_metric([phase], seconds)
        yield incidents
        yield oldest
        yield GaugeMetricFamily("paramedic_queue_depth", "Objects that wait to be looked at.", value=now.queue_depth)
        yield GaugeMetricFamily(
            "paramedic_queue_oldest_seconds", "How long the oldest of them has waited.", value=now.queue_oldest
        )
        yield GaugeMetricFamily(
            "paramedic_watch_silent", "1 while the watch does not show incidents that are there.",
            value=float(now.watch_silent),
        )  # fmt: skip


def resource_in(path: str) -> str:
    """The resource that a URL path is about, such as `deployments` or `pods/log`."""
    parts = [part for part in path.split("/") if part]
    parts = parts[3:] if parts[:1] == ["apis"] else parts[2:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    if not parts:
        return "other"
    return f"{parts[0]}/{parts[2]}" if len(parts) > 2 else parts[0]
