"""Evictions on a FakeCluster: what the API server asks of PodDisruptionBudgets, and what their controller counts.

(kubernetes: pkg/registry/core/pod/storage/eviction.go, pkg/controller/disruption.)
"""

from paramedic.cluster.fake_paths import Address
from paramedic.cluster.fake_store import Store
from paramedic.cluster.transport import Unavailable
from paramedic.model.objects import Object, dig, labels, matches_selector
from paramedic.model.references import DISRUPTION_BUDGET, POD
from paramedic.model.workloads import pod_ready, share


def evict(store: Store, address: Address, eviction: Object) -> Object:
    """Deletes a Pod if its budget lets it go. Raises ApiError 404 and 409, and Unavailable where the API server answers
    429 or 500: come again.
    """
    pod = store.get(address.whole)
    if dig(pod, "status", "phase", default="Pending") not in ("Pending", "Succeeded", "Failed"):
        budgets = [item for item in _budgets(store, address.namespace) if _selects(item, pod)]
        if len(budgets) > 1:
            text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise Unavailable(f"POST {address.name}/eviction: 500 {text}")
        for budget in budgets:
            _take_one(store, budget, pod)
    store.delete(address.whole, dig(eviction, "deleteOptions", "preconditions"))
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def count_budgets(store: Store) -> None:
    """Writes the status of every budget, as the disruption controller does for Pods without a scale of their own."""
    for budget in _budgets(store, ""):
        meta = budget["metadata"]
        pods = [pod for pod in store.select(Address(POD, meta["namespace"])) if _selects(budget, pod)]
        healthy, wanted = sum(map(pod_ready, pods)), _wanted(budget, len(pods))
        status = {
            "observedGeneration": meta["generation"], "expectedPods": len(pods), "currentHealthy": healthy,
            "desiredHealthy": wanted, "disruptionsAllowed": max(0, healthy - wanted) if pods else 0,
        }  # fmt: skip
        _put(store, budget, status)


def _wanted(budget: Object, count: int) -> int:
    least, most = dig(budget, "spec", "minAvailable"), dig(budget, "spec", "maxUnavailable")
    if least is not None:
        return share(least, count, up=True)
    return count - share(1 if most is None else most, count, up=True)


def _take_one(store: Store, budget: Object, pod: Object) -> None:
    status, name = budget.get("status") or {}, budget["metadata"]["name"]
    where = f"POST {pod['metadata']['name']}/eviction: 429"
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        text = f"The disruption budget {name} is still being processed by the server."
        raise Unavailable(f"{where} Cannot evict pod as it would violate the pod's disruption budget. {text}")
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if not pod_ready(pod) and (
        healthy >= wanted > 0 or dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow"
    ):
        return
    if status.get("disruptionsAllowed", 0) < 1:
        raise Unavailable(f"{where} Cannot evict pod as it would violate the pod's disruption budget.")
    _put(store, budget, {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1})


def _put(store: Store, budget: Object, status: Object) -> None:
    meta = budget["metadata"]
    store.update(Address(DISRUPTION_BUDGET, meta["namespace"], meta["name"], "status"), {**budget, "status": status})


def _budgets(store: Store, namespace: str) -> list[Object]:
    return store.select(Address(DISRUPTION_BUDGET, namespace))


def _selects(budget: Object, pod: Object) -> bool:
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and matches_selector(dig(budget, "spec", "selector", default={}), labels(pod))
