"""runJob runs a Job once, within bounds, and keeps what it said."""

import base64
import copy
import gzip
import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Waiting, Working
from paramedic.actions.effects import Create, Delete
from paramedic.actions.run_job import RunJobParameters
from paramedic.model.names import OPERATION_ANNOTATION, operation_id
from paramedic.model.objects import Object
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import INCIDENT_UID, NAMESPACE, context
from unit.seen import World

OPERATION = context().operation_id
JOB = "checkout-down-mend-" + OPERATION[:8]
CONTAINER = {"name": "restore", "image": "tools:v1", "env": [{"name": "DAY", "value": "monday"}]}
SPEC: Object = {"template": {"spec": {"containers": [CONTAINER]}}}
FROM_CRON_JOB = {"cronJob": "backup"}


def cron_job(**spec: Any) -> Object:
    job_spec = {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [CONTAINER]}}, "backoffLimit": 6}
    return {
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "backup", "namespace": NAMESPACE, "uid": "uid-cron"},
        "spec": {"jobTemplate": {"metadata": {"labels": {"app": "backup"}}, "spec": job_spec}} | spec,
    }  # fmt: skip


def begun(world: World, **params: Any) -> Any:
    """The record of a step whose Job is there."""
    record = record_of(prepare("runJob", world, **params))
    create(world, only_effect(observe("runJob", world, record, **params), Create))
    return record


def create(world: World, effect: Create) -> None:
    apply(world, effect)
    stored = world.objects[effect.ref.kind, effect.ref.name]
    stored["metadata"] |= {"uid": f"uid-{effect.ref.name}", "resourceVersion": "1"}


def seen_running(world: World, record: Any, **params: Any) -> Any:
    return expect(Intent, observe("runJob", world, record, **params)).record


def ended(world: World, kind: str, reason: str = "", *, pods: int = 1, code: int = 0, log: str = "") -> None:
    """The Job and its Pods are over."""
    status: Object = {"conditions": [{"type": kind, "status": "True", "reason": reason}]}
    status |= {"failed": pods} if code else {"succeeded": pods}
    status |= {"startTime": "2026-11-24T03:00:00Z", "completionTime": "2026-11-24T03:00:12Z"}
    world.objects["Job", JOB]["status"] = status
    for number in range(pods):
        add_pod(world, f"{JOB}-{number}", {"terminated": {"exitCode": code}}, "Failed" if code else "Succeeded")
        world.logs[f"{JOB}-{number}", "restore", False] = f"2026-11-24T03:00:0{number}.5Z {log}{number}\n".encode()


def add_pod(world: World, name: str, state: Object, phase: str = "Pending", **status: Any) -> None:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": JOB, "uid": f"uid-{JOB}", "controller": True}
    world.objects["Pod", name] = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "ownerReferences": [owner],
            "labels": {"batch.kubernetes.io/job-name": JOB}, "creationTimestamp": f"2026-11-24T03:00:0{name[-1]}Z",
        },
        "spec": {"containers": [CONTAINER]},
        "status": {"phase": phase, "containerStatuses": [{"name": "restore", "state": state}]} | status,
    }  # fmt: skip


def outcome(world: World, record: Any, **params: Any) -> Any:
    """The verdict, once the logs are kept."""
    kept = expect(Intent, observe("runJob", world, record, **params)).record
    pending = observe("runJob", world, kept, **params)
    create(world, only_effect(pending, Create))
    return pending.done


# --- what is run


def test_the_job_of_a_cron_job_is_run_within_bounds() -> None:
    world = World.of(cron_job())
    begun(world, **FROM_CRON_JOB, deadline="15m")
    job = world.objects["Job", JOB]
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (2, 900, 86_400)
    assert (spec["parallelism"], spec["template"]["spec"]["restartPolicy"]) == (1, "Never")
    assert spec["template"]["spec"]["containers"] == [CONTAINER]


