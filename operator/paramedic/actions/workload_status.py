"""`workloadStatus`: is every desired Pod of the target updated and available, and if not, how many are hurt, and who
feels it?
"""

from pydantic import Field

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.reads import Missing, Seen
from paramedic.actions.targets import counted_pods, find_target, look_permissions, pods_of
from paramedic.actions.workloads.dependents import PERMISSIONS, Dependents, dependents_of, questions
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.text import listing
from paramedic.model.workloads import Workload, pod_ready, pod_trouble


class WorkloadStatusParameters(Parameters):
    """Looks at the target's rollout and Pods. Succeeds when every desired Pod is updated and available; fails
    otherwise. Outputs: desired, ready, updated, available, scope (None, Instance, Several or Service), unready (the
    names of Pods that are not ready) and reasons; and, as a step, who depends on it: services (whose selector selects its
    Pods), ingresses (each with name and hosts) that lead to those, dependents (who else selects or scales it, and which
    workloads use a claim, ConfigMap or Secret of it too) and unseen (what the account may not list). Write
    `workloadStatus: {}`.
    """

    dependents: bool = Field(
        True, description="Whether to look for who depends on it. A recovery check never does: it is asked often."
    )


class WorkloadStatus(Action[WorkloadStatusParameters]):
    name = "workloadStatus"
    phase = "Assess"
    check = True
    parameters = WorkloadStatusParameters
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = "workloadStatus: {}"

    def permissions(self, params: WorkloadStatusParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind)

    def optional_permissions(self, params: WorkloadStatusParameters, kind: str) -> frozenset[Permission]:
        return PERMISSIONS if params.dependents else frozenset()

    def prepare(self, params: WorkloadStatusParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        view = Workload.of(found)
        wanted = params.dependents and not ctx.proving
        around = _side_by_side(found, seen) if wanted else None
        pods = counted_pods(found, seen)
        outputs = {
            "desired": view.desired,
            "ready": view.ready,
            "updated": view.updated,
            "available": view.available,
            "scope": scope_of(view, pods),
            "unready": [pod["metadata"]["name"] for pod in pods if not pod_ready(pod)][:20],
            "reasons": sorted({trouble for trouble in map(pod_trouble, pods) if trouble})[:5],
        }
        message = f"{ctx.target}: {view.describe()}" + ("" if view.whole else _because(outputs))
        if around is not None:
            outputs |= around.outputs()
            message += f"; {words}" if (words := around.describe()) else ""
        return Finished(message, outputs) if view.whole else Failed(message, outputs)


def _side_by_side(workload: Object, seen: Seen) -> Dependents:
    """Who depends on it. Raises Missing with the questions about its Pods as well, so that neither waits for the other."""
    try:
        pods_of(workload, seen)
    except Missing as missing:
        seen.prefetch((*missing.reads, *questions(workload["metadata"]["namespace"])))
    return dependents_of(workload, seen)


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
