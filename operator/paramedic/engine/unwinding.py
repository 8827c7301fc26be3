"""Taking changes back: at the end of a run, when a step's own change must go, and when its time is over."""

from collections.abc import Mapping
from datetime import timedelta

from paramedic.actions.contract import Failed, Finished, Observation, Pending
from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.incident_status import StepStatus, StepUndo
from paramedic.engine.ending import end_now
from paramedic.engine.run import Decision, Happening, Perform, Run, Sleep, Store
from paramedic.model.text import shorten
from paramedic.model.times import parse_time

_AGAIN = timedelta(seconds=1)


def start_undo(run: Run, step: StepStatus, reason: str) -> Store:
    """Writes down that a step is being undone, before anything is changed."""
    step.undo = StepUndo(state="Running", reason=shorten(reason, 253), started_at=run.stamp())
    run.tell(Happening("Undoing", f"undoing {step.name}: {reason}", step=step.name))
    return Store()


def continue_undo(run: Run, seen: Seen, settled: Mapping[str, Observation]) -> Decision | None:
    """Goes on with the undo under way, if there is one. None if there is none."""
    step = next((item for item in run.status.steps if item.undo and item.undo.state == "Running"), None)
    if step is None or step.undo is None:
        return None
    planned = run.planned(step.name)
    answer = settled.get(step.name)
    if answer is None:
        try:
            params = run.parameters_of(planned)
            answer = run.action_of(planned).undo(params, run.context(planned), step.intent or {}, seen)
        except Denied as denied:
            answer = Failed(str(denied))
    overdue = run.now > parse_time(step.undo.started_at) + run.action_of(planned).timeout
    if isinstance(answer, Pending) and not overdue:
        return Perform(step.name, answer)
    if isinstance(answer, Finished):
        _undone(run, step, answer.message)
        return Store()
    if isinstance(answer, Failed) or overdue:
        text = answer.message if isinstance(answer, Failed) else "it took too long"
        step.undo.state, step.undo.message = "Failed", shorten(text, 1000)
        step.undo.finished_at = run.stamp()
        run.tell(Happening("UndoFailed", f"{step.name} could not be undone: {text}", warning=True, step=step.name))
        return Store()
    return Sleep(_AGAIN)


def _undone(run: Run, step: StepStatus, message: str) -> None:
    if step.undo is None:
        return
    step.undo.state, step.undo.message = "Succeeded", shorten(message, 1000)
    step.undo.finished_at = run.stamp()
    if step.state == "Succeeded":
        step.state = "Undone"
    step.expires_at = None
    run.tell(Happening("Undone", f"{step.name}: {message}", step=step.name))


def continue_end(run: Run) -> Decision | None:
    """Goes on with the end of the run, if it is ending: the next undo, or the last phase."""
    ending = run.status.ending
    if ending is None:
        return None
    for name in ending.undo:
        step = run.step(name)
        if step.undo is None:
            return start_undo(run, step, f"the run ends {ending.phase}: {ending.message}")
    return end_now(run, ending.phase, ending.reason, ending.message)


def expire(run: Run) -> Decision | None:
    """Begins to undo what has reached the end of its time, whether the incident has ended or not."""
    for step in run.status.steps:
        if step.expires_at and step.undo is None and parse_time(step.expires_at) <= run.now:
            return start_undo(run, step, "its time is over (ttl)")
    return None


def next_expiry(run: Run) -> timedelta | None:
    """How long until the next change reaches the end of its time."""
    moments = [parse_time(step.expires_at) for step in run.status.steps if step.expires_at and step.undo is None]
    return max(timedelta(0), min(moments) - run.now) if moments else None
