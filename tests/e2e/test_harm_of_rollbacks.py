"""Situations in which a rollback has hurt somebody, or was kept from healing, on a real API server."""

import pytest

from e2e.harm import BROKEN, broken_pods, ended, image, least_available, quota, roll_back, rolled_out, specs, waits
from support.kube import Kube
from support.objects import deployment, incident, playbook, step, with_image, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


# --- rolling back what the API server would not admit as it stands


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

    status = roll_back(shop, "StatefulSet", deleteBlockingPod=True)

    assert status["phase"] == "Resolved", status["message"]
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

    status = roll_back(shop, kind, **({"deleteBlockingPod": True} if kind == "StatefulSet" else {}))

    assert status["phase"] == "Resolved", status["message"]


# --- room


def test_a_quota_that_the_bad_rollout_used_up_does_not_keep_it_from_being_rolled_back(
    shop: Kube, operator: Operator
) -> None:
    shop.apply(quota(pods="4"))
    good = deployment("web")
    rolled_out(shop, good)
    shop.apply(with_image(good, BROKEN))
    shop.wait_for("resourcequota", "few", lambda obj: obj["status"]["used"]["pods"] == "4")

    status = roll_back(shop)

    assert status["phase"] == "Resolved", status["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v1"


def test_a_quota_that_leaves_a_rollback_no_room_refuses_it_by_name(shop: Kube, operator: Operator) -> None:
    good = deployment("web", strategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    rolled_out(shop, good)
    rolled_out(shop, with_image(good, "localhost/web:v2"))
    shop.wait_for("deployment", "web", lambda _: len(shop.list("pods", "-l", "app=web")) == 3)
    shop.apply(quota(pods="3"))
    shop.wait_for("resourcequota", "few", lambda obj: obj.get("status", {}).get("used", {}).get("pods") == "3")

    status = roll_back(shop, whenHealthy="Proceed")

    assert status["phase"] == "Failed"
    assert "exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3" in status["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v2"


# --- nowhere to go, or nothing to do


def test_a_first_revision_has_no_way_back_and_nothing_is_written(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web", BROKEN))
    shop.wait_for("deployment", "web", lambda _: broken_pods(shop))
    before = specs(shop)

    status = roll_back(shop)

    assert status["phase"] == "Failed"
    assert "Deployment/web has no earlier revision to go back to" in status["message"]
    assert specs(shop) == before


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_that_is_well_is_not_rolled_back_and_nothing_is_written(
    shop: Kube, operator: Operator, kind: str
) -> None:
    good = workload(kind, "web", replicas=2)
    rolled_out(shop, good)
    rolled_out(shop, with_image(good, "localhost/web:v2"))
    before = specs(shop)

    status = roll_back(shop, kind)

    assert status["phase"] == "Resolved"
    assert status["steps"][0]["state"] == "Skipped"
    assert (
        status["steps"][0]["message"] == f"nothing to roll back: every Pod of {kind}/web is on revision 2 and available"
    )
    assert specs(shop) == before


@pytest.mark.parametrize("action", ["rollback", "rollingRestart"])
def test_a_paused_deployment_is_refused_with_who_paused_it_and_nothing_is_written(
    shop: Kube, operator: Operator, action: str
) -> None:
    good = deployment("web")
    rolled_out(shop, good)
    shop.apply(with_image(good, BROKEN))
    shop.wait_for("deployment", "web", lambda _: broken_pods(shop))
    shop.run("rollout", "pause", "deployment/web")
    before = specs(shop)

    shop.apply(playbook("mend", step("mend", action)), incident("bad", "web", "mend"))

    message = ended(shop, "bad")["message"]
    assert "Deployment/web is paused by kubectl-rollout" in message
    assert f"resume it with: kubectl rollout resume deployment/web -n {shop.namespace}" in message
    assert specs(shop) == before


# --- a StatefulSet that waits for its broken Pod


def stuck_set(shop: Kube, tag: str, **spec: object) -> set[str]:
    """A StatefulSet of three, whose last Pod has a bad image. The uids of the others."""
    good = workload("StatefulSet", "web", **spec)
    rolled_out(shop, good)
    kept = {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web") if pod["metadata"]["name"] != "web-2"}
    bad = f"localhost/web:{tag}"
    shop.apply(with_image(good, bad))
    shop.wait_for("pod", "web-2", lambda pod: pod["spec"]["containers"][0]["image"] == bad and "phase" in pod["status"])
    if tag == "broken":
        shop.wait_for("pod", "web-2", waits)
    return kept


@pytest.mark.parametrize("tag", ["broken", "never-ready"])
def test_the_one_pod_that_a_stateful_set_waits_for_is_deleted_where_the_playbook_says_so(
    shop: Kube, operator: Operator, tag: str
) -> None:
    kept = stuck_set(shop, tag)

    status = roll_back(shop, "StatefulSet", deleteBlockingPod=True)

    assert status["phase"] == "Resolved", status["message"]
    assert kept < {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web")}
    assert operator.log.count("delete Pod/") == 1


def test_a_parallel_stateful_set_is_rolled_back_without_touching_the_pods_that_serve(
    shop: Kube, operator: Operator
) -> None:
    kept = stuck_set(shop, "broken", podManagementPolicy="Parallel")

    status = roll_back(shop, "StatefulSet", deleteBlockingPod=True)

    assert status["phase"] == "Resolved", status["message"]
    assert kept < {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web")}
    assert operator.log.count("delete Pod/") <= 1


def test_otherwise_the_command_that_deletes_the_pod_is_told_and_the_rollback_goes_on_after_it(
    shop: Kube, operator: Operator
) -> None:
    stuck_set(shop, "broken")
    shop.apply(playbook("failure", step("back", "rollback")), incident("bad", "web", "failure", kind="StatefulSet"))
    command = f"delete it: kubectl delete pod/web-2 -n {shop.namespace}"
    shop.wait_for("incident", "bad", lambda obj: command in obj.get("status", {}).get("message", ""), seconds=60)

    shop.run("delete", "pod/web-2", "--wait=false")

    assert ended(shop, "bad")["phase"] == "Resolved"


# --- slow starts and images that are gone


def test_a_slow_start_is_not_taken_for_a_failed_rollback(shop: Kube, operator: Operator) -> None:
    slow = deployment("web", "localhost/web:slow-start", replicas=1)
    rolled_out(shop, slow)
    rolled_out(shop, with_image(slow, "localhost/web:v2"))
    shop.apply(playbook("failure", step("back", "rollback", {"whenHealthy": "Proceed"}, timeout="2s")))
    shop.apply(incident("bad", "web", "failure"))

    status = ended(shop, "bad", "Failed")

    assert "it still moves, so it is left as it is" in status["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:slow-start"
    shop.rolled_out("deployment/web")


def test_while_an_image_that_is_gone_is_tried_every_pod_goes_on_serving(shop: Kube, operator: Operator) -> None:
    # The image of the first revision cannot be pulled any more.
    shop.apply(deployment("web", "localhost/web:missing"))
    shop.wait_for("deployment", "web", lambda _: broken_pods(shop))
    rolled_out(shop, deployment("web", "localhost/web:v2"))
    shop.apply(playbook("failure", step("back", "rollback", {"whenHealthy": "Proceed"})))
    shop.apply(incident("bad", "web", "failure"))

    assert least_available(shop, "bad") >= 3
    assert "does not come up" in ended(shop, "bad", "Failed")["message"]
    assert image(shop.get("deployment", "web")) == "localhost/web:v2"


def test_a_daemon_set_whose_old_revision_does_not_come_up_is_put_back_at_once(shop: Kube, operator: Operator) -> None:
    # The image of the first revision cannot be pulled any more.
    shop.apply(workload("DaemonSet", "web", "localhost/web:missing"))
    shop.wait_for("daemonset", "web", lambda _: broken_pods(shop))
    rolled_out(shop, workload("DaemonSet", "web", "localhost/web:v2"))

    status = roll_back(shop, "DaemonSet", whenHealthy="Proceed")

    assert status["phase"] == "Failed"
    assert "does not come up: ImagePullBackOff" in status["message"]
    assert image(shop.get("daemonset", "web")) == "localhost/web:v2"
    shop.rolled_out("daemonset/web")
