"""rollback puts the Pod template of an earlier revision back, and nothing else."""

from typing import Any

import pytest

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Skipped, Working
from paramedic.actions.effects import Delete, JsonPatch
from paramedic.actions.workloads.rollback_writes import LEFT_ANNOTATION
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import (
    NAMESPACE,
    annotated,
    context,
    controller_revision,
    pod,
    replica_set,
    template,
    with_status,
    workload,
)
from unit.seen import World

V1, V2 = template("web:v1"), template("web:v2")


def broken(kind: str = "Deployment", image: str = "web:v2", **spec: Any) -> Object:
    """The workload web on its second revision, of which no Pod becomes available."""
    field = "numberAvailable" if kind == "DaemonSet" else "availableReplicas"
    return with_status(workload(kind, image, **spec), **{field: 0})


def shop(*more: Object, target: Object | None = None, **answers: Any) -> World:
    """web on v2, broken, with v1 before it."""
    return World.of(target or broken(), replica_set(1, V1), replica_set(2, V2), *more, **answers)


def settled(world: World) -> World:
    """The rollout that was begun is complete."""
    obj = world.objects["Deployment", "web"]
    world.objects["Deployment", "web"] = with_status(obj, availableReplicas=3)
    return world


def rolled_back(world: World, **params: Any) -> Any:
    """The record of a rollback whose write was made."""
    record = record_of(prepare("rollback", world, **params))
    apply(world, only_effect(observe("rollback", world, record, **params), JsonPatch))
    return record


# --- which revision


def test_the_revision_before_is_chosen() -> None:
    assert record_of(prepare("rollback", shop()))["to"]["revision"] == 1


def test_the_intent_names_both_revisions_and_the_image() -> None:
    assert expect(Intent, prepare("rollback", shop())).message == (
        "rolling Deployment/web back from revision 2 to 1 (web:v1): 3 Pods replaced, at most 0 down at a time"
    )


def test_revisions_that_are_only_restarts_are_skipped() -> None:
    restarts = [replica_set(number, template("web:v2", restarted=f"2026-11-2{number}")) for number in (3, 4)]
    target = broken()
    target["spec"]["template"] = restarts[-1]["spec"]["template"]
    assert record_of(prepare("rollback", shop(*restarts, target=target)))["to"]["revision"] == 1


def test_a_workload_with_one_revision_has_no_way_back() -> None:
    world = World.of(broken(), replica_set(2, V2))
    assert refused(prepare("rollback", world)) == "Deployment/web has no earlier revision to go back to"


def test_a_workload_that_was_only_restarted_has_no_way_back_either() -> None:
    world = World.of(broken(), replica_set(2, V2), replica_set(1, template("web:v2", restarted="2026-11-20")))
    assert "has no earlier revision" in refused(prepare("rollback", world))


def test_a_second_rollback_does_not_go_back_to_what_was_rolled_back_from() -> None:
    world = shop(replica_set(0, template("web:v0")))
    rolled_back(world)
    world.objects["Deployment", "web"] = with_status(world.objects["Deployment", "web"], availableReplicas=0)
    assert record_of(prepare("rollback", world))["to"]["revision"] == 0


def test_a_second_rollback_with_nowhere_else_to_go_is_refused() -> None:
    world = shop()
    rolled_back(world)
    assert "revision 2 was itself rolled back from; name it in toRevision if it is meant" in refused(
        prepare("rollback", world)
    )


def test_a_revision_that_was_rolled_back_from_can_be_asked_for_by_number() -> None:
    world = shop()
    rolled_back(world)
    assert record_of(prepare("rollback", world, toRevision=2))["to"]["revision"] == 2


def test_a_revision_that_is_not_kept_is_refused_with_those_that_are() -> None:
    assert refused(prepare("rollback", shop(), toRevision=7)) == "Deployment/web has no revision 7; it keeps 1, 2"


def test_the_revision_that_runs_already_is_skipped() -> None:
    skipped = expect(Skipped, prepare("rollback", shop(), toRevision=2))
    assert skipped.message == "nothing to roll back: Deployment/web runs the template of revision 2 already"


def test_revisions_of_another_workload_do_not_count() -> None:
    foreign = replica_set(1, V1)
    foreign["metadata"]["ownerReferences"][0]["uid"] = "uid-other"
    assert "has no earlier revision" in refused(prepare("rollback", World.of(broken(), replica_set(2, V2), foreign)))


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_keep_their_revisions_in_controller_revisions(kind: str) -> None:
    world = World.of(broken(kind), controller_revision(1, V1, kind), controller_revision(2, V2, kind))
    assert record_of(prepare("rollback", world, context(kind)))["to"] | {"essence": ""} == {
        "revision": 1,
        "name": "web-r1",
        "essence": "",
    }


