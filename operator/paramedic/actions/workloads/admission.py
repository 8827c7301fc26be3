"""Whether there is a place for a Pod of a template. A server-side dry run asks the API server's quotas, policies and
webhooks, and creates nothing.
"""

from paramedic.actions.contract import Context
from paramedic.actions.reads import EXISTS, Denied, ListObjects, Seen, TryCreate
from paramedic.actions.targets import pods_of, selected_pods
from paramedic.actions.workloads.quota_room import makes_room
from paramedic.model.names import child_name
from paramedic.model.objects import Object, annotations, controller_of, dig, labels
from paramedic.model.references import POD, QUOTA
from paramedic.model.text import listing
from paramedic.model.workloads import Workload, most_surge, pod_counts

_POD_NAME_LABEL, _POD_INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def refusal(workload: Object, template: Object, ctx: Context, seen: Seen, revision: str = "") -> str:
    """Why a Pod of this template would not be admitted; empty if it would.

    ``revision`` is the ReplicaSet or ControllerRevision of the template, where there is one already.
    """
    answer = refusal_now(workload, template, ctx, seen)
    if not answer:
        return ""
    pods, kept = pods_of(workload, seen), pods_of_revision(workload, revision, seen)
    return "" if makes_room(answer, workload, pods, kept) else answer


def refusal_now(owner: Object, template: Object, ctx: Context, seen: Seen) -> str:
    """Why a Pod of this template would not be admitted beside all that there is now; empty if it would."""
    body = trial_pod(owner, template, ctx)
    try:
        answer = seen.try_create(TryCreate(f"{ctx.operation_id}/pod", ctx.namespace, POD, body))
    except Denied:
        return ""  # the account may not create Pods, so the change itself will show it
    return "" if answer == EXISTS else answer  # a Pod of that name got past admission


def question_about_quotas(namespace: str) -> ListObjects:
    """Which quotas a namespace is under."""
    return ListObjects(QUOTA, namespace, limit=50, recent=True)


def has_quota(ctx: Context, seen: Seen) -> bool:
    """Whether the namespace is under a quota; False where the account may not look."""
    try:
        return bool(seen.items(question_about_quotas(ctx.namespace)))
    except Denied:
        return False


def preemption(workload: Object, ctx: Context, seen: Seen, revision: str = "") -> str:
    """Why a rollout might push others off their nodes: the Pods that it starts beside the old ones have a higher
    priority than some in their namespace. Empty where it does not. Whether a node has room is the scheduler's to know.
    """
    if not most_surge(workload) or not _selects_priority(workload, seen):
        return ""
    if len(pods_of_revision(workload, revision, seen)) >= Workload.of(workload).desired:
        return ""
    return preemption_by_more(workload, ctx, seen)


def preemption_by_more(workload: Object, ctx: Context, seen: Seen) -> str:
    """Why more Pods of the workload might push others off their nodes; empty where they do not."""
    if not _selects_priority(workload, seen):
        return ""
    own = max(pods_of(workload, seen), key=_priority, default={})
    if _priority(own) <= 0 or dig(own, "spec", "preemptionPolicy") == "Never":
        return ""
    beside = [pod for pod in seen.items(ListObjects(POD, ctx.namespace)) if pod_counts(pod) and _is_placed(pod)]
    lower = sorted(pod["metadata"]["name"] for pod in beside if _priority(pod) < _priority(own))
    if not lower:
        return ""
    return (
        f"starts Pods of priority {_priority(own)}, before which {listing(lower, 3)} must leave where there is no room"
    )


def _selects_priority(workload: Object, seen: Seen) -> bool:
    """Looked at first: it is one question, and mostly none of what the selector selects has a priority."""
    return any(_priority(pod) > 0 for pod in selected_pods(workload, seen))


def _priority(pod: Object) -> int:
    return int(dig(pod, "spec", "priority", default=0))


def _is_placed(pod: Object) -> bool:
    return bool(dig(pod, "spec", "nodeName"))


def pods_of_revision(workload: Object, revision: str, seen: Seen) -> list[Object]:
    """The workload's Pods that are of this ReplicaSet or ControllerRevision already."""
    return [pod for pod in pods_of(workload, seen) if _is_of(pod, workload, revision)]


def _is_of(pod: Object, workload: Object, revision: str) -> bool:
    """Whether a Pod is of this ReplicaSet or ControllerRevision."""
    if workload["kind"] == "Deployment":
        return bool(revision) and dig(controller_of(pod), "name") == revision
    # A StatefulSet's Pods carry the name of the ControllerRevision, a DaemonSet's only the digest at its end.
    mark = labels(pod).get("controller-revision-hash")
    return bool(mark) and mark in (revision, revision.removeprefix(f"{workload['metadata']['name']}-"))


def trial_pod(workload: Object, template: Object, ctx: Context) -> Object:
    """The Pod that the workload's controller would create, under a name of its own."""
    meta = workload["metadata"]
    owner = {"apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": meta["name"], "uid": meta["uid"]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": child_name(ctx.incident, ctx.step, ctx.operation_id),
            "namespace": ctx.namespace,
            "labels": labels(template),
            "annotations": annotations(template),
            # Policies refuse Pods that nobody owns. The dry run is over before a controller could see it.
            "ownerReferences": [owner | {"controller": True}],
        },
        "spec": dict(template["spec"]),
    }
    if workload["kind"] == "StatefulSet":
        _give_identity(pod, workload)
    return pod


def _give_identity(pod: Object, workload: Object) -> None:
    """What a StatefulSet's controller adds for its first Pod: who it is, and a volume for each claim template, in place
    of the template's own of that name (statefulset/stateful_set_utils.go, initIdentity and updateStorage).
    """
    first = dig(workload, "spec", "ordinals", "start", default=0)
    name = f"{workload['metadata']['name']}-{first}"
    claims = [dig(claim, "metadata", "name") for claim in dig(workload, "spec", "volumeClaimTemplates", default=[])]
    volumes = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims]
    volumes += [volume for volume in dig(pod, "spec", "volumes", default=[]) if volume["name"] not in claims]
    pod["metadata"]["labels"] |= {_POD_NAME_LABEL: name, _POD_INDEX_LABEL: str(first)}
    subdomain = dig(workload, "spec", "serviceName", default="")
    pod["spec"] |= {"hostname": name, "subdomain": subdomain, "volumes": volumes}
