"""CEL, type-checked before the night, evaluated with nothing but values.

cel-expr-python is the C++ reference implementation; it is imported where an expression is compiled, since most commands
compile none. Two of its habits are met here: a runtime error is *returned* as a
value of type ERROR (whose truth value would be true), and dotted variables must be declared one by one, which is what
lets a misspelt name fail when a playbook is applied.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

Kind = Literal["string", "bool", "double", "values", "doubles", "list"]
Variables = tuple[tuple[str, Kind], ...]


class ExpressionError(ValueError):
    """An expression that cannot be compiled, or whose value is not true or false. The text is for its author."""


@lru_cache(maxsize=256)
def _environment(variables: Variables) -> Any:
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_optional

    values = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    types: dict[Kind, Any] = {
        "string": cel.Type.STRING, "bool": cel.Type.BOOL, "double": cel.Type.DOUBLE, "values": values,
        "doubles": cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE), "list": cel.Type.List(values),
    }  # fmt: skip
    declared = {name: types[kind] for name, kind in variables}
    return cel.NewEnv(variables=declared, extensions=[ext_optional.ExtOptional()])


@lru_cache(maxsize=1024)
def compiled(expression: str, variables: Variables, example: str) -> Any:
    """The compiled expression, which gives true or false. Raises ExpressionError; its text ends in the example where a
    comparison is missing.
    """
    try:
        found = _environment(variables).compile(expression)
    except RuntimeError as error:
        raise ExpressionError(explain(str(error))) from None
    given = found.return_type().name()
    if given not in ("BOOL", "DYN"):
        raise ExpressionError(f"gives a {given}, but must give true or false; compare it, as in {example}")
    return found


def truth(expression: str, program: Any, values: Mapping[str, Any]) -> bool:
    """The truth of an expression. Raises ExpressionError where it has none, such as for a key that is missing."""
    result = program.eval(data=dict(values))
    if result.type().name() != "BOOL":
        raise ExpressionError(f"{expression!r} has no truth value: {result.value()}")
    return bool(result.value())


_PLAINER = {
    "ERROR: <input>:": "at ",
    " (in container '')": "",
    "Syntax error: ": "",
    "token recognition error at: '= '": "a single = compares nothing, write ==",
    "mismatched input '<EOF>'": "it ends too early",
}


def explain(error: str) -> str:
    """The first complaint, on one line: without the drawing of the place, and what else a parser would have taken."""
    text = error.removeprefix("INVALID_ARGUMENT: ").removesuffix("[INVALID_ARGUMENT]").split("\n |")[0]
    text = " ".join(text.split()).partition(" expecting {")[0]
    for parsers, ours in _PLAINER.items():
        text = text.replace(parsers, ours)
    return text
