"""drain empties a node by kubectl's rules: it looks first, evicts one Pod after the other, and never forces."""

from dataclasses import replace
from typing import Any

import pytest

from paramedic.actions.contract import Finished, Intent, Pending, Skipped, Waiting, Working
from paramedic.actions.effects import Evict, MergePatch
from paramedic.actions.registry import ACTIONS
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NOW, ago, on_node, replica_set, template
from unit.nodes import CONTROL_PLANE, budget, cordoned_by, ending, fleet, gone, machine, put, running
from unit.seen import World


def owner(available: int = 3, number: int = 1) -> Object:
    """The ReplicaSet of web, which has counted so many available Pods."""
    found = replica_set(number, template()) | {"status": {"availableReplicas": available}}
    found["spec"]["selector"] = {"matchLabels": {"pod-template-hash": f"h{number}"}}
    return found


def house(*more: Object, available: int = 3, first: Object | None = None) -> World:
    """Ten nodes; on n1 two Pods of web, one of a DaemonSet and a static one; elsewhere a third of web."""
    daemon = running("agent-x", of="DaemonSet")
    static = running("proxy-n1")
    static["metadata"] |= {"annotations": {"kubernetes.io/config.mirror": "x"}, "ownerReferences": []}
    pods = [running("web-1"), running("web-2"), running("web-3", on="n2"), daemon, static]
    return World.of(*fleet(10, *([first] if first else [])), owner(available), *pods, *more)


def cordon(world: World, record: Any, **params: Any) -> None:
    """Does what is to be done until the node is cordoned."""
    for _ in range(2):
        apply(world, only_effect(observe("drain", world, record, on_node(), **params), MergePatch))


def begun(world: World, **params: Any) -> Any:
    """The record of a drain whose node is cordoned."""
    record = record_of(prepare("drain", world, on_node(), **params))
    cordon(world, record, **params)
    return record


def evicted(answer: object) -> list[str]:
    return [expect(Evict, effect).ref.name for effect in expect(Pending, answer).effects]


# --- what leaves and what stays


def test_pods_of_controllers_leave_and_those_of_daemonsets_and_static_ones_stay() -> None:
    intent = expect(Intent, prepare("drain", house(), on_node()))
    assert intent.message == (
        "draining Node/n1: 2 Pods to evict, one after the other: shop/web-1, shop/web-2; Pod/agent-x in shop (of a"
        " DaemonSet), Pod/proxy-n1 in shop (a static Pod of the node) stay"
    )
    assert intent.ask == ""


def test_a_bare_pod_is_refused_by_name() -> None:
    alone = running("debug")
    alone["metadata"]["ownerReferences"] = []
    message = refused(prepare("drain", house(alone), on_node()))
    assert message.startswith("Node/n1 is left as it is: Pod/debug in shop has no controller")
    assert "(deleteBarePods)" in message


def test_a_bare_pod_goes_where_the_playbook_says_so_and_a_person_approves() -> None:
    alone = running("debug")
    alone["metadata"]["ownerReferences"] = []
    intent = expect(Intent, prepare("drain", house(alone), on_node(), deleteBarePods=True))
    assert "Pod/debug in shop has no controller, so nothing would start it again" in intent.ask


def test_an_empty_dir_is_refused_by_name() -> None:
    cache = running("cache-1", volumes=[{"name": "tmp", "emptyDir": {}}])
    message = refused(prepare("drain", house(cache), on_node()))
    assert "Pod/cache-1 in shop would lose what is in its emptyDir (deleteEmptyDirData)" in message


def test_an_empty_dir_goes_where_the_playbook_says_so_and_a_person_approves() -> None:
    cache = running("cache-1", volumes=[{"name": "tmp", "emptyDir": {}}])
    intent = expect(Intent, prepare("drain", house(cache), on_node(), deleteEmptyDirData=True))
    assert "Pod/cache-1 in shop would lose what is in its emptyDir" in intent.ask


def test_finished_pods_leave_whatever_they_are() -> None:
    job = running("job-1", volumes=[{"name": "tmp", "emptyDir": {}}])
    job["metadata"]["ownerReferences"], job["status"]["phase"] = [], "Succeeded"
    intent = expect(Intent, prepare("drain", house(job), on_node()))
    assert "shop/job-1" in intent.message and intent.ask == ""


