"""workloadStatus tells whether every desired Pod is updated and available, and how far the trouble goes."""

import pytest

from paramedic.actions.contract import Failed, Finished
from paramedic.model.objects import Object
from unit.acting import expect, prepare, refused
from unit.builders import context, pod, replica_set, template, with_status, workload
from unit.seen import World


def shop(available: int, *pods: Object) -> World:
    target = with_status(workload(), availableReplicas=available or None, readyReplicas=available or None)
    return World.of(target, replica_set(1, template()), *pods)


def pods(ready: int, hurt: int, trouble: str = "") -> list[Object]:
    well = [pod(f"well-{number}") for number in range(ready)]
    return well + [pod(f"hurt-{number}", ready=False, trouble=trouble) for number in range(hurt)]


def scope_of(world: World) -> object:
    verdict = prepare("workloadStatus", world)
    assert isinstance(verdict, Finished | Failed)
    return verdict.outputs["scope"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_whole_workload_is_well(kind: str) -> None:
    finished = expect(Finished, prepare("workloadStatus", World.of(workload(kind)), context(kind)))
    assert finished.message == f"{kind}/web: all 3 Pods updated and available"


@pytest.mark.parametrize(
    ("world", "scope"),
    [
        (shop(3, *pods(3, 0)), "None"),
        (shop(2, *pods(2, 1)), "Instance"),
        (shop(2, *pods(2, 0)), "Instance"),  # one Pod is missing altogether
        (shop(1, *pods(1, 2)), "Several"),
        (shop(0, *pods(0, 3)), "Service"),
        (shop(0), "Service"),
    ],
    ids=["nothing", "one Pod", "one Pod missing", "two Pods", "all Pods", "no Pod"],
)
def test_the_scope_tells_how_far_the_trouble_goes(world: World, scope: str) -> None:
    assert scope_of(world) == scope


def test_a_workload_that_misses_a_pod_is_not_well_and_says_why() -> None:
    failed = expect(Failed, prepare("workloadStatus", shop(2, *pods(2, 1, "CrashLoopBackOff"))))
    assert failed.message == ("Deployment/web: 3 of 3 Pods updated, 2 available (CrashLoopBackOff of container web)")


def test_a_check_that_fails_may_be_asked_again() -> None:
    assert not expect(Failed, prepare("workloadStatus", shop(2, *pods(2, 1)))).final


def test_the_outputs_name_the_pods_that_are_not_ready_and_why() -> None:
    failed = expect(Failed, prepare("workloadStatus", shop(2, *pods(2, 1, "ImagePullBackOff"))))
    assert (
        failed.outputs.items()
        >= {
            "desired": 3,
            "ready": 2,
            "updated": 3,
            "available": 2,
            "scope": "Instance",
            "unready": ["hurt-0"],
            "reasons": ["ImagePullBackOff of container web"],
        }.items()
    )


def test_no_more_than_twenty_pods_are_named() -> None:
    failed = expect(Failed, prepare("workloadStatus", shop(0, *pods(0, 50))))
    assert len(failed.outputs["unready"]) == 20


def test_pods_of_other_workloads_do_not_count() -> None:
    stranger = pod("stranger", ready=False)
    stranger["metadata"]["ownerReferences"][0]["uid"] = "uid-other"
    finished = expect(Finished, prepare("workloadStatus", shop(3, *pods(3, 0), stranger)))
    assert finished.outputs["unready"] == []


def test_a_workload_scaled_to_zero_is_not_well() -> None:
    failed = expect(Failed, prepare("workloadStatus", World.of(workload(replicas=0))))
    assert "scaled to zero" in failed.message


def test_a_vanished_workload_is_not_well() -> None:
    assert "is gone" in refused(prepare("workloadStatus", World.of()))
