"""What the models refuse, in words for who wrote the YAML: the path of the field, and what to write instead."""

import re
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from paramedic.api.v1alpha1.base import ObjectName, StepName
from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.playbook import ChannelName, Playbook, UpdateInterval
from paramedic.engine.readiness.findings import Finding
from paramedic.model.durations import PATTERN

_KINDS: dict[str, type[BaseModel]] = {"Playbook": Playbook, "Incident": Incident}
_MENDS = {
    "missing": "write it",
    "string_type": "put it in quotes",
    "model_type": "write its fields, or {} for none",
    "list_type": "write a list, each item after a hyphen",
    "int_type": "write digits without quotes",
    "int_parsing": "write digits without quotes",
    "bool_type": "write true or false without quotes",
    "bool_parsing": "write true or false without quotes",
}


def findings_of(error: ValidationError) -> list[Finding]:
    """pydantic's findings as `spec.steps[0].rollback.toRevision: …`."""
    return [_finding(item, error.title) for item in error.errors(include_url=False)]


def path_of(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _finding(item: ErrorDetails, kind: str) -> Finding:
    path, problem = path_of(item["loc"]), item["msg"].removeprefix("Value error, ")
    mend = _MENDS.get(item["type"], "")
    if item["type"] == "extra_forbidden":
        problem, mend = "unknown field", _likely(str(item["loc"][-1]), kind)
    elif item["type"] == "string_pattern_mismatch":
        problem = f"{_shown(item['input'])} does not fit"
        mend = pattern_mends().get(str(item["ctx"]["pattern"]), f"it must match {item['ctx']['pattern']}")
    elif item["type"] == "literal_error":
        problem, mend = f"{_shown(item['input'])} is not known here", f"write {item['ctx']['expected']}"
    if not mend and kind in _KINDS:
        parent = re.sub(r"\[\d+\]", "", path_of(item["loc"][:-1]))
        mend = f"see kubectl explain {kind.lower()}.{parent}".rstrip(".")
    return Finding(path, problem, mend)


def _shown(value: Any) -> str:
    return repr(value if isinstance(value, int | float | bool) else str(value)[:80])


def _likely(name: str, kind: str) -> str:
    close = get_close_matches(name, _names(_KINDS[kind]) - {name}, 1, cutoff=0.7) if kind in _KINDS else []
    return f"did you mean {close[0]}?" if close else ""


@cache
def pattern_mends() -> dict[str, str]:
    """What to write instead of what does not fit a pattern: nobody reads a regular expression at night."""
    small = "write small letters, digits and hyphens, such as"
    return {
        PATTERN: "write hours, minutes and seconds, such as 90s, 10m or 1h30m",
        _pattern(UpdateInterval): "write hours and minutes, such as 15m or 1h",
        _pattern(StepName): "write letters and digits, a small letter first, such as verifyHealth",
        _pattern(ChannelName): f"{small} on-call",
        _pattern(ObjectName): f"{small} shop-responder",
    }


def _pattern(annotated: Any) -> str:
    return next(str(item.pattern) for item in get_args(annotated)[1:] if getattr(item, "pattern", None))


@cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all fields of a model, and of the models in it."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for item in (field.annotation, *_inside(field.annotation)):
            if isinstance(item, type) and issubclass(item, BaseModel):
                found |= _names(item)
    return frozenset(found)


def _inside(annotation: Any) -> list[Any]:
    """What a type is made of, such as the items of a list or the parts of a union."""
    parts = get_args(annotation)
    return [*parts, *(deeper for part in parts for deeper in _inside(part))]
