"""What is wrong with a playbook that the schema cannot tell: the path of the field, and the mend."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError

from paramedic.actions.http_check import url_refusal
from paramedic.actions.registry import ACTIONS
from paramedic.actions.tcp_check import host_refusal
from paramedic.api.v1alpha1.playbook import Parameter, Playbook, PlaybookSpec
from paramedic.api.v1alpha1.steps import RecoveryCheckBase, StepBase
from paramedic.engine.expressions import STEP_FIELDS, ExpressionError, check, check_match
from paramedic.engine.parameters import typed
from paramedic.engine.readiness import vocabulary
from paramedic.engine.readiness.channels import problems_of_telling, unknown_channel
from paramedic.engine.readiness.findings import Finding, told
from paramedic.engine.readiness.schema_errors import findings_of
from paramedic.engine.templates import paths_in, template_problems
from paramedic.model.durations import parse_duration
from paramedic.model.endpoints import BadUrl, Endpoint
from paramedic.model.objects import Object

#: Parameters of actions that are durations, of which none at all is a mistake.
_DURATIONS = ("duration", "timeout", "ttl")
#: Which parameter says how long an action waits.
_PATIENCE = {"wait": "duration", "manual": "deadline", "runJob": "deadline"}


def read_playbook(obj: Object) -> tuple[Playbook | None, list[str]]:
    """The playbook, and every problem that keeps incidents from following it, as text."""
    playbook, findings = examine(obj)
    return playbook, [str(item) for item in findings if item.severity == "Error" and item.halts]


def examine(obj: Object) -> tuple[Playbook | None, list[Finding]]:
    """The playbook, None where the schema refuses it, and all that can be found in its text."""
    try:
        playbook = Playbook.model_validate(obj)
    except ValidationError as error:
        return None, findings_of(error)
    return playbook, list(problems_of(playbook.spec))


def explain(error: ValidationError) -> list[str]:
    """pydantic's findings as `spec.steps[0].rollback.toRevision: …`."""
    return [str(item) for item in findings_of(error)]


def problems_of(spec: PlaybookSpec) -> Iterator[Finding]:
    yield from _duplicates("spec.steps", [step.name for step in spec.all_steps])
    yield from _duplicates("spec.parameters", [item.name for item in spec.parameters])
    yield from _duplicates("spec.recovery.checks", [item.name for item in spec.all_checks])
    yield from _duplicates("spec.channels", [item.name for item in spec.channels])
    for index, parameter in enumerate(spec.parameters):
        yield from _parameter_problems(f"spec.parameters[{index}]", parameter)
    for index, step in enumerate(spec.all_steps):
        yield from _step_problems(f"spec.steps[{index}]", step, _Known.of(spec, spec.all_steps[:index]))
    for index, item in enumerate(spec.all_checks):
        yield from _parameters_problems(f"spec.recovery.checks[{index}]", item, _Known.of(spec, []))
    stable, timeout = parse_duration(spec.recovery.stable_for), parse_duration(spec.recovery.timeout)
    if timeout <= stable:
        text = f"{spec.recovery.timeout} leaves no time beyond stableFor {spec.recovery.stable_for}"
        yield Finding("spec.recovery.timeout", text, "write a longer one, which counts stableFor in")
    yield from _match_problems(spec)
    yield from problems_of_telling(spec)


def _match_problems(spec: PlaybookSpec) -> Iterator[Finding]:
    match, path = spec.match, "spec.match.expression"
    if match is None:
        return
    if not match.alert_names and not match.severities and match.expression is None:
        mend = 'name some in alertNames, or write expression: "true" where that is meant'
        yield Finding("spec.match", "it answers every alert of the namespace", mend, "Warning")
    if match.expression is None:
        return
    try:
        check_match(match.expression)
    except ExpressionError as error:
        yield told(path, error, halts=False)
        return
    for found in _unknown_names(path, match.expression, {"incident": vocabulary.INCIDENT}):
        yield replace(found, halts=False)


class _Known:
    """What a step can name."""

    def __init__(self, steps: list[str], parameters: list[str], channels: list[str]) -> None:
        self.steps, self.parameters, self.channels = steps, parameters, channels

    @classmethod
    def of(cls, spec: PlaybookSpec, earlier: Iterable[StepBase]) -> "_Known":
        names = ([step.name for step in earlier], [item.name for item in spec.parameters])
        return cls(*names, [item.name for item in spec.channels])

    @property
    def roots(self) -> Mapping[str, vocabulary.Names]:
        """What an expression sees apart from steps, which CEL checks by itself."""
        return {
            "incident": vocabulary.INCIDENT,
            "target": vocabulary.TARGET,
            "parameters": dict.fromkeys(self.parameters),
        }


def _duplicates(path: str, names: list[str]) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding(f"{path}[{index}].name", f"{name!r} is used twice", "names are unique")


def _parameter_problems(path: str, parameter: Parameter) -> Iterator[Finding]:
    if parameter.default is None:
        return
    if parameter.required:
        yield Finding(f"{path}.default", "a required parameter has no default", "remove one of the two")
    places = list(paths_in(parameter.default))
    for problem in template_problems(parameter.default, _unknown_in_default):
        yield told(f"{path}.default", problem)
    try:
        if not places:
            typed(parameter, parameter.default)
    except ValueError as error:
        yield told(f"{path}.default", error)


def _unknown_in_default(place: str) -> str:
    return _unknown_path(place, _Known([], [], []), vocabulary.INCIDENT)