# --- whether at all


def test_a_healthy_workload_is_left_alone() -> None:
    skipped = expect(Skipped, prepare("rollback", shop(target=workload())))
    assert skipped.message == "nothing to roll back: every Pod of Deployment/web is on revision 2 and available"


def test_a_healthy_workload_of_which_a_check_failed_is_rolled_back() -> None:
    expect(Intent, prepare("rollback", shop(target=workload()), context(failed_checks=("verify",))))


@pytest.mark.parametrize("params", [{"whenHealthy": "Proceed"}, {"toRevision": 1}])
def test_a_playbook_may_roll_a_healthy_workload_back(params: dict[str, Any]) -> None:
    expect(Intent, prepare("rollback", shop(target=workload()), **params))


@pytest.mark.parametrize(
    ("target", "reason"),
    [(broken(paused=True), "is paused"), (broken(replicas=0), "is scaled to zero")],
    ids=["paused", "scaled to zero"],
)
def test_a_rollback_that_would_roll_nothing_out_is_refused(target: Object, reason: str) -> None:
    assert reason in refused(prepare("rollback", shop(target=target)))


def test_a_rollback_that_takes_every_serving_pod_down_asks() -> None:
    target = with_status(workload(strategy={"type": "Recreate"}), availableReplicas=2)
    asking = expect(Intent, prepare("rollback", shop(target=target)))
    assert asking.ask == "rolling back Deployment/web takes 3 of 3 Pods down at once (strategy Recreate)"


def naming(**config_map: Any) -> Object:
    old = template("web:v1")
    old["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "web-v1"} | config_map}]
    return old


def test_a_config_map_that_the_old_template_needs_and_that_is_gone_is_named() -> None:
    world = World.of(broken(), replica_set(1, naming()), replica_set(2, V2))
    assert refused(prepare("rollback", world)) == (
        "revision 1 of Deployment/web needs ConfigMap/web-v1, which no longer exists; create it again or name another"
        " revision in toRevision"
    )


def test_a_config_map_that_is_optional_is_not_needed() -> None:
    world = World.of(broken(), replica_set(1, naming(optional=True)), replica_set(2, V2))
    expect(Intent, prepare("rollback", world))


def test_a_config_map_that_exists_lets_the_rollback_go_on() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-v1", "namespace": NAMESPACE}}
    expect(Intent, prepare("rollback", World.of(broken(), replica_set(1, naming()), replica_set(2, V2), config)))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"serviceAccountName": "old"}, "ServiceAccount/old"),
        ({"volumes": [{"persistentVolumeClaim": {"claimName": "old"}}]}, "PersistentVolumeClaim/old"),
        ({"volumes": [{"secret": {"secretName": "old"}}]}, "Secret/old"),
        ({"volumes": [{"projected": {"sources": [{"secret": {"name": "old"}}]}}]}, "Secret/old"),
        ({"initContainers": [{"envFrom": [{"configMapRef": {"name": "old"}}]}]}, "ConfigMap/old"),
        ({"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "old", "key": "k"}}}]}]}, "Secret/old"),
    ],
    ids=["account", "claim", "secret volume", "projected volume", "envFrom", "env"],
)
def test_whatever_a_pod_cannot_start_without_is_looked_for(spec: Object, name: str) -> None:
    old = template("web:v1")
    old["spec"] |= spec
    message = refused(prepare("rollback", World.of(broken(), replica_set(1, old), replica_set(2, V2))))
    assert f"needs {name}, which no longer exists" in message


def test_what_the_account_may_not_look_at_is_said() -> None:
    world = World.of(broken(), replica_set(1, naming()), replica_set(2, V2), denied_kinds=frozenset({"ConfigMap"}))
    message = expect(Intent, prepare("rollback", world)).message
    assert message.endswith("not checked, since responder may not read it: ConfigMap/web-v1")


def test_a_pod_that_would_not_be_admitted_is_refused_before_anything_is_changed() -> None:
    world = shop(dry_run_refusal='violates PodSecurity "restricted:latest"')
    assert refused(prepare("rollback", world)) == (
        'a Pod of revision 1 would not be admitted: violates PodSecurity "restricted:latest"'
    )


def test_an_account_that_may_not_create_pods_rolls_back_without_the_dry_run() -> None:
    expect(Intent, prepare("rollback", shop(dry_run_refusal="no", denied_kinds=frozenset({"Pod/create"}))))


# --- the one write


