"""How two states of one object differ, field by field, without what only the API server writes, and without secrets."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from paramedic.model.names import canonical
from paramedic.model.objects import Object

#: Stands for the values of Secrets, which nobody is shown.
HIDDEN, HIDDEN_OTHER = "(not shown)", "(another value, not shown)"
#: How what stands for a value begins that is not made yet, and so gives nothing away.
NEW_VALUE = "(new random value"
_SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the object, which kubectl keeps
_NAMED_ELSEWHERE = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
_SECRETS = ("data", "stringData")


@dataclass(frozen=True)
class Difference:
    """One field; its values as JSON, None where there is none."""

    path: str
    before: str | None
    after: str | None


def differences(before: Object | None, after: Object | None) -> list[Difference]:
    """The fields that differ, in the order of their paths, metadata last; those of a new object are all it has."""
    old, new = shown(before, after)
    found = sorted(_walk("", old, new), key=lambda item: (item.path.startswith("metadata."), item.path))
    return [item for item in found if item.path not in _NAMED_ELSEWHERE]


def shown(before: Object | None, after: Object | None) -> tuple[Object, Object]:
    """Both as they may be shown; a value of a Secret tells no more than whether it is another one."""
    old, new = _own(before), _own(after)
    if "Secret" in (old.get("kind"), new.get("kind")):
        for key in _SECRETS:
            kept, values = old.get(key) or {}, new.get(key) or {}
            if values:
                new[key] = {name: _hidden(name, value, kept) for name, value in values.items()}
            if kept:
                old[key] = dict.fromkeys(kept, HIDDEN)
    return old, new


def _hidden(name: str, value: Any, before: Object) -> str:
    if str(value).startswith(NEW_VALUE):
        return str(value)
    return HIDDEN_OTHER if name in before and before[name] != value else HIDDEN


def _own(obj: Object | None) -> Object:
    """An object without what the API server and kubectl keep in it."""
    found = {key: value for key, value in copy.deepcopy(obj or {}).items() if key != "status"}
    meta = found.get("metadata") or {}
    for key in _SERVERS_OWN:
        meta.pop(key, None)
    (meta.get("annotations") or {}).pop(_LAST_APPLIED, None)
    return found


def _walk(path: str, old: Any, new: Any) -> Iterator[Difference]:
    """Down to the fields that differ. Lists are compared by position while they are as long as before."""
    if old == new:
        return
    if _is_tree(old) and _is_tree(new) and (old or new):
        for key in {**(old or {}), **(new or {})}:
            yield from _walk(_below(path, key), (old or {}).get(key), (new or {}).get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _walk(f"{path}[{at}]", one, other)
    else:
        yield Difference(path, _text(old), _text(new))


def _is_tree(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _below(path: str, key: str) -> str:
    if not all(mark.isalnum() or mark in "-_" for mark in key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _text(value: Any) -> str | None:
    return None if value is None else canonical(value)
