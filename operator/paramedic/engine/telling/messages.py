"""The texts that go to people: templates filled in with what is known now. What is not known is said to be so, since a
message with a hole in it is better than none.
"""

from datetime import timedelta
from typing import Any

from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.engine.lifecycle import ENDED
from paramedic.engine.run import NOT_KNOWN, Run
from paramedic.engine.templates import substitute
from paramedic.model.durations import parse_duration
from paramedic.model.text import shorten
from paramedic.model.times import format_second, parse_time

_TEXT_LIMIT = 1500
_TITLE_LIMIT = 200


def fill(run: Run, text: str, next_update: str = "") -> str:
    """A template with the values of this moment."""
    values = run.values()
    steps = {item.name: {"state": item.state, "outputs": item.outputs} for item in run.status.steps}
    now = {"nextUpdate": next_update or None, "eta": expected_end(run) or None}
    incident = values["incident"] | {key: value for key, value in now.items() if value}
    known: dict[str, Any] = values | {"incident": incident, "steps": steps}
    return shorten(str(substitute(text, known, missing=NOT_KNOWN)), _TEXT_LIMIT)


def title(run: Run) -> str:
    """One line that says which incident and how bad. It stays the same, so that mail programs keep its mails together."""
    severity = run.status.severity or "Unknown severity"
    text = f"[{severity}] {run.namespace}/{run.name}: {run.incident.spec.summary}"
    return shorten(" ".join(text.split()), _TITLE_LIMIT)


def expected_end(run: Run) -> str:
    """When the incident will be over if nothing more happens (RFC 3339); empty where nobody can say."""
    recovery = run.status.recovery
    if run.phase in ENDED or run.status.plan is None or recovery is None or recovery.healthy_since is None:
        return ""
    stable: timedelta = parse_duration(run.plan.recovery.stable_for)
    return format_second(parse_time(recovery.healthy_since) + stable)


def answer_command(run: Run, step: StepStatus) -> str:
    """The command that answers a step that waits for a person."""
    if step.waits_for == "Outcome":
        done, again = command(run, "done", step.name), command(run, "approve", step.name)
        return f"{done} (it was received), {again} (send it again), or reject"
    return command(run, "approve" if step.waits_for == "Approve" else "done", step.name)


def command(run: Run, verb: str, *more: str) -> str:
    """A command of `kubectl incident` about this incident, ready to copy."""
    return " ".join(["kubectl incident", verb, run.name, *more, "-n", run.namespace])
