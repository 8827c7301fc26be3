"""deletePods, cordon and drain in the hands of the operator: what it writes, in which order, and what it takes back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from component.builders import NAMESPACE, USER, Killed, StrikeAt, Ward, calls, step
from paramedic.cluster.fake import Moment
from paramedic.cluster.fake_paths import Address
from paramedic.cluster.transport import Request
from paramedic.model.objects import Object
from paramedic.model.references import DISRUPTION_BUDGET, NODE, POD
from paramedic.model.workloads import pod_ready
from unit.nodes import machine

NODES = ("n1", "n2", "n3")
LONG_AGO = "2020-01-01T00:00:00Z"


def budget(**spec: Any) -> Object:
    body = {"selector": {"matchLabels": {"app": "web"}}} | spec
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": body}


def healthy(name: str, **changes: Any) -> Object:
    """A node that has been Ready for years, whatever the ward's clock says."""
    found = machine(name, **{"since": LONG_AGO} | changes)
    found["metadata"]["creationTimestamp"] = LONG_AGO
    return found


def cluster_of(*nodes: Object, **options: Any) -> Ward:
    """A ward with three nodes, web's Pods on the first one, and a minute of calm behind it."""
    ward = Ward(**options)
    for node in nodes or [healthy(name) for name in NODES]:
        ward.cluster.add(node)
    for pod in pods(ward):
        ward.cluster.edit(POD, NAMESPACE, pod["metadata"]["name"], {"spec": {"nodeName": "n1"}})
    ward.clock.advance(timedelta(minutes=1))
    return ward


def pods(ward: Ward) -> list[Object]:
    return ward.workloads.pods(NAMESPACE, "web")


def uids(ward: Ward) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods(ward)}


def node(ward: Ward, name: str = "n1") -> Object:
    found = ward.cluster.find(NODE, "", name)
    assert found is not None
    return found


def is_cordoned(ward: Ward, name: str = "n1") -> bool:
    return bool(node(ward, name)["spec"].get("unschedulable"))


def writes(ward: Ward) -> list[str]:
    """The effects, such as ``PATCH nodes`` and ``POST pods/eviction``; the evidence that is kept before them aside."""
    named = (
        f"{item.request.method} {'/'.join(filter(None, (item.address.resource.plural, item.address.subresource)))}"
        for item in ward.effects
    )
    return [item for item in named if item != "POST secrets"]


async def drain(ward: Ward, params: Mapping[str, Any] | None = None, **options: Any) -> Object:
    await ward.open(step("drain", "drain", {"node": "n1"} | dict(params or {}), **options))
    return await ward.run()


# --- deletePods


async def test_an_unready_pod_is_evicted_as_the_account_and_the_workload_is_whole_again() -> None:
    ward = cluster_of()
    ward.workloads.sicken(NAMESPACE, "web", pods=1)
    sick = pods(ward)[0]["metadata"]["uid"]
    await ward.open(step("mend", "deletePods", {"unready": True}))
    ward.clock.advance(timedelta(minutes=1))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert sick not in uids(ward) and len(pods(ward)) == 3
    assert writes(ward) == ["POST pods/eviction"]
    assert {item.request.account for item in ward.effects} == {USER}


async def test_pods_are_evicted_one_after_the_other_and_never_fewer_are_ready() -> None:
    ward = cluster_of()
    before = uids(ward)
    await ward.open(step("mend", "deletePods", {"oldest": 3, "most": 3}))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert not before & uids(ward)
    assert writes(ward) == ["POST pods/eviction"] * 3


async def test_a_budget_holds_the_eviction_back_until_it_allows_it() -> None:
    ward = cluster_of()
    ward.workloads.sicken(NAMESPACE, "web", pods=1)
    ward.add(budget(minAvailable=2))
    ward.workloads.tick()
    sick = pods(ward)[0]["metadata"]["uid"]
    healthy = pods(ward)[1]["metadata"]
    ward.cluster.edit(POD, NAMESPACE, healthy["name"], {"metadata": {"labels": {"pick": "me"}}})
    await ward.open(step("mend", "deletePods", {"selector": {"pick": "me"}}))

    status = await ward.pass_time(timedelta(seconds=20))
    assert "PodDisruptionBudget/web allows no disruption (2 of 3 Pods healthy, it wants 2)" in status["message"]
    assert writes(ward) == []

    ward.cluster.remove(POD, NAMESPACE, pods(ward)[0]["metadata"]["name"])
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    assert not {sick, healthy["uid"]} & uids(ward)


async def test_no_match_fails_and_writes_nothing() -> None:
    ward = cluster_of()
    await ward.open(step("mend", "deletePods", {"selector": {"app": "wbe"}}))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert writes(ward) == []


