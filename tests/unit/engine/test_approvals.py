"""An approval binds to the plan that it saw."""

import json
import shlex
from typing import Any

import pytest

from paramedic.engine.approvals import Rejected, approve_command, approved_by
from unit.engine.running import HASH, planned


def answer(decision: str = "Approve", by: str = "alice", *, step: str = "mend", **more: str) -> dict[str, Any]:
    return {"step": step, "decision": decision, "by": by} | more


def approver(*answers: dict[str, Any], action: str = "rollback") -> str:
    run = planned("mend", action=action, approvals=list(answers))
    return approved_by(run, run.planned("mend"))


@pytest.mark.parametrize("seen", [HASH, HASH[:12], HASH[:8]])
def test_an_approval_of_this_plan_counts(seen: str) -> None:
    assert approver(answer(planHash=seen)) == "alice"


@pytest.mark.parametrize("seen", ["b" * 64, "b" * 12, HASH[1:13]])
def test_an_approval_of_another_plan_does_not_count(seen: str) -> None:
    assert approver(answer(planHash=seen)) == ""


@pytest.mark.parametrize("seen", [HASH[:7], ""])
def test_an_approval_that_names_too_little_of_its_plan_does_not_count(seen: str) -> None:
    assert approver(answer(planHash=seen)) == ""


def test_an_approval_that_names_no_plan_does_not_count() -> None:
    assert approver(answer()) == ""


def test_an_approval_of_another_step_does_not_count() -> None:
    assert approver(answer(step="other", planHash=HASH)) == ""


def test_a_report_that_a_step_is_done_is_no_approval() -> None:
    assert approver(answer("Done", planHash=HASH)) == ""


@pytest.mark.parametrize("order", [1, -1])
def test_a_rejection_wins_whoever_came_first(order: int) -> None:
    answers = [answer(planHash=HASH), answer("Reject", "bob", note="not tonight")]
    with pytest.raises(Rejected, match="rejected by bob: not tonight"):
        approver(*answers[::order])


def test_the_rejection_of_a_manual_step_is_for_the_step_to_tell() -> None:
    assert approver(answer("Reject"), action="manual") == ""


def test_the_command_that_approves_names_the_plan() -> None:
    words = shlex.split(approve_command(planned("mend"), "mend", "Approve"))
    assert words[:6] == ["kubectl", "patch", "incident", "checkout-down", "-n", "shop"]
    assert json.loads(words[-1]) == [
        {"op": "add", "path": "/spec/approvals/-", "value": answer(by="YOUR-NAME", planHash=HASH[:12])}
    ]


def test_the_command_adds_to_answers_that_are_there() -> None:
    run = planned("first", "mend", approvals=[answer(step="first", planHash=HASH)])
    words = shlex.split(approve_command(run, "mend", "Done"))
    assert words[6] == "--type=json"
    assert json.loads(words[-1]) == [
        {"op": "add", "path": "/spec/approvals/-", "value": answer("Done", by="YOUR-NAME")}
    ]
