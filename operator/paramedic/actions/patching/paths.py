"""Paths such as ``spec.template.spec.containers[web].image``: where they lead in an object, and as JSON pointers.

What stands in brackets is an element of a list by its name, or a key of a map that holds dots.
"""

import re
from collections.abc import Iterator
from typing import Any

from paramedic.model.objects import Object
from paramedic.model.text import listing

#: What an element of a list is known by, the first that it has: a port by its name or number, a rule by its host.
_KEYS = ("name", "host", "path", "port")
_WHOLE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z][A-Za-z0-9-]*|\[[^\[\]]+\])*")


class NoSuchPlace(ValueError):
    """A path that leads nowhere. The text says what there is instead."""


def is_path(text: str) -> bool:
    """Whether a text has the form of a path."""
    return _WHOLE.fullmatch(text) is not None


def parts_of(path: str) -> list[str]:
    """The parts of a path, those in brackets with them."""
    return re.findall(r"\[[^\[\]]+\]|[^.\[\]]+", path)


def is_element(part: str) -> bool:
    return part.startswith("[")


def name_of(part: str) -> str:
    """A part without its brackets."""
    return part.removeprefix("[").removesuffix("]")


def steps_to(obj: Object, path: str) -> Iterator[tuple[Any, Any]]:
    """The way to a path: each holder, and the key or index in it. It ends early at a key that is not there.

    Raises NoSuchPlace for an element that is not there.
    """
    node: Any = obj
    for part in parts_of(path):
        name = name_of(part)
        if isinstance(node, list):
            index = _index(node, name, path)
            yield node, index
            node = node[index]
        elif isinstance(node, dict):
            yield node, name
            if name not in node:
                return
            node = node[name]
        else:
            raise NoSuchPlace(f"{path} leads nowhere: there is nothing in {name}")


def value_at(obj: Object, path: str) -> Any:
    """The value at a path; None where there is none. Raises NoSuchPlace."""
    way = list(steps_to(obj, path))
    holder, key = way[-1]
    if len(way) < len(parts_of(path)):
        return None
    return holder[key] if isinstance(holder, list) else holder.get(key)


def set_at(obj: Object, path: str, value: Any) -> Object:
    """Sets a value in the object, and gives the JSON patch operation (RFC 6902) that does so. None removes it."""
    way = list(steps_to(obj, path))
    missing = [name_of(part) for part in parts_of(path)[len(way) :]]
    holder, key = way[-1]
    pointer = "".join(f"/{_escaped(str(part))}" for _, part in way)
    if value is None:
        del holder[key]
        return {"op": "remove", "path": pointer}
    for name in reversed(missing):
        value = {name: value}
    operation = "replace" if isinstance(holder, list) or key in holder else "add"
    holder[key] = value
    return {"op": operation, "path": pointer, "value": value}


def _index(elements: list[Any], name: str, path: str) -> int:
    keys = [_known_as(item) for item in elements]
    for index, known in enumerate(keys):
        if name in known:
            return index
    there = listing([known[0] for known in keys if known])
    raise NoSuchPlace(f"{path} leads nowhere: there is no {name}; there is {there}")


def _known_as(item: Any) -> list[str]:
    return [str(item[key]) for key in _KEYS if item.get(key)] if isinstance(item, dict) else []


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