def test_the_job_and_its_pods_say_which_step_made_them() -> None:
    world = World.of(cron_job())
    begun(world, **FROM_CRON_JOB)
    meta = world.objects["Job", JOB]["metadata"]
    ours = {
        "app.kubernetes.io/managed-by": "paramedic", "paramedic.dev/incident": "checkout-down", "paramedic.dev/step": "mend",
    }  # fmt: skip
    assert meta["labels"] == {"app": "backup"} | ours
    assert meta["annotations"] == {OPERATION_ANNOTATION: OPERATION}
    assert world.objects["Job", JOB]["spec"]["template"]["metadata"]["labels"] == ours


def test_the_job_has_no_owner_so_that_nothing_stops_half_way_when_the_incident_is_deleted() -> None:
    world = World.of(cron_job())
    begun(world, **FROM_CRON_JOB)
    assert "ownerReferences" not in world.objects["Job", JOB]["metadata"]


def test_a_job_is_run_from_a_template() -> None:
    intent = expect(Intent, prepare("runJob", World.of(), template=SPEC))
    assert intent.message == (
        f"running Job/{JOB} of the playbook's template, for 10m at most; up to 3 Pods may fail; its logs are kept"
    )


@pytest.mark.parametrize(("parallelism", "backoff"), [(1, 2), (2, 1), (3, 0)])
def test_at_most_three_pods_can_fail_however_many_run_at_once(parallelism: int, backoff: int) -> None:
    world = World.of()
    begun(world, template=SPEC | {"parallelism": parallelism})
    assert world.objects["Job", JOB]["spec"]["backoffLimit"] == backoff


def test_an_approval_is_for_the_same_job_whichever_attempt_asked() -> None:
    second = context(operation_id=operation_id(INCIDENT_UID, "mend", 2), attempt=2)
    first = expect(Intent, prepare("runJob", World.of(), template=SPEC))
    assert first.identity == expect(Intent, prepare("runJob", World.of(), second, template=SPEC)).identity
    other = copy.deepcopy(SPEC)
    other["template"]["spec"]["containers"][0]["image"] = "tools:v2"
    assert first.identity != expect(Intent, prepare("runJob", World.of(), template=other)).identity


# --- what is refused


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "write either cronJob or template"),
        ({"cronJob": "a", "template": SPEC}, "write either cronJob or template"),
        ({"cronJob": "a", "deadline": "7h"}, "7h is not between 1s and 6h"),
        ({"template": SPEC | {"backoffLimit": 9}}, "backoffLimit cannot be set; what can: template, parallelism"),
        ({"template": SPEC | {"parallelism": 4}}, "parallelism: 4 is not between 1 and 3"),
        ({"template": SPEC | {"completions": 0}}, "completions: 0 is not between 1 and 10"),
        ({"template": {"template": {"spec": {}}}}, "template.spec.containers: there is none"),
        ({"template": {"template": {"spec": {"containers": [{"name": "x" * 10_000}]}}}}, "keep scripts in a ConfigMap"),
    ],
)
def test_parameters_that_make_no_bounded_job_are_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        RunJobParameters.model_validate(params)


@pytest.mark.parametrize("field", ["command", "args"])
def test_templates_are_not_filled_into_commands(field: str) -> None:
    container = {"name": "restore", "image": "x", field: ["sh", "-c", "echo ${incident.alert.labels.pod}"]}
    with pytest.raises(ValidationError, match=rf"\[restore\].{field}: it holds \$\{{...\}}; give the value in env"):
        RunJobParameters.model_validate({"template": {"template": {"spec": {"containers": [container]}}}})


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"backoffLimitPerIndex": 5}, "backoffLimitPerIndex: it takes away the bounds"),
        ({"managedBy": "example.com/queue"}, "managedBy: it takes away the bounds"),
        ({"podFailurePolicy": {"rules": [{"action": "Ignore"}]}}, "action Ignore lets any number of Pods fail"),
        ({"parallelism": 50}, "parallelism: 50 is not between 1 and 3"),
    ],
)
def test_a_cron_job_whose_job_cannot_be_bounded_is_refused(spec: Object, told: str) -> None:
    found = cron_job()
    found["spec"]["jobTemplate"]["spec"] |= spec
    message = refused(prepare("runJob", World.of(found), **FROM_CRON_JOB))
    assert message.startswith("no bounded Job can be made of CronJob/backup: ") and told in message


