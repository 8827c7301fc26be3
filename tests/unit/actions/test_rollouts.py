"""Following a rollout: which Pods are new, which one it waits for, when it has failed, and why it is refused."""

from datetime import timedelta
from typing import Any

import pytest

from paramedic.actions.contract import Failed, Observation, Working
from paramedic.actions.workloads.rollouts import blocking_pod, deadline_warning, follow, refusal
from paramedic.model.objects import Object
from unit.acting import expect
from unit.builders import NOW, ago, annotated, context, pod, with_status, workload
from unit.seen import World


def daemon_pod(name: str, generation: str, **fields: Any) -> Object:
    found = pod(name, of="DaemonSet", **fields)
    found["metadata"]["labels"]["pod-template-generation"] = generation
    return found


def daemon_set(**annotations: str) -> Object:
    """A DaemonSet of which one of three Pods is updated."""
    return annotated(with_status(workload("DaemonSet"), updatedNumberScheduled=1, numberAvailable=2), **annotations)


def followed(target: Object, *pods: Object) -> Observation:
    return World.of(target, *pods).ask(lambda seen: follow(target, context("DaemonSet"), seen))


SECOND = {"deprecated.daemonset.template.generation": "2"}


def test_a_new_pod_of_a_daemon_set_that_does_not_come_up_fails_its_rollout() -> None:
    broken = daemon_pod("web-1", "2", trouble="ImagePullBackOff")
    failed = expect(Failed, followed(daemon_set(**SECOND), broken))
    assert failed.message == ("DaemonSet/web: new Pod web-1 does not come up: ImagePullBackOff of container web")
    assert failed.undo


def test_an_old_pod_of_a_daemon_set_that_fails_does_not_fail_its_rollout() -> None:
    expect(Working, followed(daemon_set(**SECOND), daemon_pod("web-0", "1", trouble="CrashLoopBackOff")))


def test_a_daemon_set_that_does_not_tell_its_generation_is_followed_by_its_numbers() -> None:
    expect(Working, followed(daemon_set(), daemon_pod("web-1", "2", trouble="ImagePullBackOff")))


# --- the Pod that a StatefulSet waits for


def member(number: int, revision: str = "web-old", **fields: Any) -> Object:
    found = pod(f"web-{number}", of="StatefulSet", **fields)
    found["metadata"]["labels"]["controller-revision-hash"] = revision
    return found


def blocking(*pods: Object, observed: int = 5, **spec: Any) -> str:
    """The name of the Pod that is waited for; empty if none is."""
    target = with_status(workload("StatefulSet", **spec), observedGeneration=observed)
    found = World.of(target, *pods).ask(lambda seen: blocking_pod(target, seen))
    return str(found["metadata"]["name"]) if found else ""


def test_an_old_pod_that_is_not_ready_is_waited_for() -> None:
    assert blocking(member(0), member(1, ready=False)) == "web-1"


def test_of_several_the_one_with_the_lowest_number_is_waited_for() -> None:
    assert blocking(*(member(number, ready=False) for number in (10, 2, 11))) == "web-2"


def test_a_new_pod_that_is_not_ready_is_waited_for_with_patience() -> None:
    assert blocking(member(1, "web-new", ready=False), member(2, ready=False)) == ""


def test_while_one_pod_is_being_replaced_no_other_is_waited_for() -> None:
    leaving = member(0)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    assert blocking(leaving, member(1, ready=False)) == ""


def test_before_the_controller_has_seen_the_template_nobody_knows_which_pod_is_old() -> None:
    assert blocking(member(1, ready=False), observed=4) == ""


@pytest.mark.parametrize(("trouble", "name"), [("", ""), ("CrashLoopBackOff", "web-1")])
def test_a_parallel_set_is_only_held_up_by_a_pod_that_will_not_start(trouble: str, name: str) -> None:
    assert blocking(member(1, ready=False, trouble=trouble), podManagementPolicy="Parallel") == name


def test_a_rollout_that_waits_for_a_pod_says_which_command_deletes_it() -> None:
    target = with_status(workload("StatefulSet"), updatedReplicas=0, currentRevision="web-old")
    world = World.of(target, member(1, ready=False))
    working = expect(Working, world.ask(lambda seen: follow(target, context("StatefulSet"), seen)))
    assert working.message == (
        "StatefulSet/web waits for Pod/web-1, which is not ready; delete it: kubectl delete pod/web-1 -n shop"
    )
    assert not working.progressing


# --- refusals and warnings


def test_a_paused_deployment_is_refused_with_who_paused_it() -> None:
    target = workload(paused=True)
    target["metadata"]["managedFields"] = [
        {"manager": "helm", "time": ago(days=3), "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "kubectl-rollout", "time": ago(minutes=5), "fieldsV1": {"f:spec": {"f:paused": {}}}},
    ]
    assert expect(Failed, refusal(target, context())).message == (
        "Deployment/web is paused by kubectl-rollout 5m ago, so a new template would not roll out; resume it with:"
        " kubectl rollout resume deployment/web -n shop"
    )


@pytest.mark.parametrize(("seconds", "warned"), [(599, True), (600, False)])
def test_a_step_that_gives_up_before_its_deployment_does_is_warned_of(seconds: int, warned: bool) -> None:
    hasty = context(deadline=NOW + timedelta(seconds=seconds))
    assert ("shorter than the workload's progress deadline of 600 s" in deadline_warning(workload(), hasty)) is warned


def test_workloads_without_a_progress_deadline_are_not_warned_of() -> None:
    assert deadline_warning(workload("StatefulSet"), context(deadline=NOW)) == ""
