"""cordon and drain on a real API server, with nodes of the test's own: bounded, by eviction, and given back."""

import time
from collections.abc import Iterator

import pytest

from e2e.harm import rolled_out
from support.kube import Kube
from support.nodes import (
    break_node,
    budget,
    cordoned,
    counted,
    in_pool,
    is_cordoned,
    mend_node,
    node_rights,
    on_one_node,
    own_nodes,
    pods_on,
    spread,
)
from support.objects import Object, deployment, incident, playbook, step, workload
from support.operator_process import Operator

pytestmark = pytest.mark.e2e


@pytest.fixture
def rights(shop: Kube) -> Iterator[None]:
    """The account may cordon and drain."""
    with node_rights(shop, "cordon", "drain"):
        yield


@pytest.fixture
def nodes(shop: Kube, rights: None) -> Iterator[list[str]]:
    """Three nodes for this namespace alone."""
    with own_nodes(shop, 3) as names:
        yield names


def keep_away(
    shop: Kube, name: str, action: str = "cordon", parameters: Object | None = None, **options: object
) -> None:
    """Opens an incident about a Node, named like it, with one step."""
    rules = {"recovery": {"stableFor": "1s", "timeout": "5s"}}
    shop.apply(playbook(action, step("mend", action, parameters, **options), **rules))
    shop.apply(incident(f"i-{name}", name, action, kind="Node"))


def ended(shop: Kube, name: str, *phases: str, seconds: float = 60) -> Object:
    found: Object = shop.incident_in(f"i-{name}", *(phases or ("Resolved", "Failed")), seconds=seconds)["status"]
    return found


def says(shop: Kube, name: str, text: str) -> Object:
    return shop.wait_for("incident", f"i-{name}", lambda obj: text in obj.get("status", {}).get("message", ""))


# --- cordon


