"""A quota's refusal counts only where the rollout makes no room itself before it needs a new Pod."""

from decimal import Decimal
from typing import Any

import pytest

from paramedic.actions.workloads.quota_room import makes_room, shortfall
from paramedic.model.objects import Object
from unit.builders import pod, workload

FULL = 'pods "x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=4, limited: pods=4'


def rolling(surge: int = 1, unavailable: int = 0) -> Object:
    """A Deployment of three Pods."""
    return workload(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    )


def daemons(surge: int, unavailable: int) -> Object:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    return workload("DaemonSet", updateStrategy=strategy)


def good(count: int, **more: Any) -> list[Object]:
    return [pod(f"good-{at}", **more) for at in range(count)]


def bad(count: int, **more: Any) -> list[Object]:
    return [pod(f"bad-{at}", ready=False, **more) for at in range(count)]


def asking(cpu: str, **more: Any) -> Object:
    return {"containers": [{"name": "web", "resources": {"requests": {"cpu": cpu}}}]} | more


def leaving(found: Object) -> Object:
    found["metadata"]["deletionTimestamp"] = "2026-11-24T03:00:00Z"
    return found


# --- what the quota says


def test_what_a_quota_misses_is_read_from_its_refusal() -> None:
    text = "exceeded quota: q, requested: cpu=500m,pods=1, used: cpu=1,pods=4, limited: cpu=1200m,pods=4"
    assert shortfall(text) == {"cpu": Decimal("0.3"), "pods": Decimal(1)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        'violates PodSecurity "restricted:latest"',
        "failed quota: q: must specify limits.cpu for: web",
        "exceeded quota: q, requested: pods=one, used: pods=4, limited: pods=4",
        "exceeded quota: q, requested: pods=1, used: cpu=4, limited: pods=4",
    ],
)
def test_a_refusal_that_cannot_be_reckoned_with_counts(text: str) -> None:
    assert shortfall(text) is None
    assert not makes_room(text, rolling(), good(3), good(3))


# --- a Deployment


def test_where_every_pod_of_the_revision_is_there_nothing_is_needed() -> None:
    assert makes_room(FULL, rolling(), [*good(3), *bad(1)], good(3))


def test_a_broken_pod_beside_those_that_must_serve_goes_first() -> None:
    assert makes_room(FULL, rolling(surge=2, unavailable=1), [*good(2), *bad(2)], good(2))


def test_a_pod_that_is_leaving_makes_room() -> None:
    assert makes_room(FULL, rolling(), [*good(2), leaving(pod("gone"))], good(2))


def test_a_deployment_that_may_take_no_pod_down_has_no_room_before_its_first_new_one() -> None:
    assert not makes_room(FULL, rolling(), bad(3), [])
    assert not makes_room(FULL, rolling(), good(3), [])


@pytest.mark.parametrize("pods", [good(3), bad(3)], ids=["serving", "broken"])
def test_a_deployment_that_may_take_a_pod_down_makes_its_room(pods: list[Object]) -> None:
    assert makes_room(FULL, rolling(unavailable=1), pods, [])


def test_no_serving_pod_goes_below_the_floor() -> None:
    assert not makes_room(FULL, rolling(unavailable=1), good(2), [])


def test_a_deployment_without_a_pod_has_none_to_remove() -> None:
    assert not makes_room(FULL, rolling(unavailable=1), [], [])


def test_a_recreated_deployment_removes_all_first() -> None:
    assert makes_room(FULL, workload(strategy={"type": "Recreate"}), good(3), [])


# --- other kinds


def test_a_stateful_set_removes_a_pod_before_its_successor_comes() -> None:
    assert makes_room(FULL, workload("StatefulSet"), good(3, of="StatefulSet"), [])


def test_a_daemon_set_without_surge_removes_a_pod_before_its_successor_comes() -> None:
    assert makes_room(FULL, daemons(0, 1), good(3, of="DaemonSet"), [])


def test_a_surging_daemon_set_removes_a_pod_only_where_the_wanted_one_serves() -> None:
    kept = good(1, of="DaemonSet", nodeName="a")
    elsewhere = [pod("other", of="DaemonSet", nodeName="b")]
    assert not makes_room(FULL, daemons(1, 0), kept + elsewhere, kept)
    beside = bad(1, of="DaemonSet", nodeName="a")
    assert makes_room(FULL, daemons(1, 0), kept + elsewhere + beside, kept)


# --- amounts


MISSING_CPU = "exceeded quota: q, requested: {name}=2, used: {name}=3, limited: {name}=4"


@pytest.mark.parametrize("name", ["cpu", "requests.cpu"])
@pytest.mark.parametrize(("cpu", "room"), [("1", True), ("999m", False)])
def test_the_removed_pods_must_free_as_much_as_is_missing(name: str, cpu: str, room: bool) -> None:
    pods = [pod("old", **asking(cpu)), pod("older", **asking(cpu)), pod("oldest", **asking(cpu))]
    assert makes_room(MISSING_CPU.format(name=name), rolling(unavailable=1), pods, []) is room


def test_limits_are_counted_apart_from_requests() -> None:
    assert not makes_room(
        MISSING_CPU.format(name="limits.cpu"), rolling(unavailable=1), [pod("a", **asking("4"))] * 3, []
    )


def test_a_resource_whose_name_has_dots_is_counted_too() -> None:
    gpu = {"containers": [{"name": "web", "resources": {"requests": {"example.com/gpu": "1"}}}]}
    text = MISSING_CPU.format(name="requests.example.com/gpu")
    assert makes_room(text, workload("StatefulSet"), [pod("a", of="StatefulSet", **gpu)], [])
