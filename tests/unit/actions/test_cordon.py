"""cordon keeps new Pods away from a node, a few nodes at a time, and gives back only what it took itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paramedic.actions.contract import Context, Finished, Intent, Observation, Pending, Skipped, Waiting, Working
from paramedic.actions.effects import MergePatch
from paramedic.model.names import operation_id
from paramedic.model.objects import Object
from paramedic.model.references import POD, ObjectRef
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NOW, ago, context, on_node, pod
from unit.nodes import CONTROL_PLANE, ZONE, cordoned_by, fleet, machine, put
from unit.seen import World

CLAIM, CORDONED_BY, OPERATION = "paramedic.dev/cordon-claim", "paramedic.dev/cordoned-by", "paramedic.dev/operation-id"
TO_BE_DELETED = {"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule", "value": "1"}


def other_step(name: str = "n2", **changes: Any) -> Context:
    """A step of another incident, about another node."""
    uid = f"uid-incident-{name}"
    found = on_node(name, f"uid-{name}")
    return replace(
        found, incident=f"other-{name}", incident_uid=uid, operation_id=operation_id(uid, "mend", 1), **changes
    )


def taken(world: World, ctx: Context | None = None, **params: Any) -> Any:
    """The record of a cordon whose effects are all done."""
    ctx = ctx or on_node()
    record = record_of(prepare("cordon", world, ctx, **params))
    for _ in range(3):
        answer = observe("cordon", world, record, ctx, **params)
        if isinstance(answer, Finished):
            return record
        apply(world, *expect(Pending, answer).effects)
    raise AssertionError("it is never done")


def meta(world: World, name: str = "n1") -> Any:
    return world.objects["Node", name]["metadata"]["annotations"]


def is_cordoned(world: World, name: str = "n1") -> bool:
    return bool(world.objects["Node", name]["spec"].get("unschedulable"))


# --- which node


def test_the_node_is_the_target_of_the_incident() -> None:
    world = World.of(*fleet())
    taken(world, on_node("n3", "uid-n3"))
    assert [name for (_, name) in world.objects if is_cordoned(world, name)] == ["n3"]


def test_the_parameter_names_the_node_where_the_target_is_a_workload() -> None:
    world = World.of(*fleet())
    taken(world, context(), node="n4")
    assert is_cordoned(world, "n4")


def test_the_node_of_the_incidents_pod_is_found() -> None:
    ctx = context(pod=ObjectRef.to(POD, "shop", "web-1", "uid-web-1"))
    world = World.of(*fleet(), pod("web-1", nodeName="n2"))
    taken(world, ctx)
    assert is_cordoned(world, "n2")


def test_a_workload_without_a_named_node_is_ambiguous_and_refused() -> None:
    assert refused(prepare("cordon", World.of(*fleet()))) == (
        "it is not said which node: Deployment/web may run on several; name one in the parameter node, or open the"
        " incident for the Node"
    )


def test_another_node_than_the_incidents_is_refused() -> None:
    message = refused(prepare("cordon", World.of(*fleet()), on_node(), node="n2"))
    assert "names Node/n2, but the incident is about Node/n1" in message


def test_the_pods_successor_does_not_tell_the_node() -> None:
    ctx = context(pod=ObjectRef.to(POD, "shop", "web-1", "uid-of-before"))
    assert "is gone, so its node is not known" in refused(prepare("cordon", World.of(pod("web-1", nodeName="n2")), ctx))


def test_a_node_that_is_not_there_is_refused() -> None:
    assert "there is no Node/n99" in refused(prepare("cordon", World.of(*fleet()), node="n99"))


def test_a_node_that_was_registered_again_is_not_the_one_of_the_incident() -> None:
    message = refused(prepare("cordon", World.of(*fleet()), on_node("n1", "uid-of-before")))
    assert "was deleted and registered again since this incident began" in message


# --- the effect


def test_a_node_is_claimed_first_and_then_cordoned() -> None:
    world = World.of(*fleet())
    record = record_of(prepare("cordon", world, on_node()))
    claim = only_effect(observe("cordon", world, record, on_node()), MergePatch)
    assert "spec" not in claim.patch
    apply(world, claim)
    cordon = only_effect(observe("cordon", world, record, on_node()), MergePatch)
    assert cordon.patch["spec"] == {"unschedulable": True}


def test_a_cordoned_node_says_for_which_incident() -> None:
    world = World.of(*fleet())
    taken(world)
    assert meta(world) == {CORDONED_BY: "shop/checkout-down", OPERATION: on_node().operation_id}


def test_each_write_is_bound_to_the_node_as_it_was_seen() -> None:
    world = World.of(*fleet())
    record = record_of(prepare("cordon", world, on_node()))
    effect = only_effect(observe("cordon", world, record, on_node()), MergePatch)
    assert (effect.ref.uid, effect.resource_version) == ("uid-n1", "9")


def test_looking_again_after_the_cordon_finds_it_done() -> None:
    world = World.of(*fleet())
    record = taken(world)
    done = expect(Finished, observe("cordon", world, record, on_node()))
    assert done.message == "Node/n1 is cordoned; uncordon it with: kubectl uncordon n1"
    assert done.outputs == {"node": "n1", "cordonedBefore": False}


def test_a_node_that_is_cordoned_already_is_left_so() -> None:
    done = expect(Finished, prepare("cordon", World.of(*fleet(10, machine(cordoned=True))), on_node()))
    assert done.message == "Node/n1 is cordoned already, by somebody else; it is left so"
    assert done.outputs["cordonedBefore"] is True


def test_a_person_who_is_quicker_keeps_the_cordon() -> None:
    world = World.of(*fleet())
    record = record_of(prepare("cordon", world, on_node()))
    put(world, cordoned_by("kubectl-cordon", world.objects["Node", "n1"]))
    assert "by somebody else" in expect(Finished, observe("cordon", world, record, on_node())).message
    assert "stays cordoned" in expect(Finished, undo("cordon", world, record, on_node())).message


def test_a_person_who_uncordons_it_is_not_overruled() -> None:
    world = World.of(*fleet())
    record = taken(world)
    world.objects["Node", "n1"]["spec"] = {}
    assert "somebody has uncordoned Node/n1 meanwhile" in refused(observe("cordon", world, record, on_node()))


def test_a_claim_that_is_about_to_end_is_made_anew() -> None:
    world = World.of(*fleet())
    record = record_of(prepare("cordon", world, on_node()))
    apply(world, only_effect(observe("cordon", world, record, on_node()), MergePatch))
    late = replace(on_node(), now=NOW + timedelta(seconds=50))
    again = only_effect(observe("cordon", world, record, late), MergePatch)
    assert again.patch["metadata"]["annotations"][CLAIM] == "2026-11-24T03:01:50Z"


# --- the way back


def test_the_way_back_uncordons() -> None:
    world = World.of(*fleet())
    record = taken(world)
    apply(world, only_effect(undo("cordon", world, record, on_node()), MergePatch))
    assert "unschedulable" not in world.objects["Node", "n1"]["spec"]
    assert CORDONED_BY not in meta(world)
    assert expect(Finished, undo("cordon", world, record, on_node())).message == "Node/n1 is uncordoned"


def test_a_person_who_cordons_anew_is_left_alone() -> None:
    world = World.of(*fleet())
    record = taken(world)
    put(world, cordoned_by("kubectl-cordon", world.objects["Node", "n1"]))
    done = expect(Finished, undo("cordon", world, record, on_node()))
    assert done.message == "Node/n1 stays cordoned: kubectl-cordon has cordoned it since"


def test_our_own_cordon_is_told_by_managed_fields() -> None:
    world = World.of(*fleet())
    record = taken(world)
    put(world, cordoned_by("paramedic", world.objects["Node", "n1"]))
    assert isinstance(undo("cordon", world, record, on_node()), Pending)


def test_a_node_that_a_person_uncordoned_needs_no_way_back() -> None:
    world = World.of(*fleet())
    record = taken(world)
    world.objects["Node", "n1"]["spec"] = {}
    assert "is not cordoned" in expect(Finished, undo("cordon", world, record, on_node())).message


def test_a_node_that_is_gone_needs_no_way_back() -> None:
    world = World.of(*fleet())
    record = taken(world)
    del world.objects["Node", "n1"]
    assert "is gone" in expect(Finished, undo("cordon", world, record, on_node())).message


# --- refusals


@pytest.mark.parametrize("label", [CONTROL_PLANE, "node-role.kubernetes.io/master", "node-role.kubernetes.io/etcd"])
def test_a_node_that_the_cluster_itself_runs_on_is_left_alone(label: str) -> None:
    world = World.of(*fleet(10, machine(labels={label: ""})))
    assert f"Node/n1 has the label {label}" in refused(prepare("cordon", world, on_node()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"taints": [TO_BE_DELETED]}, "the taint ToBeDeletedByClusterAutoscaler"),
        ({"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}, "the taint karpenter.sh/disrupted"),
        ({"annotations": {"weave.works/kured-reboot-in-progress": "x"}}, "the annotation weave.works/kured-reboot"),
        (
            {
                "annotations": {
                    "machineconfiguration.openshift.io/currentConfig": "a",
                    "machineconfiguration.openshift.io/desiredConfig": "b",
                }
            },
            "its machineconfiguration.openshift.io/desiredConfig is another",
        ),
    ],
    ids=["autoscaler", "karpenter", "kured", "openshift"],
)
def test_a_node_that_the_platform_removes_or_updates_is_left_to_it(change: Any, says: str) -> None:
    message = refused(prepare("cordon", World.of(*fleet(10, machine(**change))), on_node()))
    assert "the platform removes or updates Node/n1 already" in message and says in message


def test_the_last_node_that_takes_pods_is_not_cordoned() -> None:
    world = World.of(machine("n1"), machine("n2", cordoned=True), machine("n3", labels={CONTROL_PLANE: ""}))
    assert "no other node is Ready and takes Pods" in refused(prepare("cordon", world, on_node()))


# --- the symptom is read again


def test_a_node_that_became_ready_since_the_incident_began_is_not_cordoned() -> None:
    ctx = replace(on_node(), began_at=NOW - timedelta(minutes=10))
    world = World.of(*fleet(10, machine(since=ago(minutes=5))))
    skipped = expect(Skipped, prepare("cordon", world, ctx))
    assert skipped.message == f"Node/n1 is Ready again since {ago(minutes=5)}, after the incident began"


def test_a_node_that_was_ready_all_along_is_cordoned_all_the_same() -> None:
    ctx = replace(on_node(), began_at=NOW - timedelta(minutes=10))
    assert isinstance(prepare("cordon", World.of(*fleet()), ctx), Intent)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_another_state_than_ready_is_no_recovery(status: str) -> None:
    ctx = replace(on_node(), began_at=NOW - timedelta(minutes=10))
    world = World.of(*fleet(10, machine(ready=status, since=ago(minutes=5))))
    assert isinstance(prepare("cordon", world, ctx), Intent)


def test_a_node_that_is_ready_again_but_under_pressure_has_not_recovered() -> None:
    ctx = replace(on_node(), began_at=NOW - timedelta(minutes=10))
    pressed = machine(since=ago(minutes=5))
    next(item for item in pressed["status"]["conditions"] if item["type"] == "DiskPressure")["status"] = "True"
    assert isinstance(prepare("cordon", World.of(*fleet(10, pressed)), ctx), Intent)


def test_a_node_that_became_ready_between_intent_and_effect_is_not_cordoned() -> None:
    ctx = replace(on_node(), began_at=NOW - timedelta(minutes=10))
    world = World.of(*fleet(10, machine(ready="Unknown")))
    record = record_of(prepare("cordon", world, ctx))
    put(world, machine(since=ago(seconds=5)))
    assert isinstance(observe("cordon", world, record, ctx), Skipped)


# --- storms


def test_half_the_nodes_failing_is_a_storm_in_which_none_is_cordoned() -> None:
    hurt = [machine(f"n{number}", ready="Unknown") for number in range(1, 6)]
    message = refused(prepare("cordon", World.of(*fleet(10, *hurt)), on_node()))
    assert message.startswith("storm: 5 of 10 nodes are not Ready")
    assert "a person must look" in message


@pytest.mark.parametrize(("nodes", "hurt", "storm"), [(10, 2, False), (10, 3, True), (3, 1, False), (3, 2, True)])
def test_a_storm_is_more_than_a_quarter_of_the_nodes(nodes: int, hurt: int, storm: bool) -> None:
    broken = [machine(f"n{number}", ready="False") for number in range(1, hurt + 1)]
    answer = prepare("cordon", World.of(*fleet(nodes, *broken)), on_node())
    assert isinstance(answer, Intent) is not storm


def test_nodes_that_have_only_just_come_back_still_count_in_a_storm() -> None:
    back = [machine(f"n{number}", since=ago(seconds=30)) for number in range(2, 6)]
    assert "storm" in refused(prepare("cordon", World.of(*fleet(10, *back)), on_node()))


def test_new_nodes_are_no_storm() -> None:
    new = [machine(f"n{number}", since=ago(seconds=30)) for number in range(2, 6)]
    for item in new:
        item["metadata"]["creationTimestamp"] = ago(seconds=50)
    assert isinstance(prepare("cordon", World.of(*fleet(10, *new)), on_node()), Intent)


def test_the_nodes_of_the_control_plane_do_not_count() -> None:
    masters = [machine(f"m{number}", ready="Unknown", labels={CONTROL_PLANE: ""}) for number in range(5)]
    assert isinstance(prepare("cordon", World.of(*fleet(4), *masters), on_node()), Intent)


# --- how many at a time


def test_of_ten_nodes_one_is_cordoned_at_a_time_whichever_incidents_want_it() -> None:
    world = World.of(*fleet(10))
    taken(world, other_step("n2"))
    waiting = expect(Waiting, prepare("cordon", world, on_node()))
    assert waiting.message == (
        "storm: Node/n2 is cordoned by paramedic already (incident shop/other-n2); of 10 nodes, at most 1 may be at a"
        " time, so this one waits until it is uncordoned"
    )


def test_of_twenty_nodes_two_are_cordoned_at_a_time() -> None:
    world = World.of(*fleet(20))
    taken(world, other_step("n2"))
    taken(world, other_step("n3"))
    assert isinstance(prepare("cordon", world, on_node()), Waiting)
    assert [name for (_, name) in world.objects if is_cordoned(world, name)] == ["n2", "n3"]


def test_what_people_cordon_does_not_count() -> None:
    others = [cordoned_by("kubectl-cordon", machine(name, annotations={CORDONED_BY: "x/y"})) for name in ("n2", "n3")]
    assert isinstance(prepare("cordon", World.of(*fleet(10, *others)), on_node()), Intent)


def test_the_next_one_goes_on_when_the_one_before_is_uncordoned() -> None:
    world = World.of(*fleet(10))
    record = taken(world, other_step("n2"))
    apply(world, *expect(Pending, undo("cordon", world, record, other_step("n2"))).effects)
    assert isinstance(prepare("cordon", world, on_node()), Intent)


def test_nodes_of_one_zone_at_a_time() -> None:
    zones = [machine(f"n{number}", labels={ZONE: f"z{number % 3}"}) for number in range(1, 31)]
    world = World.of(*zones)
    taken(world, other_step("n2"))
    assert "in zone z2; nodes of one zone at a time" in expect(Waiting, prepare("cordon", world, on_node())).message
    assert isinstance(prepare("cordon", world, other_step("n5")), Intent)


def both_prepared(world: World) -> list[tuple[Context, Any]]:
    """Two steps that have looked at the same moment and both found room."""
    contexts = sorted((on_node(), other_step("n2")), key=lambda ctx: ctx.operation_id)
    return [(ctx, record_of(prepare("cordon", world, ctx))) for ctx in contexts]


def look(world: World, ctx: Context, record: Any) -> Observation:
    """One look, and what it wants done, done."""
    answer = observe("cordon", world, record, ctx)
    if isinstance(answer, Pending):
        apply(world, *answer.effects)
    return answer


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the first claims first", "the second claims first"])
def test_of_two_steps_at_the_same_moment_one_cordons(order: tuple[int, int]) -> None:
    world = World.of(*fleet(10))
    both = both_prepared(world)
    for _ in range(4):
        for index in order:
            look(world, *both[index])
    assert sum(is_cordoned(world, name) for name in ("n1", "n2")) == 1


def test_two_claims_that_block_each_other_leave_the_first_one() -> None:
    world = World.of(*fleet(10))
    (first, one), (second, two) = both_prepared(world)
    claims = [observe("cordon", world, one, first), observe("cordon", world, two, second)]
    for claim in claims:
        apply(world, *expect(Pending, claim).effects)
    assert isinstance(look(world, first, one), Working)
    assert only_effect(look(world, second, two), MergePatch).patch == {"metadata": {"annotations": {CLAIM: None}}}
    look(world, first, one)
    assert is_cordoned(world, first.target.name)
    assert expect(Working, look(world, second, two)).message.startswith("storm: Node/")


def test_a_claim_that_was_left_behind_ends_by_itself() -> None:
    left: Object = machine("n2", annotations={CLAIM: ago(seconds=1), OPERATION: "gone"})
    assert isinstance(prepare("cordon", World.of(*fleet(10, left)), on_node()), Intent)


def test_a_claim_of_somebody_else_holds_others_back() -> None:
    left: Object = machine("n2", annotations={CLAIM: "2026-11-24T03:00:30Z", OPERATION: "other"})
    assert isinstance(prepare("cordon", World.of(*fleet(10, left)), on_node()), Waiting)
