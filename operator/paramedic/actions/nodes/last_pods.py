"""Pods that are the last available one of their owner, where no PodDisruptionBudget guards them."""

from paramedic.actions.nodes.drain_filters import is_finished
from paramedic.actions.pods.budgets import budgets_of
from paramedic.actions.reads import GetObject, ListObjects, Seen
from paramedic.actions.targets import owned_by, ref_of_owner
from paramedic.model.objects import Object, dig, selector_query
from paramedic.model.permissions import Permission
from paramedic.model.references import POD, REPLICASET, STATEFULSET, ObjectRef
from paramedic.model.workloads import pod_ready

_COUNTED = (REPLICASET, STATEFULSET)

PERMISSIONS = frozenset(Permission.to("get", resource, everywhere=True) for resource in _COUNTED)


def last_by_status(pods: list[Object], budgets: list[Object], seen: Seen) -> list[Object]:
    """Those of these Pods without which their owner would have no available Pod, by what its controller counted last."""
    owners = _owners(pods, budgets)
    seen.prefetch(GetObject(owner.named) for owner in set(owners.values()))
    few = {owner for owner in owners.values() if dig(seen.get(owner), "status", "availableReplicas", default=0) < 2}
    return [pod for pod in pods if owners.get(pod["metadata"]["uid"]) in few]


def last_by_count(pods: list[Object], budgets: list[Object], seen: Seen) -> list[Object]:
    """The same by the Pods that are ready at this moment: right after an eviction, no controller has counted yet."""
    owners = _owners(pods, budgets)
    seen.prefetch(GetObject(owner.named) for owner in set(owners.values()))
    questions = {owner: _question(seen.get(owner)) for owner in set(owners.values())}
    seen.prefetch(question for question in questions.values() if question)
    few = {owner for owner, question in questions.items() if question and _ready(owner, question, seen) < 2}
    return [pod for pod in pods if owners.get(pod["metadata"]["uid"]) in few]


def _question(owner: Object | None) -> ListObjects | None:
    """All Pods that an owner may have; None where the owner is gone, or selects all there are."""
    query = selector_query(dig(owner, "spec", "selector", default={}))
    return ListObjects(POD, dig(owner, "metadata", "namespace", default=""), query) if query else None


def _ready(owner: ObjectRef, question: ListObjects, seen: Seen) -> int:
    return sum(owned_by(pod, owner.uid) and pod_ready(pod) for pod in seen.items(question))


def _owners(pods: list[Object], budgets: list[Object]) -> dict[str, ObjectRef]:
    """Who counts these Pods, by their uids; not where a budget does, or where a Pod serves nobody now."""
    counted = {(item.api_version, item.kind) for item in _COUNTED}
    found = {}
    for pod in pods:
        owner = ref_of_owner(pod, pod["metadata"]["namespace"])
        if owner is None or (owner.api_version, owner.kind) not in counted:
            continue
        if not is_finished(pod) and pod_ready(pod) and not budgets_of(pod, budgets):
            found[pod["metadata"]["uid"]] = owner
    return found
