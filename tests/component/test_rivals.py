"""Others at work: a second incident, people who edit, objects that vanish."""

import asyncio
from datetime import timedelta

import pytest

from component.builders import Ward, calls, deployment, step
from paramedic.model.references import DEPLOYMENT, INCIDENT, PLAYBOOK


async def test_of_two_incidents_on_one_target_the_second_waits_and_then_goes_on() -> None:
    ward = Ward(image="web:broken", ticks=5)
    await ward.open(step("back", "rollback"), name="one")
    await ward.open(step("restart", "rollingRestart"), name="two")
    await ward.look("one")
    await ward.look("two")
    waiting = ward.status("two")
    assert waiting["phase"] == "Pending"
    assert "one" in waiting["message"]
    assert len(ward.effects) == 1

    await ward.run(name="one")
    status = await ward.run(name="two")

    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.effects) == 2


async def test_an_incident_that_waits_for_its_post_mortem_alone_keeps_no_other_from_the_target() -> None:
    ward = Ward(image="web:broken")
    review = step("review", "manual", {"instructions": "Call the post-mortem."}, phase="Review")
    await ward.open(step("back", "rollback"), review, name="one")
    assert (await ward.run("Waiting", name="one"))["currentStep"] == "review"

    await ward.open(step("restart", "rollingRestart"), name="two")
    status = await ward.run(name="two")

    assert status["phase"] == "Resolved", status["message"]
    assert ward.status("one")["phase"] == "Waiting"


async def test_an_incident_that_waits_for_a_person_in_the_middle_of_its_work_keeps_the_target() -> None:
    ward = Ward(image="web:broken")
    ask = step("ask", "manual", {"instructions": "Ask the provider."})
    await ward.open(ask, step("back", "rollback"), name="one")
    await ward.run("Waiting", name="one")

    await ward.open(step("restart", "rollingRestart"), name="two")
    await ward.look("two")

    assert "waiting for incident one" in ward.status("two")["message"]


async def test_two_workers_that_see_two_incidents_at_the_same_moment_do_not_both_act() -> None:
    ward = Ward(image="web:broken", ticks=5)
    await ward.open(step("back", "rollback"), name="one")
    await ward.open(step("back", "rollback"), name="two")

    await asyncio.gather(ward.look("one"), ward.look("two"))

    assert sorted([ward.status("one")["phase"], ward.status("two")["phase"]]) == ["Pending", "Running"]
    assert len(ward.effects) == 1


async def test_two_incidents_on_two_targets_go_on_side_by_side() -> None:
    ward = Ward(image="web:broken", ticks=5)
    ward.add(deployment("api", "api:broken"))
    await ward.open(step("back", "rollback"), name="one")
    await ward.open(step("isolate", "isolate"), name="two", target="api")
    ward.workloads.tick()

    await ward.look("one")
    await ward.look("two")

    assert len(ward.effects) == 2


async def test_an_incident_that_waits_for_another_goes_on_when_that_is_deleted() -> None:
    ward = Ward(image="web:broken", ticks=100)
    await ward.open(step("back", "rollback"), name="one")
    await ward.open(step("restart", "workloadStatus", onFailure="Continue"), name="two")
    await ward.look("one")
    await ward.look("two")

    ward.cluster.remove(INCIDENT, "shop", "one")
    await ward.look("two")

    assert ward.status("two")["phase"] == "Monitoring"


async def test_a_playbook_edited_during_a_run_changes_nothing() -> None:
    ward = Ward(image="web:broken", ticks=3)
    await ward.open(step("back", "rollback"), step("look", "workloadStatus"))
    await ward.look()
    before = ward.status()["plan"]

    ward.cluster.edit(PLAYBOOK, "shop", "one", {"spec": {"steps": [step("other", "rollingRestart")]}})
    status = await ward.run()

    assert status["plan"] == before
    assert ward.states() == {"back": "Succeeded", "look": "Succeeded"}


async def test_an_incident_deleted_during_a_run_is_followed_no_further() -> None:
    ward = Ward(image="web:broken", ticks=3)
    await ward.open(step("back", "rollback"), step("restart", "rollingRestart"))
    await ward.look()
    count = len(ward.cluster.writes)

    ward.cluster.remove(INCIDENT, "shop", "one")

    assert await ward.look() is None
    assert len(ward.cluster.writes) == count


