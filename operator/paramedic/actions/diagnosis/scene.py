"""The scene: everything that a diagnosis looks at, as plain data. `looking.py` reads it."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from paramedic.actions.diagnosis.containers import Container, containers_of, in_trouble
from paramedic.model.objects import Object, dig, labels
from paramedic.model.references import CONFIGMAP, SECRET, ObjectRef
from paramedic.model.times import parse_time
from paramedic.model.workloads import Workload

_REFERENCE = (
    (re.compile(r'configmap "(?P<name>[^"/]+)" not found', re.IGNORECASE), CONFIGMAP),
    (re.compile(r'secret "(?P<name>[^"/]+)" not found', re.IGNORECASE), SECRET),
    (re.compile(r"couldn't find key \S+ in ConfigMap [^/\s]+/(?P<name>[^\s\"]+)"), CONFIGMAP),
    (re.compile(r"couldn't find key \S+ in Secret [^/\s]+/(?P<name>[^\s\"]+)"), SECRET),
)


@dataclass(frozen=True)
class Scene:
    """``pods`` are all Pods of the target, ``suspects`` those of its newest revision that it counts on. ``config`` holds
    the keys of the ConfigMaps and Secrets that the kubelet missed and that are there, never a value.
    """

    now: datetime
    workload: Object
    owners: list[Object]  # the workload and, for a Deployment, its newest ReplicaSet
    pods: list[Object]
    suspects: list[Object]
    newest: int  # how many Pods of the newest revision there are
    events: list[Object] = field(default_factory=list)
    services: list[Object] = field(default_factory=list)
    policies: list[Object] = field(default_factory=list)
    nodes: dict[str, Object] = field(default_factory=dict)
    logs: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)  # Pod and container: previous, current
    config: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()  # Services that select Pods of somebody else
    unseen: dict[str, str] = field(default_factory=dict)  # source: why

    @property
    def view(self) -> Workload:
        return Workload.of(self.workload)

    @property
    def target(self) -> str:
        return f"{self.workload['kind']}/{self.workload['metadata']['name']}"

    @property
    def template(self) -> Object:
        found: Object = dig(self.workload, "spec", "template", default={})
        return found

    @property
    def troubled(self) -> list[Container]:
        """Containers of the suspects that do not do their work, in the order of Pods and spec."""
        return [item for pod in self.suspects for item in containers_of(pod) if in_trouble(item, self.now)]

    def events_of(self, name: str, *reasons: str) -> list[Object]:
        """The events about this object with one of these reasons, newest first."""
        found = [
            item for item in self.events
            if dig(item, "involvedObject", "name") == name and item.get("reason") in reasons
        ]  # fmt: skip
        return sorted(found, key=lambda item: (moment_of(item), str(item.get("message"))), reverse=True)

    def seconds_since(self, moment: str) -> float:
        """Seconds since then; none where no moment is given."""
        return (self.now - parse_time(moment)).total_seconds() if moment else 0.0


def moment_of(event: Object) -> str:
    """When it last happened (RFC 3339)."""
    series = dig(event, "series", "lastObservedTime", default="")
    return str(event.get("lastTimestamp") or series or event.get("eventTime") or "")


def mentioned(text: str) -> ObjectRef | None:
    """The ConfigMap or Secret that the kubelet says it misses; its namespace is the Pod's."""
    for pattern, resource in _REFERENCE:
        if found := pattern.search(text):
            return ObjectRef.to(resource, "", found["name"])
    return None


def complaints(scene: Scene) -> list[str]:
    """The kubelet's words about what keeps containers from being created."""
    words = [item.message for item in scene.troubled if item.waiting == "CreateContainerConfigError"]
    for pod in scene.suspects:
        if not any(item.running_since or item.terminated for item in containers_of(pod)):
            words += [
                str(event.get("message")) for event in scene.events_of(pod["metadata"]["name"], "FailedMount")[:1]
            ]
    return words


def strangers(scene: Scene) -> list[Object]:
    """Services with a selector that does not select the target's Pods."""
    mine = labels(scene.template)
    return [item for item in scene.services if (wanted := selector_of(item)) and not wanted.items() <= mine.items()]


def selector_of(service: Object) -> dict[str, str]:
    return dict(dig(service, "spec", "selector", default={}))
