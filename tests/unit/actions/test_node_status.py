"""nodeStatus tells whether the nodes are well that the target runs on, or the node that is the target."""

from dataclasses import replace

import pytest

from paramedic.actions.contract import Context, Failed, Finished
from paramedic.actions.reads import Denied, GetObject
from paramedic.actions.registry import ACTIONS
from paramedic.model.objects import Object
from unit.acting import expect, prepare, refused
from unit.builders import context, node, on_node, pod, replica_set, template, with_status, workload
from unit.seen import World


def shop(*objects: Object) -> World:
    """The Deployment web with its ReplicaSet h1."""
    return World.of(workload(), replica_set(1, template()), *objects)


def look(world: World, ctx: Context | None = None) -> object:
    return prepare("nodeStatus", world, ctx)


def alone(found: Object) -> object:
    """What is said of a Node that is the target."""
    return look(World.of(found), on_node())


# --- one node


def test_a_node_that_is_ready_and_under_no_pressure_is_well() -> None:
    assert expect(Finished, alone(node())).message == "Node/n1 is Ready, without pressure"


@pytest.mark.parametrize(
    ("ready", "problem"),
    [("False", "NotReady"), ("Unknown", "Unknown"), ("", "Unknown: it has no Ready condition"), ("Huh", "Unknown")],
)
def test_a_node_that_is_not_known_to_be_ready_is_not_well(ready: str, problem: str) -> None:
    failed = expect(Failed, alone(node(Ready=ready)))
    assert failed.message == f"Node/n1 is not healthy: {problem}"
    assert failed.outputs["notReady"] == ["n1"]
    assert not failed.final


def test_the_reason_that_the_kubelet_gives_is_told() -> None:
    found = node(Ready="False")
    found["status"]["conditions"][-1]["reason"] = "KubeletNotReady"
    assert "NotReady (KubeletNotReady)" in expect(Failed, alone(found)).message


@pytest.mark.parametrize("kind", ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"])
def test_a_node_under_pressure_is_not_well(kind: str) -> None:
    assert expect(Failed, alone(node(**{kind: "True"}))).message == f"Node/n1 is not healthy: {kind}"


@pytest.mark.parametrize("status", ["Unknown", ""])
def test_a_pressure_that_is_not_known_is_not_well(status: str) -> None:
    failed = expect(Failed, alone(node(DiskPressure=status)))
    assert failed.message == "Node/n1 is not healthy: DiskPressure is not known"


def test_a_node_whose_network_nobody_reports_on_is_well() -> None:
    expect(Finished, alone(node(NetworkUnavailable="")))


def test_a_cordoned_node_is_told_and_well() -> None:
    done = expect(Finished, alone(node(spec={"unschedulable": True})))
    assert done.message == "Node/n1 is Ready, without pressure (n1 is cordoned)"
    assert done.outputs["nodes"][0]["cordoned"] is True


def test_the_taints_of_a_node_are_told() -> None:
    taints = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}, {"key": "drained", "effect": "NoExecute"}]
    done = expect(Finished, alone(node(spec={"taints": taints})))
    assert done.outputs["nodes"][0]["taints"] == ["gpu=yes:NoSchedule", "drained:NoExecute"]
    assert "n1 has taints gpu=yes:NoSchedule, drained:NoExecute" in done.message


def test_a_node_that_is_gone_is_told() -> None:
    assert expect(Failed, look(World.of(), on_node())).message.startswith("Node/n1 is gone from the cluster")


def test_a_node_that_was_registered_again_is_another_one() -> None:
    ctx = on_node(uid="uid-before")
    assert "was deleted and registered again" in refused(look(World.of(node()), ctx))


# --- the nodes of a workload


def test_the_nodes_of_the_pods_are_looked_at_and_no_others() -> None:
    world = shop(pod("a", nodeName="n1"), pod("b", nodeName="n2"), *map(node, ("n1", "n2")), node("n3", Ready="False"))
    done = expect(Finished, look(world))
    assert done.message == "Deployment/web: 2 nodes are Ready, without pressure"
    assert [(item["name"], item["pods"]) for item in done.outputs["nodes"]] == [("n1", ["a"]), ("n2", ["b"])]
    assert (done.outputs["notReady"], done.outputs["pods"]) == ([], [])


