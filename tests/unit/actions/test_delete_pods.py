"""deletePods evicts some Pods of the target, one at a time, and stops where that does not help."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Skipped, Waiting, Working
from paramedic.actions.effects import Evict
from paramedic.actions.registry import ACTIONS
from paramedic.model.objects import Object
from unit.acting import expect, observe, only_effect, prepare, record_of, refused
from unit.builders import context, replica_set, template, with_status, workload
from unit.nodes import budget, ending, gone, machine, put, running
from unit.seen import World


def shop(*pods: Object, kind: str = "Deployment") -> World:
    """web with these Pods, or with three ready ones, web-1 the oldest, on the nodes n1 to n3."""
    of = "h1" if kind == "Deployment" else kind
    three = [running(f"web-{number}", on=f"n{number}", age_minutes=90 - number, of=of) for number in (1, 2, 3)]
    nodes = [machine(f"n{number}") for number in (1, 2, 3)]
    return World.of(workload(kind), replica_set(1, template()), *nodes, *(pods or three))


def unready(name: str = "web-1", **more: Any) -> Object:
    return running(name, ready=False, **more)


def replacement(name: str = "web-9", *, on: str = "n2", **more: Any) -> Object:
    return running(name, on=on, age_minutes=0, **more)


def chosen(verdict: object) -> list[str]:
    return [item["name"] for item in record_of(verdict)["pods"]]


def evicted(answer: object) -> str:
    return only_effect(answer, Evict).ref.name


# --- which


@pytest.mark.parametrize(
    "params",
    [{}, {"unready": False}, {"unready": True, "oldest": 1}, {"node": "n1", "selector": {"app": "web"}}],
    ids=["none", "not unready", "unready and oldest", "node and selector"],
)
def test_exactly_one_rule_is_given(params: Any) -> None:
    with pytest.raises(ValidationError, match="exactly one of selector, unready: true, oldest and node"):
        prepare("deletePods", shop(), **params)


@pytest.mark.parametrize("params", [{"selector": {}}, {"node": ""}, {"oldest": 0}, {"unready": True, "most": 0}])
def test_empty_never_means_all(params: Any) -> None:
    with pytest.raises(ValidationError):
        prepare("deletePods", shop(), **params)


def test_the_ones_that_are_not_ready_are_chosen() -> None:
    world = shop(unready("web-1"), running("web-2"), unready("web-3"))
    assert chosen(prepare("deletePods", world, unready=True, most=5)) == ["web-1", "web-3"]


def test_the_oldest_are_chosen() -> None:
    assert chosen(prepare("deletePods", shop(), oldest=2, most=5)) == ["web-1", "web-2"]


def test_those_on_a_node_are_chosen() -> None:
    assert chosen(prepare("deletePods", shop(), node="n3")) == ["web-3"]


def test_those_with_a_label_are_chosen() -> None:
    world = shop()
    world.objects["Pod", "web-2"]["metadata"]["labels"]["shard"] = "b"
    assert chosen(prepare("deletePods", world, selector={"app": "web", "shard": "b"})) == ["web-2"]


def test_of_those_that_match_the_ones_that_are_not_ready_go_first() -> None:
    world = shop(running("web-1", age_minutes=90), unready("web-2", age_minutes=5))
    assert chosen(prepare("deletePods", world, selector={"app": "web"}, most=2)) == ["web-2", "web-1"]


def test_pods_of_others_are_never_chosen_even_if_they_have_the_label() -> None:
    alien = running("alien", of="StatefulSet")
    world = shop()
    put(world, alien)
    assert "alien" not in chosen(prepare("deletePods", world, selector={"app": "web"}, most=9))


def test_one_step_never_takes_more_than_it_may() -> None:
    intent = expect(Intent, prepare("deletePods", shop(), oldest=3))
    assert chosen(intent) == ["web-1"]
    assert intent.message == (
        "evicting 1 Pod of Deployment/web, one after the other: web-1; 3 match, and the step takes 1 at most"
    )


def test_no_match_fails_and_changes_nothing() -> None:
    message = refused(prepare("deletePods", shop(), selector={"app": "wbe"}))
    assert (
        message
        == "Deployment/web has no Pod with the labels app=wbe, so none is deleted; its Pods are web-1, web-2, web-3"
    )


def test_no_pod_on_the_node_fails() -> None:
    assert "has no Pod on node n9" in refused(prepare("deletePods", shop(), node="n9"))


def test_a_workload_without_pods_fails() -> None:
    world = shop()
    gone(world, "web-1", "web-2", "web-3")
    assert refused(prepare("deletePods", world, unready=True)) == (
        "Deployment/web has no running Pod that could be deleted"
    )


def test_nothing_is_deleted_where_every_pod_is_ready() -> None:
    assert (
        "every Pod of Deployment/web is ready" in expect(Skipped, prepare("deletePods", shop(), unready=True)).message
    )


def test_a_pod_that_has_just_started_is_given_time() -> None:
    young = unready("web-1", age_minutes=0)
    assert (
        "web-1 of Deployment/web has just started"
        in expect(Waiting, prepare("deletePods", shop(young, running("web-2")), unready=True)).message
    )


def test_a_pod_that_fails_at_once_is_given_none() -> None:
    young = unready("web-1", age_minutes=0, trouble="CrashLoopBackOff")
    assert chosen(prepare("deletePods", shop(young, running("web-2")), unready=True)) == ["web-1"]


def test_an_approval_is_for_these_pods_and_no_others() -> None:
    first = expect(Intent, prepare("deletePods", shop(), oldest=1)).identity
    assert first == expect(Intent, prepare("deletePods", shop(), node="n1")).identity
    assert first != expect(Intent, prepare("deletePods", shop(), node="n2")).identity


def test_it_destroys_evidence() -> None:
    assert ACTIONS["deletePods"].destroys_evidence


# --- refusals


def test_a_statefulsets_pod_on_a_node_that_does_not_answer_is_refused() -> None:
    world = shop(kind="StatefulSet")
    put(world, machine("n1", ready="Unknown"))
    message = refused(prepare("deletePods", world, context("StatefulSet"), oldest=1))
    assert "Node/n1 does not answer, so Pod/web-1 may still run there" in message
    assert "kubectl taint node n1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute" in message


def test_a_statefulsets_pod_on_a_node_that_is_gone_is_refused() -> None:
    world = shop(kind="StatefulSet")
    del world.objects["Node", "n1"]
    assert "may still run there" in refused(prepare("deletePods", world, context("StatefulSet"), oldest=1))


def test_a_deployments_pod_on_a_node_that_does_not_answer_may_be_replaced() -> None:
    world = shop()
    put(world, machine("n1", ready="Unknown"))
    assert isinstance(prepare("deletePods", world, oldest=1), Intent)


def test_a_third_time_within_the_hour_is_refused() -> None:
    ctx = replace(context(), fruitless_restarts=2)
    message = refused(prepare("deletePods", shop(), ctx, oldest=1))
    assert "were deleted by 2 incidents within the last hour, and it did not recover" in message


def test_the_last_ready_pod_is_asked_about() -> None:
    intent = expect(Intent, prepare("deletePods", shop(running("web-1"), unready("web-2")), node="n1", most=2))
    assert intent.ask.endswith("it takes the last ready Pod down")


def test_a_pod_that_is_not_ready_is_no_loss() -> None:
    assert expect(Intent, prepare("deletePods", shop(unready("web-1")), unready=True)).ask == ""


# --- budgets


def test_a_budget_that_will_never_allow_it_is_refused_by_name() -> None:
    world = shop()
    put(world, budget(allowed=0))
    assert refused(prepare("deletePods", world, oldest=1)) == (
        "a Pod could not be evicted, so none is: Pod/web-1: PodDisruptionBudget/web allows no disruption (3 of 3 Pods"
        " healthy, it wants 3); scale up, or let the budget allow one disruption"
    )


def test_a_budget_that_allows_none_for_now_is_waited_for_by_name() -> None:
    world = shop()
    put(world, budget(allowed=0, healthy=2, wanted=2))
    waiting = expect(Waiting, prepare("deletePods", world, oldest=1))
    assert waiting.message.startswith("no Pod is evicted yet: Pod/web-1: PodDisruptionBudget/web allows no disruption")


def test_a_budget_that_was_not_counted_yet_is_waited_for() -> None:
    world = shop()
    put(world, budget(allowed=1) | {"status": {}})
    assert "was not counted by its controller yet" in expect(Waiting, prepare("deletePods", world, oldest=1)).message


@pytest.mark.parametrize(
    ("found", "goes"),
    [
        (budget(allowed=0, healthy=2, wanted=2), True),
        (budget(allowed=0, healthy=1, wanted=2), False),
        (budget(allowed=0, healthy=1, wanted=2, unhealthyPodEvictionPolicy="AlwaysAllow"), True),
    ],
    ids=["the healthy ones suffice", "they do not", "always"],
)
def test_a_budget_lets_a_pod_go_that_is_not_ready_by_its_policy(found: Object, goes: bool) -> None:
    world = shop(unready("web-1"), running("web-2"), running("web-3"))
    put(world, found)
    assert isinstance(prepare("deletePods", world, unready=True), Intent) is goes


def test_a_budget_of_other_pods_is_no_matter() -> None:
    world = shop()
    put(world, budget(allowed=0, selector={"matchLabels": {"app": "db"}}))
    assert isinstance(prepare("deletePods", world, oldest=1), Intent)


def test_a_budget_that_closes_meanwhile_is_waited_for_and_nothing_is_forced() -> None:
    world = shop()
    record = record_of(prepare("deletePods", world, oldest=1))
    put(world, budget(allowed=0, healthy=2, wanted=2))
    working = expect(Working, observe("deletePods", world, record, oldest=1))
    assert working.stuck and "PodDisruptionBudget/web allows no disruption" in working.message


# --- one at a time


def two_begun(world: World) -> Any:
    return record_of(prepare("deletePods", world, oldest=2, most=2))


def look(world: World, record: Any) -> Any:
    return observe("deletePods", world, record, oldest=2, most=2)


def test_the_first_is_evicted_by_its_uid() -> None:
    world = shop()
    record = two_begun(world)
    assert only_effect(look(world, record), Evict).ref.uid == "uid-web-1"


def test_a_pod_that_ends_is_waited_for() -> None:
    world = shop()
    record = two_begun(world)
    put(world, ending(world.objects["Pod", "web-1"]))
    assert expect(Working, look(world, record)).message == "waiting for web-1 to end"


def test_the_next_one_goes_only_when_the_replacement_is_ready() -> None:
    world = shop()
    record = two_begun(world)
    gone(world, "web-1")
    assert isinstance(look(world, record), Working)
    put(world, replacement(ready=False))
    working = expect(Working, look(world, record))
    assert working.message == "1 Pod of Deployment/web deleted; 1 of 2 others are ready yet"
    put(world, replacement())
    assert evicted(look(world, record)) == "web-2"


def test_it_is_done_when_every_replacement_is_ready() -> None:
    world = shop()
    record = two_begun(world)
    gone(world, "web-1", "web-2")
    put(world, replacement("web-8"))
    assert isinstance(look(world, record), Working)
    put(world, replacement("web-9"))
    done = expect(Finished, look(world, record))
    assert done.message == "Deployment/web: web-1, web-2 deleted, and replaced by ready Pods"
    assert done.outputs == {"deleted": ["web-1", "web-2"], "kept": []}


def test_fewer_replacements_are_needed_after_a_scale_down() -> None:
    world = shop()
    record = record_of(prepare("deletePods", world, oldest=1))
    gone(world, "web-1")
    put(world, workload(replicas=2))
    assert isinstance(observe("deletePods", world, record, oldest=1), Finished)


def test_a_pod_beyond_the_desired_ones_is_waited_for_too() -> None:
    three = [running(f"web-{number}") for number in (1, 2, 3)]
    world = shop(unready("web-4", of="h1", trouble="CrashLoopBackOff"), *three)
    put(world, with_status(workload(), updatedReplicas=1))
    record = record_of(prepare("deletePods", world, unready=True))
    gone(world, "web-4")
    assert isinstance(observe("deletePods", world, record, unready=True), Working)
    put(world, replacement(ready=False, trouble="CrashLoopBackOff"))
    assert "does not come up either" in refused(observe("deletePods", world, record, unready=True))


def test_a_rollout_that_completes_meanwhile_needs_no_pod_beyond_the_desired_ones() -> None:
    world = shop(unready("web-4"), *(running(f"web-{number}") for number in (1, 2, 3)))
    put(world, with_status(workload(), updatedReplicas=1))
    record = record_of(prepare("deletePods", world, unready=True))
    gone(world, "web-4")
    put(world, workload())
    assert isinstance(observe("deletePods", world, record, unready=True), Finished)


def test_asked_twice_it_says_the_same() -> None:
    world = shop()
    record = two_begun(world)
    assert evicted(look(world, record)) == evicted(look(world, record)) == "web-1"


def test_another_pod_of_the_same_name_is_not_taken() -> None:
    world = shop(kind="StatefulSet")
    ctx = context("StatefulSet")
    record = record_of(prepare("deletePods", world, ctx, oldest=1))
    again = replacement("web-1", on="n1", of="StatefulSet")
    again["metadata"]["uid"] = "uid-of-the-next"
    put(world, again)
    assert isinstance(observe("deletePods", world, record, ctx, oldest=1), Finished)


def test_a_pod_that_became_ready_meanwhile_is_kept() -> None:
    world = shop(unready("web-1"), running("web-2"))
    record = record_of(prepare("deletePods", world, unready=True))
    put(world, running("web-1"))
    skipped = expect(Skipped, observe("deletePods", world, record, unready=True))
    assert skipped.message == "web-1 of Deployment/web has become ready, so none is deleted"


def test_the_last_ready_pod_is_not_evicted_where_the_others_failed_meanwhile() -> None:
    world = shop()
    record = two_begun(world)
    put(world, unready("web-2", on="n2"), unready("web-3", on="n3"))
    message = refused(look(world, record))
    assert message == "Pod/web-1 is the last ready Pod of Deployment/web by now, so it is not evicted; 0 Pods were"


def test_a_pod_that_ends_on_a_node_that_does_not_answer_is_not_waited_for() -> None:
    world = shop()
    put(world, machine("n1", ready="Unknown"))
    record = record_of(prepare("deletePods", world, oldest=1))
    put(world, ending(world.objects["Pod", "web-1"]), replacement())
    assert isinstance(observe("deletePods", world, record, oldest=1), Finished)


def test_a_target_that_vanished_fails() -> None:
    world = shop()
    record = two_begun(world)
    del world.objects["Deployment", "web"]
    assert "is gone" in expect(Failed, look(world, record)).message


# --- where it does not help


def test_a_replacement_that_fails_on_the_same_node_proposes_a_cordon() -> None:
    world = shop()
    record = two_begun(world)
    gone(world, "web-1")
    put(world, replacement(on="n1", ready=False, trouble="CrashLoopBackOff"))
    failed = expect(Failed, look(world, record))
    assert failed.final
    assert failed.message == (
        "the replacement Pod/web-9 of Deployment/web does not come up either: CrashLoopBackOff of container web; it came"
        " to the same Node/n1, so the node may be the cause: keep Pods away from it with a step cordon, or: kubectl"
        " cordon n1. No other Pod is deleted"
    )
    assert failed.outputs["deleted"] == ["web-1"]


def test_a_replacement_that_fails_elsewhere_stops_it_too() -> None:
    world = shop()
    record = two_begun(world)
    gone(world, "web-1")
    put(world, replacement(on="n7", ready=False, trouble="ImagePullBackOff"))
    assert "deleting Pods does not mend this" in refused(look(world, record))


def test_a_pod_that_failed_before_is_no_replacement() -> None:
    broken = unready("web-3", on="n3", trouble="CrashLoopBackOff")
    world = shop(running("web-1"), running("web-2", on="n2"), broken)
    record = record_of(prepare("deletePods", world, node="n1"))
    gone(world, "web-1")
    put(world, replacement())
    assert isinstance(observe("deletePods", world, record, node="n1"), Finished)


def test_evictions_after_the_first_one_are_begun() -> None:
    world = shop()
    record = two_begun(world)
    assert not expect(Pending, look(world, record)).begun
    gone(world, "web-1")
    put(world, replacement())
    assert expect(Pending, look(world, record)).begun
