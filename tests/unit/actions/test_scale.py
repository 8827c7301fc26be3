"""scale changes how many Pods the target has, with the autoscaler that owns the number and not against it."""

from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Answer, Context, Failed, Finished, Intent, Skipped, Waiting, Working
from paramedic.actions.effects import MergePatch
from paramedic.actions.registry import ACTIONS
from paramedic.actions.scaling.size import ScaleParameters
from paramedic.model.names import OPERATION_ANNOTATION
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.references import HPA
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, ago, context, on_node, owner, pod, replica_set, template, workload
from unit.seen import World

OPERATION = context().operation_id


def shop(*more: Object, replicas: int = 3, kind: str = "Deployment", **spec: Any) -> World:
    """web with as many Pods as it wants, all of them available."""
    of = "h1" if kind == "Deployment" else kind
    pods = [pod(f"web-{number}", of=of) for number in range(replicas)]
    return World.of(workload(kind, replicas=replicas, **spec), replica_set(1, template()), *pods, *more)


def hpa(least: int = 3, most: int = 10, name: str = "web") -> Object:
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-hpa-{name}", "resourceVersion": "41"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": least, "maxReplicas": most,
        },
    }  # fmt: skip


def quota(hard: dict[str, str], used: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few", "namespace": NAMESPACE},
        "status": {"hard": hard, "used": used},
    }  # fmt: skip


def scaled(world: World, **params: Any) -> Any:
    """The record of a step whose write is done."""
    record = record_of(prepare("scale", world, **params))
    apply(world, only_effect(observe("scale", world, record, **params), MergePatch))
    return record


def web(world: World) -> Object:
    return world.objects["Deployment", "web"]