def test_a_node_is_cordoned_and_says_for_which_incident(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    keep_away(shop, nodes[0])
    found = ended(shop, nodes[0])
    assert found["phase"] == "Resolved", found["message"]
    node = shop.get("node", nodes[0])
    assert node["spec"]["unschedulable"] is True
    assert node["metadata"]["annotations"]["paramedic.dev/cordoned-by"] == f"{shop.namespace}/i-{nodes[0]}"
    assert "paramedic.dev/cordon-claim" not in node["metadata"]["annotations"]


def test_a_cordon_of_ours_is_undone(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    keep_away(shop, nodes[0], undo="OnResolve")
    found = ended(shop, nodes[0])
    assert found["steps"][-1]["state"] == "Undone", found["message"]
    assert not is_cordoned(shop, nodes[0])


def test_a_cordon_of_a_person_stays(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    shop.run("cordon", nodes[0])
    keep_away(shop, nodes[0], undo="OnResolve")
    found = ended(shop, nodes[0])
    assert "is cordoned already, by somebody else; it is left so" in found["steps"][-1]["message"]
    assert is_cordoned(shop, nodes[0])


def test_a_person_who_cordons_anew_is_left_alone(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    keep_away(shop, nodes[0])
    ended(shop, nodes[0])
    shop.run("uncordon", nodes[0])
    shop.run("cordon", nodes[0])
    shop.patch(
        "incident", f"i-{nodes[0]}", {"spec": {"undo": [{"step": "mend", "by": "alice", "reason": "done with it"}]}}
    )
    found = shop.wait_for(
        "incident", f"i-{nodes[0]}", lambda obj: obj["status"]["steps"][-1].get("undo", {}).get("message")
    )
    assert "stays cordoned: kubectl" in found["status"]["steps"][-1]["undo"]["message"]
    assert is_cordoned(shop, nodes[0])


def test_a_node_of_the_control_plane_is_refused(shop: Kube, operator: Operator, rights: None) -> None:
    with own_nodes(shop, 1, labels={"node-role.kubernetes.io/control-plane": ""}) as [name]:
        keep_away(shop, name)
        assert "the cluster itself runs on it" in ended(shop, name)["message"]
        assert not is_cordoned(shop, name)


def test_a_node_that_the_autoscaler_deletes_is_refused(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    shop.run("taint", "node", nodes[0], "ToBeDeletedByClusterAutoscaler=1:NoSchedule")
    keep_away(shop, nodes[0])
    assert "it has the taint ToBeDeletedByClusterAutoscaler" in ended(shop, nodes[0])["message"]
    assert not is_cordoned(shop, nodes[0])


def test_a_node_that_is_ready_again_when_a_person_approves_is_not_cordoned(
    shop: Kube, operator: Operator, nodes: list[str]
) -> None:
    break_node(shop, nodes[0])
    keep_away(shop, nodes[0], approval={"required": True})
    plan = ended(shop, nodes[0], "Waiting")["plan"]["hash"]
    time.sleep(1.1)  # a condition's time is told in whole seconds, and must be after the incident's
    mend_node(shop, nodes[0])
    approval = {"step": "mend", "decision": "Approve", "by": "alice", "planHash": plan}
    shop.patch("incident", f"i-{nodes[0]}", {"spec": {"approvals": [approval]}})
    found = ended(shop, nodes[0])
    assert found["steps"][-1]["state"] == "Skipped", found["message"]
    assert found["phase"] == "Resolved" and not is_cordoned(shop, nodes[0])


def test_ten_alerts_at_once_cordon_one_node_and_the_others_wait(shop: Kube, operator: Operator, rights: None) -> None:
    with own_nodes(shop, 10) as names:
        for name in names:
            keep_away(shop, name)
        waiting = [name for name in names if "storm: " in says_at_last(shop, name)]
        assert len(waiting) == 9
        assert len(cordoned(shop)) == 1


def says_at_last(shop: Kube, name: str) -> str:
    """The message of an incident that has ended, or that waits for another node."""
    found = shop.wait_for(
        "incident", f"i-{name}",
        lambda obj: obj.get("status", {}).get("phase") == "Resolved" or "storm" in obj.get("status", {}).get("message", ""),
    )  # fmt: skip
    return str(found["status"]["message"])


def test_half_the_nodes_failing_is_a_storm_in_which_none_is_cordoned(
    shop: Kube, operator: Operator, rights: None
) -> None:
    with own_nodes(shop, 10) as names:
        for name in names[:5]:
            break_node(shop, name)
        for name in names:
            keep_away(shop, name)
        for name in names:
            assert "storm: 5 of " in ended(shop, name, "Failed")["message"]
        assert cordoned(shop) == []


def test_three_zones_are_taken_one_at_a_time(shop: Kube, operator: Operator, rights: None) -> None:
    with own_nodes(shop, 30, zones=3) as names:
        first, *others = names[:3]
        keep_away(shop, first)
        ended(shop, first)
        for name in others:
            keep_away(shop, name)
            says(shop, name, "nodes of one zone at a time")
        assert cordoned(shop) == [first]
        shop.run("uncordon", first)
        shop.wait_for("namespace", shop.namespace, lambda _: len(cordoned(shop)) == 1)
        assert cordoned(shop)[0] in others


def test_a_cordon_without_rights_on_nodes_changes_nothing_and_says_what_it_takes(
    shop: Kube, operator: Operator
) -> None:
    with own_nodes(shop, 2) as names:
        keep_away(shop, names[0])
        message = ended(shop, names[0])["message"]
        assert '"patch nodes"' in message and "a ClusterRole and a ClusterRoleBinding" in message
        assert cordoned(shop) == []
        found = shop.wait_for("playbook", "cordon", lambda obj: obj.get("status", {}).get("conditions"))
        ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "MissingPermission")
        assert '"patch nodes"' in ready["message"]


def test_a_role_binding_in_the_namespace_is_not_taken_for_a_right_on_nodes(shop: Kube, operator: Operator) -> None:
    """It can name nodes and grants nothing there; asked about the namespace, the API server would say yes."""
    subject = f"--serviceaccount={shop.namespace}:responder"
    shop.run("create", "rolebinding", "nodes", "--clusterrole=paramedic-cluster-cordon", subject)
    with own_nodes(shop, 2) as names:
        keep_away(shop, names[0])
        assert '"patch nodes"' in ended(shop, names[0])["message"]


# --- drain


def test_a_drained_node_is_empty_and_its_pods_run_elsewhere(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    rolled_out(shop, on_one_node(shop, node=nodes[0]))
    daemon = in_pool(shop, workload("DaemonSet", "agent"))
    daemon["spec"]["template"]["spec"]["tolerations"].append({"operator": "Exists"})
    shop.apply(daemon)
    shop.rolled_out("daemonset/agent")
    assert len(pods_on(shop, nodes[0])) == 4
    keep_away(shop, nodes[0], "drain")
    found = ended(shop, nodes[0])
    assert found["phase"] == "Resolved", found["message"]
    assert is_cordoned(shop, nodes[0])
    [left] = pods_on(shop, nodes[0])
    assert left.startswith("agent-")
    shop.rolled_out("deployment/web")
    assert len(found["steps"][-1]["outputs"]["evicted"]) == 3


def test_a_budget_of_zero_is_refused_before_anything_and_the_node_stays_schedulable(
    shop: Kube, operator: Operator, nodes: list[str]
) -> None:
    rolled_out(shop, on_one_node(shop, node=nodes[0]))
    shop.apply(budget(minAvailable=3))
    shop.wait_for("pdb", "web", counted)
    keep_away(shop, nodes[0], "drain")
    found = ended(shop, nodes[0])
    assert found["phase"] == "Failed"
    assert f"Node/{nodes[0]} is left as it is, since a Pod could not leave it" in found["message"]
    assert "PodDisruptionBudget/web allows no disruption (3 of 3 Pods healthy, it wants 3)" in found["message"]
    assert not is_cordoned(shop, nodes[0])
    assert "paramedic.dev/cordoned-by" not in shop.get("node", nodes[0])["metadata"]["annotations"]


def test_a_drain_respects_a_budget_all_along(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    rolled_out(shop, on_one_node(shop, node=nodes[0]))
    shop.apply(budget(maxUnavailable=1))
    shop.wait_for("pdb", "web", counted)
    keep_away(shop, nodes[0], "drain", {"parallel": 3})
    fewest = 3
    while shop.get("incident", f"i-{nodes[0]}").get("status", {}).get("phase") not in ("Resolved", "Failed"):
        fewest = min(fewest, shop.get("deployment", "web")["status"].get("availableReplicas", 0))
    assert ended(shop, nodes[0])["phase"] == "Resolved"
    assert fewest >= 2


def test_a_drain_that_cannot_go_on_is_taken_back(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    """No other node of the pool takes Pods, so no replacement comes up and the budget stays closed."""
    rolled_out(shop, on_one_node(shop, node=nodes[0]))
    shop.apply(budget(minAvailable=2))
    shop.wait_for("pdb", "web", counted)
    shop.run("cordon", *nodes[1:])
    keep_away(shop, nodes[0], "drain", timeout="8s")
    found = ended(shop, nodes[0])
    assert found["phase"] == "Failed"
    assert "not done within 8s: 2 Pods left on Node/" in found["message"]
    assert found["steps"][-1]["undo"]["state"] == "Succeeded"
    assert not is_cordoned(shop, nodes[0])
    assert is_cordoned(shop, nodes[1])
    shop.rolled_out("deployment/web")


def test_a_singleton_without_a_budget_waits_for_a_person(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    rolled_out(shop, on_one_node(shop, replicas=1, node=nodes[0]))
    keep_away(shop, nodes[0], "drain")
    found = ended(shop, nodes[0], "Waiting", "Failed")
    assert "is the last available Pod of its owner" in found["message"]
    assert shop.get("deployment", "web")["status"]["availableReplicas"] == 1
    assert not is_cordoned(shop, nodes[0])


def test_a_bare_pod_and_an_empty_dir_are_refused_by_name(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    volume = {"name": "tmp", "emptyDir": {}}
    rolled_out(shop, on_one_node(shop, node=nodes[0], volumes=[volume]))
    template = spread(shop)["spec"]["template"]["spec"]
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "debug"}, "spec": template | {"nodeName": nodes[0]}}
    shop.apply(bare)
    keep_away(shop, nodes[0], "drain")
    message = ended(shop, nodes[0])["message"]
    assert f"Pod/debug in {shop.namespace} has no controller" in message
    assert "would lose what is in its emptyDir (deleteEmptyDirData)" in message
    assert not is_cordoned(shop, nodes[0]) and "debug" in pods_on(shop, nodes[0])


def test_a_bare_pod_is_evicted_once_a_person_has_approved_it(shop: Kube, operator: Operator, nodes: list[str]) -> None:
    template = deployment("web")["spec"]["template"]["spec"]
    shop.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "debug"}, "spec": template | {"nodeName": nodes[0]}}
    )
    keep_away(shop, nodes[0], "drain", {"deleteBarePods": True})
    found = ended(shop, nodes[0], "Waiting", "Failed")
    assert "has no controller, so nothing would start it again" in found["message"]
    approval = {"step": "mend", "decision": "Approve", "by": "alice", "planHash": found["plan"]["hash"]}
    shop.patch("incident", f"i-{nodes[0]}", {"spec": {"approvals": [approval]}})
    assert ended(shop, nodes[0])["phase"] == "Resolved"
    assert pods_on(shop, nodes[0]) == []
