"""The values of a playbook's parameters: what the incident gives, what is missing, what does not fit."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from paramedic.api.v1alpha1.playbook import Parameter
from paramedic.engine.templates import TemplateError, substitute
from paramedic.model.durations import parse_duration

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def resolve(
    declared: Iterable[Parameter], given: Mapping[str, str], known: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The values by name, typed, and the problems found.

    A default may be a template over ``known`` (incident and target), which is how an incident that an alert opened gets
    its values. What an incident gives is data and stays as it is.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    declared = list(declared)
    for parameter in declared:
        try:
            text = given[parameter.name] if parameter.name in given else _default(parameter, known)
        except TemplateError as error:
            problems.append(
                f"spec.parameters.{parameter.name} is not given, and its default {parameter.default}: {error}"
            )
            continue
        if text is None and parameter.required:
            what = f" ({parameter.description})" if parameter.description else ""
            problems.append(
                f"spec.parameters.{parameter.name} is required by the playbook{what}; open a new incident that gives it"
            )
            continue
        try:
            values[parameter.name] = typed(parameter, text if text is not None else _empty(parameter))
        except ValueError as error:
            problems.append(f"spec.parameters.{parameter.name}: {error}")
    names = {parameter.name for parameter in declared}
    for name in sorted(set(given) - names):
        has = ", ".join(sorted(names)) or "none"
        problems.append(f"spec.parameters.{name} is not a parameter of the playbook; it has {has}")
    return values, problems


def _default(parameter: Parameter, known: Mapping[str, Any]) -> str | None:
    return None if parameter.default is None else str(substitute(parameter.default, known))


def typed(parameter: Parameter, text: str) -> Any:
    """A value in the parameter's type. Raises ValueError with what to write instead."""
    if parameter.type == "integer":
        if not _INTEGER.fullmatch(text):
            raise ValueError(f"{text!r} is not an integer; write digits such as '3'")
        return int(text)
    if parameter.type == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f"{text!r} is not a boolean; write 'true' or 'false'")
        return text == "true"
    if parameter.type == "duration":
        parse_duration(text)
    return text


def _empty(parameter: Parameter) -> str:
    return {"integer": "0", "boolean": "false", "duration": "0s"}.get(parameter.type, "")
