"""The steps of a run, one after the other: prepare, write down the intent, act, observe, write down the outcome."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from pydantic import ValidationError

from paramedic.actions.contract import (
    Failed,
    Finished,
    Intent,
    Observation,
    Pending,
    Preparation,
    Skipped,
    Unknown,
    Waiting,
    Working,
)
from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.incident_status import PlannedStep, StepStatus
from paramedic.engine import guard
from paramedic.engine.approvals import Rejected, approve_command, approved_by, overlooked
from paramedic.engine.evidence_first import without_evidence
from paramedic.engine.expressions import ExpressionError, evaluate
from paramedic.engine.outcomes import conclude, fail, skip
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import (
    MESSAGE_LIMIT,
    OVER,
    PERSON_TIMEOUT,
    Decision,
    Happening,
    Perform,
    Run,
    Sleep,
    Store,
    since,
)
from paramedic.engine.settling import hear_answer, settle_unknown
from paramedic.engine.telling.reminding import remind
from paramedic.engine.templates import TemplateError
from paramedic.model.durations import format_duration
from paramedic.model.names import operation_id
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time, without_moments

_TELL_PROGRESS = timedelta(seconds=30)
_LOOK_FOR_PEOPLE = timedelta(seconds=10)


def advance_steps(run: Run, seen: Seen, settled: Mapping[str, Observation]) -> Decision | None:
    """Goes on with the first step that is not over, and through those that are over at once. None: none is left."""
    for step in run.status.steps:
        if step.state in OVER:
            continue
        decision = _advance(run, step, seen, settled)
        if decision is not None:
            return decision
    return None


def _advance(run: Run, step: StepStatus, seen: Seen, settled: Mapping[str, Observation]) -> Decision | None:
    planned = run.planned(step.name)
    if step.state == "Pending":
        if step.not_before and run.now < parse_time(step.not_before):
            return Sleep(parse_time(step.not_before) - run.now)
        if step.attempt == 0 and (answer := unwanted(run, planned)):
            return skip(run, step, answer.message) if isinstance(answer, Skipped) else fail(run, step, answer)
        _begin_attempt(run, step, planned)
        if step.intent is not None:
            return _go_on(run, step)
    if step.expires_at and run.now >= parse_time(step.expires_at):
        return fail(run, step, Failed("its time (ttl) was over before it was done", final=True, undo=True))
    if step.waits_for == "Outcome":
        return hear_answer(run, step, planned)
    if step.not_before and run.now < parse_time(step.not_before):  # an outcome that is not known is sent again then
        return Sleep(parse_time(step.not_before) - run.now)
    verdict: Preparation | Observation = settled.get(step.name) or _ask(run, step, planned, seen)
    if isinstance(verdict, Intent):
        return _write_intent(run, step, planned, verdict)
    if isinstance(verdict, Pending):
        return _act(run, step, planned, verdict, seen)
    if isinstance(verdict, Working):
        return _look_again(run, step, verdict)
    if isinstance(verdict, Waiting):
        return _wait(run, step, planned, verdict)
    if isinstance(verdict, Skipped):
        return skip(run, step, verdict.message)
    if isinstance(verdict, Finished):
        return conclude(run, step, verdict)
    if isinstance(verdict, Unknown):
        return settle_unknown(run, step, planned, verdict)
    return fail(run, step, verdict)


def unwanted(run: Run, planned: PlannedStep) -> Skipped | Failed | None:
    """Why a step does not run: its `if` is not true, or it would destroy evidence of which none was kept."""
    return _not_needed(run, planned) or without_evidence(run, planned)


def _not_needed(run: Run, planned: PlannedStep) -> Skipped | Failed | None:
    expression = planned.options.get("if")
    if not expression:
        return None
    values, earlier = run.step_values(planned.name)
    try:
        if evaluate(expression, run.values() | values, earlier):
            return None
    except ExpressionError as error:
        return Failed(f"its condition cannot be decided: {error}", final=True)
    return Skipped(f"not needed: {expression} is false")


def _begin_attempt(run: Run, step: StepStatus, planned: PlannedStep) -> None:
    step.attempt += 1
    step.operation_id = operation_id(run.incident.metadata.uid, step.name, step.attempt)
    step.started_at = run.stamp()
    step.deadline = format_time(run.now + run.timeout_of(planned))
    step.not_before, step.finished_at, step.message = None, None, ""
    step.target = str(run.target)


def _go_on(run: Run, step: StepStatus) -> Decision:
    """A change that an earlier attempt has begun is gone on with, never made twice: looking tells what is left of it."""
    step.state, step.acted_at = "Running", run.stamp()
    step.message = f"attempt {step.attempt}: going on with the change that the first attempt began"
    run.say(f"{step.name}: {step.message}")
    return Store()


def _ask(run: Run, step: StepStatus, planned: PlannedStep, seen: Seen) -> Preparation | Observation:
    """What the action says now."""
    action = run.action_of(planned)
    try:
        params = run.parameters_of(planned)
        if step.state == "Running":
            return action.observe(params, run.context(planned), step.intent or {}, seen)
        approver = approved_by(run, planned)
        restarts = guard.fruitless_restarts(run, seen, action.name)
        verdict: Preparation = action.prepare(params, run.context(planned, fruitless_restarts=restarts), seen)
    except (TemplateError, Denied) as error:
        return Failed(str(error), final=True)
    except ValidationError as error:
        return Failed("; ".join(explain(error)), final=True)
    except Rejected as rejected:
        return Failed(str(rejected), final=True)
    return _approved(run, step, planned, verdict, approver) if isinstance(verdict, Intent) else verdict


def _approved(run: Run, step: StepStatus, planned: PlannedStep, intent: Intent, approver: str) -> Preparation:
    """The intent, if nobody must approve it or somebody did; an approval is for the change that was shown."""
    if not approver:
        waiting = wants_approval(planned, intent)
        return replace(waiting, message=waiting.message + overlooked(run, planned)) if waiting else intent
    if step.proposal and step.proposal != intent.identity:
        text = f"{approver} approved another change than the one that would be made now: {intent.message}"
        return Failed(f"{text}; {run.target} has changed meanwhile, so open a new incident", final=True)
    run.note("Approved", f"{approver} approved {planned.name}", actor=approver)
    return intent


def wants_approval(planned: PlannedStep, intent: Intent) -> Waiting | None:
    """What a person must approve before this change, if anybody must: the playbook says so, or the change is dangerous."""
    if not (intent.ask or planned.options.get("approval", {}).get("required")):
        return None
    return Waiting(intent.ask or intent.message, person="Approve", proposal=intent.identity)


def _write_intent(run: Run, step: StepStatus, planned: PlannedStep, intent: Intent) -> Decision:
    started = step.state == "Running"
    step.state, step.waits_for, step.proposal = "Running", None, None
    step.intent = dict(intent.record)
    step.message = shorten(intent.message, 1000)
    if not (started and intent.begun):
        step.acted_at, step.deadline = run.stamp(), format_time(run.now + run.timeout_of(planned))
        run.begins.add(step.operation_id or "")
    step.expires_at = format_time(intent.expires_at) if intent.expires_at else None
    step.target = str(intent.target)
    if run.action_of(planned).remedy and run.status.times.first_action_at is None:
        run.status.times.first_action_at = run.stamp()
    run.say(f"{step.name}: {intent.message}")
    if not started:
        run.tell(Happening("StepStarted", f"{step.name}: {intent.message}", step=step.name, action=step.action))
    return Store()


def _act(run: Run, step: StepStatus, planned: PlannedStep, pending: Pending, seen: Seen) -> Decision | None:
    if step.deadline and run.now > parse_time(step.deadline):
        text = "it was not begun before its deadline, so it was not begun at all"
        if pending.begun:
            text = "it was not done before its deadline; what is left of it is not done"
        return fail(run, step, Failed(text, final=True, undo=pending.begun))
    if run.action_of(planned).remedy and (holder := guard.holder_of(run, seen, str(run.target))):
        run.say(f"{step.name}: waiting for incident {holder}, which works on {run.target}")
        return Sleep(timedelta(seconds=5))
    return Perform(step.name, pending)


def _look_again(run: Run, step: StepStatus, working: Working) -> Decision | None:
    if step.deadline and run.now > parse_time(step.deadline):
        began = step.acted_at or step.started_at or step.deadline
        allowed = format_duration(parse_time(step.deadline) - parse_time(began))
        text = f"not done within {allowed}: {working.message}"
        if working.progressing:
            text += "; it still moves, so it is left as it is"
        return fail(run, step, Failed(text, undo=not working.progressing))
    if (working.stuck or run.quiet_for >= _TELL_PROGRESS) and step.message != shorten(working.message, 1000):
        step.message = shorten(working.message, 1000)
        run.say(f"{step.name}: {working.message}")
    elapsed = since(step.started_at, run.now).total_seconds()
    return Sleep(timedelta(seconds=min(5.0, max(1.0, elapsed / 6))))


def _wait(run: Run, step: StepStatus, planned: PlannedStep, waiting: Waiting) -> Decision | None:
    patience = run.timeout_of(planned)
    if waiting.person and "timeout" not in planned.options:
        patience = PERSON_TIMEOUT
    begun = parse_time(step.started_at or run.stamp())
    if run.now > begun + patience:
        who = "nobody answered" if waiting.person else "it was not over"
        return fail(run, step, Failed(f"{who} within {format_duration(patience)}: {waiting.message}", final=True))
    _write_waiting(run, step, waiting, format_time(begun + patience))
    if waiting.reminder is not None:
        remind(run, step, waiting.reminder, waiting.message)
    pause = _LOOK_FOR_PEOPLE if waiting.person else timedelta(seconds=2)
    return Sleep(min(pause, begun + patience - run.now + timedelta(milliseconds=10)))


def _write_waiting(run: Run, step: StepStatus, waiting: Waiting, deadline: str) -> None:
    message = " ".join(waiting.message.split())  # kubectl's table ends at a line break
    if waiting.person == "Approve":
        message = _with_command(message, "Approve, or Reject, with", approve_command(run, step.name, "Approve"))
    elif waiting.person == "Done":
        message = _with_command(message, "When it is done", approve_command(run, step.name, "Done"))
    waits_for = _WAITS_FOR[waiting.person]
    # How long a rollout takes is no news, nor that a change would end later because it is begun later.
    told = without_moments(step.message) == without_moments(shorten(message, 1000)) or not waiting.person
    if step.state == "Waiting" and step.waits_for == waits_for and told:
        return
    step.state, step.deadline, step.waits_for = "Waiting", deadline, waits_for
    step.proposal = step.proposal or waiting.proposal or None
    step.message = shorten(message, 1000)
    run.say(f"{step.name}: {message}")
    text = f"{step.name}: {waiting.message}"
    run.tell(Happening("StepWaiting", text, step=step.name, action=step.action, channel=waiting.channel))


_WAITS_FOR: dict[str, Literal["Approve", "Done", "Rollout"]] = {"Approve": "Approve", "Done": "Done", "": "Rollout"}


def _with_command(text: str, when: str, command: str) -> str:
    """The text, cut so that the command after it stays whole."""
    room = max(80, MESSAGE_LIMIT - len(command) - len(when) - 60)
    return f"{shorten(text, room).rstrip('.')}. {when}: {command}"
