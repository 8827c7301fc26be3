"""Kubernetes objects as plain JSON, and how to read a field that may be absent."""

from typing import Any

Object = dict[str, Any]


def dig(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at ``path``, or ``default`` where any part of it is missing or null."""
    for key in path:
        if isinstance(key, int):
            if not isinstance(obj, list) or len(obj) <= key:
                return default
            obj = obj[key]
        else:
            if not isinstance(obj, dict) or obj.get(key) is None:
                return default
            obj = obj[key]
    return obj


def labels(obj: Object) -> dict[str, str]:
    return dict(dig(obj, "metadata", "labels", default={}))


def annotations(obj: Object) -> dict[str, str]:
    return dict(dig(obj, "metadata", "annotations", default={}))


def controller_of(obj: Object) -> Object | None:
    """The owner reference with ``controller: true``, if any."""
    owners = dig(obj, "metadata", "ownerReferences", default=[])
    return next((owner for owner in owners if owner.get("controller")), None)


def condition(obj: Object, kind: str) -> Object:
    """The condition of this type, or an empty object."""
    found = dig(obj, "status", "conditions", default=[])
    return next((item for item in found if item.get("type") == kind), {})


def matches_selector(selector: Object | None, obj_labels: dict[str, str]) -> bool:
    """metav1.LabelSelector semantics: None selects nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(obj_labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_matches_expression(item, obj_labels) for item in selector.get("matchExpressions") or [])


def _matches_expression(item: Object, obj_labels: dict[str, str]) -> bool:
    key, operator, values = item["key"], item["operator"], item.get("values") or []
    if operator == "In":
        return obj_labels.get(key) in values
    if operator == "NotIn":
        return obj_labels.get(key) not in values
    if operator == "Exists":
        return key in obj_labels
    if operator == "DoesNotExist":
        return key not in obj_labels
    raise ValueError(f"unknown label selector operator {operator!r}")


def selector_query(selector: Object) -> str:
    """A metav1.LabelSelector as the ``labelSelector`` query of a list request."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or []:
        values = ",".join(item.get("values") or [])
        forms = {"In": f"{item['key']} in ({values})", "NotIn": f"{item['key']} notin ({values})"}
        forms |= {"Exists": item["key"], "DoesNotExist": f"!{item['key']}"}
        parts.append(forms[item["operator"]])
    return ",".join(parts)
