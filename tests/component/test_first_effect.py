"""What stands between an incident and its first effect: few requests, and yet nobody else on the target."""

import asyncio

from component.builders import NAMESPACE, Ward, deployment, step
from paramedic.model.objects import Object
from paramedic.model.references import DEPLOYMENT, INCIDENT, POD

RESTART = step("restart", "rollingRestart")
KEY = (NAMESPACE, "one")


async def opened(ward: Ward) -> Object:
    """An incident as the API server answered its creation."""
    await ward.open(RESTART)
    return ward.get(INCIDENT, "one")


def asked(ward: Ward) -> list[str]:
    """Every request since the incident was created, with its query, until its first effect."""
    log = [item.request for item in ward.cluster.log]
    paths = [f"{item.method} {item.path}" for item in log]
    begin = max(at for at, path in enumerate(paths) if path.startswith("POST") and path.endswith("/incidents"))
    end = paths.index(f"PATCH {DEPLOYMENT.path(NAMESPACE, 'web')}")
    return [f"{item.method} {item.path} {item.query or ''} {item.body or ''}" for item in log[begin + 1 : end]]


async def test_nothing_is_asked_twice_before_the_first_effect() -> None:
    ward = Ward()
    await opened(ward)

    await ward.look()

    requests = asked(ward)
    assert len(requests) == len(set(requests)), requests
    assert len([item for item in requests if item.startswith("PUT")]) == 1


async def test_an_incident_that_this_process_has_created_is_not_read_again() -> None:
    ward = Ward()
    ward.reconciler.created(await opened(ward))

    await ward.look()

    assert len(ward.effects) == 1
    assert not [item for item in asked(ward) if item.startswith(f"GET {INCIDENT.path(NAMESPACE, 'one')} ")]


async def test_one_that_changed_since_it_was_created_is_read_before_anything_is_stored() -> None:
    ward = Ward()
    ward.reconciler.created(await opened(ward))
    ward.edit({"cancel": {"by": "alice", "reason": "false alarm"}})

    await ward.run()

    assert ward.status()["phase"] == "Cancelled"
    assert ward.effects == []


async def test_one_that_was_deleted_since_it_was_created_is_followed_no_further() -> None:
    ward = Ward()
    ward.reconciler.created(await opened(ward))
    ward.cluster.remove(INCIDENT, NAMESPACE, "one")

    await ward.look()

    assert await ward.look() is None
    assert ward.effects == []


async def test_a_process_that_does_not_lead_keeps_nothing_of_what_it_creates() -> None:
    ward = Ward()
    ward.leads = False
    ward.reconciler.created(await opened(ward))
    ward.leads = True
    ward.edit({"acknowledgedBy": "alice"})

    await ward.look()

    assert ward.status()["acknowledgement"]["by"] == "alice"
    assert 409 not in [item.status for item in ward.cluster.log]


async def test_the_watch_that_shows_our_own_writes_wakes_nobody() -> None:
    ward = Ward(ticks=5)
    created = await opened(ward)
    ward.reconciler.created(created)
    await ward.look()
    stored = ward.get(INCIDENT, "one")
    ward.edit({"acknowledgedBy": "alice"})

    assert ward.reconciler.is_echo(KEY, created["metadata"]["resourceVersion"])
    assert ward.reconciler.is_echo(KEY, stored["metadata"]["resourceVersion"])
    assert not ward.reconciler.is_echo(KEY, ward.get(INCIDENT, "one")["metadata"]["resourceVersion"])


async def test_what_the_api_server_answers_to_an_effect_is_what_is_looked_at_next() -> None:
    ward = Ward(ticks=5)
    await opened(ward)

    await ward.look()

    log = [f"{item.request.method} {item.request.path}" for item in ward.cluster.log]
    effect = log.index(f"PATCH {DEPLOYMENT.path(NAMESPACE, 'web')}")
    assert f"GET {DEPLOYMENT.path(NAMESPACE, 'web')}" not in log[effect:]


async def test_one_incident_names_a_workload_and_another_its_pod_and_only_one_acts() -> None:
    ward = Ward(ticks=5)
    pod = next(item for item in ward.cluster.all(POD, NAMESPACE))
    await ward.open(RESTART, name="one")
    ref = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"]}
    await ward.open(RESTART, name="two", targetRef=ref)

    await asyncio.gather(ward.look("one"), ward.look("two"))

    assert sorted([ward.status("one")["phase"], ward.status("two")["phase"]]) == ["Pending", "Running"]
    assert len(ward.effects) == 1


async def test_many_that_begin_at_once_are_no_more_than_the_playbook_allows() -> None:
    ward = Ward()
    names = [f"app-{number}" for number in range(6)]
    match = {"alertNames": ["Down"]}
    for name in names:
        ward.add(deployment(name))
    ward.workloads.tick()
    await ward.open(RESTART, name="rule", target="web", rules={"match": match, "guards": {"maxConcurrent": 2}})
    ward.cluster.remove(INCIDENT, NAMESPACE, "rule")
    for name in names:
        await ward.alert(name, name, alert={"name": "Down", "fingerprint": name, "startsAt": "2026-01-31T09:30:00Z"})

    await asyncio.gather(*(ward.reconciler.reconcile((NAMESPACE, name)) for name in names))

    assert len(ward.effects) == 2
