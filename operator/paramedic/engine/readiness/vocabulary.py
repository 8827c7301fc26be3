"""The names that expressions and templates can use, so that a misspelt one is found before the night.

CEL takes `incident` for a map, whose keys it cannot know; here they are known.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from paramedic.api.v1alpha1.incident import IncidentSpec
from paramedic.model.text import listing

#: Names by their own names; None where any name may follow, or none does.
Names = dict[str, "Names | None"]

TARGET: Names = dict.fromkeys(("apiVersion", "kind", "name", "namespace"))
_META: Names = dict.fromkeys(("name", "namespace", "labels", "annotations"))

_STRINGS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PATHS = re.compile(r"(?<![\w.])([a-z]\w*)((?:\.[A-Za-z_]\w*(?!\w|\())+)")


def _names_of(model: type[BaseModel]) -> Names:
    """The fields of a model, and of the models in it."""
    found: Names = {}
    for name, field in model.model_fields.items():
        inner = [item for item in (field.annotation, *get_args(field.annotation)) if _is_model(item)]
        found[field.alias or name] = _names_of(inner[0]) if inner else None
    return found


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


_SPEC = _names_of(IncidentSpec)
_STATUS: Names = dict.fromkeys(("phase", "message", "progress", "target"))
#: What `Run.values` shows of an incident to steps and to spec.match.
INCIDENT: Names = _SPEC | _META | _STATUS | {"uid": None, "spec": _SPEC, "metadata": _META}
#: What `messages.fill` adds for texts to people.
INCIDENT_TOLD: Names = INCIDENT | dict.fromkeys(("nextUpdate", "eta"))


def unknown_name(path: str, roots: Mapping[str, Names | None]) -> str:
    """What is wrong with a dotted path, and which names there are; empty if nothing is."""
    names: Mapping[str, Any] | None = roots
    parts = path.split(".")
    for at, part in enumerate(parts):
        if names is None:
            return ""
        if part not in names:
            within = ".".join(parts[:at])
            close = get_close_matches(part, names, 1)
            mend = f"did you mean {within}.{close[0]}?" if close else f"{within} has {listing(sorted(names), 12)}"
            return f"there is no {within}.{part}; {mend}"
        names = names[part]
    return ""


def paths_of(expression: str, roots: Iterable[str]) -> Iterator[str]:
    """The dotted paths of a CEL expression that begin at one of these roots; what is in quotes is text."""
    wanted = set(roots)
    for root, rest in _PATHS.findall(_STRINGS.sub("''", expression)):
        if root in wanted:
            yield root + rest
