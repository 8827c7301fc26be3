"""What is wrong with how a playbook tells people: channels, escalation, updates. None of it keeps a run from going on."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.playbook import EscalationLevel, PlaybookSpec
from paramedic.engine.readiness import vocabulary
from paramedic.engine.readiness.findings import Finding, told
from paramedic.engine.templates import template_problems
from paramedic.model.durations import parse_duration

SEVERITIES = ("Info", "Warning", "Critical")
LONGEST_WAIT = timedelta(days=7)
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(hours=24)


def problems_of_telling(spec: PlaybookSpec) -> Iterator[Finding]:
    channels = [item.name for item in spec.channels]
    roots: Mapping[str, vocabulary.Names] = {
        "incident": vocabulary.INCIDENT_TOLD,
        "target": vocabulary.TARGET,
        "parameters": dict.fromkeys(item.name for item in spec.parameters),
        "steps": {step.name: {"state": None, "outputs": None} for step in spec.all_steps},
    }
    for index, level in enumerate(spec.escalation):
        path = f"spec.escalation[{index}]"
        if level.channel not in channels:
            yield unknown_channel(f"{path}.channel", level.channel, channels)
        yield from _message_problems(f"{path}.message", level.message, roots)
        yield from _level_problems(path, level)
    yield from _unreachable(spec)
    for index, update in enumerate(spec.updates):
        path = f"spec.updates[{index}]"
        if update.channel not in channels:
            yield unknown_channel(f"{path}.channel", update.channel, channels)
        yield from _message_problems(f"{path}.message", update.message, roots)
        if not SHORTEST_INTERVAL <= parse_duration(update.every) <= LONGEST_INTERVAL:
            text = f"{update.every} is not between 1m and 24h"
            yield Finding(f"{path}.every", text, "write one such as 15m", halts=False)
    yield from _unused_channels(spec)


def unknown_channel(path: str, name: str, channels: list[str]) -> Finding:
    known = f"write one of {', '.join(channels)}, or add it there" if channels else "add it there, with its secretRef"
    return Finding(path, f"{name!r} is not in spec.channels", known, halts=False)


def _message_problems(path: str, message: str, roots: Mapping[str, vocabulary.Names]) -> Iterator[Finding]:
    for problem in template_problems(message, lambda place: _unknown_place(place, roots)):
        yield told(path, problem, halts=False)


def _unknown_place(place: str, roots: Mapping[str, vocabulary.Names]) -> str:
    problem = vocabulary.unknown_name(place, roots)
    return f"${{{place}}}: {problem}" if problem else ""


def _level_problems(path: str, level: EscalationLevel) -> Iterator[Finding]:
    if parse_duration(level.after) > LONGEST_WAIT:
        text = f"{level.after} is longer than a week"
        yield Finding(f"{path}.after", text, "write one such as 15m, at most 168h", halts=False)
    if level.raise_to and SEVERITIES.index(level.raise_to) <= SEVERITIES.index(level.severity or "Info"):
        above = SEVERITIES[SEVERITIES.index(level.severity or "Info") + 1 :]
        mend = f"write {' or '.join(above)}, or leave it out" if above else "leave it out"
        text = f"{level.raise_to} is no higher than {level.severity or 'Info'}"
        yield Finding(f"{path}.raiseTo", text, mend, halts=False)


def _unreachable(spec: PlaybookSpec) -> Iterator[Finding]:
    """Levels of a severity that no alert which the playbook answers has or gets."""
    if spec.match is None or not spec.match.severities:
        return
    reached = {*spec.match.severities}
    while (
        more := {level.raise_to for level in spec.escalation if level.raise_to and level.severity in (None, *reached)}
        - reached
    ):
        reached |= more
    for index, level in enumerate(spec.escalation):
        if level.severity is not None and level.severity not in reached:
            text = f"alerts that it answers are never {level.severity}, and no level raises them to it"
            mend = f"add {level.severity} to spec.match.severities, or raise to it"
            yield Finding(f"spec.escalation[{index}].severity", text, mend, "Warning")


def _unused_channels(spec: PlaybookSpec) -> Iterator[Finding]:
    used = {level.channel for level in spec.escalation} | {update.channel for update in spec.updates}
    for step in spec.all_steps:
        try:
            used |= {*ACTIONS[step.action].channels(step.parameters)}
        except ValueError:
            return  # a step without an action may be the one that uses it
    for index, channel in enumerate(spec.channels):
        if channel.name not in used:
            text = f"nothing is told to channel {channel.name}"
            mend = "name it in a step, in spec.escalation or in spec.updates, or leave it out"
            yield Finding(f"spec.channels[{index}]", text, mend, "Warning")
