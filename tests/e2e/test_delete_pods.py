"""deletePods on a real API server: evictions, PodDisruptionBudgets, and where it must not be done."""

from collections.abc import Iterator

import pytest

from e2e.harm import rolled_out, specs
from support.kube import Kube
from support.nodes import budget, counted, in_pool, own_nodes, silence_node
from support.objects import Object, deployment, incident, playbook, step, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


@pytest.fixture
def web(shop: Kube) -> Kube:
    """A namespace with the Deployment `web`, rolled out."""
    rolled_out(shop, deployment("web"))
    return shop


def opened(shop: Kube, parameters: Object, kind: str = "Deployment", **options: object) -> None:
    shop.apply(playbook("mend", step("mend", "deletePods", parameters, **options)))
    shop.apply(incident("slow", "web", "mend", kind=kind))


def ended(shop: Kube, parameters: Object, kind: str = "Deployment", **options: object) -> Object:
    """The status of an incident on web that had Pods deleted, once it has ended."""
    opened(shop, parameters, kind, **options)
    found: Object = shop.incident_in("slow", "Resolved", "Failed")["status"]
    return found


def pods(shop: Kube) -> dict[str, str]:
    """The Pods of web by uid, those on their way out aside."""
    found = shop.list("pods", "-l", "app=web")
    return {
        item["metadata"]["uid"]: item["metadata"]["name"]
        for item in found
        if not item["metadata"].get("deletionTimestamp")
    }


def test_pods_are_deleted_one_at_a_time_and_replaced(web: Kube, operator: Operator) -> None:
    before = pods(web)
    found = ended(web, {"oldest": 2, "most": 2})
    assert found["phase"] == "Resolved", found["message"]
    deleted = found["steps"][-1]["outputs"]["deleted"]
    assert len(deleted) == 2 and set(deleted) <= set(before.values())
    assert len(set(before) & set(pods(web))) == 1 and len(pods(web)) == 3


def test_the_pods_with_a_label_are_deleted_and_no_others(web: Kube, operator: Operator) -> None:
    before = pods(web)
    uid, name = next(iter(before.items()))
    web.run("label", "pod", name, "shard=b")
    found = ended(web, {"selector": {"shard": "b"}, "most": 3})
    assert found["phase"] == "Resolved", found["message"]
    assert set(before) - set(pods(web)) == {uid}


def test_a_selector_that_matches_nothing_deletes_nothing(web: Kube, operator: Operator) -> None:
    before = specs(web)
    found = ended(web, {"selector": {"app": "wbe"}, "most": 100})
    assert found["phase"] == "Failed"
    assert "has no Pod with the labels app=wbe, so none is deleted" in found["message"]
    assert specs(web) == before


@pytest.mark.parametrize("wrong", [{"selector": {}}, {"oldest": 0}, {"unready": True, "most": 0}])
def test_what_could_mean_all_is_refused_by_the_api_server(shop: Kube, wrong: Object) -> None:
    assert "spec.steps[0].deletePods" in shop.refused(playbook("mend", step("mend", "deletePods", wrong)))


