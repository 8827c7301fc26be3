"""Label and field selectors of list requests, as the API server reads them."""

import re
from collections.abc import Callable

from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object, dig, labels

_SET = re.compile(r"(?P<key>[^\s!=,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s!=,()]+)\s*(?P<operator>==?|!=)\s*(?P<value>[^\s!=,()]*)")
_EXISTS = re.compile(r"(?P<absent>!)?\s*(?P<key>[^\s!=,()]+)")

#: Fields that a list can be selected by, beside metadata.name and metadata.namespace, which every kind has.
SELECTABLE = {
    "pods": ("status.phase", "spec.nodeName", "spec.serviceAccountName"),
    "events": ("involvedObject.name", "involvedObject.uid", "reason", "type"),
    "incidents": ("status.phase", "status.target", "status.playbook.name", "spec.alert.fingerprint"),
}

Matches = Callable[[Object], bool]


def by_labels(selector: str) -> Matches:
    """Equality-based and set-based requirements, all of which must hold. Raises ApiError 400."""
    tests = [_label_test(part) for part in _split(selector)]
    return lambda obj: all(test(labels(obj)) for test in tests)


def by_fields(selector: str, plural: str) -> Matches:
    """Equality of fields that the kind can be selected by. Raises ApiError 400 for others, as the API server does."""
    tests = [_field_test(part, plural) for part in _split(selector)]
    return lambda obj: all(test(obj) for test in tests)


def _split(selector: str) -> list[str]:
    parts = re.split(r",(?![^(]*\))", selector)  # a comma between parentheses separates values, not requirements
    return [part.strip() for part in parts if part.strip()]


def _label_test(part: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.fullmatch(part):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["operator"] == "in":
            return lambda has: has.get(key) in values
        return lambda has: has.get(key) not in values
    if found := _EQUAL.fullmatch(part):
        key, value = found["key"], found["value"]
        if found["operator"] == "!=":
            return lambda has: has.get(key) != value
        return lambda has: has.get(key) == value
    if found := _EXISTS.fullmatch(part):
        key, absent = found["key"], bool(found["absent"])
        return lambda has: (key in has) is not absent
    raise ApiError(400, "BadRequest", f"unable to parse requirement: found {part!r}")


def _field_test(part: str, plural: str) -> Matches:
    found = _EQUAL.fullmatch(part)
    if found is None:
        raise ApiError(400, "BadRequest", f"invalid selector: {part!r}; can't understand {part!r}")
    path, value, wanted = found["key"], found["value"], found["operator"] != "!="
    if path not in ("metadata.name", "metadata.namespace", *SELECTABLE.get(plural, ())):
        raise ApiError(400, "BadRequest", f"field label not supported: {path}")
    return lambda obj: (str(dig(obj, *path.split("."), default="")) == value) is wanted