def set_by(world: World, who: str, replicas: int) -> None:
    """Somebody sets the number of Pods."""
    web(world)["spec"]["replicas"] = replicas
    web(world)["metadata"]["managedFields"] = [
        {"manager": who, "time": ago(seconds=0), "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    ]


def available(world: World, count: int) -> None:
    web(world)["status"] |= {"replicas": count, "availableReplicas": count, "readyReplicas": count}


# --- how many


@pytest.mark.parametrize(
    ("params", "now", "wanted"),
    [
        ({"replicas": 5}, 3, 5),
        ({"by": 2}, 3, 5),
        ({"percent": 50}, 3, 5),  # 4.5: rounded up
        ({"percent": 100}, 3, 6),
        ({"by": 5, "max": 6}, 3, 6),
    ],
)
def test_the_size_is_a_number_a_step_or_a_share_within_a_cap(params: dict[str, Any], now: int, wanted: int) -> None:
    record = record_of(prepare("scale", shop(replicas=now), **params))
    assert (record["before"], record["wanted"]) == ({"replicas": now}, {"replicas": wanted})


def test_the_number_is_absolute_in_the_record_so_that_a_second_look_does_not_scale_twice() -> None:
    world = shop()
    record = scaled(world, by=2)
    assert web(world)["spec"]["replicas"] == 5
    assert isinstance(observe("scale", world, record, by=2), Working)
    available(world, 5)
    done = expect(Finished, observe("scale", world, record, by=2))
    assert done.message == "Deployment/web was scaled from 3 to 5: 5 Pods available"
    assert dict(done.outputs) == {"from": 3, "to": 5, "object": "Deployment/web"}


def test_the_write_is_bound_and_carries_the_operation() -> None:
    world = shop()
    effect = only_effect(observe("scale", world, record_of(prepare("scale", world, by=1)), by=1), MergePatch)
    assert effect.resource_version == "100"
    assert effect.patch == {"metadata": {"annotations": {OPERATION_ANNOTATION: OPERATION}}, "spec": {"replicas": 4}}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "it says no size; write exactly one of replicas, by, percent, nodes"),
        ({"by": 1, "percent": 10}, "it has by and percent; write exactly one"),
        ({"by": 0}, "by: 0 changes nothing"),
        ({"replicas": 60}, "replicas 60 is more than max 50; write a larger max if it is meant"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ScaleParameters.model_validate(params)


def test_as_many_as_wanted_is_skipped() -> None:
    assert expect(Skipped, prepare("scale", shop(), replicas=3)).message == "Deployment/web is to have 3 Pods already"


def test_a_step_beyond_the_cap_is_refused() -> None:
    assert refused(prepare("scale", shop(), by=1, max=3)) == (
        "Deployment/web has 3 Pods, as many as this step may make it (max 3); find out why they are not enough, or raise"
        " max"
    )


def test_a_percentage_of_nothing_is_refused() -> None:
    assert "scaled to zero, of which no percentage makes a Pod" in refused(
        prepare("scale", shop(replicas=0), percent=50)
    )


# --- who else decides


def test_a_target_that_an_operator_manages_is_refused() -> None:
    world = shop()
    web(world)["metadata"]["ownerReferences"] = [
        {"apiVersion": "example.com/v1", "kind": "Foo", "name": "x", "uid": "u", "controller": True}
    ]
    assert refused(prepare("scale", world, by=1)) == (
        "Deployment/web is managed by Foo/x (example.com/v1); change that, which would take any other change back"
    )


def test_an_autoscalers_lower_bound_is_raised_instead_of_the_number() -> None:
    world = shop(hpa())
    intent = expect(Intent, prepare("scale", world, replicas=6))
    assert intent.message == (
        "scaling Deployment/web from 3 to 6 Pods by HorizontalPodAutoscaler/web: minReplicas 3 becomes minReplicas 6"
    )
    effect = only_effect(observe("scale", world, intent.record, replicas=6), MergePatch)
    assert (effect.ref.kind, effect.patch["spec"]) == ("HorizontalPodAutoscaler", {"minReplicas": 6})


@pytest.mark.parametrize(("wanted", "more"), [(1, ""), (20, " or write raiseMaxReplicas: true")])
def test_what_an_autoscaler_does_not_allow_is_refused(wanted: int, more: str) -> None:
    message = refused(prepare("scale", shop(hpa()), replicas=wanted))
    assert message == (
        f"HorizontalPodAutoscaler/web allows 3-10 Pods of Deployment/web; {wanted} is outside: change the autoscaler{more}"
    )


def test_an_autoscalers_upper_bound_is_raised_where_the_playbook_says_so() -> None:
    world = shop(hpa(most=4))
    record = record_of(prepare("scale", world, replicas=6, raiseMaxReplicas=True))
    assert record["before"] == {"minReplicas": 3, "maxReplicas": 4}
    assert record["wanted"] == {"minReplicas": 6, "maxReplicas": 6}


def test_an_autoscaler_takes_pods_away_by_itself() -> None:
    message = refused(prepare("scale", shop(hpa(least=2), replicas=5), replicas=4))
    assert message.endswith("takes Pods away itself once there is less to do")


def test_an_autoscaler_that_keeps_as_many_already_is_left_alone() -> None:
    assert isinstance(prepare("scale", shop(hpa(least=5), replicas=3), replicas=4), Skipped)


def test_an_autoscaler_of_another_workload_does_not_matter() -> None:
    other = hpa()
    other["spec"]["scaleTargetRef"]["name"] = "db"
    assert record_of(prepare("scale", shop(other), replicas=5))["wanted"] == {"replicas": 5}


def test_two_autoscalers_of_one_target_are_refused() -> None:
    assert "delete all but one" in refused(prepare("scale", shop(hpa(), hpa(name="web2")), replicas=5))


def test_an_autoscaler_that_another_controller_manages_is_refused() -> None:
    managed = hpa()
    managed["metadata"]["ownerReferences"] = [
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "uid": "u", "controller": True}
    ]
    assert "is managed by ScaledObject/web (keda.sh/v1alpha1)" in refused(prepare("scale", shop(managed), replicas=5))


def test_a_target_at_zero_is_not_scaled_by_its_autoscaler() -> None:
    message = refused(prepare("scale", shop(hpa(), replicas=0), replicas=5))
    assert message.endswith("scale it up with: kubectl scale deployment/web -n shop --replicas=3")


def test_it_is_done_when_the_autoscaler_has_followed() -> None:
    world = shop(hpa())
    record = scaled(world, replicas=5)
    assert isinstance(observe("scale", world, record, replicas=5), Working)
    web(world)["spec"]["replicas"] = 5
    available(world, 5)
    assert expect(Finished, observe("scale", world, record, replicas=5)).outputs["object"] == (
        "HorizontalPodAutoscaler/web"
    )


# --- what is asked


def ask(world: World, **params: Any) -> str:
    return expect(Intent, prepare("scale", world, **params)).ask


def test_up_to_twice_as_many_are_not_asked_about() -> None:
    assert ask(shop(), replicas=6) == ""


def test_more_than_twice_as_many_must_be_approved() -> None:
    assert ask(shop(), replicas=9) == "scaling Deployment/web from 3 to 9 Pods; it more than doubles it, from 3 to 9"


def test_what_was_scaled_to_zero_is_started_by_a_person() -> None:
    assert ask(shop(replicas=0), replicas=1).endswith("it starts again what somebody has scaled to zero")


def test_fewer_pods_are_refused_while_an_incident_is_open() -> None:
    assert refused(prepare("scale", shop(), by=-1)) == (
        "Deployment/web is not scaled down from 3 to 2 while an incident is open: what looks idle may be waiting; write"
        " allowScaleDown: true to let a person approve it"
    )


def test_fewer_pods_take_the_parameter_and_an_approval() -> None:
    assert ask(shop(), by=-1, allowScaleDown=True).endswith("it takes 1 Pod away while an incident is open")


def test_a_step_never_takes_the_last_pod() -> None:
    assert record_of(prepare("scale", shop(), by=-9, allowScaleDown=True))["to"] == 1


def test_images_that_may_have_changed_are_asked_about() -> None:
    world = shop()
    web(world)["spec"]["template"] = template("web:latest", imagePullPolicy="Always")
    assert "pulls web:latest again" in ask(world, by=1)
    assert ask(world, by=1, allowMutableTags=True) == ""


def test_a_volume_for_one_node_is_asked_about() -> None:
    claim = {
        "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"]},
    }  # fmt: skip
    world = shop(claim)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    web(world)["spec"]["template"]["spec"]["volumes"] = [volume]
    assert "volume claim data, which only one node can mount" in ask(world, by=1)


