"""One container of one Pod, as its status tells it, and whether its trouble stands or is over."""

from dataclasses import dataclass, field
from datetime import datetime

from paramedic.model.objects import Object, condition, dig
from paramedic.model.times import parse_time

#: A container that has run this long is not starting any more, whatever its probes say.
SETTLING_SECONDS = 30
#: A restart this long ago, after which the container has come up, is history.
RECENT_SECONDS = 600


@dataclass(frozen=True)
class Container:
    """``terminated`` is how it ended last, this time or the time before; empty where it never did."""

    pod: str
    uid: str
    name: str
    init: bool
    index: int
    waiting: str
    message: str
    running_since: str
    terminated: Object
    restarts: int
    ready: bool
    started: bool
    created: str  # when its Pod was
    spec: Object = field(hash=False, compare=False)

    @property
    def path(self) -> str:
        """Where the template defines it."""
        return f"spec.template.spec.{'initContainers' if self.init else 'containers'}[{self.name}]"

    def up_for(self, now: datetime) -> float:
        """Seconds it has been running; 0 while it is not."""
        return _seconds(self.running_since, now)

    def fell(self, now: datetime) -> float | None:
        """Seconds since it ended last, or None where it never did."""
        moment = self.terminated.get("finishedAt") or ""
        return _seconds(moment, now) if self.terminated else None

    def keeps_falling(self, now: datetime) -> bool:
        """It has ended more than once, and is not up for good: not what one killed Pod or one old restart looks like."""
        if self.init and self.terminated.get("exitCode") == 0 and not self.waiting:
            return False
        if self.waiting == "CrashLoopBackOff":
            return True
        age = self.fell(now)
        if age is None or age > RECENT_SECONDS:
            return False
        # Between two falls it may be ready for a moment.
        again = self.restarts >= 3 and self.up_for(now) < SETTLING_SECONDS and self._last_run() <= RECENT_SECONDS
        return again if self.ready else self.restarts >= 2

    def _last_run(self) -> float:
        """Seconds from its start before to its end."""
        started, ended = self.terminated.get("startedAt"), self.terminated.get("finishedAt")
        return (parse_time(ended) - parse_time(started)).total_seconds() if started and ended else 0.0


def containers_of(pod: Object) -> list[Container]:
    """All containers of a Pod that have a status, init containers first."""
    found = []
    for part, field_name in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        statuses = {item.get("name"): item for item in dig(pod, "status", field_name, default=[])}
        for index, spec in enumerate(dig(pod, "spec", part, default=[])):
            if spec["name"] in statuses:
                found.append(_container(pod, spec, statuses[spec["name"]], part == "initContainers", index))
    return found


def _container(pod: Object, spec: Object, status: Object, init: bool, index: int) -> Container:
    ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated", default={})
    waiting = dig(status, "state", "waiting", default={})
    return Container(
        pod=pod["metadata"]["name"],
        uid=dig(pod, "metadata", "uid", default=""),
        name=spec["name"],
        init=init,
        index=index,
        waiting=waiting.get("reason") or "",
        message=waiting.get("message") or "",
        running_since=dig(status, "state", "running", "startedAt", default=""),
        terminated=ended,
        restarts=status.get("restartCount") or 0,
        ready=bool(status.get("ready")),
        started=bool(status.get("started")),
        created=dig(pod, "metadata", "creationTimestamp", default=""),
        spec=spec,
    )


def in_trouble(item: Container, now: datetime) -> bool:
    """Whether it waits for something, keeps falling, or runs without being ready for longer than it takes to start."""
    if item.waiting and item.waiting not in ("ContainerCreating", "PodInitializing"):
        return True
    return item.keeps_falling(now) or unready(item, now)


def unready(item: Container, now: datetime) -> bool:
    """Whether it runs and its probes had time to succeed, and it is not ready."""
    return not item.init and not item.ready and item.up_for(now) >= patience(item)


def patience(item: Container) -> float:
    """Seconds within which its start-up and readiness probes may fail without anything being wrong."""
    total = 0.0
    for name in ("startupProbe", "readinessProbe"):
        if probe := item.spec.get(name):
            tries = probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
            total += probe.get("initialDelaySeconds", 0) + tries
    return max(SETTLING_SECONDS, total)


def out_of_memory(item: Container) -> str:
    """How the status says that it ran out of memory; empty where it does not."""
    if item.terminated.get("reason") == "OOMKilled":
        return "OOMKilled"
    # Where the limit is too small for the runtime to start it at all, it never gets as far as being killed.
    words = f"{item.message} {item.terminated.get('message') or ''}"
    return "OOM-killed at its start" if "oom-kill" in words.lower() else ""


def unscheduled(pod: Object) -> str:
    """The scheduler's words about a Pod that fits on no Node; empty where it has one."""
    found = condition(pod, "PodScheduled")
    refused = found.get("status") == "False" and found.get("reason") == "Unschedulable"
    return str(found.get("message") or "Unschedulable") if refused else ""


def _seconds(moment: str, now: datetime) -> float:
    return (now - parse_time(moment)).total_seconds() if moment else 0.0
