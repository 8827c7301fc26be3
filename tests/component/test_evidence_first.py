"""Evidence before anything that destroys it, always."""

from collections.abc import Iterator
from typing import Any

import pytest

from component.builders import HEALTH, USER, Ward, step
from paramedic.actions.isolate import Isolate
from paramedic.actions.needs import helpful, needed
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.engine.evidence_first import with_evidence
from paramedic.model.permissions import Permission
from paramedic.model.references import EVENT, SECRET
from support.objects import playbook

DESTROY = step("mend", "isolate", {"ttl": "1h"})
CHECK = step("check", "httpCheck", {"url": HEALTH}, onFailure="Continue")


@pytest.fixture(autouse=True)
def isolating_destroys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An action that is no test's subject stands for those that destroy evidence."""
    monkeypatch.setattr(Isolate, "destroys_evidence", True)
    yield


def steps_of(*steps: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Name, action and condition of each step of a plan."""
    spec = Playbook.model_validate(playbook("book", *steps)).spec
    return [(item.name, item.action, item.if_) for item in with_evidence(spec.all_steps)]


# --- the plan


def test_a_step_that_destroys_evidence_gets_one_that_keeps_it_before() -> None:
    assert steps_of(DESTROY) == [("evidence", "collectEvidence", None), ("mend", "isolate", None)]


def test_a_playbook_that_destroys_nothing_gets_none() -> None:
    assert steps_of(step("restart", "rollingRestart")) == [("restart", "rollingRestart", None)]


def test_evidence_is_kept_right_before_under_the_same_condition() -> None:
    found = steps_of(CHECK, DESTROY | {"if": "steps.check.failed"})
    assert found[1:] == [
        ("evidence", "collectEvidence", "steps.check.failed"), ("mend", "isolate", "steps.check.failed"),
    ]  # fmt: skip


@pytest.mark.parametrize("condition", [None, "steps.check.failed"])
def test_a_step_of_the_playbook_that_keeps_it_whenever_it_is_destroyed_is_enough(condition: str | None) -> None:
    keep = step("keep", "collectEvidence") | ({"if": condition} if condition else {})
    assert len(steps_of(CHECK, keep, DESTROY | {"if": "steps.check.failed"})) == 3


def test_a_step_that_keeps_it_under_another_condition_is_not_enough() -> None:
    keep = step("keep", "collectEvidence") | {"if": "steps.check.failed"}
    assert [name for name, _, _ in steps_of(CHECK, keep, DESTROY)] == ["check", "keep", "evidence", "mend"]


def test_a_step_that_keeps_it_afterwards_is_not_enough() -> None:
    found = [name for name, _, _ in steps_of(DESTROY, step("evidence", "collectEvidence"))]
    assert found == ["evidence2", "mend", "evidence"]


def test_two_steps_that_destroy_need_it_once() -> None:
    assert [name for name, _, _ in steps_of(DESTROY, DESTROY | {"name": "again"})] == ["evidence", "mend", "again"]


def test_two_steps_that_destroy_under_two_conditions_need_it_twice() -> None:
    first, second = DESTROY | {"if": "steps.check.failed"}, DESTROY | {"name": "again", "if": "steps.check.succeeded"}
    found = [name for name, _, _ in steps_of(CHECK, first, second)]
    assert found == ["check", "evidence", "mend", "evidence2", "again"]


async def test_a_plan_that_gets_too_long_by_it_is_refused_with_the_mend() -> None:
    ward = Ward()
    many = [DESTROY | {"name": f"mend{number}", "if": f"{number} == {number}"} for number in range(17)]
    await ward.open(*many)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert "the plan has 34 steps, more than 32; put one step with collectEvidence: {}" in status["message"]


# --- the run


async def test_evidence_is_stored_before_the_destructive_write() -> None:
    ward = Ward()
    await ward.open(DESTROY)

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    kinds = [item.address.resource.kind for item in ward.effects]
    assert kinds == ["Secret", "NetworkPolicy"]
    assert status["evidence"]


async def test_the_plan_and_its_hash_hold_the_evidence_step() -> None:
    ward = Ward()
    await ward.open(DESTROY, mode="DryRun")

    status = await ward.run("Planned")

    assert [item["name"] for item in status["plan"]["steps"]] == ["evidence", "mend"]
    assert ward.effects == []
    assert ward.step("mend")["message"].startswith("would begin: isolating")


async def test_without_evidence_nothing_is_destroyed() -> None:
    ward = Ward()
    ward.cluster.refuse_creates("secrets", "shop", "exceeded quota: few, requested: count/secrets=1")
    await ward.open(DESTROY)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert ward.policies == []
    assert "mend failed: not begun, because isolate destroys what evidence could be collected from" in status["message"]
    assert "exceeded quota: few" in status["message"]
    assert status["message"].endswith("mend that, then open a new incident")


async def test_a_playbook_cannot_go_on_to_destroy_although_its_own_evidence_failed() -> None:
    ward = Ward()
    ward.cluster.refuse_creates("secrets", "shop", "exceeded quota: few")
    await ward.open(step("keep", "collectEvidence", onFailure="Continue"), DESTROY)

    await ward.run()

    assert ward.states() == {"keep": "Failed", "mend": "Failed"}
    assert ward.policies == []


# --- permissions


def test_what_the_evidence_takes_is_needed_by_the_action_that_destroys_it() -> None:
    action = ACTIONS["isolate"]
    params = action.parameters()
    wanted = needed(action, params, "Deployment")
    assert {Permission.to("create", SECRET), Permission.to("list", EVENT)} <= wanted
    assert action.permissions(params, "Deployment") < wanted
    assert action.optional_permissions(params, "Deployment") < helpful(action, params, "Deployment")


async def test_an_account_that_may_not_keep_evidence_is_refused_before_anything_is_begun() -> None:
    ward = Ward()
    ward.cluster.deny(USER, "create", "secrets")
    await ward.open(DESTROY)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert 'may not "create secrets" (needed by mend)' in status["message"]
