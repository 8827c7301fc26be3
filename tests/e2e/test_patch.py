"""patch on a real API server: its schema, its dry runs, its controllers."""

import pytest

from e2e.harm import BROKEN, ended, image, specs
from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

IMAGE = "spec.template.spec.containers[web].image"
MEMORY = "spec.template.spec.containers[web].resources.limits.memory"


def running(shop: Kube) -> Object:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    return shop.get("deployment", "web")


def patch(shop: Kube, settings: dict[str, object], *more: Object, undo: str = "Never", **which: str) -> None:
    """Opens an incident on `web` whose first step patches."""
    params = {**which, "set": [{"path": path, "value": value} for path, value in settings.items()]}
    shop.apply(playbook("slow", step("mend", "patch", params, undo=undo), *more))
    shop.apply(incident("slow", "web", "slow"))


def mended(shop: Kube) -> Object:
    found: Object = ended(shop)["steps"][0]
    return found


def resources(shop: Kube) -> Object:
    found: Object = shop.get("deployment", "web")["spec"]["template"]["spec"]["containers"][0]["resources"]
    return found


def test_a_limit_is_raised_rolled_out_and_put_back_when_the_incident_is_resolved(
    shop: Kube, operator: Operator
) -> None:
    running(shop)
    hold = step("hold", "manual", {"instructions": "look around"})
    patch(shop, {MEMORY: "512Mi"}, hold, undo="OnResolve")
    found = shop.incident_in("slow", "Waiting", "Failed")["status"]["steps"][0]
    assert found["message"] == (
        f"Deployment/web is patched: {MEMORY} from nothing to 512Mi; all 3 Pods updated and available"
    )
    assert resources(shop) == {"limits": {"memory": "512Mi"}, "requests": {"memory": "512Mi"}} or resources(shop) == {
        "limits": {"memory": "512Mi"}
    }
    shop.patch("incident", "slow", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    assert mended(shop)["state"] == "Undone"
    assert resources(shop) == {}


def test_an_image_that_does_not_come_up_is_put_back(shop: Kube, operator: Operator) -> None:
    running(shop)
    patch(shop, {IMAGE: BROKEN})
    found = mended(shop)
    assert (found["state"], found["undo"]["state"]) == ("Failed", "Succeeded")
    assert "does not come up: CrashLoopBackOff" in found["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"
    shop.rolled_out("deployment/web")


def test_the_undo_leaves_what_a_person_has_set_since(shop: Kube, operator: Operator) -> None:
    running(shop)
    hold = step("hold", "manual", {"instructions": "look around"})
    patch(shop, {IMAGE: "localhost/web:v2"}, hold, undo="OnResolve")
    shop.incident_in("slow", "Waiting")
    shop.run("set", "image", "deployment/web", "web=localhost/web:v3")
    shop.rolled_out("deployment/web")
    shop.patch("incident", "slow", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    assert mended(shop)["undo"]["message"] == (
        f"left as it is: {IMAGE} of Deployment/web, which kubectl-set has set since"
    )
    assert image(shop.get("deployment", "web")) == "localhost/web:v3"


def test_a_service_is_pointed_at_other_pods_and_back(shop: Kube, operator: Operator) -> None:
    running(shop)
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "gone"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }  # fmt: skip
    shop.apply(service)
    patch(shop, {"spec.selector.app": "web", "spec.ports[80].targetPort": "9090"}, kind="Service", undo="OnResolve")
    found = mended(shop)
    assert found["message"].startswith("Service/web is patched: spec.selector.app from gone to web"), found["message"]
    assert found["state"] == "Undone"
    spec = shop.get("service", "web")["spec"]
    assert (spec["selector"], spec["ports"][0]["targetPort"]) == ({"app": "gone"}, 8080)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"spec.template.spec.hostNetwork": True}, "spec.template.spec.hostNetwork of a Deployment cannot be patched"),
        ({"spec.replicas": 5}, "spec.replicas of a Deployment cannot be patched (use scale)"),
        ({"spec.minReadySeconds": 900}, "the API server does not take the change of Deployment/web"),
        ({IMAGE: ""}, "the API server does not take the change of Deployment/web"),
        ({IMAGE.replace("[web]", "[api]"): "x"}, "there is no api; there is web"),
    ],
)
def test_what_must_not_be_set_or_cannot_is_refused_without_a_write(
    settings: dict[str, object], told: str, shop: Kube, operator: Operator
) -> None:
    running(shop)
    before = specs(shop)
    patch(shop, settings)
    found = mended(shop)
    assert (found["state"], specs(shop)) == ("Failed", before)
    assert told in found["message"]


def test_a_pod_that_would_not_be_admitted_is_refused_without_a_write(shop: Kube, operator: Operator) -> None:
    running(shop)
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "small"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]},
    }
    shop.apply(limits)
    before = specs(shop)
    patch(shop, {MEMORY: "4Gi"})
    found = mended(shop)
    assert "a Pod of the new template of Deployment/web would not be admitted" in found["message"]
    assert "maximum memory usage per Container is 1Gi" in found["message"]
    assert specs(shop) == before


def test_other_fields_of_a_named_kind_make_the_playbook_not_ready(shop: Kube, operator: Operator) -> None:
    params = {"kind": "Service", "set": [{"path": "spec.clusterIP", "value": "10.0.0.9"}]}
    shop.apply(playbook("slow", step("mend", "patch", params)))
    found = shop.wait_for("playbook", "slow", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ready["status"] == "False"
    assert "spec.clusterIP of a Service cannot be patched; what can: spec.selector.*" in ready["message"]


def test_the_plan_shows_what_is_then_done(shop: Kube, operator: Operator) -> None:
    running(shop)
    params = {"set": [{"path": IMAGE, "value": "localhost/web:v2"}]}
    shop.apply(playbook("slow", step("mend", "patch", params)), incident("dry", "web", "slow", mode="DryRun"))
    planned = shop.incident_in("dry", "Planned", "Failed")["status"]
    assert f"patching Deployment/web: {IMAGE} from localhost/web:v1 to localhost/web:v2" in str(planned)
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"
    shop.apply(incident("slow", "web", "slow"))
    assert mended(shop)["state"] == "Succeeded"
    assert image(shop.get("deployment", "web")) == "localhost/web:v2"
