"""CEL over what a Prometheus query found: what an expression sees, and when it is refused."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from paramedic.actions.prometheus.answer import Series
from paramedic.model.expressions import ExpressionError, Variables, compiled, truth

_VARIABLES: Variables = (("value", "double"), ("series", "list"), ("baseline", "doubles"))
_EXAMPLE = "value < 2.0 * baseline['1d']"
_STRINGS = re.compile(r"'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\"")
_BASELINES = re.compile(r"baseline\s*\[\s*['\"]([^'\"]*)['\"]\s*\]")


def check(expression: str, offsets: Collection[str]) -> None:
    """Raises ExpressionError, whose text says what to write instead."""
    if "${" in expression:
        raise ExpressionError("takes no templates: what a value holds would be evaluated; write the number itself")
    if "/" in _STRINGS.sub("''", expression):
        # 0 / 0 is neither above nor below anything, so that its negation would call what is not known healthy.
        raise ExpressionError(f"divides, which has no answer where nothing was counted; multiply, as in {_EXAMPLE}")
    if unknown := sorted(set(_BASELINES.findall(expression)) - set(offsets)):
        raise ExpressionError(f"names baseline['{unknown[0]}'], which is not asked for; add it to baseline.offset")
    try:
        compiled(expression, _VARIABLES, _EXAMPLE)
    except ExpressionError as error:
        text = str(error)
        if "undeclared reference" in text:
            text += "; it sees value, series (each with labels, value and values) and baseline, by offset"
        elif "(double, int)" in text or "(int, double)" in text:
            text += "; write a number with a point, such as 5.0"
        elif not text.startswith("gives "):
            text += f"; write CEL, such as {_EXAMPLE}"
        raise ExpressionError(text) from None


def holds(
    expression: str, value: float, series: Collection[tuple[float, Series]], earlier: Mapping[str, float]
) -> bool:
    """The truth of an expression about these numbers. Raises ExpressionError where it has none."""
    seen: list[dict[str, Any]] = [
        {"labels": dict(item.metric), "value": worst, "values": item.values} for worst, item in series
    ]
    program = compiled(expression, _VARIABLES, _EXAMPLE)
    return truth(expression, program, {"value": value, "series": seen, "baseline": dict(earlier)})
