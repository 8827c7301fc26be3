"""Looking at the target: it is there, it is the same one, and these are its Pods."""

from dataclasses import replace

from paramedic.actions.contract import Context, Failed
from paramedic.actions.reads import ListObjects, Seen
from paramedic.model.names import FIELD_MANAGER, OPERATION_ANNOTATION, operation_id
from paramedic.model.objects import Object, annotations, controller_of, dig, selector_query
from paramedic.model.permissions import Permission
from paramedic.model.references import (
    CONTROLLER_REVISION,
    DAEMONSET,
    DEPLOYMENT,
    POD,
    REPLICASET,
    STATEFULSET,
    ObjectRef,
)
from paramedic.model.workloads import pod_counts

_RESOURCES = {item.kind: item for item in (DEPLOYMENT, STATEFULSET, DAEMONSET)}
POD_LIMIT = 500


def find_target(ctx: Context, seen: Seen) -> Object | Failed:
    """The workload as it is now, or why there is none: it vanished, or another one has taken its name."""
    found = seen.get(ctx.target)
    if found is None:
        return Failed(
            f"{ctx.target} is gone from namespace {ctx.namespace}; create it again, then open a new incident",
            final=True,
        )
    if ctx.target.uid and found["metadata"]["uid"] != ctx.target.uid:
        return Failed(
            f"{ctx.target} was deleted and created again since this incident began; what was planned for the old one"
            " is not done to the new one: open a new incident",
            final=True,
        )
    return found


def look_permissions(kind: str) -> frozenset[Permission]:
    """What seeing a workload and its Pods takes."""
    found = {Permission.to("get", _RESOURCES[kind]), Permission.to("list", POD)} if kind in _RESOURCES else set()
    if kind == "Deployment":
        found.add(Permission.to("list", REPLICASET))
    return frozenset(found)


def revision_permissions(kind: str) -> frozenset[Permission]:
    """What reading the revisions of a workload takes."""
    owned = REPLICASET if kind == "Deployment" else CONTROLLER_REVISION
    return frozenset({Permission.to("list", owned)})


def patch_permission(kind: str) -> frozenset[Permission]:
    return frozenset({Permission.to("patch", _RESOURCES[kind])}) if kind in _RESOURCES else frozenset()


def owned_by(obj: Object, owner_uid: str) -> bool:
    owner = controller_of(obj)
    return owner is not None and owner.get("uid") == owner_uid


def replica_sets_of(deployment: Object, seen: Seen) -> list[Object]:
    """The ReplicaSets that a Deployment controls, old and new."""
    listed = seen.items(_replica_sets(deployment))
    return [item for item in listed if owned_by(item, deployment["metadata"]["uid"])]


def _replica_sets(deployment: Object) -> ListObjects:
    query = selector_query(dig(deployment, "spec", "selector", default={}))
    return ListObjects(REPLICASET, deployment["metadata"]["namespace"], query)


def pods_of(workload: Object, seen: Seen) -> list[Object]:
    """The Pods that a workload controls, at most 500, its ReplicaSets' for a Deployment. An empty selector is none."""
    question = _pods(workload)
    if not question.label_selector:
        return []
    if workload["kind"] != "Deployment":
        return [item for item in seen.items(question) if owned_by(item, workload["metadata"]["uid"])]
    seen.prefetch((_replica_sets(workload), question))
    owners = {item["metadata"]["uid"] for item in replica_sets_of(workload, seen)}
    return [pod for pod in seen.items(question) if dig(controller_of(pod), "uid") in owners]


def counted_pods(workload: Object, seen: Seen) -> list[Object]:
    """Its Pods, those left out that have ended or are on their way out."""
    return [pod for pod in pods_of(workload, seen) if pod_counts(pod)]


def selected_pods(workload: Object, seen: Seen) -> list[Object]:
    """The Pods that its selector selects, whoever controls them. An empty selector is none."""
    question = replace(_pods(workload), recent=True)
    return seen.items(question) if question.label_selector else []


def _pods(workload: Object) -> ListObjects:
    query = selector_query(dig(workload, "spec", "selector", default={}))
    return ListObjects(POD, workload["metadata"]["namespace"], query, limit=POD_LIMIT)


def refuse_managed(obj: Object) -> Failed | None:
    """The refusal of a change that the object's controller would take back: an operator owns it."""
    owner = controller_of(obj)
    if owner is None:
        return None
    managed = f"managed by {owner['kind']}/{owner['name']} ({owner['apiVersion']})"
    return Failed(
        f"{obj['kind']}/{obj['metadata']['name']} is {managed}; change that, which would take any other change back",
        final=True,
    )


def carries(obj: Object, *operations: str) -> bool:
    """Whether one of these operations was the last to write the object."""
    return annotations(obj).get(OPERATION_ANNOTATION) in operations


def undo_operation(ctx: Context) -> str:
    """The operation that takes this step's change back."""
    return operation_id(ctx.incident_uid, f"{ctx.step}/undo", ctx.attempt)


def written_by_us(workload: Object) -> bool:
    """Whether nobody else has written the Pod template since paramedic did, as far as managed fields tell."""
    who, when = last_template_writer(workload)
    return not when or who == FIELD_MANAGER


def last_template_writer(workload: Object) -> tuple[str, str]:
    """Who wrote the Pod template last, and when (RFC 3339): the field manager's name, as kubectl shows it."""
    return last_writer(workload, "f:template")


def last_writer(workload: Object, field: str) -> tuple[str, str]:
    """Who wrote a field of the spec last, such as ``f:paused``, and when; ``somebody`` where nothing tells."""
    entries = [
        (item.get("time") or "", item.get("manager") or "unknown")
        for item in dig(workload, "metadata", "managedFields", default=[])
        if dig(item, "fieldsV1", "f:spec", field) is not None
    ]
    when, who = max(entries, default=("", "somebody"))
    return who, when


def ref_of_owner(obj: Object, namespace: str) -> ObjectRef | None:
    """The reference to the controller of an object."""
    owner = controller_of(obj)
    if owner is None:
        return None
    return ObjectRef(owner["apiVersion"], owner["kind"], namespace, owner["name"], owner.get("uid") or "")