async def test_the_last_ready_pod_waits_for_a_person() -> None:
    ward = cluster_of(deployment_spec={"replicas": 1})
    await ward.open(step("mend", "deletePods", {"oldest": 1}))
    await ward.run("Waiting")
    assert writes(ward) == []

    ward.answer("mend", "Approve")
    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert writes(ward) == ["POST pods/eviction"]


async def test_another_target_than_the_approved_one_is_left_alone() -> None:
    ward = cluster_of(deployment_spec={"replicas": 1})
    await ward.open(step("mend", "deletePods", {"oldest": 1}))
    await ward.run("Waiting")
    ward.cluster.remove(POD, NAMESPACE, pods(ward)[0]["metadata"]["name"])
    ward.workloads.tick()

    ward.answer("mend", "Approve")
    status = await ward.run()

    assert "approved another change than the one that would be made now" in status["message"]
    assert writes(ward) == []


# --- cordon


async def test_a_cordon_is_undone_when_the_incident_is_resolved() -> None:
    ward = cluster_of()
    await ward.open(step("keep", "cordon", {"node": "n1"}, undo="OnResolve"))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert ward.states() == {"keep": "Undone"}
    assert not is_cordoned(ward)
    assert writes(ward) == ["PATCH nodes"] * 3


async def test_a_cordon_stays_where_the_playbook_does_not_say_otherwise() -> None:
    ward = cluster_of()
    await ward.open(step("keep", "cordon", {"node": "n1"}))
    assert (await ward.run())["phase"] == "Resolved"
    assert is_cordoned(ward)


async def test_ten_incidents_at_once_cordon_one_node_and_the_others_say_why_they_wait() -> None:
    ward = cluster_of(*(healthy(f"n{number}") for number in range(1, 11)))
    names = [f"alert-{number}" for number in range(1, 11)]
    for number, name in enumerate(names, 1):
        body = {"apiVersion": "v1", "kind": "Node", "name": f"n{number}"}
        await ward.open(step("keep", "cordon"), name=name, targetRef=body)
    for _ in range(10):
        for name in names:
            await ward.look(name)
        ward.clock.advance(timedelta(seconds=2))

    assert sum(is_cordoned(ward, f"n{number}") for number in range(1, 11)) == 1
    waiting = [ward.status(name)["message"] for name in names if ward.states(name)["keep"] == "Waiting"]
    assert len(waiting) == 9
    assert all("storm: Node/n1 is cordoned by paramedic already" in message for message in waiting)


async def test_a_node_that_is_ready_again_when_a_person_approves_is_not_cordoned() -> None:
    ward = cluster_of(healthy("n1", ready="False"), healthy("n2"), healthy("n3"))
    await ward.open(step("keep", "cordon", {"node": "n1"}, approval={"required": True}))
    await ward.run("Waiting")
    ward.clock.advance(timedelta(minutes=5))
    moment = ward.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    ward.cluster.store.update(Address(NODE, "", "n1"), {**node(ward), "status": healthy("n1", since=moment)["status"]})

    ward.answer("keep", "Approve")
    status = await ward.run()

    assert ward.states() == {"keep": "Skipped"}
    assert status["phase"] == "Resolved", status["message"]
    assert writes(ward) == []


async def test_an_account_without_rights_on_nodes_is_told_what_it_takes() -> None:
    ward = cluster_of()
    ward.cluster.deny(USER, "patch", "nodes")
    await ward.open(step("keep", "cordon", {"node": "n1"}))

    status = await ward.run()

    assert (
        'may not "patch nodes" (needed by keep); grant it with a ClusterRole and a ClusterRoleBinding'
        in status["message"]
    )
    assert writes(ward) == []


# --- drain


async def test_a_drain_cordons_evicts_and_leaves_the_node_empty() -> None:
    ward = cluster_of()
    before = uids(ward)

    status = await drain(ward)

    assert status["phase"] == "Resolved", status["message"]
    assert is_cordoned(ward)
    assert not before & uids(ward)
    assert writes(ward) == ["PATCH nodes", "PATCH nodes", *["POST pods/eviction"] * 3]


async def test_a_drain_never_takes_the_last_ready_pod_of_an_owner() -> None:
    ward = cluster_of()
    fewest = []

    def count(request: Request, moment: Moment) -> None:
        if moment == "after" and request.path.endswith("/eviction"):
            fewest.append(sum(map(pod_ready, pods(ward))))

    ward.cluster.fault = count
    await drain(ward)

    assert len(fewest) == 3 and min(fewest) >= 1


async def test_a_budget_of_zero_is_refused_and_the_node_left_schedulable() -> None:
    ward = cluster_of()
    ward.add(budget(minAvailable=3))
    ward.workloads.tick()

    status = await drain(ward)

    assert status["phase"] == "Failed"
    assert "PodDisruptionBudget/web allows no disruption (3 of 3 Pods healthy, it wants 3)" in status["message"]
    assert writes(ward) == [] and not is_cordoned(ward)


