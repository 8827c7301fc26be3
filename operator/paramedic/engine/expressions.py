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
    values = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    types = {"state": cel.Type.STRING, "succeeded": cel.Type.BOOL, "failed": cel.Type.BOOL, "outputs": values}
    variables: dict[str, Any] = {"incident": values, "parameters": values, "target": values}
    variables |= {f"steps.{step}.{field}": types[field] for step in steps for field in STEP_FIELDS}
    return cel.NewEnv(variables=variables, extensions=[ext_optional.ExtOptional()])


@lru_cache(maxsize=1024)
def _compiled(expression: str, steps: tuple[str, ...]) -> Any:
    try:
        found = _environment(steps).compile(expression)
    except RuntimeError as error:
        raise ExpressionError(_explain(str(error), steps)) from None
    if found.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise ExpressionError(f"gives a {found.return_type().name()}, but must give true or false")
    return found


def check(expression: str, earlier: Iterable[str]) -> None:
    """Compiles an expression of a step that comes after these steps. Raises ExpressionError."""
    _compiled(expression, tuple(earlier))


def evaluate(expression: str, values: Mapping[str, Any], earlier: Iterable[str]) -> bool:
    """The truth of an expression. Raises ExpressionError where it has none, such as for a key that is missing."""
    result = _compiled(expression, tuple(earlier)).eval(data=dict(values))
    if result.type() != cel.Type.BOOL:
        raise ExpressionError(f"{expression!r} has no truth value: {result.value()}")
    return bool(result.value())


def _explain(error: str, steps: tuple[str, ...]) -> str:
    text = " ".join(error.removeprefix("INVALID_ARGUMENT: ").removesuffix("[INVALID_ARGUMENT]").split())
    text = text.replace("ERROR: <input>:", "at ").replace(" (in container '')", "")
    if "undeclared reference to 'steps." in text:
        text += f"; a step sees the steps before it: {', '.join(steps) or 'there are none'}"
    return text
