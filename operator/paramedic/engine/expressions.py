"""Conditions of steps and of spec.match: what they see, and what is said of one that is wrong."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from paramedic.model.expressions import ExpressionError, Kind, Variables, compiled, truth

__all__ = ["STEP_FIELDS", "ExpressionError", "check", "check_match", "evaluate"]

STEP_FIELDS = ("state", "succeeded", "failed", "outputs")
_KINDS: dict[str, Kind] = {"state": "string", "succeeded": "bool", "failed": "bool", "outputs": "values"}
_EXAMPLE = "incident.severity == 'Critical'"


@lru_cache(maxsize=256)
def _variables(steps: tuple[str, ...]) -> Variables:
    roots: Variables = (("incident", "values"), ("parameters", "values"), ("target", "values"))
    return roots + tuple((f"steps.{step}.{field}", _KINDS[field]) for step in steps for field in STEP_FIELDS)


def _compiled(expression: str, steps: tuple[str, ...]) -> Any:
    try:
        return compiled(expression, _variables(steps), _EXAMPLE)
    except ExpressionError as error:
        text = str(error)
        if "undeclared reference to 'steps." in text:
            text += f"; a step sees the steps before it: {', '.join(steps) or 'there are none'}"
        elif "undeclared reference" in text:
            text += "; an expression sees incident, parameters, target and steps, as in steps.NAME.failed"
        elif not text.startswith("gives "):
            text += "; write CEL, such as steps.verify.failed && incident.severity == 'Critical'"
        raise ExpressionError(text) from None


def check_match(expression: str) -> None:
    """Compiles a playbook's spec.match.expression, which sees the incident alone. Raises ExpressionError."""
    try:
        compiled(expression, (("incident", "values"),), _EXAMPLE)
    except ExpressionError as error:
        text = str(error)
        if "undeclared reference" in text:
            text += "; it sees incident alone, as in incident.alert.labels.team == 'shop'"
        elif not text.startswith("gives "):
            text += "; write CEL, such as incident.alert.labels.team == 'shop'"
        raise ExpressionError(text) from None


def check(expression: str, earlier: Iterable[str]) -> None:
    """Compiles an expression of a step that comes after these steps. Raises ExpressionError."""
    _compiled(expression, tuple(earlier))


def evaluate(expression: str, values: Mapping[str, Any], earlier: Iterable[str]) -> bool:
    """The truth of an expression. Raises ExpressionError where it has none, such as for a key that is missing."""
    return truth(expression, _compiled(expression, tuple(earlier)), values)
