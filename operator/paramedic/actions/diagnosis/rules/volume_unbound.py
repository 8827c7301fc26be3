"""VolumeUnbound: a Pod waits for a claim that is missing, or that has no volume."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import unscheduled
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import Object, dig

_MISSING = re.compile(r'persistentvolumeclaim "(?P<name>[^"]+)" not found', re.IGNORECASE)
_UNBOUND = re.compile(r"unbound immediate PersistentVolumeClaims|available persistent volumes to bind")
_REASONS = ("ProvisioningFailed", "FailedBinding")


def find(scene: Scene) -> Iterator[Finding]:
    waiting = [(pod, words) for pod in scene.suspects if waits_for_volume(words := unscheduled(pod))]
    if not waiting:
        return
    pod, words = waiting[0]
    if found := _MISSING.search(words):
        field, name = _field_of(scene, pod, found["name"]), found["name"]
        text = f"{scene.target} uses claim {name}, which is not there: {quoted(words)}; create it, or name another"
        yield Finding(RULE.kind, scene.target, field, words, text, len(waiting))
        return
    told = {name: text for name in _claims(pod) if (text := _of_claim(scene, name))}
    for name, said in told.items():
        text = f"claim {name} of {scene.target} has no volume: {quoted(said)}"
        yield Finding(RULE.kind, f"PersistentVolumeClaim/{name}", "status.phase", said, text, len(waiting))
    if not told:
        text = f"a claim of {scene.target} has no volume: {quoted(words)}; see kubectl get pvc"
        yield Finding(RULE.kind, scene.target, "spec.template.spec.volumes", words, text, len(waiting))


def waits_for_volume(words: str) -> bool:
    """Whether the scheduler's words are about a claim that is missing or unbound."""
    return bool(_MISSING.search(words) or _UNBOUND.search(words.partition("preemption:")[0]))


def _claims(pod: Object) -> list[str]:
    volumes = dig(pod, "spec", "volumes", default=[])
    return [name for item in volumes if (name := dig(item, "persistentVolumeClaim", "claimName"))]


def _of_claim(scene: Scene, name: str) -> str:
    """What the volume controllers said about the claim last."""
    events = scene.events_of(name, *_REASONS)
    return str(events[0].get("message")) if events else ""


def _field_of(scene: Scene, pod: Object, claim: str) -> str:
    """Where the claim is named: in the template, or by a StatefulSet's own claims."""
    for volume in dig(pod, "spec", "volumes", default=[]):
        if dig(volume, "persistentVolumeClaim", "claimName") == claim:
            own = dig(scene.workload, "spec", "volumeClaimTemplates", default=[])
            if volume["name"] in [dig(item, "metadata", "name") for item in own]:
                return f"spec.volumeClaimTemplates[{volume['name']}]"
            return f"spec.template.spec.volumes[{volume['name']}].persistentVolumeClaim.claimName"
    return f"spec.template.spec.volumes[claimName={claim}]"


RULE = Rule("VolumeUnbound", find)
