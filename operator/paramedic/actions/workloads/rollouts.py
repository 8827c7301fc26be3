"""Following a rollout that a step began, and what to look at before beginning one."""

from collections.abc import Iterable

from paramedic.actions.contract import Context, Failed, Finished, Skipped, Waiting, Working
from paramedic.actions.reads import Denied, GetObject, Seen
from paramedic.actions.targets import counted_pods, last_template_writer, last_writer, pods_of, replica_sets_of
from paramedic.model.durations import format_duration
from paramedic.model.objects import Object, annotations, condition, dig, labels
from paramedic.model.references import CLAIM, ObjectRef
from paramedic.model.text import plural
from paramedic.model.times import format_second, parse_time
from paramedic.model.workloads import (
    Rollout,
    Workload,
    most_surge,
    most_unavailable,
    pod_ready,
    pod_trouble,
    strategy_of,
)

_DAEMON_GENERATION = "deprecated.daemonset.template.generation"


def follow(workload: Object, ctx: Context, seen: Seen) -> Working | Finished | Failed:
    """How the rollout that began at ``ctx.started_at`` goes. Failed as soon as a new Pod says it will not start."""
    view = Workload.of(workload)
    if view.rollout is Rollout.COMPLETE:
        return Finished(f"{ctx.target}: {view.describe()}")
    if view.paused:
        return Failed(f"{ctx.target} was paused while its rollout went on; {_resume(ctx)}", final=True)
    if not view.observed:
        return Working(f"{ctx.target}: {view.describe()}", progressing=True)
    for pod in new_pods(workload, seen):
        trouble = pod_trouble(pod)
        if trouble:
            return Failed(f"{ctx.target}: new Pod {pod['metadata']['name']} does not come up: {trouble}", undo=True)
    if view.deadline_exceeded and _deadline_is_ours(workload, ctx):
        return Failed(f"{ctx.target}: {view.describe()}", undo=True)
    if blocking := blocking_pod(workload, seen):
        text = f"{ctx.target} waits for {_as_blocking(blocking)}"
        return Working(text, stuck=bool(pod_trouble(blocking)))
    young = (ctx.now - ctx.started_at).total_seconds() < view.progress_deadline
    return Working(f"{ctx.target}: {view.describe()}", progressing=young)


def new_pods(workload: Object, seen: Seen) -> list[Object]:
    """The Pods of the newest revision."""
    pods = pods_of(workload, seen)
    if workload["kind"] == "Deployment":
        newest = max(replica_sets_of(workload, seen), key=_revision_number, default=None)
        key, value = "pod-template-hash", dig(newest, "metadata", "labels", "pod-template-hash")
    elif workload["kind"] == "StatefulSet":
        key, value = "controller-revision-hash", dig(workload, "status", "updateRevision")
    else:
        # A DaemonSet's status names no revision. Its template's generation is the other of the two marks by which its
        # controller tells new Pods (daemon/util, IsPodUpdated), and takes no right to list ControllerRevisions.
        key, value = "pod-template-generation", annotations(workload).get(_DAEMON_GENERATION)
    return [pod for pod in pods if value and labels(pod).get(key) == value]


def blocking_pod(workload: Object, seen: Seen) -> Object | None:
    """The Pod of an older revision that a StatefulSet waits for, for ever perhaps, before it replaces it
    (kubernetes/kubernetes#67250; statefulset/stateful_set_control.go, processReplica).
    """
    if workload["kind"] != "StatefulSet" or not Workload.of(workload).observed:
        return None
    pods = pods_of(workload, seen)
    if any(dig(pod, "metadata", "deletionTimestamp") for pod in pods):
        return None  # one is being replaced already
    unready = sorted((pod for pod in pods if not pod_ready(pod)), key=_ordinal)
    if dig(workload, "spec", "podManagementPolicy") == "Parallel":
        # Since 1.37 it replaces such Pods itself, those first that are not ready.
        unready = [pod for pod in unready if pod_trouble(pod)]
    newest = dig(workload, "status", "updateRevision")
    return next((pod for pod in unready[:1] if labels(pod).get("controller-revision-hash") != newest), None)


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _as_blocking(pod: Object) -> str:
    ref, trouble = ObjectRef.of(pod), pod_trouble(pod)
    what = f"its broken {ref} ({trouble})" if trouble else f"{ref}, which is not ready"
    return f"{what}; delete it: kubectl delete {ref.kubectl}"


def _revision_number(replica_set: Object) -> int:
    return int(dig(replica_set, "metadata", "annotations", "deployment.kubernetes.io/revision", default=0))


def _deadline_is_ours(workload: Object, ctx: Context) -> bool:
    # The controller keeps the exceeded deadline of the rollout before until the new one makes its first progress.
    updated = condition(workload, "Progressing").get("lastUpdateTime")
    return not updated or updated >= format_second(ctx.started_at)


def replaced_meanwhile(workload: Object, ctx: Context, seen: Seen) -> Skipped | None:
    """Whether a rollout of somebody else, which ended while the step waited, has replaced every Pod already."""
    who, written = last_template_writer(workload)
    waited = format_second(ctx.now) > format_second(ctx.started_at)
    if not waited or not written or Workload.of(workload).rollout is not Rollout.COMPLETE:
        return None
    pods = counted_pods(workload, seen)
    if not pods:
        return None
    oldest = min(dig(pod, "metadata", "creationTimestamp", default="") for pod in pods)
    ready = max(condition(pod, "Ready").get("lastTransitionTime") or "" for pod in pods)
    if oldest < written or ready <= format_second(ctx.started_at):
        return None
    return Skipped(f"a rollout by {who} has replaced every Pod of {ctx.target} meanwhile; a restart would do it again")


