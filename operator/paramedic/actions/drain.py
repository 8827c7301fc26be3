"""`drain`: empties a node as `kubectl drain` does, but looks first, never forces, and takes the cordon back if it fails."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
    Waiting,
    Working,
)
from paramedic.actions.effects import Evict
from paramedic.actions.nodes import cordoning, last_pods
from paramedic.actions.nodes.choice import (
    NodeName,
    find_node,
    not_now,
)
from paramedic.actions.nodes.drain_filters import Sorted, named, sort_pods
from paramedic.actions.pods.budgets import hold_on, question_about_budgets
from paramedic.actions.reads import ListObjects, Seen
from paramedic.model.nodes import NodeView
from paramedic.model.objects import Object, controller_of, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import DISRUPTION_BUDGET, POD, ObjectRef
from paramedic.model.text import listing, plural

#: More Pods than a node runs (kubelet: 110 by default), and as many as an intent keeps.
_MOST_PODS = 300
#: Of how many Pods that could go next the owners are looked at in one look.
_CANDIDATES = 5


class DrainParameters(Parameters):
    """Cordons a node and evicts its Pods, as `kubectl drain` does: Pods of DaemonSets and static Pods stay. What stands
    in the way is looked for first, and refused by name before anything is changed: a PodDisruptionBudget that allows no
    disruption although every Pod is healthy, a Pod without a controller, an emptyDir. One that allows none for now is
    waited for. Everything that `cordon` refuses is refused too. Asks for an approval where a Pod is the last available
    one of its owner, or is lost for good. Then one Pod leaves after the other, by eviction, never by force, and never
    the last available one of an owner that was not asked about. What is not done by the timeout fails, and the node is
    uncordoned if it was this step that cordoned it; so does the way back. On a node that does not answer, Pods of
    StatefulSets stay. It needs rights on nodes, and on Pods of every namespace: an admin must bind the account to the
    ClusterRole paramedic-cluster-drain with a ClusterRoleBinding. Outputs: node, evicted, stayed.
    """

    node: NodeName | None = Field(
        None,
        description="Its name. Left out, it is the Node that the incident is about, or the one that its Pod runs on.",
    )
    parallel: int = Field(1, ge=1, le=10, description="How many Pods may be on their way out at a time.")
    delete_bare_pods: bool = Field(
        False,
        description="Evict Pods that have no controller too, which nothing starts again (kubectl: --force). A person must"
        " approve it where there are any.",
    )
    delete_empty_dir_data: bool = Field(
        False,
        description="Evict Pods that have an emptyDir too, whose content is lost (kubectl: --delete-emptydir-data). A"
        " person must approve it where there are any.",
    )


class Drain(Action[DrainParameters]):
    name = "drain"
    phase = "Contain"
    parameters = DrainParameters
    remedy = True
    can_undo = True
    destroys_evidence = True
    timeout = timedelta(minutes=30)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Node")
    example = 'drain: {node: "${parameters.node}"}'

    def permissions(self, params: DrainParameters, kind: str) -> frozenset[Permission]:
        pods = {
            Permission.to("list", POD, everywhere=True),
            Permission.to("get", POD, everywhere=True),
            Permission.to("create", POD, "eviction", everywhere=True),
            Permission.to("list", DISRUPTION_BUDGET, everywhere=True),
        }
        return cordoning.PERMISSIONS | last_pods.PERMISSIONS | pods

    def prepare(self, params: DrainParameters, ctx: Context, seen: Seen) -> Preparation:
        node = find_node(params.node, ctx, seen)
        if isinstance(node, Failed):
            return node
        if answer := not_now(node, ctx, seen):
            return answer
        pods = seen.items(_question_about_pods(node["metadata"]["name"]))
        if len(pods) >= _MOST_PODS:
            return Failed(f"{ObjectRef.of(node)} has {_MOST_PODS} Pods or more; drain it with kubectl", final=True)
        found = sort_pods(
            pods, bare=params.delete_bare_pods, empty_dir=params.delete_empty_dir_data, silent=_is_silent(node)
        )
        budgets = seen.items(question_about_budgets(""))
        return _in_the_way(node, found, budgets) or _intent(node, found, budgets, ctx, seen)

    def observe(self, params: DrainParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        if left := cordoning.take(ctx, record, seen):
            return left
        frozen = set(record["pods"])
        here = seen.items(_question_about_pods(record["node"]))
        staying = [pod for pod in here if pod["metadata"]["uid"] in frozen]
        if ctx.foreseeing and staying:  # nobody starts another Pod where an eviction is only imagined
            return Pending(tuple(Evict(ObjectRef.of(pod)) for pod in staying), begun=True)
        leaving = [pod for pod in staying if dig(pod, "metadata", "deletionTimestamp")]
        if leaving and _is_silent(seen.get(cordoning.node_of(record))):
            staying = [pod for pod in staying if pod not in leaving]  # nobody is there to say that they are gone
            leaving = []
        if not staying:
            return _drained(record)
        count = plural(len(staying), "Pod")
        if len(leaving) >= params.parallel:
            return Working(f"{count} left on Node/{record['node']}; waiting for {_names(leaving)} to end")
        return _next(staying, leaving, count, params, record, seen)

    def undo(self, params: DrainParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        return cordoning.give_back(ctx, record, seen)


def _question_about_pods(node: str) -> ListObjects:
    return ListObjects(POD, "", field_selector=f"spec.nodeName={node}", limit=_MOST_PODS)


def _is_silent(node: Object | None) -> bool:
    return node is None or NodeView.of(node).state == "Unknown"


def _in_the_way(node: Object, found: Sorted, budgets: list[Object]) -> Failed | Waiting | None:
    """What keeps the node from being drained, all of it at once, before anything is changed."""
    ref = ObjectRef.of(node)
    if found.refused:
        text = f"{ref} is left as it is: {listing(found.refused)}"
        return Failed(f"{text}; move them, or set what is named, which takes an approval", final=True)
    holds = [hold for pod in found.leave if (hold := hold_on(pod, budgets))]
    told = listing([f"{hold.pod} in {hold.pod.namespace}: {hold.reason}" for hold in holds])
    if any(hold.lasting for hold in holds):
        text = f"{ref} is left as it is, since a Pod could not leave it: {told}"
        return Failed(f"{text}; scale up, or let the budget allow one disruption", final=True)
    return Waiting(f"{ref} cannot be drained yet: {told}") if holds else None


def _intent(node: Object, found: Sorted, budgets: list[Object], ctx: Context, seen: Seen) -> Intent:
    ref, alone = ObjectRef.of(node), last_pods.last_by_status(found.leave, budgets, seen)
    dangers = [*found.lost, *(f"{named(pod)} is the last available Pod of its owner" for pod in alone)]
    record = cordoning.record_of(node, ctx) | {
        "pods": [pod["metadata"]["uid"] for pod in found.leave],
        "names": [_name(pod) for pod in found.leave[:20]],
        "alone": [pod["metadata"]["uid"] for pod in alone],
        "stay": found.stay[:20],
    }
    text = f"draining {ref}: {plural(len(found.leave), 'Pod')} to evict, one after the other: {_names(found.leave)}"
    if found.stay:
        text += f"; {listing(found.stay, 3)} stay"
    ask = ""
    if dangers:
        ask = f"draining {ref} would hurt: {listing(dangers)}; a restart of the owner beforehand moves such a Pod unharmed"
    change = {"node": record["uid"], "dangers": sorted(dangers)}
    return Intent(record, text, ref, ask=ask, change=change)


def _next(
    staying: list[Object],
    leaving: list[Object],
    count: str,
    params: DrainParameters,
    record: Mapping[str, Any],
    seen: Seen,
) -> Pending | Working:
    """The next Pods that may go, or why none may."""
    budgets = seen.items(question_about_budgets(""))
    waiting = [pod for pod in staying if pod not in leaving]
    holds = {pod["metadata"]["uid"]: hold for pod in waiting if (hold := hold_on(pod, budgets))}
    free = [pod for pod in waiting if pod["metadata"]["uid"] not in holds][:_CANDIDATES]
    asked = set(record["alone"])
    last = last_pods.last_by_count([pod for pod in free if pod["metadata"]["uid"] not in asked], budgets, seen)
    free = [pod for pod in free if pod not in last]
    chosen = _of_different_owners(free, leaving)[: params.parallel - len(leaving)]
    if chosen:
        return Pending(tuple(Evict(ObjectRef.of(pod)) for pod in chosen), begun=True)
    why = [str(hold) for hold in holds.values()]
    why += [f"{named(pod)}: its owner has no other available Pod" for pod in last]
    text = f"{count} left on Node/{record['node']}; "
    return Working(text + (listing(why, 3) if why else f"waiting for {_names(leaving)} to end"))


def _of_different_owners(pods: list[Object], leaving: list[Object]) -> list[Object]:
    """One Pod of each owner that has none on its way out: two at once could be its last two, although neither alone was
    the last one a moment ago.
    """
    busy = {_owner_uid(pod) for pod in leaving}
    first = {_owner_uid(pod): pod for pod in reversed(pods)}
    return [pod for pod in pods if first[_owner_uid(pod)] is pod and _owner_uid(pod) not in busy]


def _owner_uid(pod: Object) -> str:
    return str(dig(controller_of(pod), "uid", default=pod["metadata"]["uid"]))


def _drained(record: Mapping[str, Any]) -> Finished:
    text = f"Node/{record['node']} is drained: {plural(len(record['pods']), 'Pod')} left it"
    if record["stay"]:
        text += f"; {listing(list(record['stay']), 3)} stay"
    outputs = {"node": record["node"], "evicted": list(record["names"]), "stayed": list(record["stay"])}
    return Finished(text, outputs)


def _name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _names(pods: list[Object]) -> str:
    return listing([_name(pod) for pod in pods])