async def test_a_drain_that_is_not_done_in_time_is_taken_back() -> None:
    ward = cluster_of()
    ward.add(budget(minAvailable=2))
    ward.workloads.tick()

    def no_replacement_comes() -> None:
        stored = ward.get(DISRUPTION_BUDGET, "web")
        closed = stored["status"] | {"disruptionsAllowed": 0, "currentHealthy": 2}
        ward.cluster.store.update(Address(DISRUPTION_BUDGET, NAMESPACE, "web", "status"), {**stored, "status": closed})

    ward.workloads.tick = no_replacement_comes  # type: ignore[method-assign]
    status = await drain(ward, timeout="1m")

    assert status["phase"] == "Failed"
    assert "not done within 1m: 2 Pods left on Node/n1; Pod/web-" in status["message"]
    assert "PodDisruptionBudget/web allows no disruption (2 of 3 Pods healthy, it wants 2)" in status["message"]
    assert writes(ward).count("POST pods/eviction") == 1
    assert not is_cordoned(ward)


async def test_an_eviction_that_is_refused_takes_the_cordon_back() -> None:
    ward = cluster_of()
    ward.cluster.fault = calls(lambda: ward.cluster.deny(USER, "create", "pods/eviction"), "POST", POD)

    status = await drain(ward)

    assert status["phase"] == "Failed"
    assert 'may not "create pods/eviction"' in status["message"]
    assert not is_cordoned(ward)


async def test_a_cancelled_drain_says_that_it_was_under_way() -> None:
    ward = cluster_of()
    await ward.open(step("drain", "drain", {"node": "n1"}, undo="OnFailure"))
    while not writes(ward).count("POST pods/eviction"):
        await ward.look()
        ward.clock.advance(timedelta(seconds=1))

    ward.edit({"cancel": {"by": "alice", "reason": "not now"}})
    status = await ward.run()

    assert status["phase"] == "Cancelled"
    assert ward.step("drain")["state"] == "Failed"
    assert not is_cordoned(ward)


async def test_a_singleton_without_a_budget_waits_for_a_person() -> None:
    ward = cluster_of(deployment_spec={"replicas": 1})
    await ward.open(step("drain", "drain", {"node": "n1"}))

    status = await ward.run("Waiting")

    assert "is the last available Pod of its owner" in status["message"]
    assert writes(ward) == []


# --- dry runs


@pytest.mark.parametrize(
    ("action", "params", "steps"),
    [
        ("deletePods", {"oldest": 2, "most": 2}, ["evict Pod/web-"] * 2),
        ("cordon", {"node": "n1"}, ["patch Node/n1"] * 2),
        ("drain", {"node": "n1"}, ["patch Node/n1"] * 2 + ["evict Pod/web-"] * 3),
    ],
)
async def test_a_dry_run_shows_each_write_that_the_run_then_does(action: str, params: Any, steps: list[str]) -> None:
    ward = cluster_of()
    await ward.open(step("mend", action, params), name="dry", mode="DryRun")
    await ward.run("Planned", name="dry")
    changes = ward.step("mend", "dry")["changes"]
    planned = [f"{change['verb']} {change['object']}" for change in changes]
    assert writes(ward) == []

    await ward.open(step("mend", action, params))
    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert [found[: len(wanted)] for found, wanted in zip(planned, steps, strict=True)] == steps
    done = [
        f"{'evict Pod' if item.address.subresource else 'patch Node'}/{item.address.name}"
        for item in ward.effects
        if item.address.resource.kind != "Secret"
    ]
    assert sorted(done) == sorted(planned)


# --- crashes


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 10))
async def test_a_drain_survives_a_kill_around_each_of_its_writes(number: int, moment: Moment) -> None:
    ward = cluster_of()
    before = uids(ward)
    await ward.open(step("drain", "drain", {"node": "n1"}, undo="OnResolve"))
    ward.cluster.fault = strike = StrikeAt(number, moment, Killed)

    status = await ward.run()

    assert strike.struck
    assert status["phase"] == "Resolved", status["message"]
    assert not before & uids(ward) and not is_cordoned(ward)
    assert writes(ward) == ["PATCH nodes", "PATCH nodes", *["POST pods/eviction"] * 3, "PATCH nodes"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 5))
async def test_deleting_pods_survives_a_kill_around_each_of_its_writes(number: int, moment: Moment) -> None:
    ward = cluster_of()
    await ward.open(step("mend", "deletePods", {"oldest": 2, "most": 2}))
    ward.cluster.fault = strike = StrikeAt(number, moment, Killed)

    status = await ward.run()

    assert strike.struck
    assert status["phase"] == "Resolved", status["message"]
    assert writes(ward) == ["POST pods/eviction"] * 2
