"""Which fields `patch` may set, by kind, and what their values look like. Everything that is allowed stands here.

A path's part ``[*]`` is an element of a list, by its name; ``*`` a key of a map; ``a|b`` one of both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paramedic.actions.patching.paths import is_element, parts_of
from paramedic.model.quantities import parse_quantity
from paramedic.model.references import (
    CRON_JOB,
    DAEMONSET,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    HPA,
    INGRESS,
    SERVICE,
    STATEFULSET,
    Resource,
)

Value = str | int | bool
_SHARE = re.compile(r"[0-9]{1,3}%")


@dataclass(frozen=True)
class Field:
    """A field that may be set. ``grows``: what is missing of its path, such as `limits`, is added."""

    path: str
    kind: str
    grows: bool = False

    def fits(self, path: str) -> bool:
        wanted, found = parts_of(self.path), parts_of(path)
        return len(wanted) == len(found) and all(map(_fits, wanted, found))


def _fits(wanted: str, found: str) -> bool:
    if wanted == "[*]":
        return is_element(found)
    return wanted == "*" or found in wanted.split("|")


_CONTAINER = "spec.template.spec.containers[*]"
_PROBE = "livenessProbe|readinessProbe|startupProbe"
_TIMING = "initialDelaySeconds|periodSeconds|timeoutSeconds|successThreshold|failureThreshold"
_WORKLOAD = (
    Field(f"{_CONTAINER}.image", "text"),
    Field("spec.template.spec.initContainers[*].image", "text"),
    Field(f"{_CONTAINER}.env[*].value", "text"),
    Field(f"{_CONTAINER}.resources.limits|requests.*", "quantity", grows=True),
    Field(f"{_CONTAINER}.{_PROBE}.{_TIMING}", "number"),
    Field("spec.template.spec.terminationGracePeriodSeconds", "number"),
    Field("spec.minReadySeconds", "number"),
)
_BACKEND = "service.name"
_PORT = "service.port.number"
_RULE = "spec.rules[*].http.paths[*].backend"

ALLOWED: dict[Resource, tuple[Field, ...]] = {
    DEPLOYMENT: (*_WORKLOAD, Field("spec.progressDeadlineSeconds", "number"), Field("spec.paused", "truth")),
    STATEFULSET: _WORKLOAD,
    DAEMONSET: _WORKLOAD,
    SERVICE: (
        Field("spec.selector.*", "text"),
        Field("spec.ports[*].targetPort", "number or name"),
        Field("spec.ports[*].port", "number"),
    ),
    HPA: (Field("spec.minReplicas|maxReplicas", "number"),),
    INGRESS: (
        Field(f"{_RULE}.{_BACKEND}", "text"),
        Field(f"{_RULE}.{_PORT}", "number"),
        Field(f"spec.defaultBackend.{_BACKEND}", "text"),
        Field(f"spec.defaultBackend.{_PORT}", "number"),
    ),
    DISRUPTION_BUDGET: (Field("spec.minAvailable|maxUnavailable", "number or share"),),
    CRON_JOB: (Field("spec.suspend", "truth"),),
}
#: A kind names its resource here: no two of them are alike.
KINDS = {item.kind: item for item in ALLOWED}


def field_of(resource: Resource, path: str) -> Field | None:
    """What the path may hold; None where it may not be set."""
    return next((item for item in ALLOWED[resource] if item.fits(path)), None)


def allowed_paths(resource: Resource) -> str:
    """Every path that may be set, for a refusal."""
    return ", ".join(item.path for item in ALLOWED[resource])


def typed(field: Field, value: Value) -> Value:
    """The value as the field wants it; a template makes a text of everything. Raises ValueError with what to write."""
    return _TYPES[field.kind](value)


def same(field: Field, one: Any, other: Any) -> bool:
    """Whether two values mean the same: the API server writes 0.5 as 500m."""
    if one is None or other is None or field.kind != "quantity":
        return bool(one == other)
    return parse_quantity(str(one)) == parse_quantity(str(other))


def _text(value: Value) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Value) -> Value:
    text = _text(value)
    if not re.fullmatch(r"[0-9]{1,9}", str(text)):
        raise ValueError(f"{value!r} is not a number; write digits such as 3")
    return int(text)


def _truth(value: Value) -> Value:
    text = _text(value)
    if text not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return text == "true"


def _quantity(value: Value) -> Value:
    text = str(_text(value))
    parse_quantity(text)
    return text


def _number_or_name(value: Value) -> Value:
    text = str(_text(value))
    return int(text) if text.isdecimal() and text.isascii() else text


def _number_or_share(value: Value) -> Value:
    text = str(_text(value))
    if text.isdecimal() and text.isascii():
        return int(text)
    if not _SHARE.fullmatch(text):
        raise ValueError(f"{value!r} is neither a number nor a percentage; write such as 2 or 50%")
    return text


_TYPES: dict[str, Callable[[Value], Value]] = {
    "text": _text, "number": _number, "truth": _truth, "quantity": _quantity,
    "number or name": _number_or_name, "number or share": _number_or_share,
}  # fmt: skip
