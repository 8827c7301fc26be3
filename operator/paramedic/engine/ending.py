"""How a run ends: first what was temporary is undone, newest first, then the phase is set and the report written."""

from typing import Literal

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import Ending, StepStatus
from paramedic.engine.lifecycle import Event
from paramedic.engine.run import Happening, Run, Store
from paramedic.model.text import shorten

EndPhase = Literal["Resolved", "Failed", "Cancelled"]
_UNDONE_AT: dict[EndPhase, tuple[str, ...]] = {
    "Resolved": ("OnResolve",),
    "Failed": ("OnFailure",),
    "Cancelled": ("OnFailure", "OnResolve"),
}
_EVENTS: dict[EndPhase, Event] = {
    "Resolved": Event.RECOVERED,
    "Failed": Event.FAILED,
    "Cancelled": Event.CANCELLED,
}


def begin_end(run: Run, phase: EndPhase, reason: str, message: str, also: str = "") -> Store:
    """The run will end so. ``also`` names a step to be undone whatever its rule says."""
    undo = [step.name for step in reversed(run.status.steps) if _goes_back(run, step, phase, also)]
    if not undo:
        return end_now(run, phase, reason, message)
    run.status.ending = Ending(phase=phase, reason=reason, message=shorten(message, 1000), undo=undo)
    run.say(f"undoing {', '.join(undo)}; then {phase}: {message}")
    return Store()


def _goes_back(run: Run, step: StepStatus, phase: EndPhase, also: str) -> bool:
    action = ACTIONS[step.action]
    if step.intent is None or step.undo is not None:
        return False
    if step.name == also:
        return action.can_undo or action.reverts
    return action.can_undo and run.planned(step.name).options.get("undo", "Never") in _UNDONE_AT[phase]


def end_now(run: Run, phase: EndPhase, reason: str, message: str) -> Store:
    """Sets the last phase, the summary condition and the report."""
    by_itself = phase == "Resolved" and run.phase != "Monitoring"
    run.move(Event.CLEARED if by_itself else _EVENTS[phase])
    run.status.ending = None
    stuck = [step.name for step in run.status.steps if step.undo and step.undo.state == "Failed"]
    if stuck:
        message = f"{message}; could not be undone: {', '.join(stuck)}, so look at it by hand"
    run.say(message)
    run.status.times.finished_at = run.stamp()
    if phase == "Resolved":
        run.status.times.resolved_at = run.stamp()
    run.observe("Succeeded", "True" if phase == "Resolved" else "False", reason, message)
    run.tell(Happening(phase, message, warning=phase == "Failed"))
    settle_conditions(run)
    return Store()


def settle_conditions(run: Run) -> None:
    """What the end leaves open is answered."""
    known = {item.type for item in run.status.conditions if item.status != "Unknown"}
    if "Recovered" not in known:
        run.observe("Recovered", "False", "NotProven", "recovery was not proven")
    if "Remediated" not in known:
        run.observe("Remediated", "False", "NothingChanged", "no step changed the service")
    if "Planned" not in known:
        run.observe("Planned", "False", "NoPlan", "no plan was made")
