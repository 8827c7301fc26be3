"""Which revision to go back to."""

from paramedic.actions.contract import Failed, Skipped
from paramedic.actions.workloads.revisions import Revision
from paramedic.actions.workloads.rollback_writes import left_revisions
from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef


def choose(
    workload: Object, revisions: list[Revision], now: Revision | None, wanted: int | None, target: ObjectRef
) -> Revision | Failed | Skipped:
    """The revision asked for, or the newest that runs something else than now and was not itself rolled back from."""
    if wanted is not None:
        return _asked(revisions, now, wanted, target)
    others = [item for item in revisions if now is None or item.essence != now.essence]
    left = set(left_revisions(workload))
    for item in others:
        if item.essence not in left:
            return item
    if others:
        return Failed(
            f"{target} has no earlier revision to go back to: revision {others[0].number} was itself rolled back from;"
            " name it in toRevision if it is meant",
            final=True,
        )
    return Failed(f"{target} has no earlier revision to go back to", final=True)


def _asked(
    revisions: list[Revision], now: Revision | None, wanted: int, target: ObjectRef
) -> Revision | Failed | Skipped:
    found = next((item for item in revisions if item.number == wanted), None)
    if found is None:
        kept = ", ".join(str(item.number) for item in reversed(revisions)) or "none"
        return Failed(f"{target} has no revision {wanted}; it keeps {kept}", final=True)
    if now is not None and found.essence == now.essence:
        return Skipped(f"nothing to roll back: {target} runs the template of revision {wanted} already")
    return found
