"""PodDisruptionBudgets: which of them keep a Pod from being evicted now, by the rules of the API server.

(kubernetes: pkg/registry/core/pod/storage/eviction.go.) The API server decides; this tells before, and by name.
"""

from dataclasses import dataclass

from paramedic.actions.reads import ListObjects
from paramedic.model.objects import Object, condition, dig, labels, matches_selector
from paramedic.model.references import DISRUPTION_BUDGET, ObjectRef

_LIMIT = 5_000


@dataclass(frozen=True)
class Hold:
    """What keeps one Pod from being evicted. ``lasting``: waiting does not help, since every Pod is healthy already."""

    pod: ObjectRef
    reason: str
    lasting: bool

    def __str__(self) -> str:
        return f"{self.pod}: {self.reason}"


def question_about_budgets(namespace: str) -> ListObjects:
    """The budgets of one namespace, or of all where it is empty."""
    return ListObjects(DISRUPTION_BUDGET, namespace, limit=_LIMIT)


def budgets_of(pod: Object, budgets: list[Object]) -> list[Object]:
    """The budgets that select a Pod."""
    namespace = pod["metadata"]["namespace"]
    return [
        item
        for item in budgets
        if item["metadata"]["namespace"] == namespace
        and matches_selector(dig(item, "spec", "selector", default={}), labels(pod))
    ]


def hold_on(pod: Object, budgets: list[Object]) -> Hold | None:
    """Why a Pod cannot be evicted now. None where it can."""
    found = budgets_of(pod, budgets)
    finished = dig(pod, "status", "phase") in ("Pending", "Succeeded", "Failed")
    if not found or finished or dig(pod, "metadata", "deletionTimestamp"):
        return None
    ref = ObjectRef.of(pod)
    if len(found) > 1:
        names = ", ".join(sorted(item["metadata"]["name"] for item in found))
        text = f"more than one PodDisruptionBudget selects it ({names}), which the API server refuses; leave one"
        return Hold(ref, text, lasting=True)
    return _hold(ref, pod, found[0])


def _hold(ref: ObjectRef, pod: Object, budget: Object) -> Hold | None:
    name = f"PodDisruptionBudget/{budget['metadata']['name']}"
    status = budget.get("status") or {}
    if status.get("observedGeneration", 0) < dig(budget, "metadata", "generation", default=0):
        return Hold(ref, f"{name} was not counted by its controller yet", lasting=False)
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if status.get("disruptionsAllowed", 0) > 0 or _may_go_unhealthy(pod, budget, healthy, wanted):
        return None
    expected = status.get("expectedPods", 0)
    text = f"{name} allows no disruption ({healthy} of {expected} Pods healthy, it wants {wanted})"
    return Hold(ref, text, lasting=healthy >= expected)


def _may_go_unhealthy(pod: Object, budget: Object, healthy: int, wanted: int) -> bool:
    """Whether the budget lets a Pod go that is not ready anyway (spec.unhealthyPodEvictionPolicy)."""
    if condition(pod, "Ready").get("status") == "True":
        return False
    if dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return healthy >= wanted > 0
