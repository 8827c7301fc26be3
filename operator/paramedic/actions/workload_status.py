"""`workloadStatus`: is every desired Pod of the target updated and available, and if not, how many are hurt?"""

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.reads import Seen
from paramedic.actions.targets import find_target, look_permissions, pods_of
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.text import listing
from paramedic.model.workloads import Workload, pod_counts, pod_ready, pod_trouble


class WorkloadStatusParameters(Parameters):
    """Looks at the target's rollout and Pods. Succeeds when every desired Pod is updated and available; fails
    otherwise. Outputs: desired, ready, updated, available, scope (None, Instance, Several or Service), unready (the
    names of Pods that are not ready) and reasons. Write `workloadStatus: {}`.
    """


class WorkloadStatus(Action[WorkloadStatusParameters]):
    name = "workloadStatus"
    phase = "Assess"
    check = True
    parameters = WorkloadStatusParameters
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "workloadStatus: {}"

    def permissions(self, params: WorkloadStatusParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind)

    def prepare(self, params: WorkloadStatusParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        view = Workload.of(found)
        pods = [pod for pod in pods_of(found, seen) if pod_counts(pod)]
        outputs = {
            "desired": view.desired,
            "ready": view.ready,
            "updated": view.updated,
            "available": view.available,
            "scope": scope_of(view, pods),
            "unready": [pod["metadata"]["name"] for pod in pods if not pod_ready(pod)][:20],
            "reasons": sorted({trouble for trouble in map(pod_trouble, pods) if trouble})[:5],
        }
        message = f"{ctx.target}: {view.describe()}"
        if view.whole:
            return Finished(message, outputs)
        return Failed(message + _because(outputs), outputs)


def scope_of(view: Workload, pods: list[Object]) -> str:
    """How far the trouble goes: no Pod, one, several, or the whole service (none available)."""
    hurt = sum(not pod_ready(pod) for pod in pods)
    if not view.available:
        return "Service"
    if hurt > 1:
        return "Several"
    return "Instance" if hurt == 1 or not view.whole else "None"


def _because(outputs: dict[str, object]) -> str:
    reasons = outputs["reasons"]
    return f" ({listing(reasons)})" if isinstance(reasons, list) and reasons else ""
