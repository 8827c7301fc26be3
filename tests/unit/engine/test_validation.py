"""What is wrong with a playbook: the path of the field, and the mend."""

from typing import Any

import pytest

from paramedic.engine.validation import read_playbook
from support.objects import playbook, step


def problems(*steps: dict[str, Any], **spec: Any) -> list[str]:
    return read_playbook(playbook("p", *(steps or [step("restart", "rollingRestart")]), **spec))[1]


def check(name: str, **action: Any) -> dict[str, Any]:
    return {"name": name, **action}


def test_a_good_playbook_has_no_problems() -> None:
    steps = [
        step("verify", "httpCheck", {"url": "${parameters.url}"}, onFailure="Continue"),
        step("mend", "rollback", if_="steps.verify.failed", undo="OnFailure"),
    ]
    assert problems(*steps, parameters=[{"name": "url", "required": True}]) == []


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            [step("a", "rollback"), step("a", "rollback")],
            "spec.steps[1].name: 'a' is used twice; names are unique",
        ),
        (
            [{"name": "a"}],
            "spec.steps[0]: step a has no action; add one, such as rollback: {}",
        ),
        (
            [{"name": "a", "rollback": {}, "rollingRestart": {}}],
            "spec.steps[0]: step a has more than one action: rollingRestart rollback",
        ),
        (
            [step("a", "rollingRestart", undo="OnFailure")],
            "spec.steps[0].undo: rollingRestart cannot be undone; write Never or leave it out",
        ),
        (
            [step("a", "workloadStatus", approval={"required": True})],
            "spec.steps[0].approval: workloadStatus changes nothing that needs approval; leave it out",
        ),
        (
            [step("a", "rollback", if_="1 + 2")],
            "spec.steps[0].if: gives a INT, but must give true or false",
        ),
        (
            [step("a", "httpCheck", {"url": "${parameters.url}"})],
            "spec.steps[0].httpCheck: ${parameters.url} names no parameter that is known here; there are none",
        ),
        (
            [step("a", "httpCheck", {"url": "${target.uid}"})],
            "spec.steps[0].httpCheck: ${target.uid} names no target that is known here;"
            " there are apiVersion, kind, name, namespace",
        ),
        (
            [step("a", "httpCheck", {"url": "${steps.later.outputs.url}"})],
            "spec.steps[0].httpCheck: ${steps.later.outputs.url} names no step that is known here; there are none",
        ),
        (
            [step("a", "workloadStatus"), step("b", "manual", {"instructions": "${steps.a.scope}"})],
            "spec.steps[1].manual: ${steps.a.scope} must end in .outputs.NAME or .state",
        ),
        (
            [step("a", "manual", {"instructions": "$(date) ${env}"})],
            "spec.steps[0].manual: ${env} is not a path; write one such as ${parameters.NAME}, ${target.name} or"
            " ${incident.name}",
        ),
        (
            [step("a", "httpCheck", {"url": "checkout:8080"})],
            "spec.steps[0].httpCheck.url 'checkout:8080' must begin with http:// or https:// and name a host, as"
            " http://checkout.shop:8080/healthz",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_a_step_is_told_with_its_path_and_its_mend(steps: list[dict[str, Any]], problem: str) -> None:
    assert problems(*steps) == [problem]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"parameters": [{"name": "x", "default": "1"}, {"name": "x", "default": "1"}]},
            "spec.parameters[1].name: 'x' is used twice; names are unique",
        ),
        (
            {"parameters": [{"name": "x", "required": True, "default": "1"}]},
            "spec.parameters[0].default: a required parameter has no default; remove one of the two",
        ),
        (
            {"parameters": [{"name": "x", "type": "integer", "default": "one"}]},
            "spec.parameters[0].default: 'one' is not an integer; write digits such as '3'",
        ),
        (
            {"recovery": {"stableFor": "5m", "timeout": "5m"}},
            "spec.recovery.timeout: 5m leaves no time beyond stableFor 5m",
        ),
        (
            {"recovery": {"checks": [check("a"), check("b", workloadStatus={})]}},
            "spec.recovery.checks[0]: recovery check a needs exactly one of httpCheck and workloadStatus",
        ),
        (
            {"recovery": {"checks": [check("a", workloadStatus={}), check("a", workloadStatus={})]}},
            "spec.recovery.checks[1].name: 'a' is used twice; names are unique",
        ),
        (
            {"recovery": {"checks": [check("a", httpCheck={"url": "${steps.restart.outputs.x}"})]}},
            "spec.recovery.checks[0].httpCheck: ${steps.restart.outputs.x} names no step that is known here; there are none",
        ),
    ],
)  # fmt: skip
def test_a_mistake_beside_the_steps_is_told_with_its_path_and_its_mend(spec: dict[str, Any], problem: str) -> None:
    assert problems(**spec) == [problem]


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ([step("a", "rollback", {"toRevison": 3})], "spec.steps[0].rollback.toRevison"),
        ([step("a", "rollback", {"toRevision": 0})], "spec.steps[0].rollback.toRevision"),
        ([step("a", "wait", {"duration": "1234567s"})], "spec.steps[0].wait.duration"),
        ([step("a", "rollback", timeout="ten minutes")], "spec.steps[0].timeout"),
        ([step("A-b", "rollback")], "spec.steps[0].name"),
        ([step("a", "rollback", onFailure="Ignore")], "spec.steps[0].onFailure"),
    ],
)
def test_what_the_schema_refuses_is_told_with_its_path(steps: list[dict[str, Any]], path: str) -> None:
    (problem,) = problems(*steps)
    assert problem.startswith(f"{path}: ")


def test_every_problem_is_told_at_once() -> None:
    found = problems({"name": "a"}, step("b", "rollback", if_="("), recovery={"stableFor": "5m", "timeout": "1m"})
    assert len(found) == 3
