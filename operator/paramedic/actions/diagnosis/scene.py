"""The scene: everything that a diagnosis looks at, as plain data. `looking.py` reads it."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from paramedic.actions.diagnosis.containers import Container, containers_of, in_trouble
from paramedic.actions.diagnosis.kept import Kept
from paramedic.actions.diagnosis.log_lines import Complaint, complaints_in, essence, telling_line
from paramedic.model.objects import Object, condition, dig, labels
from paramedic.model.references import CONFIGMAP, SECRET, ObjectRef
from paramedic.model.times import parse_time
from paramedic.model.workloads import Workload

_REFERENCE = (
    (re.compile(r'configmap "(?P<name>[^"/]+)" not found', re.IGNORECASE), CONFIGMAP),
    (re.compile(r'secret "(?P<name>[^"/]+)" not found', re.IGNORECASE), SECRET),
    (re.compile(r"couldn't find key \S+ in ConfigMap [^/\s]+/(?P<name>[^\s\"]+)"), CONFIGMAP),
    (re.compile(r"couldn't find key \S+ in Secret [^/\s]+/(?P<name>[^\s\"]+)"), SECRET),
)


@dataclass(frozen=True, slots=True)
class Log:
    """What one container has logged: the newest lines of the run that ended last, and of the one that is under way."""

    previous: bytes = b""
    current: bytes = b""


@dataclass(frozen=True)
class Spoken:
    """One line of a container's log: its last words, or what it repeats up to now (then ``complaint`` says how often).
    ``pods`` is how many Pods say it.
    """

    item: Container
    text: str
    complaint: Complaint | None = None
    pods: int = 1


@dataclass(frozen=True)
class Scene:
    """``pods`` are all Pods of the target, ``suspects`` those of its newest revision that it counts on. ``kept`` is about
    the ConfigMaps, Secrets and claims that the rest of the scene points at.
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
    logs: dict[tuple[str, str], Log] = field(default_factory=dict)  # by Pod and container
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)  # by kind and name
    taken: frozenset[str] = frozenset()  # Services that select Pods of somebody else
    backends: dict[str, tuple[int, int]] = field(default_factory=dict)  # by Service: Pods that are ready, Pods
    webhooks: dict[str, str] = field(default_factory=dict)  # by name of the webhook: Kind/name of its configuration
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

    @cached_property
    def troubled(self) -> list[Container]:
        """Containers of the suspects that do not do their work, in the order of Pods and spec."""
        return [item for pod in self.suspects for item in containers_of(pod) if in_trouble(item, self.now)]

    @cached_property
    def lost(self) -> set[str]:
        """The Pods whose Node is not ready: what else is wrong with them says nothing."""
        nodes = {name for name, node in self.nodes.items() if condition(node, "Ready").get("status") != "True"}
        return {pod["metadata"]["name"] for pod in self.pods if dig(pod, "spec", "nodeName") in nodes}

    @cached_property
    def running(self) -> list[Container]:
        """Containers of the suspects that run now, init containers among them."""
        return [item for pod in self.suspects for item in containers_of(pod) if item.running_since]

    @cached_property
    def last_words(self) -> list[Spoken]:
        """The telling line of each container that keeps falling."""
        found = []
        for item in self.troubled:
            log = self.logs.get((item.pod, item.name), Log())
            text = telling_line(log.previous) or telling_line(log.current)
            if item.keeps_falling(self.now) and text:
                found.append(Spoken(item, text))
        return found

    @cached_property
    def complaints(self) -> list[Spoken]:
        """What running containers repeat up to now, the most frequent first."""
        found: dict[tuple[str, str], Spoken] = {}
        for item in self.running:
            for complaint in complaints_in(self.logs.get((item.pod, item.name), Log()).current):
                if complaint.stands(self.now):
                    key = (item.path, essence(complaint.text))
                    known = found.get(key)
                    found[key] = known_again(known) if known else Spoken(item, complaint.text, complaint)
        return sorted(found.values(), key=lambda said: (-said.pods, -times_of(said), said.item.path, said.text))

    @property
    def murmurs(self) -> bool:
        """Whether a running container has just complained, too rarely to say that it goes on."""
        return any(
            complaint.fresh(self.now)
            for item in self.running
            for complaint in complaints_in(self.logs.get((item.pod, item.name), Log()).current)
        )

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


def known_again(said: Spoken) -> Spoken:
    """The same words from one more Pod."""
    return replace(said, pods=said.pods + 1)


def times_of(said: Spoken) -> int:
    return said.complaint.times if said.complaint else 0


def objections(scene: Scene) -> list[str]:
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


def service_called(scene: Scene, host: str) -> Object | None:
    """The Service of the target's namespace that this name or address leads to."""
    namespace = scene.workload["metadata"]["namespace"]
    name, _, rest = host.partition(".")
    ours = rest in ("", namespace) or rest.startswith(f"{namespace}.svc")
    for service in scene.services:
        addresses = dig(service, "spec", "clusterIPs", default=[dig(service, "spec", "clusterIP")])
        if host in addresses or (ours and service["metadata"]["name"] == name):
            return service
    return None


def query_of(service: Object) -> str:
    """A Service's selector as the query of a list."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector_of(service).items()))


def selector_of(service: Object) -> dict[str, str]:
    return dict(dig(service, "spec", "selector", default={}))
