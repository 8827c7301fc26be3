"""rollingRestart replaces every Pod, a few at a time, and refuses where a restart harms or cannot help."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paramedic.actions.contract import Failed, Finished, Intent, Skipped, Waiting, Working
from paramedic.actions.effects import MergePatch
from paramedic.model.names import RESTARTED_ANNOTATION
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import (
    NAMESPACE,
    NOW,
    ago,
    annotated,
    context,
    pod,
    progressing,
    replica_set,
    template,
    with_status,
    workload,
)
from unit.seen import World

OPERATION = context().operation_id
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods", "namespace": NAMESPACE}}


def restart(*objects: Object, **params: Any) -> object:
    return prepare("rollingRestart", World.of(*objects), **params)


def rolling_out(**status: Any) -> Object:
    """A Deployment of which a rollout is under way that alice began 40 s ago."""
    busy = with_status(
        workload(), updatedReplicas=1, availableReplicas=2, conditions=progressing("ReplicaSetUpdated"), **status
    )
    template_field = {"f:spec": {"f:template": {"f:spec": {}}}}
    busy["metadata"]["managedFields"] = [
        {"manager": "helm", "time": ago(days=3), "fieldsV1": template_field},
        {"manager": "alice", "time": ago(seconds=40), "fieldsV1": template_field},
        {"manager": "kube-controller-manager", "time": ago(seconds=1), "fieldsV1": {"f:status": {}}},
    ]
    return busy


# --- the intent, and the one write


def test_the_intent_says_how_many_pods_are_replaced_and_how_many_are_down_at_a_time() -> None:
    intent = expect(Intent, restart(workload()))
    assert intent.message == "restarting Deployment/web: 3 Pods replaced, at most 0 down at a time"


def test_the_intent_warns_when_the_step_gives_up_before_the_workload_does() -> None:
    hasty = context(deadline=NOW + timedelta(seconds=30))
    intent = expect(Intent, prepare("rollingRestart", World.of(workload()), hasty))
    assert "shorter than the workload's progress deadline of 600 s" in intent.message


def test_the_write_is_kubectls_restart_annotation_and_the_operation_id_and_nothing_else() -> None:
    world = World.of(workload())
    effect = only_effect(observe("rollingRestart", world, record_of(restart(workload()))), MergePatch)
    assert effect.patch == {
        "metadata": {"annotations": {"paramedic.dev/operation-id": OPERATION}},
        "spec": {
            "template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00Z"}}}
        },
    }


def test_the_write_is_bound_to_the_object_that_was_seen() -> None:
    world = World.of(workload())
    effect = only_effect(observe("rollingRestart", world, record_of(restart(workload()))), MergePatch)
    assert (effect.ref.uid, effect.resource_version) == ("uid-web", "100")


def test_after_a_crash_the_restart_is_the_one_that_was_written_down() -> None:
    record = record_of(restart(workload()))
    later = context(now=NOW + timedelta(minutes=3))
    effect = only_effect(observe("rollingRestart", World.of(workload()), record, later), MergePatch)
    annotations = effect.patch["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00Z"}


def test_a_restart_that_was_written_is_not_written_again() -> None:
    world = World.of(workload())
    record = record_of(restart(workload()))
    apply(world, only_effect(observe("rollingRestart", world, record), MergePatch))
    expect(Finished, observe("rollingRestart", world, record))


def test_a_restart_is_done_when_every_pod_is_updated_and_available() -> None:
    done = annotated(workload(), **{"paramedic.dev/operation-id": OPERATION})
    finished = expect(Finished, observe("rollingRestart", World.of(done), record_of(restart(workload()))))
    assert finished.message == "Deployment/web: all 3 Pods updated and available"


def test_a_restart_goes_on_while_old_pods_are_left() -> None:
    busy = with_status(annotated(workload(), **{"paramedic.dev/operation-id": OPERATION}), updatedReplicas=1)
    working = expect(Working, observe("rollingRestart", World.of(busy), record_of(restart(workload()))))
    assert working.progressing


def test_a_restart_fails_as_soon_as_a_new_pod_does_not_come_up() -> None:
    busy = with_status(annotated(workload(), **{"paramedic.dev/operation-id": OPERATION}), updatedReplicas=1)
    world = World.of(busy, replica_set(2, template()), pod("web-new", of="h2", trouble="ImagePullBackOff"))
    failed = expect(Failed, observe("rollingRestart", world, record_of(restart(workload()))))
    assert "new Pod web-new does not come up: ImagePullBackOff of container web" in failed.message


def test_trouble_of_an_old_pod_does_not_fail_the_restart() -> None:
    busy = with_status(annotated(workload(), **{"paramedic.dev/operation-id": OPERATION}), updatedReplicas=1)
    old = pod("web-old", of="h1", trouble="CrashLoopBackOff")
    world = World.of(busy, replica_set(1, template()), replica_set(2, template()), old)
    expect(Working, observe("rollingRestart", world, record_of(restart(workload()))))


def test_a_restart_that_somebody_pauses_fails_with_the_command_to_resume() -> None:
    paused = with_status(
        annotated(workload(paused=True), **{"paramedic.dev/operation-id": OPERATION}), updatedReplicas=1
    )
    message = refused(observe("rollingRestart", World.of(paused), record_of(restart(workload()))))
    assert "kubectl rollout resume deployment/web -n shop" in message


def test_a_template_that_changed_before_the_write_is_not_restarted() -> None:
    record = record_of(restart(workload()))
    failed = expect(Failed, observe("rollingRestart", World.of(workload(image="web:v3")), record))
    assert failed.message == "Deployment/web got another Pod template before it was restarted; nothing was restarted"


# --- refusals


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            workload(paused=True),
            "is paused, so a new template would not roll out; resume it with: kubectl rollout resume",
        ),
        (workload(replicas=0), "is scaled to zero: there is no Pod to replace; scale it up first"),
        (workload("StatefulSet", updateStrategy={"type": "OnDelete"}), "has the update strategy OnDelete"),
        (
            workload("StatefulSet", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
            "is partitioned at 2: Pods below that number would keep the old template",
        ),
    ],
    ids=["paused", "scaled to zero", "OnDelete", "partitioned"],
)
def test_a_restart_that_would_not_replace_every_pod_is_refused(target: Object, reason: str) -> None:
    assert reason in refused(prepare("rollingRestart", World.of(target), context(target["kind"])))


def test_a_target_that_vanished_is_refused() -> None:
    assert "Deployment/web is gone from namespace shop" in refused(restart())


def test_a_target_that_was_created_again_is_not_the_one_that_was_planned_for() -> None:
    other = workload()
    other["metadata"]["uid"] = "uid-other"
    assert "was deleted and created again since this incident began" in refused(restart(other))


def test_a_target_that_vanishes_between_the_intent_and_the_write_is_not_written() -> None:
    message = refused(observe("rollingRestart", World.of(), record_of(restart(workload()))))
    assert "Deployment/web is gone" in message


def test_a_third_restart_is_refused_when_two_did_not_help() -> None:
    twice = context(fruitless_restarts=2)
    message = refused(prepare("rollingRestart", World.of(workload()), twice))
    assert "was restarted 2 times within the last hour and did not recover" in message


def test_a_second_restart_is_allowed() -> None:
    expect(Intent, prepare("rollingRestart", World.of(workload()), context(fruitless_restarts=1)))


# --- rollouts of others


def test_a_rollout_of_somebody_else_is_waited_for() -> None:
    waiting = expect(Waiting, restart(rolling_out()))
    assert waiting.message.startswith("a rollout by alice began 40s ago and is not done")


def test_waiting_for_a_rollout_needs_no_person() -> None:
    assert expect(Waiting, restart(rolling_out())).person == ""


@pytest.mark.parametrize("reason", ["ReplicaSetUpdated", "ProgressDeadlineExceeded"])
def test_a_rollout_of_somebody_else_that_fails_is_not_restarted(reason: str) -> None:
    busy = with_status(rolling_out(), conditions=progressing(reason))
    broken = pod("web-new", of="h2", trouble="CrashLoopBackOff", ready=False)
    message = refused(restart(busy, replica_set(2, template()), broken))
    assert "fails (CrashLoopBackOff of container web); a restart would not mend it, a rollback might" in message


def test_a_rollout_that_is_stuck_for_no_visible_reason_is_restarted() -> None:
    expect(Intent, restart(with_status(rolling_out(), conditions=progressing("ProgressDeadlineExceeded"))))


def test_pods_that_fail_long_after_a_finished_rollout_are_restarted() -> None:
    hurt = with_status(workload(), availableReplicas=1)
    broken = pod("web-1", of="h2", trouble="CrashLoopBackOff", ready=False)
    expect(Intent, restart(hurt, replica_set(2, template()), broken))


def replaced(by: str, created: str, ready: str) -> World:
    """web, complete, after a rollout that somebody began 40 s ago; its Pods are that old and ready since then."""
    done = workload()
    fields = {"f:spec": {"f:template": {}}}
    done["metadata"]["managedFields"] = [{"manager": by, "time": ago(seconds=40), "fieldsV1": fields}]
    pods = [pod(f"web-{at}", of="h2") for at in range(3)]
    for item in pods:
        item["metadata"]["creationTimestamp"] = created
        item["status"]["conditions"][0]["lastTransitionTime"] = ready
    return World.of(done, replica_set(2, template()), *pods)


def test_pods_that_somebodys_rollout_has_replaced_while_the_step_waited_are_not_replaced_again() -> None:
    world = replaced("alice", created=ago(seconds=38), ready=ago(seconds=5))
    skipped = expect(Skipped, prepare("rollingRestart", world, context(started_at=NOW - timedelta(seconds=30))))
    assert skipped.message == (
        "a rollout by alice has replaced every Pod of Deployment/web meanwhile; a restart would do it again"
    )


@pytest.mark.parametrize(
    ("created", "ready"),
    [(ago(seconds=38), ago(seconds=31)), (ago(hours=2), ago(seconds=5))],
    ids=["it ended before the step began", "older Pods serve"],
)
def test_pods_that_nobody_has_replaced_since_the_step_began_are_restarted(created: str, ready: str) -> None:
    world = replaced("alice", created, ready)
    expect(Intent, prepare("rollingRestart", world, context(started_at=NOW - timedelta(seconds=30))))


# --- questions to a person


def test_a_recreate_workload_asks_before_it_takes_every_pod_down() -> None:
    asking = expect(Intent, restart(workload(strategy={"type": "Recreate"})))
    assert asking.ask == "restarting Deployment/web takes 3 of 3 Pods down at once (strategy Recreate)"


def test_a_recreate_workload_of_which_nothing_serves_is_restarted_at_once() -> None:
    down = with_status(workload(strategy={"type": "Recreate"}), availableReplicas=0)
    assert not expect(Intent, restart(down)).ask


def test_a_strategy_that_takes_every_pod_down_asks_too() -> None:
    all_at_once = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    asking = expect(Intent, restart(workload(strategy=all_at_once)))
    assert "takes 3 of 3 Pods down at once (by its maxUnavailable)" in asking.ask


def test_the_same_restart_is_the_same_change_at_any_time() -> None:
    later = context(now=NOW + timedelta(minutes=5))
    first, second = (prepare("rollingRestart", World.of(workload()), ctx) for ctx in (context(), later))
    assert expect(Intent, first).identity == expect(Intent, second).identity


def test_a_restart_of_another_template_is_another_change() -> None:
    first, second = restart(workload()), restart(with_container(image="web:v9"))
    assert expect(Intent, first).identity != expect(Intent, second).identity


def with_container(**fields: Any) -> Object:
    obj = workload()
    obj["spec"]["template"] = template(**fields)
    return obj


@pytest.mark.parametrize("image", ["web:latest", "web", "registry:5000/shop/web"])
def test_an_image_that_may_have_changed_asks(image: str) -> None:
    asking = expect(Intent, restart(with_container(image=image, imagePullPolicy="Always")))
    assert f"pulls {image} again, which may be other code by now" in asking.ask


@pytest.mark.parametrize(
    ("image", "policy"),
    [("web:v1", "Always"), ("web:latest", "IfNotPresent"), ("web@sha256:abc", "Always"), ("reg:5000/web:v1", "Always")],
)
def test_an_image_that_stays_the_same_does_not_ask(image: str, policy: str) -> None:
    assert not expect(Intent, restart(with_container(image=image, imagePullPolicy=policy))).ask


def test_a_playbook_may_allow_images_that_change() -> None:
    obj = with_container(image="web:latest", imagePullPolicy="Always")
    assert not expect(Intent, restart(obj, allowMutableTags=True)).ask


def with_claim(mode: str) -> tuple[Object, Object]:
    obj = workload()
    obj["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": NAMESPACE},
        "spec": {"accessModes": [mode]},
    }
    return obj, claim


def test_a_volume_that_one_node_can_mount_asks_where_a_second_pod_would_start() -> None:
    asking = expect(Intent, restart(*with_claim("ReadWriteOnce")))
    assert "starts a second Pod on volume claim data, which only one node can mount" in asking.ask


def test_a_volume_that_many_nodes_can_mount_does_not_ask() -> None:
    assert not expect(Intent, restart(*with_claim("ReadWriteMany"))).ask


def test_every_reason_to_ask_is_named_at_once() -> None:
    obj = with_container(image="web:latest", imagePullPolicy="Always")
    obj["spec"]["strategy"] = {"type": "Recreate"}
    asking = expect(Intent, restart(obj))
    assert asking.ask == (
        "restarting Deployment/web takes 3 of 3 Pods down at once (strategy Recreate);"
        " it pulls web:latest again, which may be other code by now"
    )


# --- room for the surge


def test_a_quota_without_room_for_a_new_pod_refuses_the_restart() -> None:
    world = World.of(workload(), QUOTA, dry_run_refusal="exceeded quota: pods, requested: pods=1, used: pods=3")
    message = refused(prepare("rollingRestart", world))
    assert message == "Deployment/web has no room for a new Pod: exceeded quota: pods, requested: pods=1, used: pods=3"


def test_a_quota_with_room_does_not() -> None:
    expect(Intent, restart(workload(), QUOTA))


def test_a_quota_does_not_matter_where_an_old_pod_goes_first() -> None:
    one_by_one = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    world = World.of(workload(strategy=one_by_one), QUOTA, dry_run_refusal="exceeded quota: pods")
    expect(Intent, prepare("rollingRestart", world))


def test_an_account_that_may_not_see_quotas_restarts_all_the_same() -> None:
    world = World.of(workload(), QUOTA, denied_kinds=frozenset({"ResourceQuota"}), dry_run_refusal="exceeded quota")
    expect(Intent, prepare("rollingRestart", world))


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_are_restarted_alike(kind: str) -> None:
    expect(Intent, prepare("rollingRestart", World.of(workload(kind)), replace(context(kind), now=NOW)))


# --- the way back


def half_restarted(before: str = "") -> tuple[World, Any]:
    """web, of which a restart has replaced one Pod, and its record."""
    obj = workload()
    obj["spec"]["template"] = template("web:v2", restarted=before)
    world = World.of(obj)
    record = record_of(prepare("rollingRestart", world))
    apply(world, only_effect(observe("rollingRestart", world, record), MergePatch))
    world.objects["Deployment", "web"] = with_status(world.objects["Deployment", "web"], updatedReplicas=1)
    return world, record


@pytest.mark.parametrize("before", ["", "2026-11-20T10:00:00Z"], ids=["the first restart", "a later one"])
def test_undo_puts_the_template_of_the_pods_that_serve_back(before: str) -> None:
    world, record = half_restarted(before)
    apply(world, only_effect(undo("rollingRestart", world, record), MergePatch))
    found = world.objects["Deployment", "web"]["spec"]["template"]
    assert (found["metadata"].get("annotations") or {}) == ({RESTARTED_ANNOTATION: before} if before else {})
    assert found["spec"] == template("web:v2")["spec"]


def test_undo_is_done_once() -> None:
    world, record = half_restarted()
    apply(world, only_effect(undo("rollingRestart", world, record), MergePatch))
    assert expect(Finished, undo("rollingRestart", world, record)).message == (
        "the restart of Deployment/web is taken back: its Pods keep the template that they had"
    )


def test_undo_of_a_complete_restart_replaces_no_pod_again() -> None:
    world, record = half_restarted()
    world.objects["Deployment", "web"] = with_status(world.objects["Deployment", "web"], updatedReplicas=3)
    assert "is complete" in expect(Finished, undo("rollingRestart", world, record)).message


def test_undo_of_a_restart_that_was_never_written_changes_nothing() -> None:
    world = World.of(workload())
    record = record_of(prepare("rollingRestart", world))
    assert expect(Finished, undo("rollingRestart", world, record)).message == (
        "nothing to undo: Deployment/web was not restarted"
    )


@pytest.mark.parametrize(
    "theirs", [template("web:v3"), template("web:v2", restarted="2026-11-24T03:05:00Z")], ids=["image", "restart"]
)
def test_undo_leaves_what_others_wrote_since(theirs: Object) -> None:
    world, record = half_restarted()
    world.objects["Deployment", "web"]["spec"]["template"] = theirs
    assert "written by others since" in expect(Finished, undo("rollingRestart", world, record)).message


def test_undo_of_a_vanished_workload_has_nothing_to_do() -> None:
    world, record = half_restarted()
    del world.objects["Deployment", "web"]
    assert expect(Finished, undo("rollingRestart", world, record)).message.startswith("nothing to undo")
