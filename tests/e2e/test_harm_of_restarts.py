"""Situations in which a restart has hurt somebody, on a real API server."""

from collections.abc import Iterator

import pytest

from e2e.harm import ended, least_available, quota, restart, restarted_at, rolled_out, specs, waits_for_approval
from support.kube import Kube
from support.objects import Object, deployment
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


# --- asking a person first


@pytest.mark.parametrize(
    "strategy",
    [{"type": "Recreate"}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}],
    ids=["Recreate", "maxUnavailable"],
)
def test_a_restart_that_takes_every_pod_down_asks(shop: Kube, operator: Operator, strategy: Object) -> None:
    rolled_out(shop, deployment("web", strategy=strategy))
    before = specs(shop)

    restart(shop)

    assert "takes 3 of 3 Pods down at once" in waits_for_approval(shop)
    assert specs(shop) == before


def test_a_restart_that_mounts_a_one_node_volume_twice_asks(shop: Kube, operator: Operator, volumes: list[str]) -> None:
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": shop.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }  # fmt: skip
    single = deployment("web", replicas=1)
    single["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    shop.apply(claim)
    rolled_out(shop, single)
    before = specs(shop)

    restart(shop)

    assert "starts a second Pod on volume claim data, which only one node can mount" in waits_for_approval(shop)
    assert specs(shop) == before


@pytest.fixture
def important(shop: Kube) -> Iterator[str]:
    """A class of Pods before which ordinary ones must leave."""
    name = f"important-{shop.namespace}"
    shop.run("create", "priorityclass", name, "--value=1000")
    yield name
    shop.run("delete", "priorityclass", name)


def test_a_restart_that_may_push_others_off_a_full_node_asks(shop: Kube, operator: Operator, important: str) -> None:
    rolled_out(shop, deployment("batch", replicas=1))
    web = deployment("web")
    web["spec"]["template"]["spec"]["priorityClassName"] = important
    rolled_out(shop, web)
    batch = shop.list("pods", "-l", "app=batch")[0]["metadata"]["name"]

    restart(shop)

    expected = f"starts Pods of priority 1000, before which {batch} must leave where there is no room"
    assert expected in waits_for_approval(shop)
    assert not restarted_at(shop.get("deployment", "web"))


def test_a_quota_without_room_for_the_surge_refuses_a_restart_by_name(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web"))
    shop.apply(quota(pods="3"))
    shop.wait_for("resourcequota", "few", lambda obj: obj.get("status", {}).get("used", {}).get("pods") == "3")
    before = specs(shop)

    restart(shop)

    assert "exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3" in ended(shop, "slow")["message"]
    assert specs(shop) == before


# --- rollouts of others


def test_a_restart_waits_for_a_persons_rollout_and_does_not_repeat_it(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web", replicas=1))
    shop.run("set", "image", "deployment/web", "web=localhost/web:slow-start")
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("updatedReplicas"))

    restart(shop)

    shop.wait_for("incident", "slow", lambda obj: "a rollout by kubectl-set began" in obj["status"].get("message", ""))
    status = ended(shop, "slow")
    assert (status["phase"], status["steps"][0]["state"]) == ("Resolved", "Skipped"), status["message"]
    assert len(shop.list("replicasets")) == 2
    assert not restarted_at(shop.get("deployment", "web"))


# --- restarts that do not help


def test_a_restart_whose_image_may_have_changed_asks_and_is_taken_back_when_its_first_pod_fails(
    shop: Kube, operator: Operator, broken_restarts: None
) -> None:
    latest = deployment("web", "localhost/web:latest")
    latest["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    rolled_out(shop, latest)
    served = {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web")}
    restart(shop)
    assert "pulls localhost/web:latest again, which may be other code by now" in waits_for_approval(shop)

    waiting = shop.get("incident", "slow")["status"]
    answer = {
        "step": "restart", "decision": "Approve", "by": "alice", "planHash": waiting["plan"]["hash"][:12],
    }  # fmt: skip
    shop.patch("incident", "slow", {"spec": {"approvals": [answer]}})

    assert least_available(shop, "slow") == 3
    status = ended(shop, "slow")
    assert "does not come up: ImagePullBackOff" in status["message"]
    assert status["steps"][0]["undo"]["state"] == "Succeeded"
    assert not restarted_at(shop.get("deployment", "web"))
    shop.rolled_out("deployment/web")
    shop.wait_for("deployment", "web", lambda _: len(shop.list("pods", "-l", "app=web")) == 3)
    assert {pod["metadata"]["uid"] for pod in shop.list("pods", "-l", "app=web")} == served


def test_after_two_restarts_that_did_not_help_there_is_no_third(shop: Kube, operator: Operator) -> None:
    shop.apply(deployment("web", "localhost/web:never-ready", progressDeadlineSeconds=3))
    for name in ("first", "second", "third"):
        restart(shop, name)
        status = ended(shop, name, "Failed")
    assert "Deployment/web was restarted 2 times within the last hour and did not recover" in status["message"]
    assert len(shop.list("replicasets")) == 3


def test_a_slow_start_is_not_taken_for_a_failed_restart(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web", "localhost/web:slow-start", replicas=1))

    restart(shop, timeout="2s")

    status = ended(shop, "slow", "Failed")
    assert "it still moves, so it is left as it is" in status["message"]
    begun = next(entry["message"] for entry in status["timeline"] if entry["event"] == "StepStarted")
    assert "the step's timeout is shorter than the workload's progress deadline of 600 s" in begun
    assert "undo" not in status["steps"][0]
    assert restarted_at(shop.get("deployment", "web"))
    shop.rolled_out("deployment/web")
