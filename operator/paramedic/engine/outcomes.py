"""Writing down how a step ended, and what that means for the run."""

from datetime import timedelta

from paramedic.actions.contract import Failed, Finished, Notice
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import EvidenceItem, StepState, StepStatus
from paramedic.engine.ending import begin_end
from paramedic.engine.run import Decision, Happening, Run, Sleep, since
from paramedic.engine.telling.escalating import raise_severity
from paramedic.engine.telling.levels import first_channels
from paramedic.engine.telling.notices import add_notice
from paramedic.engine.unwinding import start_undo
from paramedic.model.durations import format_duration, parse_duration
from paramedic.model.text import listing, shorten
from paramedic.model.times import format_time

EVIDENCE_LIMIT = 64


def conclude(run: Run, step: StepStatus, verdict: Finished) -> Decision | None:
    """The step has succeeded; the next one may begin."""
    step.outputs = dict(verdict.outputs)
    for notice in verdict.notices:
        _pass_on(run, step, notice)
    _keep(run, verdict)
    if ACTIONS[step.action].remedy:
        run.observe("Remediated", "True", "StepSucceeded", f"{step.name}: {verdict.message}")
    _over(run, step, "Succeeded", verdict.message)
    return None


def _keep(run: Run, verdict: Finished | Failed) -> None:
    """Lists the evidence of a step; each piece once, whichever attempt tells of it."""
    kept = [EvidenceItem(**vars(item)) for item in verdict.evidence]
    new = [item for item in kept if item not in run.status.evidence]
    run.status.evidence = (run.status.evidence + new)[:EVIDENCE_LIMIT]


def _pass_on(run: Run, step: StepStatus, notice: Notice) -> None:
    """What a step wants told is written down with its end, and sent afterwards."""
    channels = [notice.channel] if notice.channel else first_channels(run.plan.policy)
    for channel in channels:
        add_notice(run, run.plan.policy, run.account, channel, step.name, notice.text)
    if notice.escalation:
        run.observe("Escalated", "True", "StepEscalated", f"{step.name}: {listing(channels)}")
    if notice.raise_to:
        raise_severity(run, notice.raise_to, f"step {step.name}")


def skip(run: Run, step: StepStatus, message: str) -> Decision | None:
    """The step is not needed; the next one may begin."""
    _over(run, step, "Skipped", message)
    return None


def fail(run: Run, step: StepStatus, verdict: Failed) -> Decision | None:
    """The step has failed: it is tried again, the run goes on without it, or the run ends."""
    planned = run.planned(step.name)
    retry = planned.options.get("retry", {})
    attempts = retry.get("attempts", 1)
    action = ACTIONS[step.action]
    undo = verdict.undo and step.intent is not None and (action.can_undo or action.reverts)
    _keep(run, verdict)
    if step.attempt < attempts and not verdict.final and not (undo and action.can_undo):
        return _try_again(run, step, verdict, parse_duration(retry.get("backoff", "15s")), attempts)
    step.outputs = dict(verdict.outputs)
    for notice in verdict.notices:
        _pass_on(run, step, notice)
    _over(run, step, "Failed", verdict.message)
    rule = planned.options.get("onFailure", "Stop")
    if rule == "Continue":
        return start_undo(run, step, "it failed") if undo else None
    also = step.name if undo or rule == "Undo" else ""
    return begin_end(run, "Failed", "StepFailed", f"step {step.name} failed: {verdict.message}", also=also)


def _try_again(run: Run, step: StepStatus, verdict: Failed, backoff: timedelta, attempts: int) -> Decision:
    step.state, step.waits_for = "Pending", None
    if verdict.untouched:
        step.intent = None
    step.not_before = format_time(run.now + backoff)
    again = (
        f"attempt {step.attempt} of {attempts} failed, the next one in {format_duration(backoff)}: {verdict.message}"
    )
    step.message = shorten(again, 1000)
    run.say(f"{step.name}: {again}")
    run.tell(Happening("StepRetried", f"{step.name}: {again}", warning=True, step=step.name, action=step.action))
    return Sleep(backoff)


def _over(run: Run, step: StepStatus, state: StepState, message: str) -> None:
    step.state, step.waits_for, step.not_before, step.remind_at = state, None, None, None
    step.finished_at = run.stamp()
    step.message = shorten(message, 1000)
    seconds = since(step.started_at, run.now).total_seconds()
    run.say(f"{step.name}: {message}")
    run.tell(
        Happening(
            f"Step{state}", f"{step.name}: {message}", warning=state == "Failed",
            step=step.name, action=step.action, outcome=state, seconds=seconds,
        )
    )  # fmt: skip
