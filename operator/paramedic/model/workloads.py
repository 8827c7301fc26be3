"""Deployments, StatefulSets and DaemonSets through one pair of eyes: how many Pods they want, have and miss.

The rules are those of `kubectl rollout status` (polymorphichelpers/rollout_status.go), except where it calls a
partitioned or OnDelete rollout complete: here a rollout is complete when every desired Pod is updated and available.
"""

from dataclasses import dataclass
from enum import StrEnum

from paramedic.model.names import RESTARTED_ANNOTATION
from paramedic.model.objects import Object, condition, dig
from paramedic.model.text import plural


class Rollout(StrEnum):
    COMPLETE = "Complete"
    PROGRESSING = "Progressing"
    STUCK = "Stuck"  # it exceeded its progress deadline, or will not go on by itself


@dataclass(frozen=True, slots=True)
class Workload:
    """What the status of a workload says. Counts are numbers of Pods."""

    kind: str
    name: str
    generation: int
    observed_generation: int
    desired: int
    current: int
    updated: int
    ready: int
    available: int
    paused: bool
    strategy: str
    deadline_exceeded: bool
    progress_deadline: int  # seconds

    @classmethod
    def of(cls, obj: Object) -> "Workload":
        counts = _daemonset_counts(obj) if obj["kind"] == "DaemonSet" else _replica_counts(obj)
        progressing = condition(obj, "Progressing")
        return cls(
            kind=obj["kind"],
            name=obj["metadata"]["name"],
            generation=dig(obj, "metadata", "generation", default=0),
            observed_generation=dig(obj, "status", "observedGeneration", default=0),
            paused=bool(dig(obj, "spec", "paused", default=False)),
            strategy=strategy_of(obj),
            deadline_exceeded=progressing.get("reason") == "ProgressDeadlineExceeded",
            progress_deadline=dig(obj, "spec", "progressDeadlineSeconds", default=600),
            **counts,
        )

    @property
    def observed(self) -> bool:
        """Whether its controller has seen the newest spec: before that, the counts describe another one."""
        return self.observed_generation >= self.generation

    @property
    def whole(self) -> bool:
        """Every desired Pod is updated and available, no older one is left. No Pod wanted proves nothing: not whole."""
        counts = 0 < self.desired == self.updated and self.current <= self.updated
        return self.observed and counts and self.available >= self.desired

    @property
    def rollout(self) -> Rollout:
        if self.whole:
            return Rollout.COMPLETE
        if self.observed and (self.deadline_exceeded or self.paused):
            return Rollout.STUCK
        return Rollout.PROGRESSING

    def describe(self) -> str:
        """One sentence with the numbers against the wish."""
        if not self.observed:
            return f"the controller of {self.kind}/{self.name} has not seen its newest revision yet"
        if self.whole:
            return f"all {plural(self.desired, 'Pod')} updated and available"
        text = f"{self.updated} of {plural(self.desired, 'Pod')} updated, {self.available} available"
        if self.current > self.updated:
            text += f", {self.current - self.updated} of an older revision left"
        if self.deadline_exceeded:
            text += f"; the rollout exceeded its progress deadline of {self.progress_deadline} s"
        if self.paused:
            text += "; its rollout is paused"
        if not self.desired:
            text = "it wants no Pods (scaled to zero), so nothing shows that it is well"
        return text


def _replica_counts(obj: Object) -> dict[str, int]:
    desired = dig(obj, "spec", "replicas", default=1)
    available = dig(obj, "status", "availableReplicas", default=0)
    updated = dig(obj, "status", "updatedReplicas", default=0)
    if obj["kind"] == "StatefulSet" and dig(obj, "status", "updateRevision") == dig(obj, "status", "currentRevision"):
        # A finished StatefulSet rollout may leave updatedReplicas out (kubernetes/kubernetes#106055): every Pod is new.
        updated = max(updated, dig(obj, "status", "currentReplicas", default=0))
    return {
        "desired": desired,
        "current": dig(obj, "status", "replicas", default=0),
        "updated": updated,
        "ready": dig(obj, "status", "readyReplicas", default=0),
        "available": available,
    }


