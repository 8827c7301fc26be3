"""Alerts: those that resolve by themselves, several on one workload, storms."""

from datetime import timedelta
from typing import Any

import pytest

from component.builders import HEALTH, Ward, playbook, step
from paramedic.model.objects import Object
from paramedic.model.references import DEPLOYMENT, INCIDENT
from support.objects import deployment

RESTART = step("restart", "rollingRestart")
ALERT = {"name": "InstanceDown", "fingerprint": "f1", "startsAt": "2025-12-31T23:59:00Z"}
CHECKED = {"checks": [{"name": "up", "httpCheck": {"url": HEALTH}}], "stableFor": "1m", "timeout": "10m"}


def downtime(*steps: Object, **rules: Any) -> Object:
    return playbook("downtime", *(steps or (RESTART,)), match={"alertNames": ["InstanceDown"]}, **rules)


def of(name: str) -> Object:
    return ALERT | {"fingerprint": name}


# --- the alert itself


async def test_an_alert_that_resolves_before_the_first_change_ends_the_run_untouched() -> None:
    ward = Ward()
    ward.add(downtime(step("breathe", "wait", {"duration": "10m"}), RESTART))
    await ward.alert("one", alert=ALERT)
    await ward.pass_time(timedelta(minutes=1))

    ward.alert_state("Resolved")
    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert "the alert resolved by itself" in status["message"]
    assert ward.effects == []
    assert ward.condition("Recovered")["reason"] == "AlertResolved"


async def test_an_alert_that_resolved_before_it_was_looked_at_touches_nothing() -> None:
    ward = Ward()
    ward.add(downtime())
    await ward.alert("one", alert=ALERT)
    ward.alert_state("Resolved")

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.effects == []
    assert status["steps"] == []


async def test_an_alert_that_resolves_while_a_person_is_asked_ends_the_wait() -> None:
    ward = Ward()
    ward.add(downtime(step("restart", "rollingRestart", approval={"required": True})))
    await ward.alert("one", alert=ALERT)
    await ward.run("Waiting")

    ward.alert_state("Resolved")
    await ward.run()

    assert ward.states() == {"restart": "Skipped"}
    assert ward.effects == []


async def test_an_alert_that_resolves_after_the_change_does_not_replace_the_proof_of_recovery() -> None:
    ward = Ward()
    ward.http.set(HEALTH, 500)
    ward.add(downtime(recovery=CHECKED))
    await ward.alert("one", alert=ALERT)
    await ward.run("Monitoring")

    ward.alert_state("Resolved")
    await ward.pass_time(timedelta(minutes=2))
    assert ward.status()["phase"] == "Monitoring"

    ward.http.set(HEALTH, 200)
    assert (await ward.run())["phase"] == "Resolved"


async def test_an_alert_that_fires_on_after_the_cure_holds_nothing_up() -> None:
    """A counter that looks back over ten minutes fires on although the service is well (kubernaut#364)."""
    ward = Ward()
    ward.http.set(HEALTH, 200)
    ward.add(downtime(recovery=CHECKED))
    await ward.alert("one", alert=ALERT)

    assert (await ward.run())["phase"] == "Resolved"
    assert len(ward.effects) == 1


async def test_an_alert_that_fires_again_after_it_had_resolved_counts_as_a_failed_check() -> None:
    ward = Ward()
    ward.http.set(HEALTH, 200)
    ward.add(downtime(recovery=CHECKED))
    await ward.alert("one", alert=ALERT)
    await ward.run("Monitoring")
    ward.alert_state("Resolved")
    await ward.look()

    ward.alert_state("Firing")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "the alert fires again" in status["message"]


async def test_the_impact_counts_from_when_the_alert_began_to_fire() -> None:
    ward = Ward()
    ward.add(downtime())
    await ward.alert("one", alert=ALERT)

    await ward.look()

    assert ward.status()["times"]["startedAt"] == "2025-12-31T23:59:00.000000Z"


async def test_an_alert_that_began_in_the_future_counts_from_its_detection() -> None:
    ward = Ward()
    ward.add(downtime())
    await ward.alert("one", alert=ALERT | {"startsAt": "2031-01-01T00:00:00Z"})

    await ward.look()

    assert ward.status()["times"]["startedAt"] == ward.status()["times"]["detectedAt"]


# --- several on one workload


async def linked() -> Ward:
    """Two alerts on one workload, of which the first is at work."""
    ward = Ward(ticks=20)
    ward.add(downtime())
    await ward.alert("one", alert=of("f1"))
    await ward.look("one")
    await ward.alert("two", alert=of("f2"))
    await ward.look("two")
    return ward


async def test_a_second_alert_on_a_workload_is_linked_and_runs_no_step() -> None:
    ward = await linked()

    status = ward.status("two")

    assert status["linkedTo"] == "one"
    assert "linked to incident one, which works on Deployment/web" in status["message"]
    assert "plan" not in status


async def test_a_linked_incident_ends_as_the_one_it_is_linked_to() -> None:
    ward = await linked()

    assert (await ward.run(name="one"))["phase"] == "Resolved"
    status = await ward.run(name="two")

    assert status["phase"] == "Resolved"
    assert "incident one on Deployment/web ended Resolved" in status["message"]
    assert len(ward.effects) == 1


async def test_the_one_at_work_names_those_linked_to_it_in_its_report() -> None:
    ward = await linked()

    status = await ward.run(name="one")

    assert status["related"] == ["two"]
    assert "two" in status["review"]


