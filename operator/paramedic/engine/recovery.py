"""Proof of recovery: every check holds, for long enough without a break; or the incident fails. No data never means
healthy.
"""

from datetime import timedelta

from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.incident_status import PlannedStep, Recovery
from paramedic.engine.alerting import alert_complaint
from paramedic.engine.ending import begin_end
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import Decision, Happening, Run, Sleep
from paramedic.engine.templates import TemplateError
from paramedic.model.durations import format_duration, parse_duration
from paramedic.model.references import NODE
from paramedic.model.text import shorten
from paramedic.model.times import parse_time


def default_check(kind: str) -> PlannedStep:
    """What proves that a target of this kind is well, where the playbook names no check."""
    action = "nodeStatus" if kind == NODE.kind else "workloadStatus"
    return PlannedStep(name="target", phase="Verify", action=action)


def watch_recovery(run: Run, seen: Seen) -> Decision:
    """Looks at the checks once more."""
    rule = run.plan.recovery
    stable, timeout = parse_duration(rule.stable_for), parse_duration(rule.timeout)
    recovery = run.status.recovery or Recovery(started_at=run.stamp())
    run.status.recovery = recovery
    complaint = _complaint(run, seen)
    left = parse_time(recovery.started_at) + timeout - run.now
    if complaint:
        if left <= timedelta(0):
            return _not_proven(run, complaint, timeout)
        _unhealthy(run, recovery, complaint)
    else:
        if recovery.healthy_since is None:
            _healthy(run, recovery, stable)
        held = run.now - parse_time(recovery.healthy_since or run.stamp())
        if held >= stable:
            return _recovered(run, held)
        if left <= timedelta(0) and stable - held > timedelta(0):
            return _not_proven(run, f"it held for {format_duration(held)} of {format_duration(stable)}", timeout)
    return Sleep(_pause(stable))


def _pause(stable: timedelta) -> timedelta:
    return min(timedelta(seconds=5), max(timedelta(seconds=0.5), stable / 6))


def _complaint(run: Run, seen: Seen) -> str:
    """What the first failing check says; empty if all hold."""
    if complaint := alert_complaint(run):
        return complaint
    for planned in run.plan.recovery.checks or [default_check(run.plan.target["kind"])]:
        action = run.action_of(planned)
        try:
            verdict = action.prepare(run.parameters_of(planned), run.context(planned, proving=True), seen)
        except (Denied, TemplateError) as error:
            verdict = Failed(str(error))
        except ValidationError as error:
            verdict = Failed("; ".join(explain(error)))
        if not isinstance(verdict, Finished):
            return f"{planned.name}: {verdict.message}"
    return ""


def _healthy(run: Run, recovery: Recovery, stable: timedelta) -> None:
    recovery.healthy_since = run.stamp()
    recovery.message = f"every check holds; it must hold for {format_duration(stable)}"
    if run.status.times.mitigated_at is None:
        run.status.times.mitigated_at = run.stamp()
    run.observe("Recovered", "Unknown", "Holding", recovery.message)
    run.say(f"steps done; {recovery.message}")
    run.note("Healthy", recovery.message)


def _unhealthy(run: Run, recovery: Recovery, complaint: str) -> None:
    first = not recovery.message
    if not first and recovery.healthy_since is None:
        return
    broke = "it did not hold" if recovery.healthy_since else "steps done; not recovered yet"
    recovery.healthy_since = None
    recovery.message = shorten(complaint, 1000)
    run.observe("Recovered", "False", "NotYet", complaint)
    run.say(f"{broke}: {complaint}")
    run.note("NotHealthy", f"{broke}: {complaint}")


def _recovered(run: Run, held: timedelta) -> Decision:
    text = f"recovered: every check held for {format_duration(held)}"
    run.observe("Recovered", "True", "Proven", text)
    return begin_end(run, "Resolved", "Recovered", text)


def _not_proven(run: Run, complaint: str, timeout: timedelta) -> Decision:
    text = f"recovery was not proven within {format_duration(timeout)}: {complaint}; a person must look"
    run.observe("Recovered", "False", "Timeout", text)
    run.tell(Happening("NotRecovered", text, warning=True))
    return begin_end(run, "Failed", "NotRecovered", text)
