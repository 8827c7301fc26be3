"""Cancelling: at any phase. What has not been done is not done; what was temporary is undone."""

from paramedic.actions.contract import Intent, Pending, Skipped
from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.engine.ending import begin_end, end_now
from paramedic.engine.outcomes import skip
from paramedic.engine.run import Decision, Run


def cancel_run(run: Run, seen: Seen) -> Decision:
    """Ends the run because a person said so."""
    cancel = run.incident.spec.cancel
    if cancel is None:
        raise ValueError("not cancelled")
    text = f"cancelled by {cancel.by}: {cancel.reason}"
    step = next((item for item in run.status.steps if item.state in ("Running", "Waiting")), None)
    if step is not None:
        stop_step(run, step, seen, f"cancelled by {cancel.by}")
    run.note("Cancelled", text, actor=cancel.by)
    if run.status.plan is None:
        return end_now(run, "Cancelled", "Cancelled", text)
    return begin_end(run, "Cancelled", "Cancelled", text)


def stop_step(run: Run, step: StepStatus, seen: Seen, why: str) -> None:
    """Ends a step that has begun: as not needed if it has changed nothing yet, else as failed."""
    planned = run.planned(step.name)
    unknown = step.waits_for == "Outcome"
    begun = step.state == "Running" or unknown
    if begun:
        try:
            answer = run.action_of(planned).observe(
                run.parameters_of(planned), run.context(planned), step.intent or {}, seen
            )
            begun = answer.begun if isinstance(answer, Pending | Intent) else not isinstance(answer, Skipped)
        except (Denied, ValueError):
            begun = True  # what cannot be seen is taken to have happened
    if not begun:
        step.intent, step.expires_at = None, None
        skip(run, step, f"{why}, before anything was changed")
        return
    step.state, step.waits_for, step.finished_at = "Failed", None, run.stamp()
    step.message = f"{why}, while it was under way; what it had begun in the cluster goes on by itself"
    if unknown:
        step.message = f"{why}, before anybody said whether it was done"
