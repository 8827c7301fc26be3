"""Conditions are CEL: mistakes are found before the night, and what cannot be decided is never true."""

from typing import Any

import pytest

from paramedic.engine.expressions import ExpressionError, check, evaluate

VALUES = {
    "incident": {"severity": "Critical", "labels": {"team": "shop"}},
    "parameters": {"replicas": 3, "url": "http://x"},
    "target": {"kind": "Deployment"},
    "steps.verify.state": "Failed",
    "steps.verify.failed": True,
    "steps.verify.succeeded": False,
    "steps.verify.outputs": {"status": 502},
}


def truth(expression: str) -> bool:
    return evaluate(expression, VALUES, ["verify"])


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "steps.verify.failed",
        "!steps.verify.succeeded",
        "steps.verify.state == 'Failed'",
        "steps.verify.outputs.status == 502",
        "parameters.replicas > 2",
        "incident.severity in ['Critical', 'Warning']",
        "incident.labels.team == 'shop'",
        "target.kind == 'Deployment' && has(parameters.url)",
        "!has(parameters.missing)",
        "parameters.?missing.orValue(true)",
    ],
)
def test_an_expression_sees_incident_parameters_target_and_earlier_steps(expression: str) -> None:
    assert truth(expression)


@pytest.mark.parametrize("expression", ["false", "steps.verify.succeeded", "parameters.replicas == 4"])
def test_an_expression_can_be_false(expression: str) -> None:
    assert not truth(expression)


@pytest.mark.parametrize(
    "expression",
    ["parameters.missing == 'x'", "parameters.missing", "steps.verify.outputs.scope != 'Instance'", "1 / 0 == 1"],
)
def test_what_fails_when_it_is_evaluated_is_an_error_and_never_true(expression: str) -> None:
    with pytest.raises(ExpressionError, match="has no truth value"):
        truth(expression)


@pytest.mark.parametrize("expression", ["parameters.url", "parameters.replicas", "incident.labels"])
def test_a_value_that_is_neither_true_nor_false_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError, match="has no truth value"):
        truth(expression)


def test_a_misspelt_step_is_found_when_the_playbook_is_applied_and_the_known_ones_are_named() -> None:
    with pytest.raises(ExpressionError, match=r"'steps.verfy.failed'.*a step sees the steps before it: verify, scope"):
        check("steps.verfy.failed", ["verify", "scope"])


def test_the_first_step_sees_no_steps() -> None:
    with pytest.raises(ExpressionError, match="a step sees the steps before it: there are none"):
        check("steps.later.failed", [])


@pytest.mark.parametrize("expression", ["steps.verify.failed &&", "(", "'open", "nothing.here", "os.system('x')"])
def test_what_is_no_expression_is_found_when_the_playbook_is_applied(expression: str) -> None:
    with pytest.raises(ExpressionError):
        check(expression, ["verify"])


@pytest.mark.parametrize(
    ("expression", "kind"), [("1 + 2", "INT"), ("'yes'", "STRING"), ("steps.verify.state", "STRING")]
)
def test_an_expression_of_another_type_is_found_when_the_playbook_is_applied(expression: str, kind: str) -> None:
    with pytest.raises(ExpressionError, match=f"gives a {kind}, but must give true or false"):
        check(expression, ["verify"])


@pytest.mark.parametrize("name", ["in", "true", "null"])
def test_a_step_named_like_a_word_of_cel_is_an_error_of_the_expression_alone(name: str) -> None:
    with pytest.raises(ExpressionError):
        check(f"steps.{name}.failed", [name])


def test_a_value_that_looks_like_an_expression_is_only_a_text() -> None:
    values: dict[str, Any] = {"parameters": {"name": "' || true || '"}}
    assert not evaluate("parameters.name == 'x'", values, [])