def _daemonset_counts(obj: Object) -> dict[str, int]:
    return {
        "desired": dig(obj, "status", "desiredNumberScheduled", default=0),
        "current": dig(obj, "status", "updatedNumberScheduled", default=0),
        "updated": dig(obj, "status", "updatedNumberScheduled", default=0),
        "ready": dig(obj, "status", "numberReady", default=0),
        "available": dig(obj, "status", "numberAvailable", default=0),
    }


def strategy_of(obj: Object) -> str:
    """RollingUpdate, Recreate or OnDelete."""
    field = "strategy" if obj["kind"] == "Deployment" else "updateStrategy"
    return str(dig(obj, "spec", field, "type", default="RollingUpdate"))


def most_unavailable(obj: Object) -> int:
    """How many Pods a rollout of this workload may take down at once, by its strategy."""
    workload = Workload.of(obj)
    if workload.strategy == "Recreate":
        return workload.desired
    if workload.strategy == "OnDelete":
        return 0
    field = "strategy" if obj["kind"] == "Deployment" else "updateStrategy"
    default: int | str = "25%" if obj["kind"] == "Deployment" else 1
    value = dig(obj, "spec", field, "rollingUpdate", "maxUnavailable", default=default)
    # DaemonSets alone round up (daemon/util, UnavailableCount). A rollout that may neither take one Pod down nor start
    # one more takes one down all the same (deployment/util, ResolveFenceposts; daemon; statefulset).
    down = share(value, workload.desired, up=obj["kind"] == "DaemonSet")
    return min(workload.desired, max(down, 0 if most_surge(obj) else 1))


def most_surge(obj: Object) -> int:
    """How many Pods beyond the desired ones a rollout may start."""
    desired = Workload.of(obj).desired
    if obj["kind"] == "StatefulSet" or strategy_of(obj) != "RollingUpdate":
        return 0
    field, default = ("strategy", "25%") if obj["kind"] == "Deployment" else ("updateStrategy", "0")
    return share(dig(obj, "spec", field, "rollingUpdate", "maxSurge", default=default), desired, up=True)


def share(value: int | str, total: int, *, up: bool = False) -> int:
    """An IntOrString of ``total``: percentages round down, or up."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * total
        return -(-exact // 100) if up else exact // 100
    return int(value)


def template_essence(template: Object) -> Object:
    """A Pod template without what restarts and controllers write into it: two equal ones run the same thing."""
    meta = dict(template.get("metadata") or {})
    meta.pop("creationTimestamp", None)
    kept = {key: value for key, value in (meta.get("annotations") or {}).items() if not is_restart_annotation(key)}
    owned = {"pod-template-hash", "controller-revision-hash", "pod-template-generation"}
    meta["annotations"] = kept
    meta["labels"] = {key: value for key, value in (meta.get("labels") or {}).items() if key not in owned}
    return {"metadata": meta, "spec": template.get("spec") or {}}


def is_restart_annotation(key: str) -> bool:
    """Annotations that only say "restart": kubectl's, paramedic's, and the like-named ones of dashboards."""
    return key == RESTARTED_ANNOTATION or key.rpartition("/")[2].lower() in {"restartedat", "restarted-at", "restart"}


def images_of(template: Object) -> list[str]:
    containers = dig(template, "spec", "initContainers", default=[]) + dig(template, "spec", "containers", default=[])
    return [item.get("image", "") for item in containers]


#: Reasons for which a container waits and will not start without a change (kubelet, container/sync_result.go).
#: ErrImagePull is left out: it is one failed try, ImagePullBackOff says that it lasts.
BROKEN_REASONS = frozenset(
    {
        "CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
        "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
    }
)  # fmt: skip


def pod_trouble(pod: Object) -> str:
    """Why a Pod will not start, in the kubelet's words; empty if nothing says so."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", field, default=[]):
            reason = dig(status, "state", "waiting", "reason", default="")
            if reason in BROKEN_REASONS:
                return f"{reason} of container {status.get('name')}"
    return ""


def pod_ready(pod: Object) -> bool:
    return condition(pod, "Ready").get("status") == "True" and not dig(pod, "metadata", "deletionTimestamp")


def pod_counts(pod: Object) -> bool:
    """Whether a Pod is one its owner counts on: neither finished nor on its way out."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not dig(pod, "metadata", "deletionTimestamp")
