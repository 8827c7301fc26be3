"""Why the newest owner of the target's Pods could not create one."""

from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import condition


def refusal(scene: Scene) -> str:
    """The API server's words, by the owner's condition, which stands, else by its newest event; empty where no Pod is
    missing, or nothing was refused.
    """
    if scene.view.whole or scene.newest >= scene.view.desired:
        return ""
    for owner in reversed(scene.owners):
        failure = condition(owner, "ReplicaFailure")
        if failure.get("status") == "True":
            return str(failure.get("message") or "")
    for owner in reversed(scene.owners):
        for event in scene.events_of(owner["metadata"]["name"], "FailedCreate")[:1]:
            return str(event.get("message") or "")
    return ""