def test_a_statefulsets_pod_stays_on_a_node_that_does_not_answer() -> None:
    world = house(running("db-0", of="StatefulSet"), first=machine(ready="Unknown"))
    message = expect(Intent, prepare("drain", world, on_node())).message
    assert "Pod/db-0 in shop (of a StatefulSet: the node does not answer" in message
    assert "shop/db-0" not in message


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (machine(labels={CONTROL_PLANE: ""}), "the cluster itself runs on it"),
        (machine(taints=[{"key": "ToBeDeletedByClusterAutoscaler"}]), "the platform removes or updates Node/n1"),
    ],
    ids=["control plane", "autoscaler"],
)
def test_what_cordon_refuses_is_refused(first: Object, says: str) -> None:
    assert says in refused(prepare("drain", house(first=first), on_node()))


def test_a_node_that_recovered_is_not_drained() -> None:
    world = house(first=machine(since=ago(minutes=1)))
    assert isinstance(prepare("drain", world, replace(on_node(), began_at=NOW.replace(hour=2))), Skipped)


def test_another_drained_node_is_waited_for() -> None:
    other = cordoned_by("paramedic", machine("n2", annotations={"paramedic.dev/cordoned-by": "shop/other"}))
    world = house()
    put(world, other)
    assert "incident shop/other" in expect(Waiting, prepare("drain", world, on_node())).message


# --- budgets


def test_a_budget_that_will_never_allow_it_is_refused_before_anything_is_changed() -> None:
    message = refused(prepare("drain", house(budget(allowed=0)), on_node()))
    assert message == (
        "Node/n1 is left as it is, since a Pod could not leave it: Pod/web-1 in shop: PodDisruptionBudget/web allows no"
        " disruption (3 of 3 Pods healthy, it wants 3), Pod/web-2 in shop: PodDisruptionBudget/web allows no disruption"
        " (3 of 3 Pods healthy, it wants 3); scale up, or let the budget allow one disruption"
    )


def test_a_budget_that_allows_none_for_now_is_waited_for() -> None:
    waiting = expect(Waiting, prepare("drain", house(budget(allowed=0, healthy=2, wanted=2)), on_node()))
    assert "Node/n1 cannot be drained yet: Pod/web-1 in shop: PodDisruptionBudget/web allows no" in waiting.message


def test_two_budgets_on_one_pod_are_refused_since_the_api_server_would() -> None:
    world = house()
    put(world, budget(allowed=1), budget(allowed=1, name="web-too"))
    assert "more than one PodDisruptionBudget selects it (web, web-too)" in refused(prepare("drain", world, on_node()))


def test_a_budget_that_closes_meanwhile_is_named_and_nothing_is_forced() -> None:
    world = house(budget(allowed=1, wanted=2))
    record = begun(world)
    put(world, budget(allowed=0, healthy=2, wanted=2))
    working = expect(Working, observe("drain", world, record, on_node()))
    assert "2 Pods left on Node/n1; Pod/web-1: PodDisruptionBudget/web allows no disruption" in working.message


# --- the last available Pod


def test_the_last_available_pod_of_an_owner_is_asked_about() -> None:
    world = house(available=1)
    gone(world, "web-2", "web-3")
    intent = expect(Intent, prepare("drain", world, on_node()))
    assert "Pod/web-1 in shop is the last available Pod of its owner" in intent.ask


def test_a_budget_speaks_for_the_last_pod() -> None:
    world = house(budget(allowed=1, healthy=1, wanted=0, expected=1), available=1)
    gone(world, "web-2", "web-3")
    assert expect(Intent, prepare("drain", world, on_node())).ask == ""


def test_a_pod_that_became_the_last_one_meanwhile_waits_for_another() -> None:
    world = house()
    record = begun(world)
    gone(world, "web-2")
    put(world, running("web-3", on="n2", ready=False))
    working = expect(Working, observe("drain", world, record, on_node()))
    assert "Pod/web-1 in shop: its owner has no other available Pod" in working.message


def test_the_count_of_a_controller_that_lags_behind_is_not_relied_on() -> None:
    world = house()
    record = begun(world)
    gone(world, "web-1", "web-3")
    assert "has no other available Pod" in expect(Working, observe("drain", world, record, on_node())).message


def test_an_approved_last_pod_is_evicted() -> None:
    world = house(available=1)
    gone(world, "web-2", "web-3")
    record = begun(world)
    assert evicted(observe("drain", world, record, on_node())) == ["web-1"]


# --- one after the other


