"""rollingRestart on a real API server."""

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


def template_annotations(obj: dict) -> dict:
    return obj["spec"]["template"]["metadata"].get("annotations") or {}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_restart_replaces_every_pod_and_resolves(shop: Kube, operator: Operator, kind: str) -> None:
    shop.apply(workload(kind, "web"))
    shop.rolled_out(f"{kind.lower()}/web")
    before = {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web")}
    shop.apply(playbook("restart", step("restart", "rollingRestart")), incident("slow", "web", "restart", kind=kind))
    found = shop.incident_in("slow", "Resolved", "Failed", seconds=90)
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    pods = shop.list("pods", "-l", "app=web", "--field-selector=status.phase=Running")
    alive = {pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    assert not alive & before
    assert "kubectl.kubernetes.io/restartedAt" in template_annotations(shop.get(kind, "web"))


def test_a_paused_deployment_is_refused_with_the_command_that_resumes_it(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    shop.run("rollout", "pause", "deployment/web")
    shop.apply(playbook("restart", step("restart", "rollingRestart")), incident("slow", "web", "restart"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert "is paused" in message and f"kubectl rollout resume deployment/web -n {shop.namespace}" in message
    assert not template_annotations(shop.get("deployment", "web"))


def test_a_restart_that_would_take_every_pod_down_waits_for_an_approval(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web", strategy={"type": "Recreate"}))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("restart", step("restart", "rollingRestart")), incident("slow", "web", "restart"))
    waiting = shop.incident_in("slow", "Waiting")
    assert "takes 3 of 3 Pods down at once (strategy Recreate)" in waiting["status"]["message"]
    assert not template_annotations(shop.get("deployment", "web"))

    answer = {
        "step": "restart",
        "decision": "Approve",
        "by": "alice",
        "planHash": waiting["status"]["plan"]["hash"][:12],
    }
    shop.patch("incident", "slow", {"spec": {"approvals": [answer]}})
    ended = shop.incident_in("slow", "Resolved", "Failed")
    assert ended["status"]["phase"] == "Resolved"
    assert any(entry["actor"] == "alice" for entry in ended["status"]["timeline"])


def test_a_rollout_that_exceeds_its_progress_deadline_fails_the_step_with_the_numbers(
    shop: Kube, operator: Operator
) -> None:
    # The restart meets Pods that start, and whose replacements, of the same image by then, never become ready: the
    # tag decides the life of a Pod on simulated nodes, so the template is changed under a finished rollout's feet.
    shop.apply(deployment("web", "localhost/web:never-ready", progressDeadlineSeconds=3))
    shop.wait_for("deployment", "web", lambda obj: _reason(obj) == "ProgressDeadlineExceeded")
    shop.apply(playbook("restart", step("restart", "rollingRestart")), incident("slow", "web", "restart"))
    message = shop.incident_in("slow", "Failed")["status"]["message"]
    assert "step restart failed" in message and "progress deadline of 3 s" in message


def _reason(obj: dict) -> str:
    conditions = obj.get("status", {}).get("conditions", [])
    return next((item["reason"] for item in conditions if item["type"] == "Progressing"), "")
