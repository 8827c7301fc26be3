"""QuotaExceeded: Pods are missing because a ResourceQuota does not let them be created."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import condition

_EXCEEDED = re.compile(r"exceeded quota: (?P<quota>[^\s,]+), requested: .*?, limited: (?P<resource>[^\s=,]+)=")
_UNSTATED = re.compile(r"failed quota: (?P<quota>[^\s:]+): must specify (?P<resource>[^\s,]+)")


def find(scene: Scene) -> Iterator[Finding]:
    if scene.view.whole or scene.newest >= scene.view.desired:
        return
    words = _refusal(scene)
    if found := _EXCEEDED.search(words):
        mend = f"raise spec.hard[{found['resource']}] of the quota, or free what others use"
    elif found := _UNSTATED.search(words):
        mend = f"state {found['resource']} for each container of {scene.target}"
    else:
        return
    text = f"ResourceQuota {found['quota']} lets no more Pod of {scene.target} be created ({quoted(words)}); {mend}"
    yield Finding(RULE.kind, f"ResourceQuota/{found['quota']}", f"spec.hard[{found['resource']}]", words, text)


def _refusal(scene: Scene) -> str:
    """Why the newest owner could not create a Pod: by its condition, which stands, else by its newest event."""
    for owner in reversed(scene.owners):
        failure = condition(owner, "ReplicaFailure")
        if failure.get("status") == "True":
            return str(failure.get("message") or "")
    for owner in reversed(scene.owners):
        for event in scene.events_of(owner["metadata"]["name"], "FailedCreate")[:1]:
            return str(event.get("message") or "")
    return ""


RULE = Rule("QuotaExceeded", find)
