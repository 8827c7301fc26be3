"""The rules of a step: if, retry, timeout, onFailure, undo, wait."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from component.builders import HEALTH, Killed, StrikeAt, Ward, play_jobs, step
from paramedic.model.references import DEPLOYMENT, JOB
from paramedic.model.times import parse_time

CHECK = step("check", "httpCheck", {"url": HEALTH})


async def test_a_step_whose_condition_is_false_is_skipped_and_says_why() -> None:
    ward = Ward()
    ward.http.set(HEALTH, 200)
    await ward.open(CHECK, step("restart", "rollingRestart", if_="steps.check.failed"))

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.states() == {"check": "Succeeded", "restart": "Skipped"}
    assert "steps.check.failed is false" in ward.step("restart")["message"]


async def test_a_step_whose_condition_is_true_runs() -> None:
    ward = Ward()
    await ward.open(CHECK | {"onFailure": "Continue"}, step("restart", "rollingRestart", if_="steps.check.failed"))

    await ward.run()

    assert ward.states() == {"check": "Failed", "restart": "Succeeded"}


async def test_a_condition_that_cannot_be_decided_fails_the_step() -> None:
    ward = Ward()
    ward.http.set(HEALTH, 200)
    await ward.open(CHECK, step("restart", "rollingRestart", if_="steps.check.outputs.nothing == 'x'"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.effects == []


async def test_a_failed_check_is_tried_again_after_its_backoff() -> None:
    ward = Ward()
    await ward.open(CHECK | {"retry": {"attempts": 3, "backoff": "15s"}})
    await ward.look()
    asked = len(ward.http.asked)

    await ward.pass_time(timedelta(seconds=14))
    assert len(ward.http.asked) == asked
    ward.http.set(HEALTH, 200)
    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.step("check")["attempt"] == 2


async def test_each_attempt_has_a_name_of_its_own() -> None:
    ward = Ward()
    await ward.open(CHECK | {"retry": {"attempts": 2, "backoff": "15s"}})
    await ward.look()
    first = ward.step("check")["operationID"]

    await ward.run()

    assert ward.step("check")["operationID"] != first


async def test_after_its_last_attempt_a_step_has_failed() -> None:
    ward = Ward()
    await ward.open(CHECK | {"retry": {"attempts": 3, "backoff": "15s"}})

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.step("check")["attempt"] == 3
    assert len(ward.http.asked) == 3


async def test_a_refusal_is_not_tried_again() -> None:
    ward = Ward(deployment_spec={"paused": True})
    await ward.open(step("restart", "rollingRestart", retry={"attempts": 3, "backoff": "15s"}))

    await ward.run()

    assert ward.step("restart")["attempt"] == 1
    assert "kubectl rollout resume" in ward.step("restart")["message"]


async def test_a_restart_that_is_not_done_within_its_timeout_fails_the_step() -> None:
    ward = Ward()
    ward.workloads.ticks = 10_000
    await ward.open(step("restart", "rollingRestart", timeout="2m"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "not done within 2m" in status["message"]


async def test_a_failure_stops_the_run_by_default() -> None:
    ward = Ward()
    await ward.open(CHECK, step("restart", "rollingRestart"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.states()["restart"] == "Pending"
    assert ward.effects == []


async def test_a_failure_with_continue_lets_the_next_step_run() -> None:
    ward = Ward()
    await ward.open(CHECK | {"onFailure": "Continue"}, step("restart", "rollingRestart"))

    status = await ward.run()

    assert status["phase"] == "Resolved"
    assert ward.states() == {"check": "Failed", "restart": "Succeeded"}


async def test_a_failure_with_undo_puts_its_own_change_back() -> None:
    ward = Ward(image="web:broken")
    ward.workloads.ticks = 10_000
    await ward.open(step("back", "rollback", timeout="2m", onFailure="Undo"))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.image_of() == "web:broken"
    assert len(ward.effects) == 2


@pytest.mark.parametrize(
    ("undo", "healthy", "left"),
    [
        ("OnResolve", True, 0),
        ("OnResolve", False, 1),
        ("OnFailure", True, 1),
        ("OnFailure", False, 0),
        ("Never", True, 1),
    ],
)
async def test_what_was_temporary_is_undone_at_the_end_it_names(undo: str, healthy: bool, left: int) -> None:
    ward = Ward()
    if healthy:
        ward.http.set(HEALTH, 200)
    await ward.open(step("isolate", "isolate", undo=undo), CHECK)

    status = await ward.run()

    assert status["phase"] == ("Resolved" if healthy else "Failed")
    assert len(ward.policies) == left
    assert ward.states()["isolate"] == ("Succeeded" if left else "Undone")


async def test_several_changes_are_undone_newest_first() -> None:
    ward = Ward()
    await ward.open(step("first", "isolate", undo="OnResolve"), step("second", "isolate", undo="OnResolve"))

    await ward.run()

    begun = {name: parse_time(ward.step(name)["undo"]["startedAt"]) for name in ("first", "second")}
    assert begun["second"] <= begun["first"]
    deleted = [item.request.path for item in ward.effects if item.request.method == "DELETE"]
    assert ["-second-" in path for path in deleted] == [True, False]


async def test_an_undo_that_is_refused_is_told_to_people() -> None:
    ward = Ward()
    await ward.open(step("isolate", "isolate", undo="OnResolve"), step("rest", "wait", {"duration": "10s"}))
    await ward.look()

    ward.cluster.deny("system:serviceaccount:shop:responder", "delete", "networkpolicies.networking.k8s.io")
    status = await ward.run()

    assert ward.step("isolate")["undo"]["state"] == "Failed"
    assert "could not be undone: isolate" in status["message"]


async def test_a_wait_lets_its_time_pass_and_no_more() -> None:
    ward = Ward()
    await ward.open(step("rest", "wait", {"duration": "5m"}))
    began = ward.clock.now()

    await ward.run("Monitoring")

    assert timedelta(minutes=5) <= ward.clock.now() - began <= timedelta(minutes=5, seconds=10)


async def test_a_wait_counts_on_while_the_operator_is_away() -> None:
    ward = Ward()
    await ward.open(step("rest", "wait", {"duration": "5m"}))
    await ward.look()

    ward.clock.advance(timedelta(minutes=5))
    ward.start()
    await ward.look()

    assert ward.states()["rest"] == "Succeeded"


# --- a change is made once, however often it is tried


async def test_a_retried_rollback_goes_on_with_the_first_and_not_one_revision_further() -> None:
    ward = Ward(image="web:v2")
    ward.deploy("web:broken")
    ward.workloads.ticks = 10_000
    await ward.open(step("back", "rollback", timeout="2m", retry={"attempts": 2, "backoff": "5s"}))
    await ward.pass_time(timedelta(minutes=3))
    assert ward.step("back")["attempt"] == 2

    ward.workloads.ticks = 0
    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert ward.image_of() == "web:v2"
    assert len(ward.effects) == 1


async def test_a_retried_restart_restarts_once() -> None:
    ward = Ward()
    ward.workloads.ticks = 10_000
    await ward.open(step("restart", "rollingRestart", timeout="2m", retry={"attempts": 2, "backoff": "5s"}))
    await ward.pass_time(timedelta(minutes=3))
    assert ward.step("restart")["attempt"] == 2

    ward.workloads.ticks = 0
    await ward.run()

    assert ward.states() == {"restart": "Succeeded"}
    assert len(ward.effects) == 1


async def test_a_restart_whose_pods_do_not_come_up_is_taken_back_after_its_last_attempt() -> None:
    ward = Ward(deployment_spec={"progressDeadlineSeconds": 60})
    before = ward.get(DEPLOYMENT, "web")["spec"]["template"]
    ward.workloads.ticks = 10_000
    await ward.open(step("restart", "rollingRestart", timeout="2m", retry={"attempts": 2, "backoff": "5s"}))

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert (ward.step("restart")["attempt"], ward.step("restart")["undo"]["state"]) == (2, "Succeeded")
    assert ward.get(DEPLOYMENT, "web")["spec"]["template"] == before | {
        "metadata": before["metadata"] | {"annotations": {}}
    }
    assert len(ward.effects) == 2


async def test_a_slow_start_after_a_long_approval_is_not_taken_for_a_failure() -> None:
    ward = Ward(image="web:broken", deployment_spec={"progressDeadlineSeconds": 300})
    await ward.open(step("back", "rollback", {"whenHealthy": "Proceed"}, approval={"required": True}, timeout="24h"))
    await ward.run("Waiting")
    await ward.pass_time(timedelta(hours=1))
    ward.workloads.ticks = 100

    ward.answer("back", "Approve")
    await ward.pass_time(timedelta(minutes=2))

    assert ward.states() == {"back": "Running"}
    assert ward.image_of() == "web:v1"


async def test_a_step_that_waits_for_a_rollout_and_then_for_a_person_says_so() -> None:
    ward = Ward(deployment_spec={"strategy": {"type": "Recreate"}}, ticks=5)
    ward.deploy("web:v3")
    await ward.open(step("restart", "rollingRestart"))
    await ward.look()
    assert ward.step("restart")["waitsFor"] == "Rollout"

    status = await ward.run("Waiting")

    assert ward.step("restart")["waitsFor"] == "Approve"
    assert "kubectl patch incident one" in status["message"]


async def test_a_recovery_check_whose_parameters_do_not_fit_fails_the_plan_by_name() -> None:
    ward = Ward()
    rules = {
        "parameters": [{"name": "address"}],
        "recovery": {
            "checks": [{"name": "up", "httpCheck": {"url": "${parameters.address}"}}],
            "stableFor": "1s",
            "timeout": "5s",
        },
    }
    await ward.open(CHECK, rules=rules)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "step up: httpCheck.url" in status["message"]
    assert ward.http.asked == []


@pytest.mark.parametrize("known", [True, False], ids=["its uid is stored", "killed before its uid was stored"])
async def test_a_job_that_was_begun_is_stopped_when_the_run_is_cancelled(known: bool) -> None:
    ward = Ward()
    spec = {"template": {"spec": {"containers": [{"name": "tool", "image": "tool:v1"}]}}}
    await ward.open(step("job", "runJob", {"template": spec}, undo="OnFailure"))
    ward.cluster.fault = None if known else StrikeAt(3, "before", Killed)
    with nullcontext() if known else pytest.raises(Killed):
        await ward.look()
    ward.start()
    assert len(ward.cluster.all(JOB)) == 1
    ward.edit({"cancel": {"by": "alice", "reason": "false alarm"}})

    status = await ward.run()

    assert status["phase"] == "Cancelled"
    assert ward.cluster.all(JOB) == []
    assert "was stopped before its end" in ward.step("job")["undo"]["message"]


async def test_what_is_known_of_a_change_anew_gives_it_no_more_time() -> None:
    ward = Ward()
    play_jobs(ward)
    spec = {"template": {"spec": {"containers": [{"name": "tool", "image": "tool:v1"}]}}}
    await ward.open(step("job", "runJob", {"template": spec}))
    await ward.look()
    first = ward.step("job")

    await ward.run()

    last = ward.step("job")
    assert first["intent"]["uid"] and last["intent"]["secret"], "it was written anew"
    assert (last["actedAt"], last["deadline"]) == (first["actedAt"], first["deadline"])
    assert [item["event"] for item in ward.status()["timeline"]].count("StepStarted") == 1