def test_pods_that_would_push_others_off_are_asked_about() -> None:
    world = shop()
    for number in range(3):
        world.objects["Pod", f"web-{number}"]["spec"]["priority"] = 1000
    low = pod("batch-1", of="h9", nodeName="n1", priority=0)
    low["metadata"]["labels"] = {"app": "batch"}
    world.objects["Pod", "batch-1"] = low
    assert "starts Pods of priority 1000, before which batch-1 must leave" in ask(world, by=1)
    assert ask(world, by=1, allowPreemption=True) == ""


# --- room


def test_a_quota_that_has_no_room_for_all_of_them_is_named() -> None:
    world = shop(quota({"pods": "4"}, {"pods": "3"}))
    assert refused(prepare("scale", world, by=3)) == (
        "Deployment/web has no room for 3 more Pods: quota few allows pods=4, of which 3 is used: there is room for 1 of"
        " 3 more Pods"
    )


def test_a_quota_with_room_is_no_hindrance() -> None:
    assert isinstance(prepare("scale", shop(quota({"pods": "6"}, {"pods": "3"})), by=3), Intent)


def test_what_admission_refuses_is_told_in_its_words() -> None:
    world = shop(quota({"services": "4"}, {"services": "1"}))
    world.dry_run_refusal = 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'
    assert "violates PodSecurity" in refused(prepare("scale", world, by=1))


def test_a_quota_counts_what_the_containers_ask_for() -> None:
    world = shop(quota({"requests.cpu": "2"}, {"requests.cpu": "1500m"}))
    web(world)["spec"]["template"] = template(resources={"requests": {"cpu": "300m"}})
    assert "room for 1 of 2 more Pods" in refused(prepare("scale", world, by=2))


def test_without_the_right_to_list_quotas_it_scales_all_the_same() -> None:
    world = shop(quota({"pods": "3"}, {"pods": "3"}))
    world.denied_kinds = frozenset({"ResourceQuota"})
    assert isinstance(prepare("scale", world, by=1), Intent)


# --- following


def test_a_new_pod_that_does_not_come_up_fails_the_step_and_takes_it_back() -> None:
    world = shop()
    record = scaled(world, by=1)
    new = pod("web-9", ready=False, trouble="CrashLoopBackOff")
    new["metadata"]["creationTimestamp"] = ago(seconds=0)
    world.objects["Pod", "web-9"] = new
    failed = expect(Failed, observe("scale", world, record, by=1))
    assert failed.undo
    assert failed.message == "Deployment/web: new Pod web-9 does not come up: CrashLoopBackOff of container web"


def test_an_old_pod_that_crashes_is_what_the_incident_may_be_about() -> None:
    world = shop()
    record = scaled(world, by=1)
    old = pod("web-0", ready=False, trouble="CrashLoopBackOff")
    old["metadata"]["creationTimestamp"] = ago(hours=1)
    world.objects["Pod", "web-0"] = old
    assert isinstance(observe("scale", world, record, by=1), Working)


