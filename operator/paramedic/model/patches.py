"""Merge patches (RFC 7396) and JSON patches (RFC 6902: add, remove, replace, test)."""

import copy
from typing import Any


class DoesNotApply(ValueError):
    """A JSON patch that does not fit the object."""


def merge(target: Any, patch: Any) -> Any:
    """The target with the patch laid over it: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def apply_operations(target: Any, operations: list[dict[str, Any]]) -> Any:
    """The target after all operations. Raises DoesNotApply where one does not fit; then none has."""
    result = copy.deepcopy(target)
    for operation in operations:
        try:
            _apply(result, operation)
        except (KeyError, IndexError, ValueError, TypeError):
            raise DoesNotApply(f"{operation['op']} {operation['path']}") from None
    return result


def _apply(root: Any, operation: dict[str, Any]) -> None:
    *parents, last = _parts(operation["path"])
    holder = root
    for part in parents:
        holder = holder[_index(holder, part)]
    name = operation["op"]
    if name == "add":
        _add(holder, last, copy.deepcopy(operation["value"]))
        return
    if name == "replace":
        # The API server's library replaces a key that is not there too, although RFC 6902 forbids it.
        holder[_index(holder, last)] = copy.deepcopy(operation["value"])
    elif name == "remove":
        del holder[_index(holder, last)]
    elif name != "test" or holder[_index(holder, last)] != operation["value"]:
        raise ValueError(operation)


def _parts(path: str) -> list[str]:
    if not path.startswith("/"):
        raise ValueError(path)
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _index(holder: Any, part: str) -> Any:
    return int(part) if isinstance(holder, list) else part


def _add(holder: Any, last: str, value: Any) -> None:
    if not isinstance(holder, list):
        holder[last] = value
        return
    at = len(holder) if last == "-" else int(last)
    if not 0 <= at <= len(holder):
        raise IndexError(at)
    holder.insert(at, value)
