"""The NetworkPolicy that blocks addresses, and whether it can: policies add up, and none takes away what another allows."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from paramedic.actions.contract import Context
from paramedic.actions.policies.isolation import policy_types, selects_any, temporary_policy
from paramedic.model.addresses import Network
from paramedic.model.cidrs import contains
from paramedic.model.names import INCIDENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, STEP_LABEL
from paramedic.model.objects import Object, dig, labels
from paramedic.model.text import listing

Direction = Literal["Ingress", "Egress"]
_FIELDS: dict[Direction, tuple[str, str]] = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
_EVERYTHING: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def build_block(ctx: Context, record: Mapping[str, Any]) -> Object:
    """Allows all but these addresses: every other one, and every Pod of the cluster, whatever its address."""
    blocked = [ipaddress.ip_network(text) for text in record["cidrs"]]
    spec: Object = {"podSelector": record["selector"], "policyTypes": list(record["directions"])}
    for direction in record["directions"]:
        field, peers = _FIELDS[direction]
        spec[field] = [{peers: [*(_all_but(net, blocked) for net in _EVERYTHING), {"namespaceSelector": {}}]}]
    return temporary_policy(ctx, record, spec)


def _all_but(everything: Network, blocked: list[Network]) -> Object:
    excepted = [str(item) for item in blocked if item.version == everything.version]
    return {"ipBlock": {"cidr": str(everything)} | ({"except": excepted} if excepted else {})}


@dataclass(frozen=True)
class Standing:
    """What the policies that are there mean for a block in one direction.

    ``openings`` are rules that let an address through, each with its mend. ``denied``: every Pod is restricted by
    policies that let none of them through. ``selecting`` are the policies that restrict any of the Pods.
    """

    selecting: tuple[str, ...]
    openings: tuple[str, ...]
    denied: bool


def standing(
    direction: Direction, policies: list[Object], pod_labels: list[dict[str, str]], blocked: list[Network]
) -> Standing:
    """Looks at the policies that select any of these Pods in this direction."""
    ours = [item for item in policies if direction in policy_types(item) and selects_any(item, pod_labels)]
    openings = tuple(text for item in ours for text in _openings(item, direction, blocked))
    covered = all(any(selects_any(item, [found]) for item in ours) for found in pod_labels)
    names = tuple(item["metadata"]["name"] for item in ours)
    return Standing(names, openings, denied=bool(ours) and covered and not openings)


def _openings(policy: Object, direction: Direction, blocked: list[Network]) -> Iterator[str]:
    field, peers = _FIELDS[direction]
    name = policy["metadata"]["name"]
    for at, rule in enumerate(dig(policy, "spec", field, default=[])):
        place = f"spec.{field}[{at}]"
        if not rule.get(peers):
            everyone = f"{place}.{peers} with ipBlock 0.0.0.0/0 and {_texts(blocked)} in its except"
            yield f"NetworkPolicy/{name} allows every address ({place} names none): write {everyone}"
            continue
        for index, peer in enumerate(rule[peers]):
            through = [item for item in blocked if _lets_through(peer.get("ipBlock") or {}, item)]
            if through:
                block = f"{place}.{peers}[{index}].ipBlock"
                cidr = peer["ipBlock"]["cidr"]
                mend = _undo_of(policy) or f"add {_texts(through)} to its except"
                yield f"NetworkPolicy/{name} allows {cidr} ({block}): {mend}"


def _undo_of(policy: Object) -> str:
    """How the policy of another incident is lifted; empty for those of people."""
    found = labels(policy)
    if found.get(MANAGED_BY_LABEL) != MANAGED_BY:
        return ""
    incident, step = found.get(INCIDENT_LABEL, ""), found.get(STEP_LABEL, "")
    undo = f"kubectl incident undo {incident} {step} --reason WHY -n {policy['metadata']['namespace']}"
    return f"it is the block of incident {incident}; lift that ({undo}), and name all addresses in one step"


def _lets_through(block: Object, blocked: Network) -> bool:
    if not block.get("cidr"):
        return False
    allowed = ipaddress.ip_network(block["cidr"], strict=False)
    if not allowed.overlaps(blocked):
        return False
    return not any(contains(ipaddress.ip_network(item, strict=False), blocked) for item in block.get("except") or [])


def _texts(found: list[Network]) -> str:
    return listing([str(item) for item in found])