def test_pods_that_find_no_node_are_told_at_once() -> None:
    world = shop()
    record = scaled(world, by=1)
    new = pod("web-9", ready=False)
    why = "0/3 nodes are available: 3 Insufficient cpu."
    new["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
    ]
    world.objects["Pod", "web-9"] = new
    working = expect(Working, observe("scale", world, record, by=1))
    assert working.stuck and not working.progressing
    assert working.message == f"Deployment/web: 3 of 4 Pods available; web-9 cannot be placed on a node: {why}"


def test_pods_that_cannot_be_created_are_told_at_once() -> None:
    world = shop()
    record = scaled(world, by=1)
    web(world)["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: few"}
    ]
    assert "cannot be created: exceeded quota: few" in expect(Working, observe("scale", world, record, by=1)).message


def test_a_slow_start_is_not_taken_for_a_failure() -> None:
    world = shop()
    record = scaled(world, by=1)
    assert expect(Working, observe("scale", world, record, by=1)).progressing


def test_fewer_pods_are_waited_for() -> None:
    world = shop()
    record = scaled(world, by=-1, allowScaleDown=True)
    assert "3 left" in expect(Working, observe("scale", world, record, by=-1, allowScaleDown=True)).message
    available(world, 2)
    assert isinstance(observe("scale", world, record, by=-1, allowScaleDown=True), Finished)


# --- others write too


def test_a_number_that_somebody_raised_meanwhile_is_not_written_back() -> None:
    world = shop()
    record = scaled(world, by=1)
    set_by(world, "kubectl", 8)
    assert expect(Finished, observe("scale", world, record, by=1)).message == (
        "Deployment/web was set to 4, but kubectl has set it to 8 since, which is left alone"
    )


def test_a_number_that_somebody_lowered_meanwhile_fails_the_step_and_is_not_written_back() -> None:
    world = shop()
    record = scaled(world, by=3)
    set_by(world, "kubectl", 4)
    assert refused(observe("scale", world, record, by=3)).endswith("kubectl has set it to 4 since, which is left alone")


def test_a_number_that_changed_before_the_write_is_looked_at_anew() -> None:
    world = shop()
    record = record_of(prepare("scale", world, by=1))
    set_by(world, "kubectl", 5)
    failed = expect(Failed, observe("scale", world, record, by=1))
    assert failed.untouched
    assert failed.message == "Deployment/web was set to 5 by kubectl before it was scaled; nothing was changed"


def test_a_target_that_was_created_again_is_left_alone() -> None:
    world = shop()
    record = record_of(prepare("scale", world, by=1))
    web(world)["metadata"]["uid"] = "uid-other"
    assert "is gone since it was looked at" in refused(observe("scale", world, record, by=1))


# --- the way back


def test_undo_sets_the_number_before() -> None:
    world = shop()
    record = scaled(world, by=3)
    apply(world, only_effect(undo("scale", world, record, by=3), MergePatch))
    assert web(world)["spec"]["replicas"] == 3
    assert expect(Finished, undo("scale", world, record, by=3)).message == "Deployment/web is at 3 again"


def test_undo_leaves_a_number_that_somebody_set_since() -> None:
    world = shop()
    record = scaled(world, by=3)
    set_by(world, "alice", 10)
    assert expect(Finished, undo("scale", world, record, by=3)).message == (
        "Deployment/web is left at 10: alice has set it since"
    )


def test_undo_leaves_the_same_number_where_somebody_else_has_set_it() -> None:
    world = shop()
    record = scaled(world, by=3)
    set_by(world, "alice", 6)
    assert "is left at 6: alice has set it since" in expect(Finished, undo("scale", world, record, by=3)).message


def test_undo_puts_the_autoscalers_bounds_back() -> None:
    world = shop(hpa(most=4))
    record = scaled(world, replicas=6, raiseMaxReplicas=True)
    effect = only_effect(undo("scale", world, record, replicas=6, raiseMaxReplicas=True), MergePatch)
    assert effect.patch["spec"] == {"minReplicas": 3, "maxReplicas": 4}


def test_undo_of_what_is_gone_is_done() -> None:
    world = shop()
    record = scaled(world, by=3)
    del world.objects["Deployment", "web"]
    assert "is gone" in expect(Finished, undo("scale", world, record, by=3)).message


# --- nodes

POOL = {"nodes": {"pool": "workers", "by": 1, "max": 5}}
MIN, MAX = (f"cluster.x-k8s.io/cluster-api-autoscaler-node-group-{bound}-size" for bound in ("min", "max"))