def deadline_warning(workload: Object, ctx: Context) -> str:
    """What to add to the plan where the step gives up before the workload does."""
    limit = Workload.of(workload).progress_deadline
    if workload["kind"] != "Deployment" or (ctx.deadline - ctx.now).total_seconds() >= limit:
        return ""
    return f" (the step's timeout is shorter than the workload's progress deadline of {limit} s)"


def _paused(workload: Object, ctx: Context) -> str:
    who, when = last_writer(workload, "f:paused")
    since = f" by {who} {format_duration(ctx.now - parse_time(when))} ago" if when else ""
    return f"{ctx.target} is paused{since}"


def _resume(ctx: Context) -> str:
    return f"resume it with: kubectl rollout resume {ctx.target.kubectl}"


def refusal(workload: Object, ctx: Context) -> Failed | None:
    """Why no rollout can be begun on this workload at all."""
    view = Workload.of(workload)
    if view.paused:
        return Failed(f"{_paused(workload, ctx)}, so a new template would not roll out; {_resume(ctx)}", final=True)
    if view.strategy == "OnDelete":
        return Failed(
            f"{ctx.target} has the update strategy OnDelete, so its Pods would keep the old template until each is"
            f" deleted; change it to RollingUpdate, or delete its Pods one by one",
            final=True,
        )
    partition = dig(workload, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
    if partition:
        return Failed(
            f"{ctx.target} is partitioned at {partition}: Pods below that number would keep the old template;"
            " set spec.updateStrategy.rollingUpdate.partition to 0 first",
            final=True,
        )
    if not view.desired and workload["kind"] != "DaemonSet":
        return Failed(f"{ctx.target} is scaled to zero: there is no Pod to replace; scale it up first", final=True)
    return None


def rollout_by_others(workload: Object, ctx: Context, seen: Seen) -> Waiting | Failed | None:
    """A rollout that somebody else began and that is not done: waited for, unless it can be seen to have failed."""
    view = Workload.of(workload)
    if view.rollout is Rollout.COMPLETE or not _being_replaced(workload, view):
        return None
    who, when = last_template_writer(workload)
    age = f" began {format_duration(ctx.now - parse_time(when))} ago" if when else " is in progress"
    began = f"a rollout by {who}{age}"
    for pod in new_pods(workload, seen):
        trouble = pod_trouble(pod)
        if trouble:
            return Failed(f"{began} and fails ({trouble}); a restart would not mend it, a rollback might", final=True)
    if view.rollout is Rollout.STUCK:
        return None  # it will not go on by itself, and nothing shows why: a restart may help
    return Waiting(f"{began} and is not done ({view.describe()}); waiting for it before anything else is changed")


_UNFINISHED = ("NewReplicaSetCreated", "ReplicaSetUpdated", "ProgressDeadlineExceeded")


def _being_replaced(workload: Object, view: Workload) -> bool:
    if not view.observed:
        return True
    if workload["kind"] == "Deployment":
        # NewReplicaSetAvailable is what a rollout that has once completed keeps, whatever its Pods do later.
        return condition(workload, "Progressing").get("reason") in _UNFINISHED
    return view.updated < view.desired or view.current > view.updated


def approval_reasons(workload: Object, ctx: Context, seen: Seen) -> list[str]:
    """What makes a rollout of this workload dangerous enough to ask a person."""
    view = Workload.of(workload)
    reasons = []
    down = most_unavailable(workload)
    if view.available and down >= view.desired:
        reasons.append(f"takes {down} of {plural(view.desired, 'Pod')} down at once ({_because(workload)})")
    claims = single_node_claims(workload, ctx, seen)
    if claims and most_surge(workload):
        reasons.append(f"starts a second Pod on volume claim {claims[0]}, which only one node can mount")
    return reasons


def _because(workload: Object) -> str:
    return "strategy Recreate" if strategy_of(workload) == "Recreate" else "by its maxUnavailable"


def mutable_images(workload: Object) -> list[str]:
    """Images that may have become others since they were pulled: no digest, tag latest or none, pulled each time."""
    containers = dig(workload, "spec", "template", "spec", "containers", default=[])
    return [
        item["image"] for item in containers if _is_mutable(item.get("image", "")) and _pulls_always(item)
    ]  # fmt: skip


def _is_mutable(image: str) -> bool:
    name = image.rpartition("/")[2]
    return "@" not in image and (":" not in name or name.endswith(":latest"))


def _pulls_always(container: Object) -> bool:
    return bool(container.get("imagePullPolicy", "Always") == "Always")


def single_node_claims(workload: Object, ctx: Context, seen: Seen) -> list[str]:
    """Volume claims that the workload's Pods share and only one node can mount."""
    volumes = dig(workload, "spec", "template", "spec", "volumes", default=[])
    names = [name for name in (dig(volume, "persistentVolumeClaim", "claimName") for volume in volumes) if name]
    refs = [ObjectRef.to(CLAIM, ctx.namespace, name) for name in names]
    seen.prefetch(GetObject(ref) for ref in refs)
    try:
        return [ref.name for ref in refs if _one_node_only(dig(seen.get(ref), "spec", "accessModes", default=[]))]
    except Denied:
        return []


def _one_node_only(modes: Iterable[str]) -> bool:
    return bool(modes) and all(mode in ("ReadWriteOnce", "ReadWriteOncePod") for mode in modes)
