"""scale on a real API server, with its controllers: Deployments, StatefulSets, HorizontalPodAutoscalers and quotas."""

from collections.abc import Callable

import pytest

from e2e.harm import ended, quota, specs, waits_for_approval
from support.kube import Kube
from support.objects import Object, deployment, incident, playbook, step, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


def running(shop: Kube, replicas: int = 3, image: str = "localhost/web:v1") -> None:
    shop.apply(deployment("web", image, replicas=replicas))
    shop.rolled_out("deployment/web")


def autoscaler(least: int, most: int) -> Object:
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": least, "maxReplicas": most,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
            ],
        },
    }  # fmt: skip


def scale(
    shop: Kube, name: str = "slow", *more: Object, kind: str = "Deployment", undo: str = "Never", **params: object
) -> None:
    """Opens an incident on `web` whose first step scales."""
    shop.apply(playbook(name, step("mend", "scale", params, undo=undo), *more))
    shop.apply(incident(name, "web", name, kind=kind))


def mended(shop: Kube, name: str = "slow") -> Object:
    found = ended(shop, name)
    step_of: Object = found["steps"][0]
    return step_of


def refused(shop: Kube, name: str = "slow") -> str:
    """The refusal of a scaling, which has written nothing to the workload."""
    before = specs(shop)
    step_of = mended(shop, name)
    assert step_of["state"] == "Failed", step_of["message"]
    assert specs(shop) == before
    return str(step_of["message"])


def replicas(shop: Kube, what: str = "deployment") -> int:
    return int(shop.get(what, "web")["spec"]["replicas"])


def approve(shop: Kube, name: str = "slow") -> None:
    plan = shop.get("incident", name)["status"]["plan"]["hash"][:12]
    answer = {"step": "mend", "decision": "Approve", "by": "alice", "planHash": plan}
    shop.patch("incident", name, {"spec": {"approvals": [answer]}})


# --- up and back


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_pods_are_added_and_the_step_ends_when_they_are_available(kind: str, shop: Kube, operator: Operator) -> None:
    shop.apply(workload(kind, "web"))
    shop.rolled_out(f"{kind.lower()}/web")
    scale(shop, kind=kind, by=2, max=10)
    found = mended(shop)
    assert found["message"] == f"{kind}/web was scaled from 3 to 5: 5 Pods available"
    assert found["outputs"] == {"from": 3, "to": 5, "object": f"{kind}/web"}
    assert shop.get(kind, "web")["status"]["availableReplicas"] == 5


def test_the_number_before_comes_back_when_the_incident_is_resolved(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, by=3, undo="OnResolve")
    found = mended(shop)
    assert (found["state"], found["undo"]["message"]) == ("Undone", "Deployment/web is at 3 again")
    assert replicas(shop) == 3


def test_pods_that_do_not_come_up_are_taken_away_again(shop: Kube, operator: Operator) -> None:
    shop.apply(workload("StatefulSet", "web", updateStrategy={"type": "OnDelete"}))
    shop.wait_for("statefulset", "web", lambda obj: obj.get("status", {}).get("availableReplicas") == 3)
    # The Pods that serve keep their image, new ones get this one.
    shop.run("set", "image", "statefulset/web", "web=localhost/web:broken")
    scale(shop, kind="StatefulSet", by=1)
    found = mended(shop)
    assert found["message"] == "StatefulSet/web: new Pod web-3 does not come up: CrashLoopBackOff of container web"
    assert found["undo"]["message"] == "StatefulSet/web is at 3 again"
    assert replicas(shop, "statefulset") == 3


def test_a_paused_deployment_is_scaled_all_the_same(shop: Kube, operator: Operator) -> None:
    running(shop)
    shop.run("rollout", "pause", "deployment/web")
    scale(shop, by=1)
    assert mended(shop)["state"] == "Succeeded"
    assert replicas(shop) == 4


# --- a person's hand


