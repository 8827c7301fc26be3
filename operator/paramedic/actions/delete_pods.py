"""`deletePods`: deletes some Pods of the target by eviction, so that its controller starts them anew."""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Pending,
    Preparation,
    Skipped,
    Waiting,
    Working,
)
from paramedic.actions.effects import Evict
from paramedic.actions.pods.budgets import hold_on, question_about_budgets
from paramedic.actions.pods.choice import DeletePodsParameters, choose, names_of
from paramedic.actions.pods.replacing import Replacing
from paramedic.actions.reads import Seen
from paramedic.actions.targets import counted_pods, find_target, look_permissions, pods_of
from paramedic.model.nodes import NodeView
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import DISRUPTION_BUDGET, NODE, POD, ObjectRef
from paramedic.model.text import listing, plural
from paramedic.model.workloads import Workload, pod_ready

_MOST_FRUITLESS = 2


class DeletePods(Action[DeletePodsParameters]):
    name = "deletePods"
    phase = "Remediate"
    parameters = DeletePodsParameters
    remedy = True
    destroys_evidence = True
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "deletePods: {unready: true, most: 2}"

    def permissions(self, params: DeletePodsParameters, kind: str) -> frozenset[Permission]:
        evict = {
            Permission.to("create", POD, "eviction"),
            Permission.to("list", DISRUPTION_BUDGET),
            Permission.to("get", POD),
        }
        return look_permissions(kind) | evict

    def prepare(self, params: DeletePodsParameters, ctx: Context, seen: Seen) -> Preparation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        if ctx.fruitless_restarts >= _MOST_FRUITLESS:
            text = f"Pods of {ctx.target} were deleted by {ctx.fruitless_restarts} incidents within the last hour"
            return Failed(f"{text}, and it did not recover; that does not mend this, so a person must look", final=True)
        pods = counted_pods(found, seen)
        chosen = choose(params, ctx, pods)
        if not isinstance(chosen, list):
            return chosen
        taken = chosen[: params.most]
        if refused := _two_writers(found, taken, seen):
            return refused
        return _blocked(taken, ctx, seen) or _intent(params, ctx, found, pods, chosen, taken)

    def observe(self, params: DeletePodsParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        now = Replacing.of(found, pods_of(found, seen), record)
        if ctx.foreseeing and now.left:  # nobody replaces what is only imagined
            return Pending(tuple(Evict(ObjectRef.of(pod)) for pod in now.left))
        if broken := now.broken():
            return Failed(broken, _outputs(now), final=True)
        if waits := _shutting_down(now, seen):
            return Working(waits)
        if missing := now.missing():
            return Working(missing)
        left = [pod for pod in now.left if not (params.unready and pod_ready(pod))]
        if not left:
            return _done(now)
        return _next(left[0], now, record, seen)


def _two_writers(workload: Object, pods: list[Object], seen: Seen) -> Failed | None:
    """A StatefulSet's Pod on a node that does not answer may still run: a second one would write beside it."""
    if workload["kind"] != "StatefulSet":
        return None
    for pod in pods:
        if (node := dig(pod, "spec", "nodeName")) and _is_silent(node, seen):
            text = f"Node/{node} does not answer, so Pod/{pod['metadata']['name']} may still run there, and another one"
            mend = f"make sure that the machine is off, then: kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
            return Failed(f"{text} beside it would be a second writer; {mend}", final=True)
    return None


def _is_silent(node: str, seen: Seen) -> bool:
    # As the operator: nodes belong to no namespace, so no RoleBinding could let the account read them.
    found = seen.get(ObjectRef.to(NODE, "", node), own=True)
    return found is None or NodeView.of(found).state == "Unknown"


def _blocked(pods: list[Object], ctx: Context, seen: Seen) -> Failed | Waiting | None:
    """The budgets in the way of the first Pod, or for good in the way of any."""
    budgets = seen.items(question_about_budgets(ctx.namespace))
    holds = [hold for pod in pods if (hold := hold_on(pod, budgets))]
    if lasting := [str(hold) for hold in holds if hold.lasting]:
        mend = "scale up, or let the budget allow one disruption"
        return Failed(f"a Pod could not be evicted, so none is: {listing(lasting)}; {mend}", final=True)
    if holds and holds[0].pod == ObjectRef.of(pods[0]):
        return Waiting(f"no Pod is evicted yet: {listing([str(hold) for hold in holds])}")
    return None


def _intent(
    params: DeletePodsParameters,
    ctx: Context,
    workload: Object,
    pods: list[Object],
    chosen: list[Object],
    taken: list[Object],
) -> Intent:
    ready = [pod for pod in pods if pod_ready(pod)]
    last = any(pod_ready(pod) for pod in taken) and len(ready) == 1
    record = {
        "pods": [
            {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"], "node": dig(pod, "spec", "nodeName")}
            for pod in taken
        ],
        "ready": sum(pod not in taken for pod in ready),
        "surplus": max(0, len(pods) - Workload.of(workload).desired),
        "newest": max(dig(pod, "metadata", "creationTimestamp", default="") for pod in pods),
        "last": last,
    }
    text = f"evicting {plural(len(taken), 'Pod')} of {ctx.target}, one after the other: {listing(names_of(taken))}"
    if len(chosen) > len(taken):
        text += f"; {len(chosen)} match, and the step takes {params.most} at most"
    ask = f"{text}; it takes the last ready Pod down" if last else ""
    change = {"pods": sorted(pod["metadata"]["uid"] for pod in taken)}
    return Intent(record, text, ctx.target, ask=ask, change=change)


def _shutting_down(now: Replacing, seen: Seen) -> str:
    """Which of the chosen Pods are on their way out; empty if none is that anybody could still tell of."""
    waits = [pod for pod in now.leaving if not _is_silent(dig(pod, "spec", "nodeName", default=""), seen)]
    return f"waiting for {listing(names_of(waits))} to end" if waits else ""


def _next(pod: Object, now: Replacing, record: Mapping[str, Any], seen: Seen) -> Observation:
    ref = ObjectRef.of(pod)
    if pod_ready(pod) and not record["last"] and not now.ready_beside(pod):
        text = f"{ref} is the last ready Pod of {now.target} by now, so it is not evicted"
        return Failed(f"{text}; {plural(len(now.gone), 'Pod')} were", _outputs(now), final=True)
    hold = hold_on(pod, seen.items(question_about_budgets(ref.namespace)))
    if hold is not None:
        return Working(f"{hold}; waiting until it does", stuck=True)
    return Pending((Evict(ref),), begun=bool(now.gone))


def _done(now: Replacing) -> Finished | Skipped:
    if not now.gone:
        return Skipped(f"{listing(names_of(now.left))} of {now.target} has become ready, so none is deleted")
    text = f"{now.target}: {listing(now.gone)} deleted, and replaced by ready Pods"
    if now.left:
        text += f"; {listing(names_of(now.left))} has become ready meanwhile and stays"
    return Finished(text, _outputs(now))


def _outputs(now: Replacing) -> dict[str, Any]:
    return {"deleted": now.gone[:20], "kept": names_of(now.left)[:20]}
