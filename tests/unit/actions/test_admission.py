"""The Pod that is put to the API server is the one that the workload's controller would create."""

from typing import Any

import pytest

from paramedic.actions.reads import EXISTS
from paramedic.actions.workloads.admission import preemption, refusal, trial_pod
from paramedic.model.objects import Object
from unit.builders import context, pod, replica_set, template, workload
from unit.seen import World

CLAIMS = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]


def trial(target: Object, **spec: Any) -> Object:
    old = template("web:v1")
    old["spec"] |= spec
    return trial_pod(target, old, context(target["kind"]))


def answered(answer: str, target: Object | None = None, *pods: Object, revision: str = "", **more: Any) -> str:
    target = target or workload()
    world = World.of(target, replica_set(1, template()), *pods, dry_run_refusal=answer, **more)
    ctx = context(target["kind"])
    return world.ask(lambda seen: refusal(target, template(), ctx, seen, revision))


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_it_has_the_labels_of_the_template_and_an_owner(kind: str) -> None:
    meta = trial(workload(kind))["metadata"]
    assert meta["labels"]["app"] == "web"
    assert meta["ownerReferences"] == [
        {"apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": "uid-web", "controller": True}
    ]


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_where_the_controller_adds_nothing_it_is_the_template(kind: str) -> None:
    assert trial(workload(kind), nodeName="node-1")["spec"] == template("web:v1")["spec"] | {"nodeName": "node-1"}


def test_of_a_stateful_set_it_is_the_first_pod() -> None:
    found = trial(workload("StatefulSet", serviceName="peers", ordinals={"start": 5}))
    assert (found["spec"]["hostname"], found["spec"]["subdomain"]) == ("web-5", "peers")
    assert found["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "web-5"


def test_of_a_stateful_set_it_has_a_volume_for_each_claim_template_beside_its_own() -> None:
    config = {"name": "config", "configMap": {"name": "web"}}
    found = trial(workload("StatefulSet", volumeClaimTemplates=CLAIMS), volumes=[config])
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}
    assert found["spec"]["volumes"] == [claim, config]


def test_a_claim_template_takes_the_place_of_a_volume_of_its_name() -> None:
    found = trial(workload("StatefulSet", volumeClaimTemplates=CLAIMS), volumes=[{"name": "data", "emptyDir": {}}])
    assert found["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}]


def test_the_template_itself_is_left_as_it_is() -> None:
    old = template("web:v1")
    trial_pod(workload("StatefulSet", volumeClaimTemplates=CLAIMS), old, context("StatefulSet"))
    assert old == template("web:v1")


@pytest.mark.parametrize("answer", ["", EXISTS])
def test_a_pod_that_is_admitted_meets_no_refusal(answer: str) -> None:
    assert answered(answer) == ""


def test_an_account_that_may_not_create_pods_learns_nothing() -> None:
    assert answered("no", denied_kinds=frozenset({"Pod/create"})) == ""


def test_a_refusal_of_another_kind_than_a_quotas_counts_whatever_room_is_made() -> None:
    violation = 'violates PodSecurity "restricted:latest"'
    assert answered(violation, workload(strategy={"type": "Recreate"}), pod("web-0")) == violation


FULL = 'pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'


def test_a_full_quota_counts_where_the_new_pods_are_not_there_yet() -> None:
    assert answered(FULL, None, *(pod(f"web-{at}") for at in range(3))) == FULL


def test_a_full_quota_does_not_matter_where_the_revisions_pods_are_all_there() -> None:
    assert answered(FULL, None, *(pod(f"web-{at}") for at in range(3)), revision="web-h1") == ""


@pytest.mark.parametrize(
    ("kind", "mark"), [("StatefulSet", "web-abc"), ("DaemonSet", "abc")], ids=["StatefulSet", "DaemonSet"]
)
def test_pods_of_a_controller_revision_are_known_by_its_mark(kind: str, mark: str) -> None:
    target = workload(kind, updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    pods = [pod(f"web-{at}", of=kind) for at in range(3)]
    for item in pods:
        item["metadata"]["labels"]["controller-revision-hash"] = mark
    huge = "exceeded quota: few, requested: requests.cpu=9, used: requests.cpu=3, limited: requests.cpu=3"
    assert answered(huge, target, *pods) == huge
    assert answered(huge, target, *pods, revision="web-abc") == ""


# --- who would have to leave


def ranked(name: str, priority: int, **more: Any) -> Object:
    return pod(name, priority=priority, nodeName="node-1", **more)


def beside(*others: Object, priority: int = 1000, target: Object | None = None, revision: str = "", **own: Any) -> str:
    """What is said of a rollout of three Pods of this priority beside others."""
    target = target or workload()
    mine = [ranked(f"web-{at}", priority, **own) for at in range(3)]
    world = World.of(target, replica_set(1, template()), *mine, *others)
    return world.ask(lambda seen: preemption(target, context(), seen, revision))


def stranger(name: str, priority: int, **more: Any) -> Object:
    found = ranked(name, priority, **more)
    found["metadata"]["ownerReferences"] = []
    return found


def test_pods_of_lower_priority_might_have_to_leave() -> None:
    assert beside(stranger("batch-1", 0), stranger("batch-2", 10), stranger("bank", 5000)) == (
        "starts Pods of priority 1000, before which batch-1, batch-2 must leave where there is no room"
    )


@pytest.mark.parametrize(
    "others",
    [[], [stranger("peer", 1000)], [stranger("done", 0) | {"status": {"phase": "Succeeded"}}], [pod("unplaced")]],
    ids=["nobody", "a peer", "a finished one", "one without a node"],
)
def test_others_need_not_leave(others: list[Object]) -> None:
    assert beside(*others) == ""


def test_a_pod_that_may_not_preempt_pushes_nobody() -> None:
    assert beside(stranger("batch-1", 0), preemptionPolicy="Never") == ""


def test_an_ordinary_pod_pushes_nobody() -> None:
    assert beside(stranger("batch-1", -10), priority=0) == ""


def test_a_rollout_that_starts_no_pod_beside_the_old_ones_pushes_nobody() -> None:
    one_by_one = workload(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    assert beside(stranger("batch-1", 0), target=one_by_one) == ""


def test_a_rollback_whose_pods_are_all_there_pushes_nobody() -> None:
    assert beside(stranger("batch-1", 0), revision="web-h1") == ""
