"""What Prometheus answers, read strictly: whatever is missing, no number, or only a part is unknown, never zero."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paramedic.actions.reads import HttpAnswer
from paramedic.model.objects import dig
from paramedic.model.text import shorten

BODY_LIMIT = 1_048_576  # bytes


class Unknown(Exception):
    """Nothing can be said about the value. ``final``: asking again would be answered the same."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True)
class Series:
    """One series: its labels, as a text too, and its numbers by the second they are of."""

    labels: str
    points: tuple[tuple[float, float], ...]
    metric: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.points]


def read_series(answer: HttpAnswer, path: str) -> list[Series]:
    """The series of an answer, at least one, all of finite numbers. Raises Unknown."""
    if not answer.status:
        raise Unknown(f"{path} got no answer: {answer.error}; is the address right, and may the operator reach it?")
    if len(answer.body) >= BODY_LIMIT:
        raise Unknown(f"{path} answered more than 1 MiB; aggregate in the query, or write a longer step", final=True)
    found = _json(answer)
    if answer.status != 200 or dig(found, "status") != "success":
        reason = shorten(str(dig(found, "error", default="no reason given")), 300)
        raise Unknown(f"{path} answered {answer.status}: {reason}", final=answer.status == 400)
    if warnings := dig(found, "warnings"):
        raise Unknown(f"{path} warns that its answer may be incomplete: {shorten(str(warnings), 300)}")
    kind, result = dig(found, "data", "resultType"), dig(found, "data", "result", default=[])
    if kind == "scalar":
        result = [{"metric": {}, "value": result}]
    elif kind not in ("vector", "matrix"):
        raise Unknown(f"the query gives a {kind or 'thing without a type'}; write one that gives numbers", final=True)
    if not result:
        raise Unknown("the query found no data; does it name metrics and labels that exist?")
    return [_series(item) for item in result]


def _json(answer: HttpAnswer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        if answer.status != 200:
            return {}
        raise Unknown(
            "what answered is not Prometheus: no JSON; check url, as http://prometheus.monitoring:9090"
        ) from None


def _series(item: Any) -> Series:
    metric = dig(item, "metric", default={})
    labels = shorten(", ".join(f"{key}={value}" for key, value in sorted(metric.items())), 100)
    points = dig(item, "values", default=[]) or [dig(item, "value", default=[])]
    try:
        read = tuple((float(when), float(value)) for when, value in points)
    except (TypeError, ValueError):
        named = f" of {labels}" if labels else ""
        raise Unknown(
            f"a value{named} is no number, such as a native histogram; write a query that gives numbers"
        ) from None
    if bad := next((value for _, value in read if not math.isfinite(value)), None):
        named = f" of {labels}" if labels else ""
        raise Unknown(f"a value{named} is {bad}, as of a division by zero without traffic")
    return Series(labels, read, {str(key): str(value) for key, value in metric.items()})
