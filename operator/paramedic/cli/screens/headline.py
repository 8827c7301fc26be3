"""One sentence that is true now: where the incident stands, and why."""

from datetime import timedelta

from rich.text import Text

from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import phase_mark, span, without_command
from paramedic.model.durations import parse_duration

_UNSEEN = timedelta(seconds=20)


def headline(view: View, *, times: bool = True) -> Text:
    """The icon, the phase and the sentence. Without ``times`` it changes only when the incident does."""
    mark = phase_mark(view.status.phase)
    sentence = _sentence(view, times)
    gap = " " if sentence and not sentence.startswith(":") else ""
    return Text.assemble((f"{mark.icon} {mark.word}", mark.style), gap + sentence)


def _sentence(view: View, times: bool) -> str:
    status = view.status
    if view.ended:
        return _colon(without_command(status.message))
    if status.ending is not None:
        steps = ", ".join(status.ending.undo)
        return f"and taking back {steps}; then {status.ending.phase}: {without_command(status.ending.message)}"
    if view.incident.spec.cancel is not None:
        return f"being cancelled by {view.incident.spec.cancel.by}: {view.incident.spec.cancel.reason}"
    if status.linked_to:
        return f": incident {status.linked_to} works on the same target; this one ends with it"
    if status.phase == "Pending":
        return _pending(view)
    if status.phase == "Monitoring":
        return _monitoring(view, times)
    return _stepping(view, times)


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _pending(view: View) -> str:
    if view.status.message:
        return _colon(without_command(view.status.message))
    if view.since(view.incident.metadata.creation_timestamp) > _UNSEEN:
        return "and not looked at yet; does the operator run? kubectl get lease paramedic -A"
    return "and not looked at yet"


def _monitoring(view: View, times: bool) -> str:
    recovery, plan = view.status.recovery, view.status.plan
    if recovery is None or plan is None:
        return ": every step is over; recovery is looked at next"
    if recovery.healthy_since:
        held = f" (for {span(view.since(recovery.healthy_since))})" if times else ""
        return f": recovered{held}; it must hold for {span(parse_duration(plan.recovery.stable_for))}"
    allowed = span(parse_duration(plan.recovery.timeout))
    passed = f" ({span(view.since(recovery.started_at))} of {allowed})" if times else ""
    return f": not recovered yet{passed}: {without_command(recovery.message)}"


def _stepping(view: View, times: bool) -> str:
    step = view.current
    if step is None:
        return _colon(without_command(view.status.message))
    if step.undo and step.undo.state == "Running":
        return f': taking "{step.name}" back: {step.undo.reason}'
    if step.state == "Waiting":
        return _waiting(view, step, times)
    if step.state == "Pending" and step.not_before:
        again = view.left(step.not_before)
        due = f" in {span(again)}" if times and again and again > timedelta(0) else ""
        return f'step "{step.name}" again{due}: {without_command(step.message)}'
    if step.state == "Pending":
        return f'step "{step.name}" next'
    # The engine says what holds a step up, such as a pause, of the incident alone.
    said = view.status.message.removeprefix(f"{step.name}: ")
    message = step.message if said == view.status.message else said
    return f'step "{step.name}"{_of_deadline(view, step) if times else ""}: {without_command(message)}'


def _of_deadline(view: View, step: StepStatus) -> str:
    timing = step_timing(view, step)
    return f" ({timing})" if timing else ""


def _waiting(view: View, step: StepStatus, times: bool) -> str:
    left = view.left(step.deadline)
    until = f" ({span(left)} left)" if times and left is not None else ""
    if step.waits_for == "Approve":
        return f'for approval of "{step.name}"{until}'
    if step.waits_for == "Done":
        return f'for a person to do "{step.name}"{until}'
    if step.waits_for == "Outcome":
        return f'for a person to find out whether "{step.name}" was done{until}'
    return f'and waiting at step "{step.name}"{until}: {without_command(step.message)}'


def step_timing(view: View, step: StepStatus) -> str:
    """How long a step took, or takes, against its deadline: `40 s of 10 min`. It waits before it acts, if at all."""
    begun = (step.acted_at if step.state != "Waiting" else None) or step.started_at
    if not begun:
        return ""
    if step.finished_at:
        waited = view.since(step.started_at) - view.since(begun)
        after = f" after {span(waited)} of waiting" if waited >= timedelta(seconds=1) else ""
        return span(view.since(begun) - view.since(step.finished_at)) + after
    passed = view.since(begun)
    left = view.left(step.deadline)
    return span(passed) if left is None else f"{span(passed)} of {span(passed + left)}"
