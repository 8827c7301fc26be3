"""Situations in which a restart or a rollback has hurt somebody, on a real API server."""

from collections.abc import Iterator

import pytest

from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step, with_image, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

BROKEN = "localhost/web:broken"


def image(obj: Object) -> str:
    return str(obj["spec"]["template"]["spec"]["containers"][0]["image"])


def rolled_out(shop: Kube, obj: Object) -> Object:
    """The workload, applied and complete."""
    shop.apply(obj)
    name = obj["metadata"]["name"]
    shop.rolled_out(f"{obj['kind'].lower()}/{name}")
    return shop.get(obj["kind"], name)


def roll_back(shop: Kube, kind: str = "Deployment", **parameters: object) -> Object:
    """The status of an incident on `web` that is rolled back, once it has ended."""
    shop.apply(playbook("failure", step("back", "rollback", parameters)))
    shop.apply(incident("bad", "web", "failure", kind=kind))
    ended: Object = shop.incident_in("bad", "Resolved", "Failed", seconds=90)["status"]
    return ended


def waits(pod: Object) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any("reason" in status["state"].get("waiting", {}) for status in statuses)


def broken_pods(shop: Kube) -> list[Object]:
    return [pod for pod in shop.list("pods", "-l", "app=web") if waits(pod)]


# --- rolling back what the API server would not admit as it stands


@pytest.fixture
def volumes(shop: Kube) -> Iterator[list[str]]:
    """Two volumes that claims of this namespace can be bound to."""
    names = [f"{shop.namespace}-{number}" for number in range(2)]
    for name in names:
        shop.apply(
            {
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                "spec": {
                    "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace,
                    "hostPath": {"path": "/nowhere"},
                },
            }
        )  # fmt: skip
    yield names
    shop.run("delete", "pv", *names, "--wait=false")


def test_a_stateful_set_with_claim_templates_is_rolled_back(shop: Kube, operator: Operator, volumes: list[str]) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }  # fmt: skip
    good = workload("StatefulSet", "web", replicas=2, volumeClaimTemplates=[claim])
    good["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    rolled_out(shop, good)
    shop.apply(with_image(good, BROKEN))
    shop.wait_for("statefulset", "web", lambda _: broken_pods(shop))

    ended = roll_back(shop, "StatefulSet", deleteBlockingPod=True)

    assert ended["phase"] == "Resolved", ended["message"]
    assert image(shop.get("statefulset", "web")) == "localhost/web:v1"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_templates_with_tokens_host_ports_and_node_names_are_rolled_back(
    shop: Kube, operator: Operator, kind: str
) -> None:
    shop.run("create", "serviceaccount", "worker")
    good = workload(kind, "web", replicas=1)
    spec = good["spec"]["template"]["spec"]
    spec["serviceAccountName"] = "worker"
    token = {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 3600}}
    root = {"configMap": {"name": "kube-root-ca.crt"}}
    spec["volumes"] = [{"name": "token", "projected": {"sources": [token, root]}}]
    spec["containers"][0] |= {
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/tokens"}],
        "ports": [{"containerPort": 8080, "hostPort": 18080}],
    }
    if kind != "DaemonSet":
        spec["nodeName"] = shop.list("nodes")[0]["metadata"]["name"]
    rolled_out(shop, good)
    shop.apply(with_image(good, BROKEN))
    shop.wait_for(kind, "web", lambda _: broken_pods(shop))

    ended = roll_back(shop, kind, **({"deleteBlockingPod": True} if kind == "StatefulSet" else {}))

    assert ended["phase"] == "Resolved", ended["message"]


# --- room


def quota(**hard: str) -> Object:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": hard}}


def test_a_quota_that_the_bad_rollout_used_up_does_not_keep_it_from_being_rolled_back(
    shop: Kube, operator: Operator
) -> None:
    shop.apply(quota(pods="4"))
    good = deployment("web")
    rolled_out(shop, good)
    shop.apply(with_image(good, BROKEN))
    shop.wait_for("resourcequota", "few", lambda obj: obj["status"]["used"]["pods"] == "4")

    ended = roll_back(shop)

    assert ended["phase"] == "Resolved", ended["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"


def test_a_quota_that_leaves_a_rollback_no_room_refuses_it_by_name(shop: Kube, operator: Operator) -> None:
    good = deployment("web", strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    rolled_out(shop, good)
    rolled_out(shop, with_image(good, "localhost/web:v2"))
    shop.wait_for("deployment", "web", lambda _: len(shop.list("pods", "-l", "app=web")) == 3)
    shop.apply(quota(pods="3"))
    shop.wait_for("resourcequota", "few", lambda obj: obj.get("status", {}).get("used", {}).get("pods") == "3")

    ended = roll_back(shop, whenHealthy="Proceed")

    assert ended["phase"] == "Failed"
    assert "exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3" in ended["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v2"


# --- failing early


def test_a_daemon_set_whose_old_revision_does_not_come_up_is_put_back_at_once(shop: Kube, operator: Operator) -> None:
    # The image of the first revision cannot be pulled any more.
    shop.apply(workload("DaemonSet", "web", "localhost/web:missing"))
    shop.wait_for("daemonset", "web", lambda _: broken_pods(shop))
    rolled_out(shop, workload("DaemonSet", "web", "localhost/web:v2"))

    ended = roll_back(shop, "DaemonSet", whenHealthy="Proceed")

    assert ended["phase"] == "Failed"
    assert "does not come up: ImagePullBackOff" in ended["message"]
    assert image(shop.get("daemonset", "web")) == "localhost/web:v2"
    shop.rolled_out("daemonset/web")
