"""Every query of the dashboards, on a real Prometheus that scrapes paramedic's own /metrics while incidents come and go."""

import asyncio
import itertools
import json
import math
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from paramedic.metrics import Figures, Metrics
from paramedic.ops import ops_app, serve
from support.manifests import ROOT, Object, of_kind, rendered
from support.monitoring import Prometheus
from support.operator_process import free_port

FOLDER = ROOT / "manifests" / "monitoring" / "dashboards"
DASHBOARDS = sorted(path.name for path in FOLDER.glob("*.json"))
VARIABLES = {
    "$__rate_interval": "10s", "$__range": "5m", "$__interval": "1m", "$playbook": ".*", "$severity": ".*", "$job": ".*",
}  # fmt: skip


def dashboard(name: str) -> Object:
    found: Object = json.loads((FOLDER / name).read_text())
    return found


def panels(name: str) -> list[Object]:
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def queries() -> list[Any]:
    """Each query with the dashboard and panel that it is in."""
    return [
        pytest.param(target["expr"], id=f"{name.split('.')[0]}: {panel['title']} {target['refId']}")
        for name in DASHBOARDS
        for panel in panels(name)
        for target in panel["targets"]
    ]


def filled(query: str) -> str:
    """The query as Grafana sends it."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query, f"a variable that no dashboard has: {query}"
    return query


class Operator:
    """The metrics endpoint of an operator that leads, in a thread of its own."""

    def __init__(self) -> None:
        self.metrics, self.port = Metrics(), free_port()
        self.metrics.leader.set(1)
        self.metrics.watch(lambda: Figures({"Running": 2, "Waiting": 1}, {"Pending": 0, "Waiting": 40}, 3, 1.5, False))
        self.metrics.expect("service-downtime", "Critical")
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(10)

    def live(self) -> None:
        """An incident comes and goes."""
        metrics, labels = self.metrics, ("service-downtime", "Critical")
        metrics.ended.labels("Resolved", labels[0]).inc()
        metrics.count_step(labels[0], "restart", "Succeeded")
        metrics.steps.labels("rollingRestart", "Succeeded").observe(31)
        for histogram, seconds in (
            (metrics.to_acknowledge, 40),
            (metrics.to_first_action, 2),
            (metrics.to_resolve, 200),
        ):
            histogram.labels(*labels).observe(seconds)
        metrics.count_request("GET", "/apis/apps/v1/namespaces/shop/deployments/web", 200)
        metrics.count_request("PUT", "/apis/paramedic.dev/v1alpha1/namespaces/shop/incidents/one/status", 503)
        metrics.notifications.labels("Sent").inc()
        metrics.escalations.labels("Critical").inc()
        metrics.undos.labels("Undone").inc()
        metrics.reconciles.labels("Incident", "ok").inc()
        metrics.alert_requests.labels("200").observe(0.02)
        metrics.alerts_received.labels("firing").inc()

    def _serve(self) -> None:
        app = ops_app(self.metrics, lambda: "", lambda: "")
        self._runner = self._loop.run_until_complete(serve(app, "127.0.0.1", self.port))
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen an operator before and after an incident."""
    operator = Operator()
    job = {"job_name": "paramedic", "static_configs": [{"targets": [f"127.0.0.1:{operator.port}"]}]}
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    try:
        with Prometheus(tmp_path_factory.mktemp("prometheus"), config) as prometheus:
            operator.live()  # a series whose labels cannot be foreseen begins with its first event
            prometheus.wait_for("count_over_time(paramedic_leader[1m]) >= 2")
            operator.live()
            prometheus.wait_for("increase(paramedic_undos_total{outcome='Undone'}[1m]) > 0")
            yield prometheus
    finally:
        operator.stop()


@pytest.mark.monitoring
@pytest.mark.parametrize("query", queries())
def test_every_query_of_a_dashboard_has_an_answer(query: str, prometheus: Prometheus) -> None:
    found = prometheus.query(filled(query))
    assert found, "Prometheus found no series for it"
    assert not [item for item in found if math.isnan(float(item["value"][1]))]


@pytest.mark.monitoring
@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_of_a_dashboard_has_values(name: str, prometheus: Prometheus) -> None:
    variables = [item for item in dashboard(name)["templating"]["list"] if item["type"] == "query"]
    assert variables
    for variable in variables:
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
        assert asked, variable["definition"]
        assert any(asked[2] in item["metric"] for item in prometheus.query(asked[1]))


@pytest.mark.parametrize("query", queries())
def test_every_query_asks_for_metrics_that_paramedic_has(query: str) -> None:
    metrics = Metrics()
    metrics.watch(lambda: Figures({}, {}, 0, 0.0, watch_silent=False))
    known = set(re.findall(r"^# TYPE (\w+)", metrics.text().decode(), re.MULTILINE))
    used = set(re.findall(r"(?:paramedic|process)_\w+", query))
    assert used and {re.sub("_(bucket|count|sum)$", "", name) for name in used} <= known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_titles_of_their_own_and_do_not_overlap(name: str) -> None:
    found = dashboard(name)["panels"]
    for field in ("id", "title"):
        assert len({panel[field] for panel in found}) == len(found)
    for one, other in itertools.combinations([panel["gridPos"] for panel in found], 2):
        apart = (
            one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        )  # fmt: skip
        assert apart and one["x"] + one["w"] <= 24


@pytest.mark.parametrize("name", DASHBOARDS)
def test_times_are_shown_as_distributions_never_as_a_mean(name: str) -> None:
    asked = [target["expr"] for panel in panels(name) for target in panel["targets"]]
    assert not [query for query in asked if "avg(" in query or "_seconds_sum" in query]


def test_grafanas_sidecar_finds_every_dashboard() -> None:
    maps = of_kind(rendered("manifests/monitoring/dashboards"), "ConfigMap")
    assert all(item["metadata"]["labels"]["grafana_dashboard"] == "1" for item in maps)
    shipped = {json.loads(text)["uid"] for item in maps for text in item["data"].values()}
    assert shipped == {dashboard(name)["uid"] for name in DASHBOARDS}