def test_a_playbook_with_two_rules_is_not_ready(shop: Kube, operator: Operator) -> None:
    shop.apply(playbook("mend", step("mend", "deletePods", {"unready": True, "oldest": 1})))
    found = shop.wait_for("playbook", "mend", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert "give exactly one of selector, unready: true, oldest and node" in ready["message"]


def test_a_budget_that_never_allows_it_is_named_and_nothing_is_deleted(web: Kube, operator: Operator) -> None:
    web.apply(budget(minAvailable=3))
    web.wait_for("pdb", "web", counted)
    before = pods(web)
    found = ended(web, {"oldest": 1})
    assert found["phase"] == "Failed"
    assert "PodDisruptionBudget/web allows no disruption (3 of 3 Pods healthy, it wants 3)" in found["message"]
    assert pods(web) == before


def test_a_budget_that_allows_none_for_now_is_waited_for(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web", replicas=2))
    shop.apply(budget(minAvailable=2))
    shop.wait_for("pdb", "web", counted)
    # One more Pod than the budget counts as healthy: it is not ready, until its Deployment has its image again.
    slow = workload("Deployment", "slow", "localhost/web:never-ready", replicas=1)
    slow["spec"]["template"]["metadata"]["labels"] = {"app": "web", "part": "slow"}
    slow["spec"]["selector"] = {"matchLabels": {"part": "slow"}}
    shop.apply(slow)
    shop.wait_for("pdb", "web", lambda obj: obj["status"]["expectedPods"] == 3)
    before = pods(shop)
    opened(shop, {"oldest": 1})
    shop.wait_for("incident", "slow", lambda obj: "no Pod is evicted yet" in obj.get("status", {}).get("message", ""))
    assert pods(shop) == before

    shop.run("set", "image", "deployment/slow", "web=localhost/web:v1")
    found = shop.incident_in("slow", "Resolved", "Failed")["status"]
    assert found["phase"] == "Resolved", found["message"]
    assert len(set(before) & set(pods(shop))) == 1


def test_the_last_ready_pod_waits_for_a_person(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web", replicas=1))
    before = pods(shop)
    opened(shop, {"oldest": 1})
    found = shop.incident_in("slow", "Waiting", "Failed")["status"]
    assert "it takes the last ready Pod down" in found["message"]
    assert pods(shop) == before


def test_an_approval_of_pods_that_are_others_by_now_deletes_nothing(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web", replicas=1))
    opened(shop, {"oldest": 1})
    plan = shop.incident_in("slow", "Waiting")["status"]["plan"]["hash"]
    shop.run("delete", "pod", *pods(shop).values())
    shop.rolled_out("deployment/web")
    before = pods(shop)
    approval = {"step": "mend", "decision": "Approve", "by": "alice", "planHash": plan}
    shop.patch("incident", "slow", {"spec": {"approvals": [approval]}})
    found = shop.incident_in("slow", "Resolved", "Failed")["status"]
    assert "approved another change than the one that would be made now" in found["message"]
    assert pods(shop) == before


def test_pods_that_are_not_ready_are_replaced_until_a_replacement_fails_too(shop: Kube, operator: Operator) -> None:
    rolled_out(shop, deployment("web"))
    shop.run("set", "image", "deployment/web", "web=localhost/web:broken")
    shop.wait_for("deployment", "web", lambda obj: obj["status"].get("unavailableReplicas"))
    shop.wait_for(
        "namespace", shop.namespace, lambda _: any("CrashLoopBackOff" in str(pod) for pod in shop.list("pods"))
    )
    found = ended(shop, {"unready": True, "most": 3})
    assert found["phase"] == "Failed"
    assert "does not come up either: CrashLoopBackOff of container web" in found["message"]
    assert len(found["steps"][-1]["outputs"]["deleted"]) == 1
    assert shop.get("deployment", "web")["status"]["availableReplicas"] >= 3


# --- nodes


@pytest.fixture
def node(shop: Kube) -> Iterator[str]:
    with own_nodes(shop, 1) as [name]:
        yield name


def test_a_statefulsets_pod_on_a_node_that_does_not_answer_is_refused(
    shop: Kube, operator: Operator, node: str
) -> None:
    rolled_out(shop, in_pool(shop, workload("StatefulSet", "web", replicas=1)))
    silence_node(shop, node)
    before = pods(shop)
    found = ended(shop, {"node": node}, "StatefulSet")
    assert found["phase"] == "Failed"
    assert f"Node/{node} does not answer, so Pod/web-0 may still run there" in found["message"]
    assert pods(shop) == before


def test_pods_that_fail_on_one_node_only_are_no_reason_for_another_round(
    shop: Kube, operator: Operator, node: str
) -> None:
    rolled_out(shop, in_pool(shop, deployment("web", replicas=2)))
    # From now on whatever starts here fails, as on a node whose disk is broken.
    shop.run("set", "image", "deployment/web", "web=localhost/web:broken")
    shop.run("rollout", "pause", "deployment/web")
    shop.wait_for(
        "namespace", shop.namespace, lambda _: any("CrashLoopBackOff" in str(pod) for pod in shop.list("pods"))
    )
    found = ended(shop, {"unready": True, "most": 2})
    assert found["phase"] == "Failed"
    assert f"it came to the same Node/{node}, so the node may be the cause" in found["message"]
    assert f"kubectl cordon {node}" in found["message"]
    assert len(found["steps"][-1]["outputs"]["deleted"]) == 1