def test_the_write_replaces_the_template_alone() -> None:
    world = shop(target=broken(replicas=5, minReadySeconds=7))
    before = world.objects["Deployment", "web"]["spec"]
    rolled_back(world)
    assert world.objects["Deployment", "web"]["spec"] == before | {"template": V1}


def test_the_write_leaves_annotations_of_others_as_they_are() -> None:
    world = shop(target=annotated(broken(), **{"example.org/owner": "team-shop"}))
    rolled_back(world)
    annotations = world.objects["Deployment", "web"]["metadata"]["annotations"]
    ours = {"paramedic.dev/operation-id", LEFT_ANNOTATION}
    assert {key: value for key, value in annotations.items() if key not in ours} == {"example.org/owner": "team-shop"}


def test_the_write_carries_its_operation_id() -> None:
    world = shop()
    rolled_back(world)
    annotations = world.objects["Deployment", "web"]["metadata"]["annotations"]
    assert annotations["paramedic.dev/operation-id"] == context().operation_id


def test_the_write_is_bound_to_the_object_that_was_seen() -> None:
    world = shop()
    effect = only_effect(observe("rollback", world, record_of(prepare("rollback", world))), JsonPatch)
    assert (effect.ref.uid, effect.resource_version) == ("uid-web", "100")


def test_only_the_last_five_revisions_that_were_rolled_back_from_are_remembered() -> None:
    world = shop(target=annotated(broken(), **{LEFT_ANNOTATION: "a,b,c,d,e"}))
    rolled_back(world)
    left = world.objects["Deployment", "web"]["metadata"]["annotations"][LEFT_ANNOTATION].split(",")
    assert left[:4] == ["b", "c", "d", "e"]
    assert len(left) == 5


def test_a_template_that_changed_before_the_write_is_left_alone() -> None:
    world = shop()
    record = record_of(prepare("rollback", world))
    world.objects["Deployment", "web"] = broken(image="web:v3")
    failed = expect(Failed, observe("rollback", world, record))
    assert failed.message.endswith("got another Pod template before it was rolled back; nothing was changed")


def test_a_revision_that_was_deleted_before_the_write_fails() -> None:
    world = shop()
    record = record_of(prepare("rollback", world))
    del world.objects["ReplicaSet", "web-h1"]
    assert refused(observe("rollback", world, record)) == "revision 1 of Deployment/web was deleted meanwhile"


# --- following it


def test_a_rollback_that_was_written_is_not_written_again() -> None:
    world = shop()
    expect(Working, observe("rollback", world, rolled_back(world)))


def test_a_finished_rollback_says_what_runs_now() -> None:
    world = shop()
    record = rolled_back(world)
    finished = expect(Finished, observe("rollback", settled(world), record))
    assert dict(finished.outputs) == {"fromRevision": 2, "toRevision": 1, "newRevision": 1, "images": ["web:v1"]}


def test_a_first_pod_that_does_not_come_up_fails_the_step_and_asks_for_the_way_back() -> None:
    world = shop()
    record = rolled_back(world)
    world.objects["Deployment", "web"] = with_status(world.objects["Deployment", "web"], updatedReplicas=1)
    again, gone = replica_set(3, V1), pod("web-again", of="h3", trouble="ImagePullBackOff")
    world.objects |= {("ReplicaSet", "web-h3"): again, ("Pod", "web-again"): gone}
    failed = expect(Failed, observe("rollback", world, record))
    assert failed.undo
    assert "new Pod web-again does not come up: ImagePullBackOff of container web" in failed.message


def test_a_rollback_that_somebody_reverts_has_not_succeeded() -> None:
    world = shop()
    record = rolled_back(world)
    live = world.objects["Deployment", "web"]
    live["spec"]["template"] = V2
    live["metadata"]["managedFields"] = [
        {"manager": "argocd", "time": "2026-11-24T03:00:01Z", "fieldsV1": {"f:spec": {"f:template": {}}}}
    ]
    message = refused(observe("rollback", settled(world), record))
    assert "argocd put the template of revision 2 of Deployment/web back" in message


# --- the way back


def test_undo_puts_the_template_before_back() -> None:
    world = shop()
    record = rolled_back(world)
    apply(world, only_effect(undo("rollback", world, record), JsonPatch))
    assert world.objects["Deployment", "web"]["spec"]["template"] == V2


def test_undo_forgets_that_the_revision_was_rolled_back_from() -> None:
    world = shop()
    record = rolled_back(world)
    apply(world, only_effect(undo("rollback", world, record), JsonPatch))
    assert LEFT_ANNOTATION not in world.objects["Deployment", "web"]["metadata"]["annotations"]


