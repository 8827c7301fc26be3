"""Taking changes back: at the end of a run, when a step's own change must go, and when its time is over."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from paramedic.actions.contract import Failed, Finished, Observation, Pending, Unknown
from paramedic.actions.reads import Denied, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import StepStatus, StepUndo
from paramedic.engine.ending import end_now
from paramedic.engine.run import OVER, Decision, Happening, Perform, Run, Sleep, Store
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time

_AGAIN = timedelta(seconds=1)
_TIME_OVER = "its time is over (ttl)"
_FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=15), timedelta(minutes=10)


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
    if isinstance(answer, Unknown):  # what takes back may be sent again: it says so in the playbook
        answer = Failed(answer.message)
    if isinstance(answer, Failed):  # a refusal of today, such as a right that is missing, may be lifted tomorrow
        answer = replace(answer, final=False)
    if answer is None:
        try:
            params = run.parameters_of(planned)
            context = replace(run.context(planned), expired=_has_expired(step))
            answer = run.action_of(planned).undo(params, context, step.intent or {}, seen)
        except Denied as denied:
            answer = Failed(str(denied))
    overdue = run.now > parse_time(step.undo.started_at) + run.action_of(planned).timeout
    if isinstance(answer, Pending) and not overdue:
        return Perform(step.name, answer)
    if isinstance(answer, Finished):
        _undone(run, step, answer.message)
        return Store()
    if isinstance(answer, Failed) or overdue:
        _not_undone(run, step, answer if isinstance(answer, Failed) else Failed("it took too long"))
        return Store()
    return Sleep(_AGAIN)


def _not_undone(run: Run, step: StepStatus, answer: Failed) -> None:
    if step.undo is None:
        return
    first = step.undo.attempt == 1
    step.undo.state, step.undo.message = "Failed", shorten(answer.message, 1000)
    step.undo.finished_at = run.stamp()
    again = ""
    if not answer.final:
        # What is temporary must not stay because somebody took a right away for an hour.
        pause = min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** min(step.undo.attempt - 1, 10))
        step.undo.not_before = format_time(run.now + pause)
        again = "; it is tried again until it is undone"
    if first:
        text = f"{step.name} could not be undone: {answer.message}{again}"
        run.tell(Happening("UndoFailed", text, warning=True, step=step.name))


def _has_expired(step: StepStatus) -> bool:
    return step.undo is not None and step.undo.reason == _TIME_OVER


def retry_undo(run: Run) -> Decision | None:
    """Begins an undo anew that failed and may work by now, whether the incident has ended or not."""
    for step in run.status.steps:
        undo = step.undo
        if undo and undo.state == "Failed" and undo.not_before and parse_time(undo.not_before) <= run.now:
            undo.state, undo.not_before, undo.finished_at = "Running", None, None
            undo.attempt, undo.started_at = undo.attempt + 1, run.stamp()
            return Store()
    return None


def _undone(run: Run, step: StepStatus, message: str) -> None:
    if step.undo is None:
        return
    step.undo.state, step.undo.message = "Succeeded", shorten(message, 1000)
    step.undo.finished_at = run.stamp()
    if step.state == "Succeeded" and not (ACTIONS[step.action].keeps_way_back and _has_expired(step)):
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


def undo_by_request(run: Run) -> Decision | None:
    """Begins an undo that a person asked for in spec.undo, whether the incident has ended or not."""
    for asked in run.incident.spec.undo:
        step = next((item for item in run.status.steps if item.name == asked.step), None)
        if step is None or step.undo is not None or step.state not in OVER:
            continue
        if step.intent is None or not ACTIONS[step.action].can_undo:
            _nothing_to_undo(run, step, asked.by)
        else:
            run.note("UndoRequested", f"{asked.by} asked to undo {step.name}: {asked.reason}", actor=asked.by)
            start_undo(run, step, f"{asked.by} asked for it: {asked.reason}")
        return Store()
    return None


def _nothing_to_undo(run: Run, step: StepStatus, by: str) -> None:
    why = "it changed nothing" if step.intent is None else f"{step.action} cannot be undone"
    moment = run.stamp()
    step.undo = StepUndo(
        state="Failed", reason=f"{by} asked for it", started_at=moment, finished_at=moment, message=why
    )
    run.tell(Happening("UndoFailed", f"{step.name} cannot be undone: {why}", warning=True, step=step.name))


def expire(run: Run) -> Decision | None:
    """Begins to undo what has reached the end of its time, whether the incident has ended or not."""
    for step in run.status.steps:
        over = step.state in OVER  # one that is under way is ended by its own rules
        if over and step.expires_at and step.undo is None and parse_time(step.expires_at) <= run.now:
            return start_undo(run, step, _TIME_OVER)
    return None


def next_expiry(run: Run) -> timedelta | None:
    """How long until the next change reaches the end of its time, or its undo is tried again."""
    moments = [parse_time(step.expires_at) for step in run.status.steps if step.expires_at and step.undo is None]
    moments += [parse_time(step.undo.not_before) for step in run.status.steps if step.undo and step.undo.not_before]
    return max(timedelta(0), min(moments) - run.now) if moments else None