def group(replicas: int = 3, kind: str = "MachineDeployment", **notes: str) -> Object:
    return {
        "apiVersion": "cluster.x-k8s.io/v1beta1", "kind": kind,
        "metadata": {
            "name": "workers", "namespace": NAMESPACE, "uid": "uid-workers", "resourceVersion": "7",
            "annotations": notes,
        },
        "spec": {"replicas": replicas}, "status": {"readyReplicas": replicas},
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["MachineDeployment", "MachinePool"])
def test_a_node_group_gets_more_nodes_and_is_followed_until_they_are_ready(kind: str) -> None:
    world = World.of(group(kind=kind))
    record = scaled(world, **POOL)
    assert world.objects[kind, "workers"]["spec"]["replicas"] == 4
    working = expect(Working, observe("scale", world, record, **POOL))
    assert (working.message, working.progressing) == (f"{kind}/workers: 3 of 4 nodes ready", True)
    world.objects[kind, "workers"]["status"]["readyReplicas"] = 4
    assert expect(Finished, observe("scale", world, record, **POOL)).message == f"{kind}/workers: 4 of 4 nodes ready"


def test_the_smaller_bound_of_the_clusters_autoscaler_is_raised_with_it() -> None:
    world = World.of(group(**{MIN: "1", MAX: "5"}))
    record = scaled(world, **POOL)
    assert world.objects["MachineDeployment", "workers"]["metadata"]["annotations"][MIN] == "4"
    apply(world, only_effect(undo("scale", world, record, **POOL), MergePatch))
    found = world.objects["MachineDeployment", "workers"]
    assert (found["spec"]["replicas"], found["metadata"]["annotations"][MIN]) == (3, "1")


def test_the_larger_bound_of_the_clusters_autoscaler_is_respected() -> None:
    message = refused(prepare("scale", World.of(group(**{MIN: "1", MAX: "3"})), **POOL))
    assert message.startswith("the cluster's autoscaler allows MachineDeployment/workers at most 3 nodes")


def test_a_node_group_at_its_cap_is_refused() -> None:
    assert "as many as this step may make it (max 5)" in refused(prepare("scale", World.of(group(5)), **POOL))


def test_a_paused_node_group_is_refused() -> None:
    world = World.of(group(**{"cluster.x-k8s.io/paused": ""}))
    assert "is paused" in refused(prepare("scale", world, **POOL))


def test_a_node_group_of_a_managed_topology_is_refused() -> None:
    found = group()
    found["metadata"]["labels"] = {"topology.cluster.x-k8s.io/owned": ""}
    assert "change spec.topology of its Cluster" in refused(prepare("scale", World.of(found), **POOL))


def test_without_cluster_api_a_person_adds_the_nodes() -> None:
    waiting = expect(Waiting, prepare("scale", World.of(), **POOL))
    assert waiting.person == "Done"
    assert waiting.message.startswith("add 1 node to node group workers, at most 5 in all")


def test_what_the_person_answers_ends_the_step() -> None:
    ctx = context(answers=(Answer("Done", "alice", "two of them"),))
    done = expect(Finished, prepare("scale", World.of(), ctx, **POOL))
    assert done.message == "the nodes of workers were added by alice: two of them"
    assert dict(done.outputs) == {"by": "alice", "note": "two of them"}


def test_nodes_are_added_whatever_the_target_is() -> None:
    assert ACTIONS["scale"].works_on(ScaleParameters.model_validate(POOL)) == ()
    assert isinstance(prepare("scale", World.of(group()), on_node(), **POOL), Intent)


def test_pods_are_scaled_of_deployments_and_statefulsets_alone() -> None:
    assert ACTIONS["scale"].works_on(ScaleParameters(by=1)) == ("Deployment", "StatefulSet")


# --- rights


def test_an_account_must_see_the_autoscaler_before_anything_is_changed() -> None:
    needed = ACTIONS["scale"].permissions(ScaleParameters(by=1), "Deployment")
    assert {Permission.to(verb, HPA) for verb in ("list", "get", "patch")} <= needed


def test_stateful_sets_are_scaled_too() -> None:
    ctx: Context = context("StatefulSet")
    assert record_of(prepare("scale", shop(kind="StatefulSet"), ctx, by=1))["wanted"] == {"replicas": 4}


def test_the_owner_that_counts_is_a_controller() -> None:
    world = shop()
    web(world)["metadata"]["ownerReferences"] = [owner("Foo", "x")[0] | {"controller": False}]
    assert isinstance(prepare("scale", world, by=1), Intent)