def test_an_unhealthy_node_comes_first_and_its_pods_are_named() -> None:
    world = shop(pod("a", nodeName="n1"), pod("b", nodeName="n2"), node("n1"), node("n2", Ready="Unknown"))
    failed = expect(Failed, look(world))
    assert failed.message == "Deployment/web: Node/n2 is not healthy: Unknown, with Pods b on it"
    assert [item["name"] for item in failed.outputs["nodes"]] == ["n2", "n1"]
    assert (failed.outputs["notReady"], failed.outputs["pods"]) == (["n2"], ["b"])


def test_a_node_that_pods_are_bound_to_and_that_is_gone_is_not_well() -> None:
    failed = expect(Failed, look(shop(pod("a", nodeName="n9"))))
    assert failed.message == "Deployment/web: Node/n9 is not healthy: it is gone from the cluster, with Pods a on it"


def test_a_pod_that_a_dead_node_holds_back_counts() -> None:
    stuck = pod("a", nodeName="n1")
    stuck["metadata"]["deletionTimestamp"] = "2026-11-24T02:55:00Z"
    assert expect(Failed, look(shop(stuck, node("n1", Ready="Unknown")))).outputs["pods"] == ["a"]


def test_the_node_of_a_finished_pod_is_not_looked_at() -> None:
    finished = with_status(pod("old", nodeName="n2"), phase="Failed")
    expect(Finished, look(shop(finished, pod("a", nodeName="n1"), node("n1"), node("n2", Ready="False"))))


def test_without_pods_nothing_is_known() -> None:
    assert expect(Failed, look(shop())).message == (
        "Deployment/web has no Pod on any node, so nothing is known of its nodes"
    )


def test_pods_that_are_not_scheduled_are_counted() -> None:
    assert "no Pod on any node: 1 Pod not scheduled yet" in expect(Failed, look(shop(pod("a")))).message


def test_nodes_beyond_the_limit_are_never_called_healthy() -> None:
    names = [f"n{number:02}" for number in range(52)]
    world = shop(*(pod(f"pod-{name}", nodeName=name) for name in names), *map(node, names))
    failed = expect(Failed, look(world))
    assert "50 nodes are Ready, but 2 more were not looked at" in failed.message
    assert len([read for read in world.asked if isinstance(read, GetObject) and read.ref.kind == "Node"]) == 50


def test_what_is_kept_is_bounded() -> None:
    names = [f"n{number:02}" for number in range(40)]
    world = shop(*(pod(f"pod-{name}", nodeName=name) for name in names), *(node(name, Ready="False") for name in names))
    failed = expect(Failed, look(world))
    assert [len(failed.outputs[key]) for key in ("nodes", "notReady", "pods")] == [5, 20, 20]
    assert failed.message.endswith("; and 35 more nodes")


def test_a_target_that_is_gone_is_refused() -> None:
    assert "is gone" in refused(look(World.of()))


# --- with whose rights


def test_nodes_are_read_as_the_operator_and_pods_as_the_account() -> None:
    world = shop(pod("a", nodeName="n1"), node("n1"))
    look(world)
    own = {read.ref.kind: read.own for read in world.asked if isinstance(read, GetObject)}
    assert own == {"Deployment": False, "Node": True}


def test_an_operator_that_may_not_read_nodes_says_so() -> None:
    with pytest.raises(Denied, match="may not read Node"):
        look(replace(shop(pod("a", nodeName="n1")), denied_kinds=frozenset({"Node"})))


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("Deployment", {"get deployments.apps", "list pods", "list replicasets.apps"}),
        ("StatefulSet", {"get statefulsets.apps", "list pods"}),
        ("DaemonSet", {"get daemonsets.apps", "list pods"}),
        ("Node", set()),
    ],
)
def test_it_needs_what_seeing_the_pods_takes(kind: str, needed: set[str]) -> None:
    action = ACTIONS["nodeStatus"]
    assert {str(item) for item in action.permissions(action.parameters(), kind)} == needed


def test_a_daemon_set_is_looked_at_by_its_own_pods() -> None:
    world = World.of(workload("DaemonSet"), pod("a", of="DaemonSet", nodeName="n1"), node("n1"))
    assert "Node/n1 is Ready" in expect(Finished, look(world, context("DaemonSet"))).message