def test_a_cron_job_that_is_not_there_is_refused() -> None:
    assert refused(prepare("runJob", World.of(), **FROM_CRON_JOB)) == (
        "there is no CronJob backup in namespace shop; write the name of one that is there"
    )


def test_what_the_api_server_would_not_take_is_refused() -> None:
    world = World.of(dry_run_refusal="spec.template.spec.containers[0].image: Required value")
    assert refused(prepare("runJob", world, template=SPEC)) == (
        "no Job can be made of the playbook's template: spec.template.spec.containers[0].image: Required value"
    )


def test_a_pod_that_would_not_be_admitted_is_refused() -> None:
    world = World.of(denied_kinds=frozenset({"Job/create"}), dry_run_refusal="exceeded quota: few")
    assert "exceeded quota: few" in refused(prepare("runJob", world, template=SPEC))


def test_a_cron_job_that_forbids_two_at_once_is_waited_for() -> None:
    found = cron_job(concurrencyPolicy="Forbid") | {"status": {"active": [{"name": "backup-1"}]}}
    waiting = expect(Waiting, prepare("runJob", World.of(found), **FROM_CRON_JOB))
    assert waiting.message == "CronJob/backup forbids two Jobs at once, and backup-1 is running; waiting for its end"
    allowing = cron_job(concurrencyPolicy="Allow") | {"status": {"active": [{"name": "backup-1"}]}}
    assert isinstance(prepare("runJob", World.of(allowing), **FROM_CRON_JOB), Intent)


def test_a_cron_job_that_changed_before_its_job_was_run_is_looked_at_anew() -> None:
    world = World.of(cron_job())
    record = record_of(prepare("runJob", world, **FROM_CRON_JOB))
    changed = copy.deepcopy(cron_job())
    changed["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"] = "tools:v2"
    world.objects["CronJob", "backup"] = changed
    failed = expect(Failed, observe("runJob", world, record, **FROM_CRON_JOB))
    assert failed.untouched and "was changed before its Job was run" in failed.message


# --- once


def test_a_job_that_is_there_is_followed_and_not_run_again() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    running = seen_running(world, record, template=SPEC)
    assert running["uid"] == f"uid-{JOB}"
    assert expect(Working, observe("runJob", world, running, template=SPEC)).message == f"Job/{JOB} is running"


def test_a_job_that_was_deleted_is_not_run_again() -> None:
    world = World.of()
    running = seen_running(world, begun(world, template=SPEC), template=SPEC)
    del world.objects["Job", JOB]
    assert "was deleted before its end was seen; what it has done is not known" in refused(
        observe("runJob", world, running, template=SPEC)
    )


def test_a_later_attempt_goes_on_with_the_job_of_the_first() -> None:
    world = World.of()
    record = record_of(prepare("runJob", world, template=SPEC))
    second = context(operation_id=operation_id(INCIDENT_UID, "mend", 2), attempt=2, earlier=(OPERATION,))
    create(world, only_effect(observe("runJob", world, record, second, template=SPEC), Create))
    assert world.objects["Job", JOB]["metadata"]["annotations"] == {OPERATION_ANNOTATION: OPERATION}
    assert isinstance(observe("runJob", world, record, second, template=SPEC), Intent)


def test_somebody_elses_job_of_that_name_is_left_alone() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    world.objects["Job", JOB]["metadata"]["annotations"] = {}
    assert "is not of this step" in refused(observe("runJob", world, record, template=SPEC))


# --- how it ends


def test_a_job_that_succeeds_says_its_last_words_and_keeps_its_logs() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    ended(world, "Complete", log="restored table ")
    done = expect(Finished, outcome(world, record, template=SPEC))
    assert done.message == f"Job/{JOB} succeeded in 12s: restored table 0"
    assert {key: done.outputs[key] for key in ("job", "succeeded", "failed", "exitCode", "logTail")} == {
        "job": JOB, "succeeded": 1, "failed": 0, "exitCode": 0, "logTail": "restored table 0",
    }  # fmt: skip
    (piece,) = done.evidence
    secret = world.objects["Secret", str(done.outputs["secret"])]
    content = gzip.decompress(base64.b64decode(secret["data"][f"{JOB}-0.restore.log.gz"]))
    assert secret["immutable"] and piece.sha256 == hashlib.sha256(content).hexdigest()
    assert content == b"2026-11-24T03:00:00.5Z restored table 0\n"


