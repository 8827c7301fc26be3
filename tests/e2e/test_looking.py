"""Actions that only look, on a real API server: what is well resolves an incident, what is not is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import HealthEndpoint
from support.kube import Kube
from support.monitoring import Prometheus
from support.objects import account_with, deployment, incident, playbook, step
from support.operator_process import Operator, free_port

NOT_READY = "localkind.paramedic.dev/not-ready"
pytestmark = pytest.mark.e2e


@pytest.fixture
def web(shop: Kube) -> Kube:
    """A namespace with the Deployment `web`, rolled out."""
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    return shop


def looked(web: Kube, look: dict, **spec: object) -> dict:
    """The status of an incident whose playbook has this one step, once it has ended."""
    web.apply(playbook("look", look, **spec), incident("slow", "web", "look"))
    found: dict = web.incident_in("slow", "Resolved", "Failed")["status"]
    return found


def test_a_port_that_accepts_connections_is_well_and_proves_recovery(
    web: Kube, operator: Operator, health: HealthEndpoint
) -> None:
    port = int(health.url.rpartition(":")[2].partition("/")[0])
    parameters = [{"name": "host", "type": "string", "default": "127.0.0.1"}]
    check = {"host": "${parameters.host}", "port": port}
    recovery = {"stableFor": "1s", "timeout": "30s", "checks": [step("port", "tcpCheck", check)]}
    found = looked(web, step("port", "tcpCheck", check), parameters=parameters, recovery=recovery)
    assert found["phase"] == "Resolved", found["message"]
    outputs = found["steps"][0]["outputs"]
    assert (outputs["connected"], outputs["address"]) == (True, "127.0.0.1")


def test_a_port_that_nobody_listens_on_fails_the_step(web: Kube, operator: Operator) -> None:
    port = free_port()
    found = looked(web, step("port", "tcpCheck", {"host": "127.0.0.1", "port": port}))
    assert found["phase"] == "Failed"
    assert f"127.0.0.1:{port} refused the connection; is the process running" in found["message"]


def test_a_tcp_check_without_a_sensible_port_is_refused_by_the_api_server(shop: Kube) -> None:
    message = shop.refused(playbook("look", step("port", "tcpCheck", {"host": "db", "port": 70000})))
    assert "spec.steps[0].tcpCheck.port" in message


def test_dependencies_are_asked_side_by_side_and_those_that_do_not_answer_are_named(
    web: Kube, operator: Operator, health: HealthEndpoint
) -> None:
    port = free_port()
    answers = {"name": "payments", "httpCheck": {"url": "${parameters.url}"}}
    silent = {"name": "database", "tcpCheck": {"host": "127.0.0.1", "port": port}}
    looks = [
        step("good", "checkDependencies", {"dependencies": [answers]}),
        step("bad", "checkDependencies", {"dependencies": [answers, silent]}),
    ]
    parameters = [{"name": "url", "type": "string", "default": health.url}]
    web.apply(playbook("look", *looks, parameters=parameters), incident("slow", "web", "look"))
    found = web.incident_in("slow", "Resolved", "Failed")["status"]
    assert [item["state"] for item in found["steps"]] == ["Succeeded", "Failed"]
    assert found["steps"][1]["outputs"] == {"failed": ["database"], "healthy": ["payments"]}
    assert f"database: 127.0.0.1:{port} refused the connection" in found["message"]


# --- nodes


@pytest.fixture
def broken_node(web: Kube) -> Iterator[str]:
    """A node of `web` that is not Ready, until the test ends."""
    name = str(web.list("pods", "-l", "app=web")[0]["spec"]["nodeName"])
    web.run("annotate", "node", name, f"{NOT_READY}=true")
    try:
        web.wait_for("node", name, lambda obj: ready(obj) == "False")
        yield name
    finally:
        web.run("annotate", "node", name, f"{NOT_READY}-")
        web.wait_for("node", name, lambda obj: ready(obj) == "True")


def ready(node: dict) -> str:
    return next(str(item["status"]) for item in node["status"]["conditions"] if item["type"] == "Ready")


def test_the_nodes_of_a_workload_are_looked_at(web: Kube, operator: Operator) -> None:
    found = looked(web, step("nodes", "nodeStatus"))
    assert found["phase"] == "Resolved", found["message"]
    bound = {pod["spec"]["nodeName"] for pod in web.list("pods", "-l", "app=web")}
    assert {item["name"] for item in found["steps"][0]["outputs"]["nodes"]} == bound


def test_a_workload_on_a_node_that_is_not_ready_fails_the_step(web: Kube, operator: Operator, broken_node: str) -> None:
    found = looked(web, step("nodes", "nodeStatus"))
    assert found["phase"] == "Failed"
    assert f"Node/{broken_node} is not healthy: NotReady (KubeletNotReady), with Pods web-" in found["message"]
    assert found["steps"][0]["outputs"]["notReady"] == [broken_node]


def test_an_incident_about_a_node_is_resolved_while_the_node_is_ready(web: Kube, operator: Operator) -> None:
    name = str(web.list("nodes")[0]["metadata"]["name"])
    web.apply(playbook("look", step("nodes", "nodeStatus")), incident("slow", name, "look", kind="Node"))
    found = web.incident_in("slow", "Resolved", "Failed")["status"]
    assert found["phase"] == "Resolved", found["message"]
    # A taint that the node lifecycle controller has not taken off yet may be told behind it.
    assert found["steps"][0]["message"].startswith(f"Node/{name} is Ready, without pressure")


def test_an_incident_about_a_node_that_is_not_ready_is_not_resolved(
    web: Kube, operator: Operator, broken_node: str
) -> None:
    short = {"recovery": {"stableFor": "1s", "timeout": "3s"}}
    web.apply(playbook("look", step("nodes", "nodeStatus", onFailure="Continue"), **short))
    web.apply(incident("slow", broken_node, "look", kind="Node"))
    found = web.incident_in("slow", "Resolved", "Failed")["status"]
    assert found["phase"] == "Failed"
    assert "recovery was not proven" in found["message"] and broken_node in found["message"]


# --- Prometheus


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    """Records a value that is 0.01, and scrapes nothing."""
    folder = tmp_path / "prometheus"
    folder.mkdir()
    rules = [{"record": "errors:ratio", "expr": "vector(0.01)"}]
    (folder / "rules.yaml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    config = {"global": {"evaluation_interval": "500ms"}, "rule_files": ["rules.yaml"]}
    with Prometheus(folder, config) as found:
        found.wait_for("errors:ratio offset 2s")
        yield found


def asking(prometheus: Prometheus, query: str, **more: object) -> dict:
    given = {"url": f"http://{prometheus.address}", "query": query}
    return step("errors", "promQuery", given | ({"expect": {"operator": "<", "value": 0.05}} | more))


@pytest.mark.monitoring
def test_numbers_that_prometheus_knows_prove_recovery(web: Kube, operator: Operator, prometheus: Prometheus) -> None:
    now = asking(prometheus, "errors:ratio", baseline={"offset": ["2s"], "maxRatio": 1.5})
    lately = asking(prometheus, "errors:ratio", range={"last": "3s", "step": "1s"})
    recovery = {"stableFor": "1s", "timeout": "30s", "checks": [now, lately | {"name": "lately"}]}
    found = looked(web, lately, recovery=recovery)
    assert found["phase"] == "Resolved", found["message"]
    outputs = found["steps"][0]["outputs"]
    assert outputs["value"] == 0.01 and outputs["samples"] >= 2


@pytest.mark.monitoring
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("errors:ratio * 10", "the value is 0.1, expected < 0.05"),
        ("errors:ratios", "Unknown: the query found no data; does it name metrics and labels that exist?"),
        ("errors:ratio * 0 / 0", "Unknown: a value is nan"),
        ("sum(errors:ratio", "Unknown: http://127.0.0.1:"),
    ],
    ids=["too high", "no data", "not a number", "cannot be read"],
)
def test_a_number_that_is_wrong_or_unknown_fails_the_step(
    web: Kube, operator: Operator, prometheus: Prometheus, query: str, says: str
) -> None:
    found = looked(web, asking(prometheus, query))
    assert found["phase"] == "Failed"
    assert says in found["message"]


@pytest.mark.monitoring
def test_a_time_earlier_of_which_nothing_is_known_fails_the_step(
    web: Kube, operator: Operator, prometheus: Prometheus
) -> None:
    found = looked(web, asking(prometheus, "errors:ratio", baseline={"offset": ["1d"], "maxRatio": 2}))
    assert found["phase"] == "Failed"
    assert "Unknown how it was 1d ago: the query found no data" in found["message"]
    assert found["steps"][0]["outputs"]["value"] == 0.01


@pytest.mark.monitoring
def test_an_expression_decides_over_values_labels_and_the_time_earlier(
    web: Kube, operator: Operator, prometheus: Prometheus
) -> None:
    baseline = {"offset": ["1s"]}  # well after the first value was recorded
    well = {"expression": "value < 1.5 * baseline['1s'] && series.all(s, s.labels.pod == 'a')", "baseline": baseline}
    bad = {"expression": "value > 1.5 * baseline['1s']", "baseline": baseline}
    query = "label_replace(errors:ratio, 'pod', 'a', '', '')"
    steps = [
        asking(prometheus, query, expect=None, **well),
        asking(prometheus, query, expect=None, **bad) | {"name": "bad"},
    ]
    for item in steps:
        del item["promQuery"]["expect"]
    web.apply(playbook("look", *steps), incident("slow", "web", "look"))
    found = web.incident_in("slow", "Resolved", "Failed")["status"]
    assert [item["state"] for item in found["steps"]] == ["Succeeded", "Failed"], found["message"]
    assert "value > 1.5 * baseline['1s'] is false: the value is 0.01 (__name__=errors:ratio, pod=a)" in found["message"]


def test_an_expression_that_cannot_be_compiled_is_told_when_the_playbook_is_applied(
    shop: Kube, operator: Operator
) -> None:
    wrong = {"url": "http://prometheus:9090", "query": "up", "expression": "valu < 5.0"}
    shop.apply(playbook("look", step("errors", "promQuery", wrong)))
    found = shop.wait_for("playbook", "look", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Invalid")
    assert "spec.steps[0].promQuery: expression: at 1:1: undeclared reference to 'valu'" in ready["message"]


def test_a_query_without_an_operator_to_compare_by_is_refused_by_the_api_server(shop: Kube) -> None:
    wrong = {"url": "http://prometheus:9090", "query": "up", "expect": {"operator": "=", "value": 1}}
    assert "promQuery.expect.operator" in shop.refused(playbook("look", step("errors", "promQuery", wrong)))


def test_who_depends_on_a_workload_is_named(web: Kube, operator: Operator) -> None:
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]
    meta, selector = {"name": "web"}, {"matchLabels": {"app": "web"}}
    web.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}},
        {
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
            "spec": {"rules": [{"host": "shop.example", "http": {"paths": paths}}]},
        },
        {
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta,
            "spec": {"selector": selector, "minAvailable": 1},
        },
    )  # fmt: skip
    outputs = looked(web, step("scope", "workloadStatus"))["steps"][0]["outputs"]
    assert outputs["services"] == ["web"]
    assert outputs["ingresses"] == [{"name": "web", "hosts": ["shop.example"]}]
    assert outputs["dependents"] == ["PodDisruptionBudget/web selects its Pods"]
    assert outputs["unseen"] == ""


def test_an_account_that_may_not_see_who_depends_on_a_workload_is_told_so(namespace: Kube, start_operator: Any) -> None:
    namespace.apply(*account_with("look"), deployment("web"))
    start_operator(namespace)
    namespace.rolled_out("deployment/web")
    step_of = looked(namespace, step("scope", "workloadStatus"))["steps"][0]
    assert step_of["state"] == "Succeeded"
    assert step_of["outputs"]["services"] == []
    assert "services" in step_of["outputs"]["unseen"] and "not seen: services" in step_of["message"]
