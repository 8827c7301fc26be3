"""An incident from its first sight to its end, on a cluster in memory."""

from datetime import timedelta

import pytest

from component.builders import HEALTH, Ward, step
from paramedic.model.references import DEPLOYMENT


async def test_a_bad_image_is_rolled_back_and_the_incident_resolves() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert ward.image_of() == "web:v1"


async def test_a_rollback_leaves_annotations_of_others_and_says_who_did_it() -> None:
    ward = Ward(image="web:broken")
    ward.cluster.edit(DEPLOYMENT, "shop", "web", {"metadata": {"annotations": {"team": "shop"}}})
    await ward.open(step("back", "rollback"))

    await ward.run()

    found = ward.get(DEPLOYMENT, "web")["metadata"]["annotations"]
    assert found["team"] == "shop"
    assert found["paramedic.dev/operation-id"] == ward.step("back")["operationID"]


async def test_a_service_that_only_a_restart_mends_is_restarted() -> None:
    ward = Ward()
    ward.workloads.sicken("shop", "web")
    await ward.open(step("restart", "rollingRestart"))

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert [item.request.method for item in ward.effects] == ["PATCH"]


async def test_from_the_create_to_the_first_effect_there_are_three_writes() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    await ward.run()

    assert [item.request.method for item in ward.cluster.writes][:3] == ["POST", "PUT", "PATCH"]


async def test_an_incident_of_three_steps_takes_at_most_eleven_writes() -> None:
    ward = Ward(image="web:broken", ticks=2)
    await ward.open(
        step("look", "workloadStatus", onFailure="Continue"), step("keep", "collectEvidence"), step("back", "rollback")
    )

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.cluster.writes) <= 11, "\n".join(map(str, ward.cluster.writes))


async def test_steps_run_as_the_playbooks_account() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    await ward.run()

    assert {item.request.account for item in ward.effects} == {"system:serviceaccount:shop:responder"}


async def test_the_operator_itself_writes_nothing_but_the_incidents_status() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("keep", "collectEvidence"), step("back", "rollback"))

    await ward.run()

    own = {item.request.path for item in ward.cluster.writes[1:] if not item.request.account}
    assert own == {"/apis/paramedic.dev/v1alpha1/namespaces/shop/incidents/one/status"}


async def test_a_rollback_to_a_revision_that_is_broken_too_puts_the_template_back_and_fails() -> None:
    ward = Ward(image="web:broken")
    ward.deploy("web:never-ready")
    await ward.open(step("back", "rollback"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.step("back")["undo"]["state"] == "Succeeded"
    assert ward.image_of() == "web:never-ready"


async def test_recovery_must_hold_without_a_break() -> None:
    ward = Ward()
    ward.http.set(HEALTH, 200)
    checks = [{"name": "answers", "httpCheck": {"url": HEALTH}}]
    await ward.open(
        step("look", "workloadStatus"), rules={"recovery": {"checks": checks, "stableFor": "30s", "timeout": "5m"}}
    )
    await ward.run("Monitoring")
    await ward.pass_time(timedelta(seconds=20))
    ward.http.set(HEALTH, 502)
    await ward.pass_time(timedelta(seconds=6))
    ward.http.set(HEALTH, 200)

    status = await ward.pass_time(timedelta(seconds=20))

    assert status["phase"] == "Monitoring"
    assert (await ward.run())["phase"] == "Resolved"


@pytest.mark.parametrize("answer", [None, 500], ids=["no answer", "500"])
async def test_recovery_that_is_not_proven_in_time_fails_the_incident(answer: int | None) -> None:
    ward = Ward()
    if answer:
        ward.http.set(HEALTH, answer)
    checks = [{"name": "answers", "httpCheck": {"url": HEALTH}}]
    await ward.open(
        step("look", "workloadStatus"), rules={"recovery": {"checks": checks, "stableFor": "1s", "timeout": "1m"}}
    )

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.condition("Recovered")["reason"] == "Timeout"


async def test_without_a_recovery_rule_every_pod_must_be_available_for_half_a_minute() -> None:
    ward = Ward()
    await ward.open(step("look", "workloadStatus"), rules={"recovery": {}})

    status = await ward.run("Monitoring")
    began = ward.clock.now()
    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.clock.now() - began >= timedelta(seconds=30)


async def test_an_ended_incident_is_left_alone() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))
    await ward.run()
    count = len(ward.cluster.writes)

    after = await ward.look()

    assert after is None
    assert len(ward.cluster.writes) == count