def test_the_undo_leaves_what_a_person_has_set_since(shop: Kube, operator: Operator) -> None:
    running(shop)
    hold = step("hold", "manual", {"instructions": "look around"})
    scale(shop, "slow", hold, by=3, undo="OnResolve")
    shop.incident_in("slow", "Waiting")
    shop.run("scale", "deployment/web", "--replicas=10")
    shop.rolled_out("deployment/web")
    shop.patch("incident", "slow", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    assert mended(shop)["undo"]["message"] == "Deployment/web is left at 10: kubectl has set it since"
    assert replicas(shop) == 10


def test_the_undo_works_after_a_later_step_has_written_the_same_object(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, "slow", step("restart", "rollingRestart"), by=1, undo="OnResolve")
    assert mended(shop)["undo"]["message"] == "Deployment/web is at 3 again"
    assert replicas(shop) == 3


# --- autoscalers


def test_an_autoscalers_lower_bound_is_raised_and_put_back(shop: Kube, operator: Operator) -> None:
    running(shop)
    shop.apply(autoscaler(3, 10))
    hold = step("hold", "manual", {"instructions": "look around"})
    scale(shop, "slow", hold, replicas=5, undo="OnResolve")
    found = shop.incident_in("slow", "Waiting", "Failed", seconds=90)["status"]["steps"][0]
    assert found["message"] == "Deployment/web was scaled from 3 to 5: 5 Pods available"
    assert found["outputs"]["object"] == "HorizontalPodAutoscaler/web"
    assert shop.get("hpa", "web")["spec"]["minReplicas"] == 5
    shop.patch("incident", "slow", {"spec": {"approvals": [{"step": "hold", "decision": "Done", "by": "alice"}]}})
    assert mended(shop)["undo"]["message"] == "HorizontalPodAutoscaler/web is at minReplicas 3 again"
    assert shop.get("hpa", "web")["spec"]["minReplicas"] == 3


@pytest.mark.parametrize("wanted", [1, 20])
def test_what_an_autoscaler_does_not_allow_is_refused(wanted: int, shop: Kube, operator: Operator) -> None:
    running(shop)
    shop.apply(autoscaler(3, 10))
    scale(shop, replicas=wanted)
    message = refused(shop)
    assert message.startswith(f"HorizontalPodAutoscaler/web allows 3-10 Pods of Deployment/web; {wanted} is outside")
    assert shop.get("hpa", "web")["metadata"].get("annotations", {}).get("paramedic.dev/operation-id") is None


# --- what is refused or asked


def test_a_target_that_an_operator_manages_is_refused(shop: Kube, operator: Operator) -> None:
    running(shop)
    owner = shop.get("serviceaccount", "responder")["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ServiceAccount", "name": "responder", "uid": owner, "controller": True}
    shop.patch("deployment", "web", {"metadata": {"ownerReferences": [reference]}})
    scale(shop, by=1)
    assert refused(shop).startswith("Deployment/web is managed by ServiceAccount/responder (v1); change that")


def test_a_quota_without_room_is_named(shop: Kube, operator: Operator) -> None:
    running(shop)
    shop.apply(quota(pods="4"))
    shop.wait_for("resourcequota", "few", lambda obj: obj.get("status", {}).get("used", {}).get("pods") == "3")
    scale(shop, by=3)
    assert refused(shop) == (
        "Deployment/web has no room for 3 more Pods: quota few allows pods=4, of which 3 is used: there is room for 1 of"
        " 3 more Pods"
    )


def test_fewer_pods_are_refused_while_the_incident_is_open(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, by=-1)
    assert "is not scaled down from 3 to 2 while an incident is open" in refused(shop)


def test_fewer_pods_wait_for_an_approval_where_the_playbook_allows_them(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, by=-1, allowScaleDown=True)
    assert "takes 1 Pod away while an incident is open" in waits_for_approval(shop)
    assert replicas(shop) == 3
    approve(shop)
    assert mended(shop)["state"] == "Succeeded"
    assert replicas(shop) == 2


def test_an_approval_does_not_count_for_another_number_than_was_shown(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, percent=200)
    assert "more than doubles it, from 3 to 9" in waits_for_approval(shop)
    shop.run("scale", "deployment/web", "--replicas=4")
    approve(shop)
    found = mended(shop)
    assert "alice approved another change than the one that would be made now" in found["message"]
    assert replicas(shop) == 4


# --- nodes


def test_without_cluster_api_a_person_adds_the_nodes_and_says_so(shop: Kube, operator: Operator) -> None:
    running(shop)
    scale(shop, nodes={"pool": "workers", "by": 1, "max": 5})
    message = shop.incident_in("slow", "Waiting", "Failed")["status"]["message"]
    assert "add 1 node to node group workers, at most 5 in all" in message
    answer = {"step": "mend", "decision": "Done", "by": "alice", "note": "one more"}
    shop.patch("incident", "slow", {"spec": {"approvals": [answer]}})
    assert mended(shop)["message"] == "the nodes of workers were added by alice: one more"


@pytest.fixture
def pool(shop: Kube) -> Kube:
    """A group of nodes as Cluster API keeps it, without the controllers that would make machines of it."""
    names = {"kind": "MachineDeployment", "listKind": "MachineDeploymentList", "plural": "machinedeployments"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1beta2", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }  # fmt: skip
    shop.apply(
        {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "machinedeployments.cluster.x-k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
            "spec": {"group": "cluster.x-k8s.io", "scope": "Namespaced", "names": names | {"singular": "machinedeployment"}, "versions": [version]},
        }
    )  # fmt: skip
    shop.run("wait", "--for=condition=Established", "crd/machinedeployments.cluster.x-k8s.io", "--timeout=20s")
    notes = {
        f"cluster.x-k8s.io/cluster-api-autoscaler-node-group-{key}-size": value
        for key, value in (("min", "1"), ("max", "3"))
    }
    shop.apply(
        {
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "MachineDeployment",
            "metadata": {"name": "workers", "annotations": notes}, "spec": {"replicas": 2},
        }
    )  # fmt: skip
    return shop


def test_a_node_group_of_cluster_api_grows_within_the_clusters_autoscaler(pool: Kube, operator: Operator) -> None:
    running(pool)
    scale(pool, nodes={"pool": "workers", "by": 1, "max": 5})
    found = pool.wait_for("machinedeployment", "workers", lambda obj: obj["spec"]["replicas"] == 3)
    assert found["metadata"]["annotations"]["cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"] == "3"
    pool.run(
        "patch",
        "machinedeployment",
        "workers",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"readyReplicas":3}}',
    )
    assert mended(pool)["message"] == "MachineDeployment/workers: 3 of 3 nodes ready"

    scale(pool, "again", nodes={"pool": "workers", "by": 1, "max": 5})
    assert (
        "the cluster's autoscaler allows MachineDeployment/workers at most 3 nodes" in mended(pool, "again")["message"]
    )


# --- the plan


def test_the_plan_shows_what_is_then_done(shop: Kube, start_operator: Callable[..., Operator]) -> None:
    running(shop)
    start_operator(shop)
    shop.apply(playbook("slow", step("mend", "scale", {"by": 2})))
    shop.apply(incident("dry", "web", "slow", mode="DryRun"))
    planned = shop.incident_in("dry", "Planned", "Failed")["status"]
    assert "scaling Deployment/web from 3 to 5 Pods" in str(planned)
    assert replicas(shop) == 3
    shop.apply(incident("slow", "web", "slow"))
    assert mended(shop)["state"] == "Succeeded"
    assert replicas(shop) == 5
