"""Actions that only look, on a real API server: what is well resolves an incident, what is not is told."""

from collections.abc import Iterator

import pytest

from e2e.conftest import HealthEndpoint
from support.kube import Kube
from support.objects import deployment, incident, playbook, step
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
    assert found["steps"][0]["message"] == f"Node/{name} is Ready, without pressure"


def test_an_incident_about_a_node_that_is_not_ready_is_not_resolved(
    web: Kube, operator: Operator, broken_node: str
) -> None:
    short = {"recovery": {"stableFor": "1s", "timeout": "3s"}}
    web.apply(playbook("look", step("nodes", "nodeStatus", onFailure="Continue"), **short))
    web.apply(incident("slow", broken_node, "look", kind="Node"))
    found = web.incident_in("slow", "Resolved", "Failed")["status"]
    assert found["phase"] == "Failed"
    assert "recovery was not proven" in found["message"] and broken_node in found["message"]
