"""People: approvals, manual steps, acknowledgements, cancelling."""

from datetime import timedelta

import pytest

from component.builders import Ward, step
from paramedic.model.references import INCIDENT

RECREATE = {"strategy": {"type": "Recreate"}}
CANCEL = {"cancel": {"by": "alice", "reason": "false alarm"}}
MANUAL = step("call", "manual", {"instructions": "Call the payment provider."})


async def waiting_for_approval() -> Ward:
    """A restart that takes every Pod down at once, and so asks first."""
    ward = Ward(deployment_spec=RECREATE)
    await ward.open(step("restart", "rollingRestart"))
    await ward.run("Waiting")
    return ward


async def test_what_takes_every_pod_down_waits_for_an_approval() -> None:
    ward = await waiting_for_approval()

    status = await ward.pass_time(timedelta(minutes=5))

    assert status["phase"] == "Waiting"
    assert ward.step("restart")["waitsFor"] == "Approve"
    assert "3 Pods down at once" in status["message"]
    assert ward.effects == []


async def test_the_message_holds_the_command_that_approves() -> None:
    ward = await waiting_for_approval()

    status = ward.status()

    assert "kubectl patch incident one -n shop" in status["message"]
    assert status["plan"]["hash"][:12] in status["message"]


async def test_an_approval_lets_it_go_on() -> None:
    ward = await waiting_for_approval()

    ward.answer("restart", "Approve")
    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert len(ward.effects) == 1
    assert ("alice", "Approved") in [(item["actor"], item["event"]) for item in status["timeline"]]


@pytest.mark.parametrize("plan_hash", ["0123456789ab", "", "abc"], ids=["another", "none", "too short"])
async def test_an_approval_of_another_plan_does_not_count(plan_hash: str) -> None:
    ward = await waiting_for_approval()

    ward.answer("restart", "Approve", plan_hash=plan_hash)
    status = await ward.pass_time(timedelta(minutes=1))

    assert status["phase"] == "Waiting"
    assert ward.effects == []


async def test_an_approval_that_does_not_count_is_told_to_who_gave_it() -> None:
    ward = await waiting_for_approval()

    ward.answer("restart", "Approve", plan_hash="0123456789ab")
    status = await ward.pass_time(timedelta(seconds=30))

    assert "the approval of alice does not count: its planHash is not that of this plan" in status["message"]


async def test_an_approval_is_for_the_change_that_was_shown_and_no_other() -> None:
    ward = Ward(image="web:v2")
    ward.deploy("web:broken")
    await ward.open(step("back", "rollback", approval={"required": True}))
    status = await ward.run("Waiting")
    assert "back from revision 3 to 2" in status["message"]

    ward.deploy("web:never-ready")
    ward.answer("back", "Approve")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "approved another change than the one that would be made now" in status["message"]
    assert ward.effects == []


async def test_an_approval_of_another_step_does_not_count() -> None:
    ward = await waiting_for_approval()

    ward.answer("other", "Approve")

    assert (await ward.pass_time(timedelta(minutes=1)))["phase"] == "Waiting"


async def test_a_rejection_fails_the_incident_and_names_who_rejected() -> None:
    ward = await waiting_for_approval()

    ward.answer("restart", "Reject")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "rejected by alice" in status["message"]
    assert ward.effects == []


async def test_a_playbook_can_ask_for_an_approval_of_its_own() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback", approval={"required": True}))
    await ward.run("Waiting")
    assert ward.effects == []

    ward.answer("back", "Approve")

    assert (await ward.run())["phase"] == "Resolved"


async def test_nobody_approves_for_a_day_and_the_incident_fails() -> None:
    ward = await waiting_for_approval()

    ward.clock.advance(timedelta(hours=24, minutes=1))
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "nobody answered" in status["message"]


async def test_a_manual_step_waits_until_it_is_done() -> None:
    ward = Ward()
    await ward.open(MANUAL, step("look", "workloadStatus"))
    waiting = await ward.run("Waiting")
    assert "Call the payment provider." in waiting["message"]

    ward.answer("call", "Done")
    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.step("call")["outputs"] == {"by": "alice", "note": "as agreed"}


async def test_a_manual_step_that_cannot_be_done_fails_the_incident() -> None:
    ward = Ward()
    await ward.open(MANUAL)
    await ward.run("Waiting")

    ward.answer("call", "Reject")
    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "alice answered that it cannot be done" in status["message"]


async def test_a_manual_step_waits_no_longer_than_its_timeout() -> None:
    ward = Ward()
    await ward.open(MANUAL | {"timeout": "30m"})
    await ward.run("Waiting")
    began = ward.clock.now()

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert timedelta(minutes=30) <= ward.clock.now() - began <= timedelta(minutes=31)


async def test_a_manual_step_waits_on_after_a_restart_of_the_operator() -> None:
    ward = Ward()
    await ward.open(MANUAL)
    await ward.run("Waiting")
    count = len(ward.cluster.writes)

    ward.start()
    await ward.look()

    assert ward.status()["phase"] == "Waiting"
    assert len(ward.cluster.writes) == count


async def test_an_acknowledgement_is_seen_with_its_time() -> None:
    ward = Ward()
    await ward.open(MANUAL)
    await ward.run("Waiting")

    ward.edit({"acknowledgedBy": "alice"})
    await ward.look()

    assert ward.condition("Acknowledged")["status"] == "True"
    assert ward.status()["times"]["acknowledgedAt"]


@pytest.mark.parametrize("phase", ["Pending", "Running", "Waiting", "Monitoring"])
async def test_an_incident_can_be_cancelled_in_every_phase(phase: str) -> None:
    ward = Ward(image="web:broken", ticks=100)
    steps = {"Waiting": MANUAL, "Monitoring": step("look", "workloadStatus", onFailure="Continue")}
    await ward.open(steps.get(phase) or step("back", "rollback"))
    if phase != "Pending":
        await ward.run(phase)

    ward.edit(CANCEL)
    status = await ward.run()

    assert status["phase"] == "Cancelled"
    assert "cancelled by alice: false alarm" in status["message"]
    assert status["review"]


async def test_a_cancel_before_the_plan_changes_nothing_at_all() -> None:
    ward = Ward(image="web:broken")
    await ward.open(step("back", "rollback"))

    ward.edit(CANCEL)
    await ward.run()

    assert ward.effects == []


async def test_a_cancel_takes_back_what_was_temporary() -> None:
    ward = Ward()
    await ward.open(step("isolate", "isolate", undo="OnFailure"), MANUAL)
    await ward.run("Waiting")
    assert len(ward.policies) == 1

    ward.edit(CANCEL)
    await ward.run()

    assert ward.policies == []


async def test_an_ended_incident_cannot_be_cancelled() -> None:
    ward = Ward()
    await ward.open(step("look", "workloadStatus"))
    await ward.run()

    ward.edit(CANCEL)
    await ward.look()

    assert ward.get(INCIDENT, "one")["status"]["phase"] == "Resolved"


async def test_what_would_only_end_later_is_asked_about_once() -> None:
    ward = Ward()
    await ward.open(step("contain", "isolate", {"ttl": "1h"}, approval={"required": True}))
    await ward.run("Waiting")
    written = len(ward.cluster.writes)

    status = await ward.pass_time(timedelta(minutes=5))

    assert [item["event"] for item in status["timeline"]].count("StepWaiting") == 1
    assert len(ward.cluster.writes) == written