def test_the_node_is_cordoned_before_the_first_pod_leaves() -> None:
    world = house()
    record = record_of(prepare("drain", world, on_node()))
    cordon(world, record)
    assert world.objects["Node", "n1"]["spec"]["unschedulable"] is True
    assert evicted(observe("drain", world, record, on_node())) == ["web-1"]


def test_a_pod_on_its_way_out_is_waited_for() -> None:
    world = house()
    record = begun(world)
    put(world, ending(running("web-1")))
    working = expect(Working, observe("drain", world, record, on_node()))
    assert working.message == "2 Pods left on Node/n1; waiting for shop/web-1 to end"


def test_more_may_leave_at_a_time_but_never_two_of_one_owner() -> None:
    other = running("api-1", of="h9")
    world = house(other, running("api-2", on="n3", of="h9"), owner(2, number=9))
    record = begun(world, parallel=3)
    assert evicted(observe("drain", world, record, on_node(), parallel=3)) == ["web-1", "api-1"]
    put(world, ending(running("web-1")), ending(other))
    assert isinstance(observe("drain", world, record, on_node(), parallel=3), Working)


def test_a_pod_that_came_after_the_look_is_left_alone() -> None:
    world = house()
    record = begun(world)
    put(world, running("late"))
    gone(world, "web-1", "web-2")
    assert isinstance(observe("drain", world, record, on_node()), Finished)


def test_a_pod_of_the_same_name_is_not_the_one_that_was_seen() -> None:
    world = house()
    record = begun(world)
    gone(world, "web-1")
    again = running("web-2")
    again["metadata"]["uid"] = "uid-of-another"
    put(world, again)
    assert isinstance(observe("drain", world, record, on_node()), Finished)


def test_an_empty_node_is_drained() -> None:
    world = house()
    record = begun(world)
    gone(world, "web-1", "web-2")
    done = expect(Finished, observe("drain", world, record, on_node()))
    assert done.message.startswith("Node/n1 is drained: 2 Pods left it; Pod/agent-x in shop (of a DaemonSet)")
    assert done.outputs["evicted"] == ["shop/web-1", "shop/web-2"]


def test_on_a_node_that_does_not_answer_nobody_waits_for_pods_to_end() -> None:
    world = house(first=machine(ready="Unknown"))
    record = begun(world)
    put(world, ending(running("web-1")), ending(running("web-2")))
    assert isinstance(observe("drain", world, record, on_node()), Finished)


def test_evictions_are_begun_so_that_a_refusal_takes_the_cordon_back() -> None:
    world = house()
    record = begun(world)
    assert expect(Pending, observe("drain", world, record, on_node())).begun


def test_evictions_are_bound_to_the_pod_that_was_seen() -> None:
    world = house()
    record = begun(world)
    assert only_effect(observe("drain", world, record, on_node()), Evict).ref.uid == "uid-web-1"


def test_a_person_who_uncordons_the_node_stops_the_drain() -> None:
    world = house()
    record = begun(world)
    world.objects["Node", "n1"]["spec"] = {}
    assert "somebody has uncordoned Node/n1 meanwhile" in refused(observe("drain", world, record, on_node()))


# --- the way back


def test_the_way_back_uncordons_what_the_drain_cordoned() -> None:
    world = house()
    record = begun(world)
    apply(world, only_effect(undo("drain", world, record, on_node()), MergePatch))
    assert "unschedulable" not in world.objects["Node", "n1"]["spec"]


def test_a_node_that_was_cordoned_before_stays_so() -> None:
    world = house(first=machine(cordoned=True))
    record = record_of(prepare("drain", world, on_node()))
    assert evicted(observe("drain", world, record, on_node())) == ["web-1"]
    assert "stays cordoned, as it was before" in expect(Finished, undo("drain", world, record, on_node())).message


def test_a_node_with_more_pods_than_an_intent_keeps_is_refused() -> None:
    crowd = [running(f"web-{number}") for number in range(4, 304)]
    assert "has 300 Pods or more" in refused(prepare("drain", house(*crowd), on_node()))


def test_more_pods_take_no_more_questions() -> None:
    few, many = house(), house(*(running(f"web-{number}") for number in range(4, 200)))
    for world in (few, many):
        record = begun(world)
        observe("drain", world, record, on_node())
    assert len(many.asked) == len(few.asked)


def test_a_drain_destroys_evidence() -> None:
    assert ACTIONS["drain"].destroys_evidence
