"""NetworkPolicyBlocked: policies select the target's Pods, and none of them allows anything in, or out."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.addresses import unreached
from paramedic.actions.diagnosis.findings import Finding, Rule
from paramedic.actions.diagnosis.rules.service_mismatch import selects
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.names import MANAGED_BY_LABEL
from paramedic.model.objects import Object, dig, labels, matches_selector


def find(scene: Scene) -> Iterator[Finding]:
    wanted = {
        "Ingress": any(selects(scene, item) for item in scene.services),
        "Egress": not scene.view.whole or _cut_off(scene),
    }
    blocked = {direction: blocking(scene, direction) for direction in wanted}
    # What is closed on purpose hurts only who needs it: ingress where a Service leads here, egress where Pods are unwell
    # or ingress is closed as well, as by one policy that cuts off everything.
    told = [item for item, needed in wanted.items() if blocked[item] and needed]
    if not told:
        return
    newest = blocked[told[0]]
    assert newest is not None
    name = newest["metadata"]["name"]
    closed = [item for item in blocked if blocked[item]]
    field = f"spec.{told[0].lower()}"
    since = dig(newest, "metadata", "creationTimestamp", default="an unknown time")
    proof = f"policyTypes {', '.join(_types(newest))}, no {' and no '.join(closed).lower()} rule, created {since}"
    ours = labels(newest).get(MANAGED_BY_LABEL) == "paramedic"
    whose = "it is an isolation by paramedic" if ours else "delete it, or add what it must allow"
    text = f"NetworkPolicy {name} lets nothing through to or from the Pods of {scene.target} ({proof}); {whose}"
    yield Finding(RULE.kind, f"NetworkPolicy/{name}", field, proof, text)


def _cut_off(scene: Scene) -> bool:
    """Whether what runs complains that it reaches nobody."""
    return any(unreached(said.text) for said in scene.complaints)


def blocking(scene: Scene, direction: str) -> Object | None:
    """The newest policy that closes this direction, where no other opens any of it: policies add up."""
    pods = labels(scene.template)
    found = [
        item for item in scene.policies
        if matches_selector(dig(item, "spec", "podSelector", default={}), pods) and direction in _types(item)
    ]  # fmt: skip
    if any(dig(item, "spec", direction.lower()) for item in found):
        return None
    return max(found, key=_age, default=None)


def _age(policy: Object) -> tuple[str, str]:
    return dig(policy, "metadata", "creationTimestamp", default=""), policy["metadata"]["name"]


def _types(policy: Object) -> list[str]:
    """Which directions it closes; where it does not say, ingress, and egress with rules for it."""
    default = ["Ingress", "Egress"] if dig(policy, "spec", "egress") else ["Ingress"]
    return list(dig(policy, "spec", "policyTypes", default=default))


RULE = Rule("NetworkPolicyBlocked", find, frozenset({"services", "policies"}), hidden=True)