def test_a_job_that_fails_tells_code_and_last_words_of_its_last_pod() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    ended(world, "Failed", "BackoffLimitExceeded", pods=3, code=7, log="no such table, try ")
    failed = expect(Failed, outcome(world, record, template=SPEC))
    assert failed.message == f"Job/{JOB} failed (BackoffLimitExceeded) with exit code 7: no such table, try 2"
    assert (failed.outputs["failed"], failed.outputs["exitCode"], len(failed.evidence)) == (3, 7, 3)
    assert failed.untouched and not failed.final, "a retry runs another Job"


def test_a_job_that_is_bound_to_fail_is_heard_before_its_pods_are_gone() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    world.objects["Job", JOB]["status"] = {
        "conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded"}]
    }
    add_pod(world, f"{JOB}-0", {"running": {}}, "Running")
    world.logs[f"{JOB}-0", "restore", False] = b"still copying\n"
    failed = expect(Failed, outcome(world, record, template=SPEC))
    assert failed.message == f"Job/{JOB} failed (DeadlineExceeded): still copying"


def test_a_job_without_any_log_ends_without_evidence() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    world.objects["Job", JOB]["status"] = {
        "conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
    }
    failed = expect(Failed, observe("runJob", world, record, template=SPEC))
    assert (failed.message, failed.evidence) == (f"Job/{JOB} failed (DeadlineExceeded)", ())


def test_logs_that_were_kept_before_a_crash_are_not_kept_again() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    ended(world, "Complete", log="done ")
    kept = expect(Intent, observe("runJob", world, record, template=SPEC)).record
    del world.objects["Pod", f"{JOB}-0"]  # gone since, so what is gathered now differs
    world.dry_run_refusal = "it exists already"
    done = expect(Finished, observe("runJob", world, kept, template=SPEC))
    assert [item.name for item in done.evidence] == [f"{JOB}-0.restore.log"]


def test_what_keeps_a_pod_from_starting_is_told_at_once() -> None:
    world = World.of()
    running = seen_running(world, begun(world, template=SPEC), template=SPEC)
    add_pod(world, f"{JOB}-0", {"waiting": {"reason": "ImagePullBackOff"}})
    working = expect(Working, observe("runJob", world, running, template=SPEC))
    assert working.stuck
    assert working.message == f"Job/{JOB} is running; Pod {JOB}-0: ImagePullBackOff of container restore"


def test_pods_of_another_job_are_not_its_own() -> None:
    world = World.of()
    running = seen_running(world, begun(world, template=SPEC), template=SPEC)
    add_pod(world, f"{JOB}-0", {"waiting": {"reason": "ImagePullBackOff"}})
    world.objects["Pod", f"{JOB}-0"]["metadata"]["ownerReferences"][0]["uid"] = "uid-other"
    assert not expect(Working, observe("runJob", world, running, template=SPEC)).stuck


# --- the way back


def test_undo_stops_a_job_that_runs() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    pending = undo("runJob", world, record, template=SPEC)
    effect = only_effect(pending, Delete)
    assert (effect.ref.kind, effect.ref.uid) == ("Job", f"uid-{JOB}")
    assert "stopped before its end; what it had done by then stays" in pending.done.message  # type: ignore[union-attr]
    apply(world, effect)
    assert expect(Finished, undo("runJob", world, record, template=SPEC)).message == f"Job/{JOB} is gone"


def test_undo_of_a_job_that_has_ended_says_that_it_stays() -> None:
    world = World.of()
    record = begun(world, template=SPEC)
    ended(world, "Complete")
    assert "has ended, and what it did stays" in expect(Finished, undo("runJob", world, record, template=SPEC)).message
