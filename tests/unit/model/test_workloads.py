"""Three kinds of workload, one question: is every desired Pod updated and available?"""

import copy
from typing import Any

import pytest

from paramedic.model.workloads import (
    BROKEN_REASONS,
    Rollout,
    Workload,
    images_of,
    most_surge,
    most_unavailable,
    pod_counts,
    pod_ready,
    pod_trouble,
    share,
    template_essence,
)
from unit.builders import pod, progressing, template, with_status, workload

KINDS = ["Deployment", "StatefulSet", "DaemonSet"]


def rolling(kind: str = "Deployment", replicas: int = 3, **values: Any) -> dict[str, Any]:
    """A workload with these values of its rolling update."""
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    return workload(kind, replicas=replicas, **{field: {"type": "RollingUpdate", "rollingUpdate": values}})


# --- whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_is_whole_when_every_desired_pod_is_updated_and_available(kind: str) -> None:
    assert Workload.of(workload(kind)).whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_scaled_to_zero_proves_nothing_and_is_not_whole(kind: str) -> None:
    assert not Workload.of(workload(kind, replicas=0)).whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_whose_controller_has_not_seen_its_spec_is_not_whole(kind: str) -> None:
    assert not Workload.of(with_status(workload(kind), observedGeneration=4)).whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_without_a_status_is_not_whole(kind: str) -> None:
    obj = workload(kind)
    obj["status"] = {}
    assert not Workload.of(obj).whole


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Deployment", "updatedReplicas"),
        ("Deployment", "availableReplicas"),
        ("StatefulSet", "availableReplicas"),
        ("DaemonSet", "updatedNumberScheduled"),
        ("DaemonSet", "numberAvailable"),
    ],
)
def test_a_workload_that_misses_one_pod_is_not_whole(kind: str, field: str) -> None:
    assert not Workload.of(with_status(workload(kind), **{field: 2})).whole


def test_a_deployment_with_an_old_pod_left_is_not_whole() -> None:
    assert not Workload.of(with_status(workload(), replicas=4)).whole


def test_a_partitioned_stateful_set_is_not_complete_although_kubectl_says_so() -> None:
    obj = with_status(rolling("StatefulSet", partition=2), updatedReplicas=1, updateRevision="web-newer")
    assert Workload.of(obj).rollout is Rollout.PROGRESSING


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_an_on_delete_workload_with_old_pods_is_not_complete_although_kubectl_says_so(kind: str) -> None:
    updated = "updatedReplicas" if kind == "StatefulSet" else "updatedNumberScheduled"
    obj = with_status(workload(kind, updateStrategy={"type": "OnDelete"}), updateRevision="web-newer", **{updated: 0})
    assert Workload.of(obj).rollout is Rollout.PROGRESSING


def test_a_finished_stateful_set_that_leaves_out_updated_replicas_is_whole() -> None:
    obj = with_status(workload("StatefulSet"), updatedReplicas=None, currentReplicas=3)
    assert Workload.of(obj).whole


def test_a_deployment_without_replicas_in_its_spec_wants_one_pod() -> None:
    obj = workload()
    del obj["spec"]["replicas"]
    assert Workload.of(obj).desired == 1


# --- the rollout


def test_a_rollout_beyond_its_progress_deadline_is_stuck() -> None:
    obj = with_status(workload(), availableReplicas=2, conditions=progressing("ProgressDeadlineExceeded"))
    assert Workload.of(obj).rollout is Rollout.STUCK


def test_a_paused_rollout_is_stuck() -> None:
    assert Workload.of(with_status(workload(paused=True), updatedReplicas=1)).rollout is Rollout.STUCK


def test_a_deadline_of_a_spec_that_was_replaced_meanwhile_does_not_count() -> None:
    obj = with_status(workload(), observedGeneration=4, conditions=progressing("ProgressDeadlineExceeded"))
    assert Workload.of(obj).rollout is Rollout.PROGRESSING


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (workload(), "all 3 Pods updated and available"),
        (workload(replicas=1), "all 1 Pod updated and available"),
        (with_status(workload(), availableReplicas=1), "3 of 3 Pods updated, 1 available"),
        (
            with_status(workload(), replicas=4, updatedReplicas=1),
            "1 of 3 Pods updated, 3 available, 3 of an older revision left",
        ),
        (
            workload(replicas=0),
            "it wants no Pods (scaled to zero), so nothing shows that it is well",
        ),
        (
            with_status(workload(), observedGeneration=1),
            "the controller of Deployment/web has not seen its newest revision yet",
        ),
        (
            with_status(workload(paused=True), updatedReplicas=3, availableReplicas=2),
            "3 of 3 Pods updated, 2 available; its rollout is paused",
        ),
        (
            with_status(workload(), availableReplicas=2, conditions=progressing("ProgressDeadlineExceeded")),
            "3 of 3 Pods updated, 2 available; the rollout exceeded its progress deadline of 600 s",
        ),
    ],
)
def test_a_workload_describes_itself_with_the_numbers_against_the_wish(obj: dict[str, Any], text: str) -> None:
    assert Workload.of(obj).describe() == text


# --- how many Pods a rollout takes down, and how many it starts beyond the desired ones


def test_recreate_takes_every_pod_down() -> None:
    assert most_unavailable(workload(strategy={"type": "Recreate"})) == 3


def test_on_delete_takes_no_pod_down() -> None:
    assert most_unavailable(workload("DaemonSet", updateStrategy={"type": "OnDelete"})) == 0


