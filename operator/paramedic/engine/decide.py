"""The one question: an incident as it is stored, and what was seen; what now?

The answer is to store the status, to perform effects whose intent is stored, or to sleep. `Missing` (from
`paramedic.actions.reads`) passes through: it asks for reads, after which the question is asked again.
"""

from collections.abc import Mapping
from datetime import timedelta

from paramedic.actions.contract import Failed, Observation, Pending, Working
from paramedic.actions.effects import Outcome, Result
from paramedic.actions.reads import HttpAnswer, Seen
from paramedic.api.v1alpha1.incident_status import AlertState, PlaybookSeen
from paramedic.engine.alerting import end_with_alert
from paramedic.engine.cancelling import cancel_run
from paramedic.engine.explaining import explain_run
from paramedic.engine.guard import others_on_target, question_about
from paramedic.engine.lifecycle import ENDED, Event
from paramedic.engine.people import see_people
from paramedic.engine.planning import plan_incident
from paramedic.engine.recovery import watch_recovery
from paramedic.engine.review import render
from paramedic.engine.run import OVER, PERSON, Decision, Perform, Run, Sleep, Store
from paramedic.engine.stepping import advance_steps
from paramedic.engine.telling.escalating import tell_people
from paramedic.engine.telling.notices import settle_notices
from paramedic.engine.telling.policies import policy_of
from paramedic.engine.unwinding import continue_end, continue_undo, expire, next_expiry, retry_undo, undo_by_request
from paramedic.model.text import shorten
from paramedic.model.times import format_time, parse_time

_PAUSED = timedelta(seconds=5)
CONDITIONS = ("Succeeded", "Planned", "Acknowledged", "Remediated", "Recovered", "Escalated")


def decide(run: Run, seen: Seen, settled: Mapping[str, Observation] | None = None) -> Decision:
    """One decision. ``settled`` tells what became of effects performed just before, by step."""
    _see_first(run)
    see_people(run)
    settle_notices(run)
    decision = _decide(run, seen, settled or {})
    decision = _soonest(decision, _tell(run, seen))
    _refresh(run)
    if isinstance(decision, Perform):
        return _held(run, seen, decision)
    _report(run, seen)
    return Store() if run.changed else decision if isinstance(decision, Sleep) else Sleep(None)


def _decide(run: Run, seen: Seen, settled: Mapping[str, Observation]) -> Decision:
    if decision := continue_undo(run, seen, settled):
        return decision
    if decision := retry_undo(run) or undo_by_request(run):
        return decision
    if run.phase in ENDED:
        return expire(run) or Sleep(next_expiry(run))
    if decision := continue_end(run):
        return decision
    if run.incident.spec.cancel is not None:
        return cancel_run(run, seen)
    if decision := expire(run) or end_with_alert(run, seen):
        return decision
    return _soonest(_go_on(run, seen, settled), next_expiry(run))


def _go_on(run: Run, seen: Seen, settled: Mapping[str, Observation]) -> Decision:
    """Plan, steps, recovery: the way of a run on which nothing comes between."""
    if run.phase == "Pending":
        if decision := plan_incident(run, seen):
            return decision
        if run.dry:
            return explain_run(run, seen)
    if run.phase in ("Running", "Waiting"):
        if decision := advance_steps(run, seen, settled):
            return decision
        run.move(Event.STEPS_DONE)
    return watch_recovery(run, seen)


def _tell(run: Run, seen: Seen) -> timedelta | None:
    """Writes down what people must be told now. How long until there is more to tell."""
    if run.dry or run.status.linked_to or run.phase == "Planned":
        return None
    return tell_people(run, *policy_of(run, seen))


def _held(run: Run, seen: Seen, decision: Perform) -> Decision:
    """The operator's pause stands in front of every effect, of what undoes too."""
    if paused := seen.pause():
        message = f"{decision.step}: {paused}; nothing is changed"
        if run.status.message != message:
            run.say(message)
            return Store()
        return Sleep(_PAUSED)
    return decision


def _report(run: Run, seen: Seen) -> None:
    """The report, written when a run ends, and again when a change is taken back later."""
    if run.phase not in ENDED or not run.changed:
        return
    if run.incident.status.phase not in ENDED and run.status.target and not run.dry:
        others = others_on_target(run, seen, question_about(run, run.status.target))
        run.status.related = sorted(str(item["metadata"]["name"]) for item in others)[:20]
    run.status.review = render(run.incident, run.status)


def _soonest(decision: Decision, moment: timedelta | None) -> Decision:
    """A sleep that ends at this moment at the latest."""
    if isinstance(decision, Sleep) and moment is not None:
        return Sleep(moment if decision.after is None else min(decision.after, moment))
    return decision


def _see_first(run: Run) -> None:
    """At the first sight of an incident: when it began, and every condition, even if nothing is known yet."""
    run.status.observed_generation = run.incident.metadata.generation
    if run.status.conditions:
        return
    opened = run.incident.metadata.creation_timestamp
    moment = format_time(parse_time(opened)) if opened else run.stamp()
    run.status.times.detected_at = run.status.times.started_at = moment
    if alert := run.incident.spec.alert:
        run.status.alert = run.status.alert or AlertState(state="Firing")
        run.status.times.started_at = _began(alert.starts_at, moment)
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


def _began(starts_at: str | None, detected: str) -> str:
    """When the impact began as the alert tells it: never after it was detected."""
    try:
        began = format_time(parse_time(starts_at)) if starts_at else detected
    except ValueError:
        return detected
    return min(began, detected)


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
        person = steps[index].waits_for in PERSON
        run.move(Event.PERSON_NEEDED if person else Event.STEPPED)
    if run.status.ending is None:
        run.observe("Succeeded", "Unknown", run.phase, shorten(run.status.message, 256))


def settle(pending: Pending, outcomes: list[Outcome]) -> Observation | None:
    """What performed effects mean for their step. None: look at the target to know."""
    for outcome in outcomes:
        if outcome.result is Result.REFUSED:
            return Failed(outcome.message, final=True, undo=pending.begun)
        if pending.read is not None and isinstance(outcome.stored, HttpAnswer):
            return pending.read(outcome.stored)
    if any(outcome.result in (Result.CONFLICT, Result.UNKNOWN) for outcome in outcomes):
        return Working("looking again")
    if any(outcome.result is Result.EXISTED for outcome in outcomes) and pending.existed:
        return pending.existed
    return pending.done


__all__ = ["CONDITIONS", "Store", "decide", "settle"]
