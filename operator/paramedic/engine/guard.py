"""What stands in front of every plan and effect: protected targets, and one incident at a time on a target.

The lock is not written anywhere: the incident with the oldest frozen plan on a target holds it, for as long as it has
not ended, and every step of it has a deadline. So it survives restarts, and nobody can hold it for ever.
"""

from datetime import timedelta

from paramedic.actions.reads import ListObjects, Seen
from paramedic.engine.lifecycle import ACTIVE, ENDED
from paramedic.engine.run import Run, since
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, ObjectRef

#: Namespaces whose workloads the cluster itself stands on.
PROTECTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
FRUITLESS_WINDOW = timedelta(hours=1)


class Refused(Exception):
    """A guard refuses. The text is for a person and says what would lift it."""


def check_protected(target: ObjectRef) -> None:
    """Raises Refused for what an incident must never act upon."""
    if target.namespace in PROTECTED_NAMESPACES:
        raise Refused(
            f"{target} is in namespace {target.namespace}, which the cluster itself stands on; playbooks do not act there"
        )


#: Ended incidents pile up, those at work on one target do not: the API server leaves the others out.
_NOT_ENDED = ",".join(f"status.phase!={phase}" for phase in sorted(ENDED))
_MOST = 5_000


def question_about(run: Run, target: str) -> ListObjects:
    """Which incidents there are on this target that have not ended, by the fields that the API server selects by."""
    selector = f"status.target={target},{_NOT_ENDED}"
    return ListObjects(INCIDENT, run.namespace, field_selector=selector, limit=_MOST, own=True)


def others_on_target(run: Run, seen: Seen, question: ListObjects) -> list[Object]:
    """The other incidents that the question is about, as the API server has them now."""
    return [item for item in seen.items(question) if item["metadata"]["uid"] != run.incident.metadata.uid]


def holder_of(run: Run, seen: Seen, target: str) -> str:
    """The name of another incident that is at work on this target and comes before this one; empty if none does."""
    open_ones = others_on_target(run, seen, question_about(run, target))
    rivals = [item for item in open_ones if dig(item, "status", "phase") in ACTIVE]
    rivals = [item for item in rivals if dig(item, "spec", "mode") != "DryRun"]
    ours = (run.status.plan.frozen_at, run.incident.metadata.uid) if run.status.plan else ("~", "")
    ahead = [item for item in rivals if _rank(item) < ours]
    return str(min(ahead, key=_rank)["metadata"]["name"]) if ahead else ""


def _rank(item: Object) -> tuple[str, str]:
    return dig(item, "status", "plan", "frozenAt", default=""), item["metadata"]["uid"]


def fruitless_restarts(run: Run, seen: Seen) -> int:
    """How many incidents on this target failed within the last hour although they restarted it."""
    selector = f"status.target={run.target},status.phase=Failed"
    failed = ListObjects(INCIDENT, run.namespace, field_selector=selector, limit=_MOST, own=True)
    return sum(any(_recent_restart(step, run) for step in _steps(item)) for item in others_on_target(run, seen, failed))


def _steps(item: Object) -> list[Object]:
    found: list[Object] = dig(item, "status", "steps", default=[])
    return found


def _recent_restart(step: Object, run: Run) -> bool:
    if step.get("action") != "rollingRestart" or not step.get("intent"):
        return False
    return since(step.get("startedAt"), run.now) < FRUITLESS_WINDOW