@pytest.mark.parametrize(
    ("obj", "down"),
    [
        (workload(replicas=10), 2),  # the Deployment's default of 25 %
        (workload("StatefulSet"), 1),
        (workload("DaemonSet"), 1),
        (rolling(maxUnavailable=2), 2),
        (rolling(maxUnavailable="100%"), 3),
        (rolling(maxUnavailable="50%"), 1),  # rounds down (deployment/util, ResolveFenceposts)
        (rolling("DaemonSet", maxUnavailable="50%"), 2),  # rounds up (daemon/util, UnavailableCount)
        (rolling(maxUnavailable=9), 3),  # no more than there are
        (rolling(maxUnavailable="25%", maxSurge=0, replicas=1), 1),  # it must go on somehow, so it takes one
        (rolling(maxUnavailable=0, maxSurge=1, replicas=1), 0),
        (rolling("DaemonSet", maxUnavailable=0, maxSurge=1), 0),
        (rolling("StatefulSet", maxUnavailable="10%"), 1),
    ],
)
def test_how_many_pods_a_rollout_takes_down_at_once(obj: dict[str, Any], down: int) -> None:
    assert most_unavailable(obj) == down


@pytest.mark.parametrize(
    ("obj", "more"),
    [
        (workload(), 1),  # 25 % of 3, rounded up
        (rolling(maxSurge="50%"), 2),
        (rolling(maxSurge=0, maxUnavailable=1), 0),
        (workload(strategy={"type": "Recreate"}), 0),
        (workload("StatefulSet"), 0),
        (workload("DaemonSet"), 0),
        (rolling("DaemonSet", maxSurge=1), 1),
    ],
)
def test_how_many_pods_a_rollout_starts_beyond_the_desired_ones(obj: dict[str, Any], more: int) -> None:
    assert most_surge(obj) == more


@pytest.mark.parametrize(
    ("value", "up", "count"),
    [("25%", False, 2), ("25%", True, 3), ("0%", True, 0), ("100%", False, 10), (4, False, 4), ("4", False, 4)],
)
def test_a_share_of_ten_pods(value: int | str, up: bool, count: int) -> None:
    assert share(value, 10, up=up) == count


# --- what a template is, apart from restarts


@pytest.mark.parametrize(
    "annotation",
    [
        "kubectl.kubernetes.io/restartedAt",
        "cattle.io/restartedAt",
        "example.org/restarted-at",
        "example.org/restart",
    ],
)
def test_templates_that_differ_only_in_a_restart_run_the_same(annotation: str) -> None:
    restarted = template()
    restarted["metadata"]["annotations"] = {annotation: "2026-11-24T03:00:00Z"}
    assert template_essence(restarted) == template_essence(template())


def test_templates_that_differ_in_any_other_annotation_do_not_run_the_same() -> None:
    other = template()
    other["metadata"]["annotations"] = {"prometheus.io/scrape": "true"}
    assert template_essence(other) != template_essence(template())


@pytest.mark.parametrize("label", ["pod-template-hash", "controller-revision-hash", "pod-template-generation"])
def test_labels_that_controllers_write_do_not_make_a_difference(label: str) -> None:
    labelled = template()
    labelled["metadata"]["labels"] |= {label: "abc"}
    assert template_essence(labelled) == template_essence(template())


def test_the_empty_creation_timestamp_makes_no_difference() -> None:
    stamped = template()
    stamped["metadata"]["creationTimestamp"] = None
    assert template_essence(stamped) == template_essence(template())


def test_another_image_makes_a_difference() -> None:
    assert template_essence(template("web:v1")) != template_essence(template("web:v2"))


def test_a_template_is_not_changed_by_looking_at_its_essence() -> None:
    restarted = template(restarted="2026-11-24T03:00:00Z")
    before = copy.deepcopy(restarted)
    template_essence(restarted)
    assert restarted == before


def test_the_images_of_a_template_are_those_of_all_its_containers() -> None:
    pod_template = {"spec": {"initContainers": [{"image": "init:1"}], "containers": [{"image": "web:1"}, {}]}}
    assert images_of(pod_template) == ["init:1", "web:1", ""]


# --- Pods


@pytest.mark.parametrize("reason", sorted(BROKEN_REASONS))
def test_a_pod_that_will_not_start_says_why(reason: str) -> None:
    assert pod_trouble(pod("web-1", trouble=reason)) == f"{reason} of container web"


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", "ErrImagePull"])
def test_a_pod_that_may_still_start_is_not_in_trouble(reason: str) -> None:
    assert pod_trouble(pod("web-1", trouble=reason)) == ""


def test_trouble_of_an_init_container_is_seen() -> None:
    broken = pod("web-1")
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    broken["status"]["initContainerStatuses"] = [{"name": "migrate", "state": waiting}]
    assert pod_trouble(broken) == "CrashLoopBackOff of container migrate"


def test_a_pod_on_its_way_out_is_not_ready() -> None:
    leaving = pod("web-1")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    assert not pod_ready(leaving)


@pytest.mark.parametrize(
    ("phase", "counts"), [("Running", True), ("Pending", True), ("Failed", False), ("Succeeded", False)]
)
def test_a_finished_pod_does_not_count(phase: str, counts: bool) -> None:
    obj = pod("web-1")
    obj["status"]["phase"] = phase
    assert pod_counts(obj) is counts