def _step_problems(path: str, step: StepBase, known: _Known) -> Iterator[Finding]:
    try:
        action = step.action
    except ValueError as error:
        yield told(path, error)
        return
    if step.if_ is not None:
        yield from _expression_problems(f"{path}.if", step.if_, known)
    if step.timeout is not None and not parse_duration(step.timeout):
        yield Finding(f"{path}.timeout", "0s leaves no time to do anything", "write one such as 10m, or leave it out")
    if step.on_failure == "Undo" and not ACTIONS[action].can_undo:
        yield Finding(f"{path}.onFailure", f"{action} cannot be undone", "write Stop or Continue")
    if step.undo != "Never" and not ACTIONS[action].can_undo:
        yield Finding(f"{path}.undo", f"{action} cannot be undone", "write Never or leave it out")
    if step.approval.required and not ACTIONS[action].remedy:
        yield Finding(f"{path}.approval", f"{action} changes nothing that needs approval", "leave it out")
    if step.on_unknown is not None and ACTIONS[action].on_unknown(step.parameters) is None:
        yield Finding(f"{path}.onUnknown", f"what {action} did can always be found out", "leave it out")
    yield from _parameters_problems(path, step, known)
    yield from _endpoint_problems(path, step)
    yield from _wait_problems(path, step)


def _endpoint_problems(path: str, step: StepBase) -> Iterator[Finding]:
    """URLs that requests are sent to, which must be plainer than those that are only looked at."""
    for name, url in ACTIONS[step.action].endpoints(step.parameters).items():
        try:
            if not list(paths_in(url)):
                Endpoint.parse(url)
        except BadUrl as error:
            yield told(f"{path}.{step.action}.{name}", f"it {error}")


def _expression_problems(path: str, expression: str, known: _Known) -> Iterator[Finding]:
    try:
        check(expression, known.steps)
    except ExpressionError as error:
        yield told(path, error)
        return
    yield from _unknown_names(path, expression, known.roots)


def _unknown_names(path: str, expression: str, roots: Mapping[str, vocabulary.Names]) -> Iterator[Finding]:
    for place in vocabulary.paths_of(expression, roots):
        if problem := vocabulary.unknown_name(place, roots):
            yield told(path, problem)


def _wait_problems(path: str, step: StepBase) -> Iterator[Finding]:
    """A step that waits must be allowed to take longer than that."""
    name = _PATIENCE.get(step.action)
    if name is None:
        return
    wanted = getattr(step.parameters, name)
    if wanted is None:
        return
    allowed = parse_duration(step.timeout) if step.timeout else ACTIONS[step.action].timeout
    if timedelta(0) < allowed <= parse_duration(wanted):
        text = f"it waits {wanted}, but its step may take {step.timeout or '24h'}"
        yield Finding(f"{path}.{step.action}.{name}", text, "write a longer timeout for the step")


def _parameters_problems(path: str, step: StepBase | RecoveryCheckBase, known: _Known) -> Iterator[Finding]:
    """What is wrong with the parameters of an action, or of a check."""
    try:
        action, params = step.action, step.parameters
    except ValueError as error:
        yield told(path, error)
        return
    path = f"{path}.{action}"
    data = params.model_dump(by_alias=True, exclude_none=True)
    for name, value in data.items():
        prose = name in ACTIONS[action].prose
        incident = vocabulary.INCIDENT_TOLD if prose else vocabulary.INCIDENT
        for problem in template_problems(value, partial(_unknown_path, known=known, incident=incident)):
            yield told(path, problem, halts=not prose)
    for name, refusal_of in (("url", url_refusal), ("host", host_refusal)):
        value = data.get(name)
        if name in ACTIONS[action].endpoints(params):
            continue  # looked at more closely
        if isinstance(value, str) and not list(paths_in(value)) and (refusal := refusal_of(value)):
            yield told(f"{path}.{name}", refusal)
    if action == "manual" and not known.channels and data.keys() & {"remindEvery", "deadline"}:
        text = "there is no channel over which anybody could be reminded or told that it is late"
        yield Finding(path, text, "add one to spec.channels, with its secretRef", "Warning")
    for name in sorted({*ACTIONS[action].channels(params)}.difference(known.channels)):
        yield unknown_channel(f"{path}.channel", name, known.channels)
    yield from _zero_durations(path, data)


def _zero_durations(path: str, data: Mapping[str, Any]) -> Iterator[Finding]:
    for name in _DURATIONS:
        if isinstance(data.get(name), str) and not list(paths_in(data[name])) and not parse_duration(data[name]):
            yield Finding(f"{path}.{name}", f"{data[name]} is no time at all", "write one such as 30s")


def _unknown_path(place: str, known: _Known, incident: vocabulary.Names) -> str:
    root, *rest = place.split(".")
    named: Any = {"parameters": sorted(known.parameters), "target": vocabulary.TARGET, "steps": known.steps}.get(root)
    if named is not None and rest[0] not in named:
        return (
            f"${{{place}}} names no {root.removesuffix('s')} that is known here; there are {', '.join(named) or 'none'}"
        )
    if root == "steps" and (len(rest) < 2 or rest[1] not in STEP_FIELDS):
        return f"${{{place}}} must end in .outputs.NAME or .state"
    if root == "incident":
        problem = vocabulary.unknown_name(place, {"incident": incident})
        return f"${{{place}}}: {problem}" if problem else ""
    return ""
