"""What is wrong with a playbook that the schema cannot tell: the path of the field, and the mend."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from paramedic.actions.http_check import url_refusal
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.playbook import Parameter, Playbook, PlaybookSpec
from paramedic.api.v1alpha1.steps import StepBase
from paramedic.engine.expressions import STEP_FIELDS, ExpressionError, check
from paramedic.engine.parameters import typed
from paramedic.engine.templates import check_path, paths_in
from paramedic.model.durations import parse_duration
from paramedic.model.objects import Object

TARGET_FIELDS = ("apiVersion", "kind", "name", "namespace")


def read_playbook(obj: Object) -> tuple[Playbook | None, list[str]]:
    """The playbook, and every problem with it. It is usable where there is none."""
    try:
        playbook = Playbook.model_validate(obj)
    except ValidationError as error:
        return None, explain(error)
    return playbook, list(problems_of(playbook.spec))


def explain(error: ValidationError) -> list[str]:
    """pydantic's findings as `spec.steps[0].rollback.toRevision: …`."""
    return [f"{path_of(item['loc'])}: {item['msg']}" for item in error.errors(include_url=False, include_input=False)]


def path_of(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def problems_of(spec: PlaybookSpec) -> Iterator[str]:
    yield from _duplicates("spec.steps", [step.name for step in spec.all_steps])
    yield from _duplicates("spec.parameters", [item.name for item in spec.parameters])
    yield from _duplicates("spec.recovery.checks", [item.name for item in spec.all_checks])
    for index, parameter in enumerate(spec.parameters):
        yield from _parameter_problems(f"spec.parameters[{index}]", parameter)
    names = {item.name for item in spec.parameters}
    earlier: list[str] = []
    for index, step in enumerate(spec.all_steps):
        yield from _step_problems(f"spec.steps[{index}]", step, earlier, names)
        earlier.append(step.name)
    for index, item in enumerate(spec.all_checks):
        path = f"spec.recovery.checks[{index}]"
        try:
            yield from _parameters_problems(f"{path}.{item.action}", item.parameters, [], names)
        except ValueError as error:
            yield f"{path}: {error}"
    stable, timeout = parse_duration(spec.recovery.stable_for), parse_duration(spec.recovery.timeout)
    if timeout <= stable:
        yield f"spec.recovery.timeout: {spec.recovery.timeout} leaves no time beyond stableFor {spec.recovery.stable_for}"


def _duplicates(path: str, names: list[str]) -> Iterator[str]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"{path}[{index}].name: {name!r} is used twice; names are unique"


def _parameter_problems(path: str, parameter: Parameter) -> Iterator[str]:
    if parameter.default is None:
        return
    if parameter.required:
        yield f"{path}.default: a required parameter has no default; remove one of the two"
    places = list(paths_in(parameter.default))
    for place in places:
        if problem := check_path(place) or _unknown_path(place, [], set()):
            yield f"{path}.default: {problem}"
    try:
        if not places:
            typed(parameter, parameter.default)
    except ValueError as error:
        yield f"{path}.default: {error}"


def _step_problems(path: str, step: StepBase, earlier: list[str], parameters: set[str]) -> Iterator[str]:
    try:
        action = step.action
    except ValueError as error:
        yield f"{path}: {error}"
        return
    if step.if_ is not None:
        try:
            check(step.if_, earlier)
        except ExpressionError as error:
            yield f"{path}.if: {error}"
    if step.timeout is not None and not parse_duration(step.timeout):
        yield f"{path}.timeout: 0s leaves no time to do anything; write one such as 10m, or leave it out"
    if step.on_failure == "Undo" and not ACTIONS[action].can_undo:
        yield f"{path}.onFailure: {action} cannot be undone; write Stop or Continue"
    if step.undo != "Never" and not ACTIONS[action].can_undo:
        yield f"{path}.undo: {action} cannot be undone; write Never or leave it out"
    if step.approval.required and not ACTIONS[action].remedy:
        yield f"{path}.approval: {action} changes nothing that needs approval; leave it out"
    yield from _parameters_problems(f"{path}.{action}", step.parameters, earlier, parameters)


def _parameters_problems(path: str, params: BaseModel, earlier: list[str], parameters: set[str]) -> Iterator[str]:
    data = params.model_dump(by_alias=True, exclude_none=True)
    for place in paths_in(data):
        problem = check_path(place) or _unknown_path(place, earlier, parameters)
        if problem:
            yield f"{path}: {problem}"
    url = data.get("url")
    if isinstance(url, str) and not list(paths_in(url)) and (refusal := url_refusal(url)):
        yield f"{path}.{refusal}"


def _unknown_path(place: str, earlier: list[str], parameters: set[str]) -> str:
    root, *rest = place.split(".")
    known: Any = {"parameters": sorted(parameters), "target": TARGET_FIELDS, "steps": earlier}.get(root)
    if known is not None and rest[0] not in known:
        return (
            f"${{{place}}} names no {root.removesuffix('s')} that is known here; there are {', '.join(known) or 'none'}"
        )
    if root == "steps" and (len(rest) < 2 or rest[1] not in STEP_FIELDS):
        return f"${{{place}}} must end in .outputs.NAME or .state"
    return ""
