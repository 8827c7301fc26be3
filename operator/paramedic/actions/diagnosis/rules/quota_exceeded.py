"""QuotaExceeded: Pods are missing because a ResourceQuota does not let them be created."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.creation import refusal
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene

_EXCEEDED = re.compile(r"exceeded quota: (?P<quota>[^\s,]+), requested: .*?, limited: (?P<resource>[^\s=,]+)=")
_UNSTATED = re.compile(r"failed quota: (?P<quota>[^\s:]+): must specify (?P<resource>[^\s,]+)")


def find(scene: Scene) -> Iterator[Finding]:
    words = refusal(scene)
    if found := _EXCEEDED.search(words):
        mend = f"raise spec.hard[{found['resource']}] of the quota, or free what others use"
    elif found := _UNSTATED.search(words):
        mend = f"state {found['resource']} for each container of {scene.target}"
    else:
        return
    text = f"ResourceQuota {found['quota']} lets no more Pod of {scene.target} be created ({quoted(words)}); {mend}"
    yield Finding(RULE.kind, f"ResourceQuota/{found['quota']}", f"spec.hard[{found['resource']}]", words, text)


RULE = Rule("QuotaExceeded", find)
