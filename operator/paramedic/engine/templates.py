"""Templates: ``${path}`` is replaced by the value at that path, and nothing else happens.

One pass: what a value contains is never looked at again, so that an alert label or a parameter stays data.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\$\{([^}]*)\}")
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9_/-]+)+")
_NOWHERE = object()
ROOTS = ("parameters", "incident", "target", "steps")


class TemplateError(ValueError):
    """A template whose path leads nowhere. The text is for its author."""


def paths_in(value: Any) -> Iterator[str]:
    """Every path that the strings of a JSON value name."""
    for text in _texts_in(value):
        yield from _PLACE.findall(text)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


def template_problems(value: Any, unknown: Callable[[str], str]) -> Iterator[str]:
    """What is wrong with the templates of a JSON value. ``unknown`` says what is wrong with where a path leads."""
    for path in paths_in(value):
        if problem := check_path(path) or unknown(path):
            yield problem
    for text in _texts_in(value):
        if "${" in _PLACE.sub("", text):
            yield f"{text[text.rindex('${') :][:40]!r} has no end; write one such as ${{parameters.NAME}}"


def substitute(value: Any, values: Mapping[str, Any], *, missing: str | None = None) -> Any:
    """A JSON value with every ``${path}`` in its strings replaced.

    Raises TemplateError for a path that leads nowhere, unless ``missing`` stands in for it.
    """
    if isinstance(value, str):
        return _PLACE.sub(lambda found: _text_or(found.group(1), values, missing), value)
    if isinstance(value, Mapping):
        return {key: substitute(item, values, missing=missing) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, values, missing=missing) for item in value]
    return value


def _text_or(path: str, values: Mapping[str, Any], missing: str | None) -> str:
    try:
        return _text_at(path, values)
    except TemplateError:
        if missing is None:
            raise
        return missing


def check_path(path: str) -> str:
    """What is wrong with the form of a path; empty if nothing is."""
    if not _PATH.fullmatch(path) or path.partition(".")[0] not in ROOTS:
        return (
            f"${{{path}}} is not a path; write one such as ${{parameters.NAME}}, ${{target.name}} or ${{incident.name}}"
        )
    return ""


def _text_at(path: str, values: Mapping[str, Any]) -> str:
    if problem := check_path(path):
        raise TemplateError(problem)
    found = _lookup(path.split("."), values)
    if found is _NOWHERE:
        raise TemplateError(
            f"${{{path}}} leads nowhere; see what there is in the incident and the playbook's parameters"
        )
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, Mapping | list) or found is None:
        raise TemplateError(f"${{{path}}} is not a text or a number")
    return str(found)


def _lookup(parts: list[str], values: Any) -> Any:
    """The value at a path. A key may hold dots itself, as label keys do: the longest key that fits is taken."""
    if not parts:
        return values
    if isinstance(values, Mapping):
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if key in values:
                return _lookup(parts[length:], values[key])
    return _NOWHERE
