"""What the alert itself says meanwhile. One that resolves before anything was changed ends the run; afterwards it counts
as one more check of recovery: once it has resolved, firing again means that the service has not recovered. One that fires
on is no such sign: it may look back over minutes, and its resolution may never arrive (alertmanager#2570).
"""

from paramedic.actions.reads import Seen
from paramedic.engine.cancelling import stop_step
from paramedic.engine.ending import end_now
from paramedic.engine.run import Decision, Run


def end_with_alert(run: Run, seen: Seen) -> Decision | None:
    """Ends a run whose alert resolved by itself before the first remediation. None where it goes on."""
    alert = run.status.alert
    if alert is None or alert.state != "Resolved" or run.status.times.first_action_at or run.dry:
        return None
    step = next((item for item in run.status.steps if item.state in ("Running", "Waiting")), None)
    if step is not None:
        stop_step(run, step, seen, "the alert resolved by itself")
    when = f" at {alert.ends_at}" if alert.ends_at else ""
    text = f"the alert resolved by itself{when}, before anything was changed"
    run.note("AlertResolved", text, actor="the alert")
    run.observe("Recovered", "True", "AlertResolved", text)
    return end_now(run, "Resolved", "AlertResolved", text)


def alert_complaint(run: Run) -> str:
    """Why the alert speaks against recovery; empty if it does not."""
    alert, recovery = run.status.alert, run.status.recovery
    if alert is None or recovery is None:
        return ""
    if alert.state == "Resolved":
        if not recovery.alert_resolved:
            recovery.alert_resolved = True
            run.note("AlertResolved", "the alert has resolved", actor="the alert")
        return ""
    return "the alert fires again" if recovery.alert_resolved else ""
