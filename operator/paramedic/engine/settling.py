"""Outcomes that nobody can know by looking: a request that may or may not have been received. `onUnknown` decides."""

from datetime import timedelta

from paramedic.actions.contract import Failed, Finished, OnUnknown, Unknown
from paramedic.api.v1alpha1.incident_status import PlannedStep, StepStatus
from paramedic.engine.approvals import approve_command, binds
from paramedic.engine.outcomes import conclude, fail
from paramedic.engine.run import PERSON_TIMEOUT, Decision, Happening, Run, Sleep, Store
from paramedic.model.durations import format_duration, parse_duration
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time

_LOOK_AGAIN = timedelta(seconds=10)


def settle_unknown(run: Run, step: StepStatus, planned: PlannedStep, unknown: Unknown) -> Decision | None:
    """What the playbook says for this case, else what the action does."""
    rule: OnUnknown = planned.options.get("onUnknown") or (
        run.action_of(planned).on_unknown(run.parameters_of(planned)) or "Ask"
    )
    if rule == "Retry":
        return _send_again_later(run, step, planned, unknown)
    if rule == "Fail":
        return fail(run, step, Failed(f"{unknown.message}; onUnknown is Fail", final=True))
    return _ask(run, step, planned, unknown)


def _send_again_later(run: Run, step: StepStatus, planned: PlannedStep, unknown: Unknown) -> Decision | None:
    """The same operation once more: a receiver that looks at the Idempotency-Key does it once."""
    pause = parse_duration(planned.options.get("retry", {}).get("backoff", "15s"))
    if step.deadline and run.now + pause > parse_time(step.deadline):
        return fail(run, step, Failed(f"{unknown.message}; its time is over, so it is not sent again", final=True))
    step.not_before = format_time(run.now + pause)
    _begin(run, step, f"{unknown.message}; it is sent again in {format_duration(pause)}, with the same Idempotency-Key")
    run.tell(Happening("StepRetried", f"{step.name}: {step.message}", warning=True, step=step.name, action=step.action))
    return Store()


def _begin(run: Run, step: StepStatus, message: str) -> None:
    """Once this is stored, the operation may be begun, by this process alone."""
    step.state, step.waits_for = "Running", None
    step.message = shorten(message, 1000)
    run.begins.add(step.operation_id or "")
    run.say(f"{step.name}: {message}")


def _ask(run: Run, step: StepStatus, planned: PlannedStep, unknown: Unknown) -> Store:
    patience = run.timeout_of(planned) if "timeout" in planned.options else PERSON_TIMEOUT
    step.state, step.waits_for = "Waiting", "Outcome"
    step.answered = len(run.answers(step.name))
    step.deadline = format_time(run.now + patience)
    question = (
        f"{shorten(unknown.message, 450)}. Find out. Done says that it was, Approve sends it again, Reject gives it up"
    )
    step.message = shorten(f"{question}. When it is clear: {approve_command(run, step.name, 'Done')}", 1000)
    run.say(f"{step.name}: {step.message}")
    told = f"{step.name}: {question}"
    run.tell(Happening("StepWaiting", told, warning=True, step=step.name, action=step.action))
    return Store()


def hear_answer(run: Run, step: StepStatus, planned: PlannedStep) -> Decision | None:
    """What people have answered since they were asked."""
    for answer in run.answers(step.name)[step.answered :]:
        said = f": {answer.note}" if answer.note else ""
        if answer.decision == "Reject":
            return fail(run, step, Failed(f"{answer.by} gave it up{said}; {_unknown(step)}", final=True))
        if answer.decision == "Done":
            run.note("Settled", f"{answer.by} says that {step.name} was done{said}", actor=answer.by)
            return conclude(run, step, Finished(f"done, says {answer.by}{said}", {"by": answer.by}))
        if binds(run, step.name, answer):
            run.note("Settled", f"{answer.by} lets {step.name} be sent again{said}", actor=answer.by)
            step.deadline = format_time(run.now + run.timeout_of(planned))
            _begin(run, step, f"sending it again, as {answer.by} says, with the same Idempotency-Key")
            return Store()
    if step.deadline and run.now > parse_time(step.deadline):
        return fail(run, step, Failed(f"nobody said whether it was done; {_unknown(step)}", final=True))
    return Sleep(_LOOK_AGAIN)


def _unknown(step: StepStatus) -> str:
    request = (step.intent or {}).get("request", "the request")
    return f"whether {request} was received is not known"
