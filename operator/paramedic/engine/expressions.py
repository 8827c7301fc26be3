"""Conditions of steps: CEL, type-checked before the night, evaluated with nothing but values.

cel-expr-python is the C++ reference implementation. Two of its habits are met here: a runtime error is *returned* as a
value of type ERROR (whose truth value would be true), and dotted variables must be declared one by one, which is what
lets a misspelt step name fail when the playbook is applied.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional

STEP_FIELDS = ("state", "succeeded", "failed", "outputs")


class ExpressionError(ValueError):
    """An expression that cannot be compiled, or whose value is not true or false. The text is for its author."""


@lru_cache(maxsize=256)
def _environment(steps: tuple[str, ...]) -> Any:
    values = _values()
    types = {"state": cel.Type.STRING, "succeeded": cel.Type.BOOL, "failed": cel.Type.BOOL, "outputs": values}
    variables: dict[str, Any] = {"incident": values, "parameters": values, "target": values}
    variables |= {f"steps.{step}.{field}": types[field] for step in steps for field in STEP_FIELDS}
    return cel.NewEnv(variables=variables, extensions=[ext_optional.ExtOptional()])


@lru_cache(maxsize=1)
def _match_environment() -> Any:
    return cel.NewEnv(variables={"incident": _values()}, extensions=[ext_optional.ExtOptional()])


def _values() -> Any:
    return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)


@lru_cache(maxsize=1024)
def _compiled(expression: str, steps: tuple[str, ...]) -> Any:
    try:
        return _compile(_environment(steps), expression)
    except RuntimeError as error:
        text = _explain(str(error))
        if "undeclared reference to 'steps." in text:
            text += f"; a step sees the steps before it: {', '.join(steps) or 'there are none'}"
        elif "undeclared reference" in text:
            text += "; an expression sees incident, parameters, target and steps, as in steps.NAME.failed"
        else:
            text += "; write CEL, such as steps.verify.failed && incident.severity == 'Critical'"
        raise ExpressionError(text) from None


def _compile(environment: Any, expression: str) -> Any:
    found = environment.compile(expression)
    if found.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise ExpressionError(
            f"gives a {found.return_type().name()}, but must give true or false; compare it, as in"
            " incident.severity == 'Critical'"
        )
    return found


def check_match(expression: str) -> None:
    """Compiles a playbook's spec.match.expression, which sees the incident alone. Raises ExpressionError."""
    try:
        _compile(_match_environment(), expression)
    except RuntimeError as error:
        text = _explain(str(error))
        if "undeclared reference" in text:
            text += "; it sees incident alone, as in incident.alert.labels.team == 'shop'"
        else:
            text += "; write CEL, such as incident.alert.labels.team == 'shop'"
        raise ExpressionError(text) from None


def check(expression: str, earlier: Iterable[str]) -> None:
    """Compiles an expression of a step that comes after these steps. Raises ExpressionError."""
    _compiled(expression, tuple(earlier))


def evaluate(expression: str, values: Mapping[str, Any], earlier: Iterable[str]) -> bool:
    """The truth of an expression. Raises ExpressionError where it has none, such as for a key that is missing."""
    result = _compiled(expression, tuple(earlier)).eval(data=dict(values))
    if result.type() != cel.Type.BOOL:
        raise ExpressionError(f"{expression!r} has no truth value: {result.value()}")
    return bool(result.value())


_PLAINER = {
    "ERROR: <input>:": "at ",
    " (in container '')": "",
    "Syntax error: ": "",
    "token recognition error at: '= '": "a single = compares nothing, write ==",
    "mismatched input '<EOF>'": "it ends too early",
}


def _explain(error: str) -> str:
    """The first complaint, on one line: without the drawing of the place, and what else a parser would have taken."""
    text = error.removeprefix("INVALID_ARGUMENT: ").removesuffix("[INVALID_ARGUMENT]").split("\n |")[0]
    text = " ".join(text.split()).partition(" expecting {")[0]
    for parsers, ours in _PLAINER.items():
        text = text.replace(parsers, ours)
    return text
