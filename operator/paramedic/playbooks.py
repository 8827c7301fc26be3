"""Each Playbook's `Ready` condition: whether incidents can use it, else the path of the field and the mend."""

from paramedic.api.v1alpha1.playbook import PlaybookStatus
from paramedic.clock import Clock
from paramedic.cluster.api import Api
from paramedic.cluster.transport import ApiError
from paramedic.engine.validation import read_playbook
from paramedic.model.conditions import set_condition
from paramedic.model.objects import Object
from paramedic.model.references import PLAYBOOK, ObjectRef
from paramedic.model.text import shorten


async def review_playbook(api: Api, clock: Clock, namespace: str, name: str) -> None:
    """Looks at one playbook and writes what it thinks of it, if that has changed. Raises ApiError, Unavailable."""
    obj = await api.get(ObjectRef.to(PLAYBOOK, namespace, name))
    if obj is None or obj["metadata"].get("deletionTimestamp"):
        return
    status = judged(obj, clock)
    if status == PlaybookStatus.model_validate(obj.get("status") or {}):
        return
    try:
        await api.put_status(PLAYBOOK, {**obj, "status": status.model_dump(by_alias=True, exclude_none=True)})
    except ApiError as error:
        if error.status not in (404, 409):
            raise


def judged(obj: Object, clock: Clock) -> PlaybookStatus:
    """The status that a playbook deserves. kstatus reads Ready with observedGeneration."""
    playbook, problems = read_playbook(obj)
    status = PlaybookStatus.model_validate(obj.get("status") or {})
    status.observed_generation = obj["metadata"]["generation"]
    if problems:
        reason, message = "Invalid", shorten("; ".join(problems), 1000)
    else:
        steps = len(playbook.spec.steps) if playbook else 0
        reason, message = "Valid", f"{steps} steps, as {playbook.spec.service_account_name}" if playbook else ""
    set_condition(
        status.conditions, "Ready", "False" if problems else "True", reason, message,
        generation=status.observed_generation, now=clock.now(),
    )  # fmt: skip
    return status