async def test_an_incident_deleted_between_intent_and_effect_leaves_no_error() -> None:
    ward = Ward(image="web:broken", ticks=1)
    await ward.open(step("back", "rollback"))
    ward.cluster.fault = calls(lambda: ward.cluster.remove(INCIDENT, "shop", "one"), "PATCH", DEPLOYMENT)

    await ward.look()

    assert ward.cluster.find(INCIDENT, "shop", "one") is None


async def test_an_incident_that_waits_for_its_deletion_is_left_alone() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))
    ward.cluster.edit(INCIDENT, "shop", "one", {"metadata": {"finalizers": ["example.org/hold"]}})
    ward.cluster.remove(INCIDENT, "shop", "one")

    assert await ward.look() is None
    assert ward.effects == []


async def test_somebody_who_edits_the_incident_just_before_our_write_makes_us_decide_anew() -> None:
    ward = Ward(image="web:broken", ticks=1)
    await ward.open(step("back", "rollback"))
    ward.cluster.fault = calls(lambda: ward.edit({"acknowledgedBy": "alice"}), "PUT", INCIDENT)

    status = await ward.run()

    assert 409 in [item.status for item in ward.cluster.log]
    assert status["phase"] == "Resolved"
    assert status["acknowledgement"]["by"] == "alice"
    assert len(ward.effects) == 1


async def test_somebody_who_labels_the_target_just_before_our_effect_makes_us_look_again() -> None:
    ward = Ward(image="web:broken", ticks=1)
    await ward.open(step("back", "rollback"))
    label = {"metadata": {"labels": {"a": "b"}}}
    ward.cluster.fault = calls(lambda: ward.cluster.edit(DEPLOYMENT, "shop", "web", label), "PATCH", DEPLOYMENT)

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.image_of() == "web:v1"


@pytest.mark.parametrize("action", ["rollback", "rollingRestart"])
async def test_somebody_who_mends_the_target_just_before_our_effect_is_not_overwritten(action: str) -> None:
    ward = Ward(image="web:broken" if action == "rollback" else "web:v2", ticks=1)
    await ward.open(step("act", action))
    ward.cluster.fault = calls(lambda: ward.deploy("web:v3"), "PATCH", DEPLOYMENT)

    status = await ward.run()

    assert ward.image_of() == "web:v3"
    assert status["phase"] == "Failed"
    assert "another Pod template" in status["message"]
    assert ward.effects == []


@pytest.mark.parametrize("action", ["rollback", "rollingRestart"])
async def test_a_target_that_is_created_again_just_before_our_effect_is_not_touched(action: str) -> None:
    ward = Ward(image="web:broken" if action == "rollback" else "web:v2")
    await ward.open(step("act", action))

    def recreate() -> None:
        ward.cluster.remove(DEPLOYMENT, "shop", "web")
        ward.add(deployment("web", "web:v9"))

    ward.cluster.fault = calls(recreate, "PATCH", DEPLOYMENT)

    status = await ward.run()

    assert "created again" in status["message"]
    assert ward.effects == []


async def test_a_target_that_vanishes_during_a_run_fails_it() -> None:
    ward = Ward(image="web:broken", ticks=5)
    await ward.open(step("back", "rollback"))
    await ward.look()

    ward.cluster.remove(DEPLOYMENT, "shop", "web")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "Deployment/web is gone" in status["message"]


async def test_a_target_that_is_created_again_during_a_run_is_not_touched() -> None:
    ward = Ward(image="web:broken", ticks=5)
    await ward.open(step("back", "rollback"), step("restart", "rollingRestart"))
    await ward.look()

    ward.cluster.remove(DEPLOYMENT, "shop", "web")
    ward.add(deployment("web", "web:v9"))
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "created again" in status["message"]
    assert len(ward.effects) == 1


@pytest.mark.parametrize("minutes", [0, 61])
async def test_a_third_restart_within_an_hour_is_refused_when_two_did_not_help(minutes: int) -> None:
    ward = Ward()
    ward.http.set("http://web.shop/", 500)
    checks = {"checks": [{"name": "up", "httpCheck": {"url": "http://web.shop/"}}], "stableFor": "1s", "timeout": "5s"}
    for name in ("one", "two"):
        await ward.open(step("restart", "rollingRestart"), name=name, rules={"recovery": checks})
        assert (await ward.run(name=name))["phase"] == "Failed"
    ward.clock.advance(timedelta(minutes=minutes))

    await ward.open(step("restart", "rollingRestart"), name="three", rules={"recovery": checks})
    await ward.run(name="three")

    assert ward.states("three")["restart"] == ("Succeeded" if minutes else "Failed")
