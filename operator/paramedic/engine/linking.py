"""Several alerts on one workload are one remediation: the first incident runs, the others are linked to it, run no step
and end as it ends.
"""

from datetime import timedelta

from paramedic.actions.reads import Seen
from paramedic.engine.ending import EndPhase, end_now
from paramedic.engine.lifecycle import ENDED
from paramedic.engine.run import Decision, Happening, Run, Sleep, Store
from paramedic.model.objects import dig
from paramedic.model.references import INCIDENT, ObjectRef

_AGAIN = timedelta(seconds=30)
_SAME_END: dict[str, EndPhase] = {"Resolved": "Resolved", "Failed": "Failed", "Cancelled": "Cancelled"}


def link_to(run: Run, holder: str) -> Decision:
    """This incident is about the same trouble as the one that works on the target already."""
    run.status.linked_to = holder
    message = f"linked to incident {holder}, which works on {run.status.target}: this one runs no step and ends with it"
    run.say(message)
    run.observe("Planned", "False", "Linked", message)
    run.tell(Happening("Linked", message))
    return Store()


def follow_link(run: Run, seen: Seen) -> Decision | None:
    """Waits for the incident that this one is linked to, and ends as it. None where it goes on by itself."""
    name = run.status.linked_to
    if name is None:
        return None
    other = seen.get(ObjectRef.to(INCIDENT, run.namespace, name), own=True)
    if other is None:
        run.status.linked_to = None
        run.tell(Happening("Unlinked", f"incident {name} was deleted, so this one goes on by itself"))
        return None
    phase = dig(other, "status", "phase", default="Pending")
    if phase not in ENDED:
        return Sleep(_AGAIN)
    end = _SAME_END.get(phase, "Failed")
    if end == "Resolved":
        run.observe("Recovered", "True", "LinkedRecovered", f"incident {name} on the same target proved it")
    text = f"incident {name} on {run.status.target} ended {phase}: {dig(other, 'status', 'message', default='')}"
    return end_now(run, end, "LinkedEnded", text)
