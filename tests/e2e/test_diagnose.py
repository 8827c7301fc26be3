"""diagnose on a real API server: its controllers, its scheduler and its quotas speak for themselves."""

from typing import Any

import pytest

from support.kube import Kube
from support.objects import account_with, deployment, incident, playbook, step, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

Object = dict[str, Any]
PORTS = [{"containerPort": 8080}]
#: A container is given this long to become ready before its probe is called failing.
SETTLED = "32s"


def web(name: str, tag: str = "v1", *, container: Object | None = None, **spec: Any) -> Object:
    found = deployment(name, f"localhost/web:{tag}")
    pod = found["spec"]["template"]["spec"]
    pod["containers"][0] |= {"ports": PORTS} | (container or {})
    pod |= spec
    return found


def service(name: str, port: int = 8080, **selector: str) -> Object:
    spec = {"selector": {"app": name} | selector, "ports": [{"port": 80, "targetPort": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def deny_all(name: str, app: str) -> Object:
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress", "Egress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def diagnosis(shop: Kube, name: str) -> Object:
    """What the step of this incident found."""

    def looked(obj: Object) -> bool:
        steps = obj.get("status", {}).get("steps") or []
        return any(item["name"] == "diagnose" and item.get("outputs") for item in steps)

    found = shop.wait_for("incident", name, looked, 90)
    outputs: Object = next(item["outputs"] for item in found["status"]["steps"] if item["name"] == "diagnose")
    return outputs


PROBE = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 5}}
IN_POD = "spec.template.spec"

#: By the name of the application: what is applied, and class, object and field of the finding.
FAULTS: dict[str, tuple[list[Object], tuple[str, str, str]]] = {
    "pull": ([web("pull", "missing")], ("ImagePull", "Deployment/pull", f"{IN_POD}.containers[web].image")),
    "crash": ([web("crash", "broken")], ("CrashLoop", "Deployment/crash", f"{IN_POD}.containers[web]")),
    "probe": (
        [web("probe", "never-ready", container=PROBE)],
        ("ProbeFailure", "Deployment/probe", f"{IN_POD}.containers[web].readinessProbe.httpGet.port"),
    ),
    "node": (
        [web("node", nodeSelector={"disk": "golden"})],
        ("Unschedulable", "Deployment/node", f"{IN_POD}.nodeSelector"),
    ),
    "label": (
        [web("label"), service("label", tier="gold")],
        ("ServiceMismatch", "Service/label", "spec.selector[tier]"),
    ),
    "port": ([web("port"), service("port", 9999)], ("ServiceMismatch", "Service/port", "spec.ports[0].targetPort")),
    "zero": ([workload("StatefulSet", "zero", replicas=0)], ("ScaledToZero", "StatefulSet/zero", "spec.replicas")),
    "policy": (
        [web("policy"), service("policy"), deny_all("cut-off", "policy")],
        ("NetworkPolicyBlocked", "NetworkPolicy/cut-off", "spec.ingress"),
    ),
    "claim": (
        [web("claim", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "not-there"}}])],
        ("VolumeUnbound", "Deployment/claim", f"{IN_POD}.volumes[data].persistentVolumeClaim.claimName"),
    ),
    "well": ([web("well"), service("well")], ("Healthy", "Deployment/well", "")),
}


def test_each_fault_is_told_by_class_object_and_field(shop: Kube, operator: Operator) -> None:
    shop.apply(*(item for objects, _ in FAULTS.values() for item in objects))
    shop.apply(playbook("look", step("settle", "wait", {"duration": SETTLED}), step("diagnose", "diagnose")))
    kinds = {name: objects[0]["kind"] for name, (objects, _) in FAULTS.items()}
    shop.apply(*(incident(name, name, "look", kind=kind) for name, kind in kinds.items()))
    found = {name: diagnosis(shop, name) for name in FAULTS}
    told = {name: (item["class"], item["object"], item["field"]) for name, item in found.items()}
    assert told == {name: expected for name, (_, expected) in FAULTS.items()}
    assert "not found" in found["pull"]["proof"]
    assert "node affinity/selector" in found["node"]["proof"]
    assert found["well"]["unseen"] == ""


def test_a_quota_that_lets_no_pod_in_is_blamed_and_a_later_step_uses_the_class(shop: Kube, operator: Operator) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "1"}},
    }
    shop.apply(quota)
    shop.apply(web("web"))
    shop.wait_for("deployment", "web", lambda obj: obj.get("status", {}).get("availableReplicas") == 1)
    steps = [
        step("diagnose", "diagnose"),
        step("quota", "manual", {"instructions": "raise it"}, if_="steps.diagnose.outputs.class == 'QuotaExceeded'"),
        step("image", "manual", {"instructions": "push it"}, if_="steps.diagnose.outputs.class == 'ImagePull'"),
    ]
    shop.apply(playbook("look", *steps), incident("full", "web", "look"))
    waiting = shop.incident_in("full", "Waiting")
    found = diagnosis(shop, "full")
    assert (found["class"], found["object"], found["field"]) == (
        "QuotaExceeded", "ResourceQuota/small", "spec.hard[pods]",
    )  # fmt: skip
    assert "exceeded quota: small" in found["proof"]
    assert waiting["status"]["steps"][1]["state"] == "Waiting"


def test_a_webhook_that_does_not_answer_is_blamed_by_its_configuration(shop: Kube, operator: Operator) -> None:
    shop.apply(web("web"))
    shop.rolled_out("deployment/web")
    name = f"{shop.namespace}-gate"
    hook = {
        "name": "gate.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 1,
        "clientConfig": {"service": {"namespace": shop.namespace, "name": "gate", "path": "/"}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }  # fmt: skip
    kind = "ValidatingWebhookConfiguration"
    shop.apply(
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "webhooks": [hook]}
    )
    try:
        shop.run("delete", "pod", shop.list("pods", "-l", "app=web")[0]["metadata"]["name"])
        shop.apply(playbook("look", step("diagnose", "diagnose")), incident("gated", "web", "look"))
        found = diagnosis(shop, "gated")
    finally:
        shop.run("delete", kind.lower(), name)
    assert (found["class"], found["object"], found["field"]) == (
        "WebhookFailing", f"{kind}/{name}", "webhooks[gate.example.com].clientConfig",
    )  # fmt: skip
    assert 'service "gate" not found' in found["proof"]


def test_an_account_that_may_only_look_at_pods_is_told_what_was_not_seen(namespace: Kube, start_operator: Any) -> None:
    namespace.apply(*account_with("look"))
    start_operator(namespace)
    namespace.apply(web("web"))
    namespace.rolled_out("deployment/web")
    namespace.apply(playbook("look", step("diagnose", "diagnose")), incident("dim", "web", "look"))
    found = diagnosis(namespace, "dim")
    assert found["class"] == "Unknown"
    assert all(source in found["unseen"] for source in ("events", "services", "policies"))