def test_undo_is_done_once() -> None:
    world = shop()
    record = rolled_back(world)
    apply(world, only_effect(undo("rollback", world, record), JsonPatch))
    assert expect(Finished, undo("rollback", world, record)).message == (
        "put the template of revision 2 of Deployment/web back"
    )


def test_undo_leaves_a_template_that_someone_changed_since() -> None:
    world = shop()
    record = rolled_back(world)
    world.objects["Deployment", "web"]["spec"]["template"] = template("web:v3")
    finished = expect(Finished, undo("rollback", world, record))
    assert finished.message == "left as it is: the template of Deployment/web was written by others since the rollback"


def test_undo_of_a_write_that_never_happened_changes_nothing() -> None:
    world = shop()
    expect(Finished, undo("rollback", world, record_of(prepare("rollback", world))))


def test_undo_fails_when_the_revision_before_is_gone() -> None:
    world = shop()
    record = rolled_back(world)
    del world.objects["ReplicaSet", "web-h2"]
    assert "revision 2 of Deployment/web is gone" in expect(Failed, undo("rollback", world, record)).message


def test_undo_of_a_vanished_workload_has_nothing_to_do() -> None:
    world = shop()
    record = rolled_back(world)
    del world.objects["Deployment", "web"]
    assert expect(Finished, undo("rollback", world, record)).message.startswith("nothing to undo")


# --- a StatefulSet that waits for its broken Pod


def stuck_set() -> tuple[World, Any]:
    """A StatefulSet whose template is back at v1, and whose broken Pod of v2 is waited for."""
    world = World.of(broken("StatefulSet"), controller_revision(1, V1), controller_revision(2, V2))
    ctx = context("StatefulSet")
    record = record_of(prepare("rollback", world, ctx))
    apply(world, only_effect(observe("rollback", world, record, ctx), JsonPatch))
    live = world.objects["StatefulSet", "web"]
    world.objects["StatefulSet", "web"] = with_status(live, updateRevision="web-r1", updatedReplicas=0, replicas=3)
    blocking = pod("web-2", of="StatefulSet", ready=False, trouble="CrashLoopBackOff")
    blocking["metadata"]["labels"]["controller-revision-hash"] = "web-r2"
    world.objects["Pod", "web-2"] = blocking
    return world, record


def test_the_pod_that_a_stateful_set_waits_for_is_named_with_the_command_that_deletes_it() -> None:
    world, record = stuck_set()
    working = expect(Working, observe("rollback", world, record, context("StatefulSet")))
    assert working.message == (
        "StatefulSet/web waits for its broken Pod/web-2 (CrashLoopBackOff of container web); delete it:"
        " kubectl delete pod/web-2 -n shop"
    )


def test_the_pod_that_a_stateful_set_waits_for_is_deleted_by_uid_where_the_playbook_says_so() -> None:
    world, record = stuck_set()
    verdict = observe("rollback", world, record, context("StatefulSet"), deleteBlockingPod=True)
    assert only_effect(verdict, Delete).ref.uid == "uid-web-2"


@pytest.mark.parametrize("change", ["healthy", "leaving", "new revision"])
def test_no_other_pod_is_deleted(change: str) -> None:
    world, record = stuck_set()
    found = world.objects["Pod", "web-2"]
    if change == "healthy":
        found["status"] = pod("web-2")["status"]
    elif change == "leaving":
        found["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    else:
        found["metadata"]["labels"]["controller-revision-hash"] = "web-r1"
        found["status"]["containerStatuses"][0]["state"] = {}
    expect(Working, observe("rollback", world, record, context("StatefulSet"), deleteBlockingPod=True))


def test_undo_leaves_a_rollback_to_the_same_revision_that_a_person_made_since() -> None:
    """`kubectl rollout undo` brings the annotations of the old ReplicaSet along, ours among them."""
    world = shop()
    record = rolled_back(world)
    fields = {"f:spec": {"f:template": {}}}
    world.objects["Deployment", "web"]["metadata"]["managedFields"] = [
        {"manager": "paramedic", "time": "2026-11-24T03:00:00Z", "fieldsV1": fields},
        {"manager": "kubectl-rollout", "time": "2026-11-24T03:20:00Z", "fieldsV1": fields},
    ]
    assert "written by others" in expect(Finished, undo("rollback", world, record)).message


def test_a_second_attempt_follows_the_rollback_that_the_first_has_made() -> None:
    world = shop()
    record = rolled_back(world)
    second = context(attempt=2, operation_id="another", earlier=(context().operation_id,))
    assert not isinstance(observe("rollback", world, record, second), Pending)
