"""The one question: an incident as it is stored, and what was seen; what now?

The answer is to store the status, to perform effects whose intent is stored, or to sleep. `Missing` (from
`paramedic.actions.reads`) passes through: it asks for reads, after which the question is asked again.
"""

from collections.abc import Mapping

from paramedic.actions.contract import Failed, Observation, Pending, Working
from paramedic.actions.effects import Outcome, Result
from paramedic.actions.reads import Seen
from paramedic.api.v1alpha1.incident_status import Acknowledgement, PlaybookSeen
from paramedic.engine.cancelling import cancel_run
from paramedic.engine.explaining import explain_run
from paramedic.engine.lifecycle import ENDED, Event
from paramedic.engine.planning import plan_incident
from paramedic.engine.recovery import watch_recovery
from paramedic.engine.run import OVER, Decision, Perform, Run, Sleep, Store
from paramedic.engine.stepping import advance_steps
from paramedic.engine.unwinding import continue_end, continue_undo, expire, next_expiry, retry_undo
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time

CONDITIONS = ("Succeeded", "Planned", "Acknowledged", "Remediated", "Recovered", "Escalated")


def decide(run: Run, seen: Seen, settled: Mapping[str, Observation] | None = None) -> Decision:
    """One decision. ``settled`` tells what became of effects performed just before, by step."""
    _see_first(run)
    _see_people(run)
    decision = _decide(run, seen, settled or {})
    _refresh(run)
    if isinstance(decision, Perform):
        return decision
    return Store() if run.changed else decision if isinstance(decision, Sleep) else Sleep(None)


def _decide(run: Run, seen: Seen, settled: Mapping[str, Observation]) -> Decision:
    if decision := continue_undo(run, seen, settled):
        return decision
    if decision := retry_undo(run):
        return decision
    if run.phase in ENDED:
        return expire(run) or Sleep(next_expiry(run))
    if decision := continue_end(run):
        return decision
    if run.incident.spec.cancel is not None:
        return cancel_run(run, seen)
    if decision := expire(run):
        return decision
    if run.phase == "Pending":
        if decision := plan_incident(run, seen):
            return decision
        if run.dry:
            return explain_run(run, seen)
    if run.phase in ("Running", "Waiting"):
        if decision := advance_steps(run, seen, settled):
            return decision
        run.move(Event.STEPS_DONE)
    return _soonest(watch_recovery(run, seen), run)


def _soonest(decision: Decision, run: Run) -> Decision:
    expiry = next_expiry(run)
    if isinstance(decision, Sleep) and decision.after is not None and expiry is not None:
        return Sleep(min(decision.after, expiry))
    return decision


def _see_first(run: Run) -> None:
    """At the first sight of an incident: when it began, and every condition, even if nothing is known yet."""
    run.status.observed_generation = run.incident.metadata.generation
    if run.status.conditions:
        return
    opened = run.incident.metadata.creation_timestamp
    moment = format_time(parse_time(opened)) if opened else run.stamp()
    run.status.times.detected_at = run.status.times.started_at = moment
    run.status.severity = run.incident.spec.severity
    if (target := run.incident.spec.target_ref) is not None:
        run.status.target = f"{target.kind}/{target.name}"
    if (named := run.incident.spec.playbook_ref) is not None:
        run.status.playbook = PlaybookSeen(name=named.name, reason="the incident names it")
    for kind in CONDITIONS:
        run.observe(kind, "Unknown", "Pending", "")
    run.observe("Acknowledged", "False", "NotAcknowledged", "nobody has acknowledged the incident")
    run.observe("Escalated", "False", "NotEscalated", "the incident was not escalated")
    run.note("Opened", run.incident.spec.summary)


def _see_people(run: Run) -> None:
    by = run.incident.spec.acknowledged_by
    if not by or (run.status.acknowledgement and run.status.acknowledgement.by == by):
        return
    run.status.acknowledgement = Acknowledgement(by=by, at=run.stamp())
    run.status.acknowledged_by = by
    run.status.times.acknowledged_at = run.status.times.acknowledged_at or run.stamp()
    run.observe("Acknowledged", "True", "Acknowledged", f"acknowledged by {by}")
    run.note("Acknowledged", f"acknowledged by {by}", actor=by)


def _refresh(run: Run) -> None:
    """What is derived from the steps."""
    steps = run.status.steps
    index = next((at for at, step in enumerate(steps) if step.state not in OVER), None)
    if run.phase in ENDED:
        run.status.current_step = None
        over = sum(step.state in OVER for step in steps)
        run.status.progress = f"{over}/{len(steps)}" if steps else None
        return
    run.status.current_step = steps[index].name if index is not None else None
    if steps:
        run.status.progress = f"{len(steps) if index is None else index + 1}/{len(steps)}"
    if run.phase in ("Running", "Waiting") and index is not None:
        person = steps[index].waits_for in ("Approve", "Done")
        run.move(Event.PERSON_NEEDED if person else Event.STEPPED)
    if run.status.ending is None:
        run.observe("Succeeded", "Unknown", run.phase, shorten(run.status.message, 256))


def settle(pending: Pending, outcomes: list[Outcome]) -> Observation | None:
    """What performed effects mean for their step. None: look at the target to know."""
    for outcome in outcomes:
        if outcome.result is Result.REFUSED:
            return Failed(outcome.message, final=True)
    if any(outcome.result in (Result.CONFLICT, Result.UNKNOWN) for outcome in outcomes):
        return Working("looking again")
    if any(outcome.result is Result.EXISTED for outcome in outcomes) and pending.existed:
        return pending.existed
    return pending.done


__all__ = ["CONDITIONS", "Store", "decide", "settle"]
