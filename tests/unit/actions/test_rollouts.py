"""Following a rollout: which Pods are new, and when it has failed."""

from typing import Any

from paramedic.actions.contract import Failed, Observation, Working
from paramedic.actions.rollouts import follow
from paramedic.model.objects import Object
from unit.acting import expect
from unit.builders import annotated, context, pod, with_status, workload
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