async def test_a_linked_incident_whose_own_alert_resolves_ends_at_once() -> None:
    ward = await linked()

    ward.alert_state("Resolved", "two")
    status = await ward.run(name="two")

    assert status["phase"] == "Resolved"
    assert ward.status("one")["phase"] == "Running"


async def test_a_linked_incident_goes_on_by_itself_when_the_other_is_deleted() -> None:
    ward = await linked()

    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.workloads.ticks = 0
    status = await ward.run(name="two")

    assert status["phase"] == "Resolved"
    assert "linkedTo" not in status
    assert ward.states("two") == {"restart": "Succeeded"}


async def test_an_alert_on_a_pod_and_one_on_its_workload_are_one_remediation() -> None:
    ward = Ward(ticks=20)
    ward.add(downtime())
    pod = ward.workloads.pods("shop", "web")[0]["metadata"]["name"]
    await ward.alert("one", alert=of("f1"), targetRef={"apiVersion": "v1", "kind": "Pod", "name": pod})
    await ward.look("one")
    await ward.alert("two", alert=of("f2"))
    await ward.look("two")

    assert ward.status("two")["linkedTo"] == "one"


# --- storms


async def storm(count: int, **guards: Any) -> Ward:
    """Alerts on this many workloads, each looked at once."""
    ward = Ward(ticks=20)
    ward.add(downtime(guards=guards))
    for number in range(count):
        ward.add(deployment(f"app-{number}"))
    ward.workloads.tick()
    for number in range(count):
        await ward.alert(f"alert-{number}", f"app-{number}", alert=of(f"f{number}"))
        await ward.look(f"alert-{number}")
    return ward


def at_work(ward: Ward) -> int:
    return sum(item.get("status", {}).get("phase") == "Running" for item in ward.cluster.all(INCIDENT, "shop"))


async def test_of_a_storm_only_so_many_run_at_once_and_none_is_dropped() -> None:
    ward = await storm(6, maxConcurrent=2)

    assert at_work(ward) == 2
    assert "as many as guards.maxConcurrent allows" in ward.status("alert-5")["message"]
    assert len(ward.cluster.all(INCIDENT, "shop")) == 6

    ward.workloads.ticks = 0
    for number in range(6):
        assert (await ward.run(name=f"alert-{number}"))["phase"] == "Resolved"


async def test_a_storm_is_bounded_after_a_restart_of_the_operator_too() -> None:
    ward = await storm(4, maxConcurrent=2)

    ward.start()
    for item in ward.cluster.all(INCIDENT):
        ward.index.see(item)
    for number in range(4):
        await ward.look(f"alert-{number}")

    assert at_work(ward) == 2


async def test_by_default_ten_run_at_once() -> None:
    ward = await storm(12)

    assert at_work(ward) == 10


async def test_what_people_open_is_not_held_back_by_a_storm() -> None:
    ward = await storm(2, maxConcurrent=1)
    ward.add(deployment("mine"))
    ward.workloads.tick()

    await ward.open(RESTART, name="mine", target="mine", rules={"guards": {"maxConcurrent": 1}})
    await ward.look("mine")

    assert ward.status("mine")["phase"] == "Running"


async def test_a_target_that_was_just_worked_on_cools_down_first() -> None:
    ward = Ward()
    ward.add(downtime(guards={"cooldown": "15m"}))
    await ward.alert("one", alert=of("f1"))
    await ward.run(name="one")

    await ward.alert("two", alert=of("f2"))
    await ward.look("two")
    ward.clock.advance(timedelta(minutes=10))
    await ward.look("two")
    status = ward.status("two")
    assert status["phase"] == "Pending"
    assert "its guards.cooldown ends in" in status["message"]
    assert len(ward.effects) == 1

    assert (await ward.run(name="two"))["phase"] == "Resolved"
    assert len(ward.effects) == 2


async def test_another_target_does_not_cool_down() -> None:
    ward = Ward()
    ward.add(downtime(guards={"cooldown": "15m"}), deployment("other"))
    ward.workloads.tick()
    await ward.alert("one", alert=of("f1"))
    await ward.run(name="one")

    await ward.alert("two", "other", alert=of("f2"))
    await ward.run("Running", "Monitoring", "Resolved", name="two", within=timedelta(minutes=1))


async def test_so_many_runs_begin_within_an_hour_and_no_more() -> None:
    ward = await storm(3, maxRunsPerHour=2)
    assert at_work(ward) == 2
    assert "guards.maxRunsPerHour is 2; the next may begin in" in ward.status("alert-2")["message"]

    ward.workloads.ticks = 0
    for name in ("alert-0", "alert-1"):
        await ward.run(name=name)
    ward.clock.advance(timedelta(minutes=50))
    await ward.look("alert-2")
    assert ward.status("alert-2")["phase"] == "Pending"

    ward.clock.advance(timedelta(minutes=10))
    assert (await ward.run(name="alert-2"))["phase"] == "Resolved"


@pytest.mark.parametrize("minutes", [0, 30])
async def test_an_incident_that_is_held_back_writes_its_reason_once(minutes: int) -> None:
    ward = await storm(2, maxConcurrent=1)
    version = ward.get(INCIDENT, "alert-1")["metadata"]["resourceVersion"]

    ward.clock.advance(timedelta(minutes=minutes))
    await ward.look("alert-1")

    assert ward.get(INCIDENT, "alert-1")["metadata"]["resourceVersion"] == version


async def test_the_target_of_an_alert_that_is_gone_fails_the_incident() -> None:
    ward = Ward()
    ward.add(downtime())
    ward.cluster.remove(DEPLOYMENT, "shop", "web")
    await ward.alert("one", alert=ALERT)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "there is no Deployment/web" in status["message"]
