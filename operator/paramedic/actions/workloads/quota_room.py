"""Whether the room that a rollout makes itself is what a quota misses.

A quota refuses a new Pod as things are now. A rollout that removes Pods before it needs new ones, broken ones first,
makes room; then the refusal does not count.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from paramedic.model.objects import Object, dig
from paramedic.model.quantities import parse_quantity
from paramedic.model.workloads import Workload, most_surge, most_unavailable, pod_counts, pod_ready

#: The words of the API server's quota plugin (plugin/resourcequota, controller.go).
_EXCEEDED = re.compile(
    r"exceeded quota: [^,]+, requested: (?P<requested>\S+), used: (?P<used>\S+), limited: (?P<limited>\S+)"
)
_FINISHED = ("Succeeded", "Failed")


def makes_room(refusal: str, workload: Object, pods: list[Object], kept: list[Object]) -> bool:
    """Whether a rollout of the workload goes on although a quota refuses one more Pod now.

    ``pods`` are all of the workload's, ``kept`` those of them that run the revision already.
    """
    missing = shortfall(refusal)
    if missing is None:
        return False
    if sum(map(pod_counts, kept)) >= Workload.of(workload).desired:
        return True  # it only removes Pods
    freed = removed_first(workload, pods, kept)
    return all(sum(usage(pod, resource) for pod in freed) >= amount for resource, amount in missing.items())


def shortfall(refusal: str) -> dict[str, Decimal] | None:
    """How much of each resource an exceeded quota misses for one more Pod; None where that is not what it says."""
    found = _EXCEEDED.search(refusal)
    if found is None:
        return None
    try:
        requested, used, limited = (_amounts(found[key]) for key in ("requested", "used", "limited"))
        return {name: used[name] + amount - limited[name] for name, amount in requested.items()}
    except (ValueError, KeyError):
        return None


def _amounts(text: str) -> dict[str, Decimal]:
    """``pods=1,requests.cpu=500m``"""
    return {name: parse_quantity(value) for name, _, value in (part.partition("=") for part in text.split(","))}


def removed_first(workload: Object, pods: list[Object], kept: list[Object]) -> list[Object]:
    """The Pods that go before a new one must come, by the rules of the workload's controller; leaving ones too."""
    staying = {pod["metadata"]["uid"] for pod in kept}
    leaving = [pod for pod in pods if not pod_counts(pod) and dig(pod, "status", "phase") not in _FINISHED]
    others = [pod for pod in pods if pod_counts(pod) and pod["metadata"]["uid"] not in staying]
    broken, serving = [pod for pod in others if not pod_ready(pod)], [pod for pod in others if pod_ready(pod)]
    if workload["kind"] == "DaemonSet" and most_surge(workload):
        return leaving + _doubled(others, kept)
    if not most_surge(workload):
        return leaving + (broken + serving)[: most_unavailable(workload)]
    return leaving + _scaled_down(workload, broken, serving, kept)


def _doubled(others: list[Object], kept: list[Object]) -> list[Object]:
    """Pods of a surging DaemonSet on nodes where the wanted one serves already."""
    served = {dig(pod, "spec", "nodeName") for pod in kept if pod_ready(pod)}
    return [pod for pod in others if dig(pod, "spec", "nodeName") in served]


def _scaled_down(workload: Object, broken: list[Object], serving: list[Object], kept: list[Object]) -> list[Object]:
    """What a Deployment takes off its old ReplicaSets while its new one gets no Pod (deployment/rolling.go,
    reconcileOldReplicaSets): broken Pods first, and never below the number that must serve.
    """
    floor = Workload.of(workload).desired - most_unavailable(workload)
    alive = [pod for pod in kept if pod_counts(pod)]
    ready = sum(map(pod_ready, alive))
    allowed = max(0, len(broken) + len(serving) + ready - floor)
    gone = broken[:allowed]
    return gone + serving[: min(allowed - len(gone), max(0, len(serving) + ready - floor))]


def usage(pod: Object, resource: str) -> Decimal:
    """How much of a quota's resource a Pod uses at least: what its containers ask for, all together."""
    if resource in ("pods", "count/pods"):
        return Decimal(1)
    explicit = resource.startswith(("requests.", "limits."))
    field, _, name = resource.partition(".") if explicit else ("requests", "", resource)
    return sum((_asked(item, field, name) for item in dig(pod, "spec", "containers", default=[])), Decimal(0))


def _asked(container: Mapping[str, object], field: str, name: str) -> Decimal:
    try:
        return parse_quantity(str(dig(container, "resources", field, name, default=0)))
    except ValueError:
        return Decimal(0)
