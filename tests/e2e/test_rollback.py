"""rollback on a real API server."""

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step, with_image, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

REVISION = "deployment.kubernetes.io/revision"


def image(obj: dict) -> str:
    return str(obj["spec"]["template"]["spec"]["containers"][0]["image"])


def roll_back_playbook() -> dict:
    return playbook(
        "deployment-failure", step("status", "workloadStatus", onFailure="Continue"), step("back", "rollback")
    )


def test_after_a_bad_image_the_previous_template_is_back_under_a_new_revision(shop: Kube, operator: Operator) -> None:
    good = deployment("web")
    shop.apply(good)
    shop.rolled_out("deployment/web")
    original = shop.get("deployment", "web")
    shop.apply(with_image(good, "localhost/web:broken"))
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("unavailableReplicas"))
    shop.run("annotate", "deployment/web", "team=shop")
    shop.apply(roll_back_playbook(), incident("bad-image", "web", "deployment-failure"))

    found = shop.incident_in("bad-image", "Resolved", "Failed", seconds=90)

    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    web = shop.get("deployment", "web")
    assert web["spec"]["template"] == original["spec"]["template"]
    assert web["metadata"]["annotations"][REVISION] == "3"
    assert web["metadata"]["annotations"]["team"] == "shop"
    assert web["status"]["availableReplicas"] == 3
    outputs = next(item for item in found["status"]["steps"] if item["name"] == "back")["outputs"]
    assert (outputs["fromRevision"], outputs["toRevision"], outputs["newRevision"]) == (2, 1, 3)


def test_revisions_that_differ_only_by_restarts_are_passed_over_and_a_second_rollback_does_not_toggle(
    shop: Kube, operator: Operator
) -> None:
    good = deployment("web")
    shop.apply(good)
    shop.rolled_out("deployment/web")
    shop.apply(with_image(good, "localhost/web:broken"))
    for count in (2, 3, 4):
        shop.wait_for("deployment", "web", lambda obj, n=count: obj["metadata"]["annotations"][REVISION] == str(n))
        if count < 4:
            shop.run("patch", "deployment/web", "--type=merge", "-p", _restart(count))
    shop.apply(roll_back_playbook(), incident("bad-image", "web", "deployment-failure"))
    found = shop.incident_in("bad-image", "Resolved", "Failed", seconds=90)
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"

    always = playbook("always", step("back", "rollback", {"whenHealthy": "Proceed"}))
    shop.apply(always, incident("again", "web", "always"))
    again = shop.incident_in("again", "Failed", "Resolved")
    assert "no earlier revision to go back to" in again["status"]["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"


def _restart(second: int) -> str:
    moment = f"2026-01-01T00:00:0{second}Z"
    return '{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"' + moment + '"}}}}}'


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_controller_revisions_are_rolled_back_too(shop: Kube, operator: Operator, kind: str) -> None:
    good = workload(kind, "web", replicas=2)
    shop.apply(good)
    shop.rolled_out(f"{kind.lower()}/web")
    shop.apply(with_image(good, "localhost/web:broken"))
    unwell = shop.wait_for(kind, "web", lambda obj: obj["status"].get("observedGeneration") == 2)
    assert image(unwell) == "localhost/web:broken"
    shop.wait_for(kind, "web", lambda _: _crashing(shop))
    back = step("back", "rollback", {"deleteBlockingPod": True} if kind == "StatefulSet" else None)
    shop.apply(playbook("failure", back), incident("bad-image", "web", "failure", kind=kind))
    found = shop.incident_in("bad-image", "Resolved", "Failed", seconds=90)
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert image(shop.get(kind, "web")) == "localhost/web:v1"


def _crashing(shop: Kube) -> bool:
    return any(
        "waiting" in status.get("state", {})
        for pod in shop.list("pods", "-l", "app=web")
        for status in pod.get("status", {}).get("containerStatuses", [])
    )


def test_when_the_old_revision_does_not_come_up_the_current_template_is_put_back(
    shop: Kube, operator: Operator
) -> None:
    # Revision 1 fails its image pull now, as when its image was cleaned up; revision 2 serves, but answers wrongly.
    shop.apply(deployment("web", "localhost/web:missing"))
    shop.wait_for("deployment", "web", lambda obj: obj["metadata"].get("annotations", {}).get(REVISION) == "1")
    shop.apply(deployment("web", "localhost/web:v2"))
    shop.rolled_out("deployment/web")
    shop.apply(playbook("always", step("back", "rollback", {"whenHealthy": "Proceed"})))
    shop.apply(incident("wrong-answers", "web", "always"))
    found = shop.incident_in("wrong-answers", "Failed", "Resolved", seconds=90)
    assert found["status"]["phase"] == "Failed"
    assert "does not come up" in found["status"]["message"]
    web = shop.get("deployment", "web")
    assert image(web) == "localhost/web:v2"
    assert web["status"]["availableReplicas"] >= 3


def test_an_old_template_that_names_a_deleted_configmap_is_refused_before_anything_is_written(
    shop: Kube, operator: Operator
) -> None:
    old = deployment("web")
    old["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web-config"}}]
    shop.run("create", "configmap", "web-config")
    shop.apply(old)
    shop.rolled_out("deployment/web")
    shop.apply(deployment("web", "localhost/web:broken"))
    shop.run("delete", "configmap", "web-config")
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("unavailableReplicas"))
    shop.apply(roll_back_playbook(), incident("bad-image", "web", "deployment-failure"))
    message = shop.incident_in("bad-image", "Failed")["status"]["message"]
    assert "ConfigMap/web-config, which no longer exists" in message
    assert image(shop.get("deployment", "web")) == "localhost/web:broken"


def test_a_service_without_health_is_rolled_back_although_its_pods_are_ready(
    shop: Kube, operator: Operator, health: object
) -> None:
    health.status = 502
    good = deployment("web")
    shop.apply(good)
    shop.rolled_out("deployment/web")
    shop.apply(with_image(good, "localhost/web:v2"))
    shop.rolled_out("deployment/web")
    verify = step("verify", "httpCheck", {"url": "${parameters.healthURL}"}, onFailure="Continue")
    back = step("back", "rollback", if_="steps.verify.failed")
    parameters = [{"name": "healthURL", "required": True}]
    shop.apply(playbook("downtime", verify, back, parameters=parameters))
    shop.apply(incident("down", "web", "downtime", parameters={"healthURL": health.url}))
    found = shop.incident_in("down", "Resolved", "Failed")
    assert found["status"]["phase"] == "Resolved", found["status"]["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"
    assert "answered 502, expected 200" in found["status"]["steps"][0]["message"]
