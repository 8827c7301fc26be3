"""Which object an alert is about, as far as its labels tell: references to look for, the likeliest first.

Prometheus adds the labels of what was scraped to what an exporter reports about others. Where the two collide, what was
reported is kept as `exported_…`; where they do not, the exporter's own Pod and Service look like the alert's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from paramedic.model.objects import Object, dig
from paramedic.model.references import (
    DAEMONSET,
    DEPLOYMENT,
    NODE,
    POD,
    REPLICASET,
    SERVICE,
    STATEFULSET,
    ObjectRef,
    Resource,
)

_EXPORTED = "exported_"
_BY_LABEL: tuple[tuple[str, Resource], ...] = (
    ("deployment", DEPLOYMENT),
    ("statefulset", STATEFULSET),
    ("daemonset", DAEMONSET),
    ("replicaset", REPLICASET),
    ("pod", POD),
    ("service", SERVICE),
    ("node", NODE),
)
#: Labels that Prometheus takes from what it scrapes, and labels that say what was scraped.
_OF_SCRAPE = frozenset({"pod", "service"})
_SCRAPED = ("job", "service", "container")
#: Where one of these is, what the exporter reported collided with the labels of its own Pod.
_COLLISIONS = frozenset(_EXPORTED + label for label in ("namespace", "container", *(label for label, _ in _BY_LABEL)))
_EXPORTER = re.compile(r"(?:^|[-_/])(?P<name>(?:[a-z0-9]+[-_])?exporter|kube-state-metrics)$")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_HOST = re.compile(rf"(?P<host>{_NAME.pattern})(?::[0-9]+)?")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Candidate:
    """An object that may be the one in trouble, and the label that names it."""

    ref: ObjectRef
    label: str

    def __str__(self) -> str:
        return f"{self.ref} (label {self.label})"


def namespace_label(labels: Mapping[str, str]) -> str:
    """The namespace that the alert names, as it says it; empty where it names none."""
    return labels.get(_EXPORTED + "namespace") or labels.get("namespace") or ""


def is_namespace(text: str) -> bool:
    """Whether a namespace can have this name: a DNS label."""
    return _NAMESPACE.fullmatch(text) is not None


def candidates(labels: Mapping[str, str], namespace: str) -> list[Candidate]:
    """What to look for, in this order. ``namespace`` is the alert's."""
    found = list(_named(labels, namespace))
    if host := _HOST.fullmatch(labels.get("instance", "")):
        found.append(Candidate(ObjectRef.to(NODE, "", host["host"]), "instance"))
    return found


def _named(labels: Mapping[str, str], namespace: str) -> Iterator[Candidate]:
    collided = not _COLLISIONS.isdisjoint(labels)
    exporters = _exporters(labels)
    for label, resource in _BY_LABEL:
        for key in (_EXPORTED + label, label):
            name = labels.get(key, "")
            if key in _OF_SCRAPE and (collided or any(part in name for part in exporters)):
                continue
            if _NAME.fullmatch(name):
                yield Candidate(ObjectRef.to(resource, namespace if resource.namespaced else "", name), key)


def _exporters(labels: Mapping[str, str]) -> list[str]:
    """Names of an exporter that reported this about somebody else, where the labels say that one did."""
    matches = (_EXPORTER.search(labels.get(key, "")) for key in _SCRAPED)
    return [match["name"] for match in matches if match]


def selected_by(service: Object, workloads: Iterable[Object]) -> list[ObjectRef]:
    """The workloads whose Pods a Service selects. A Service without a selector selects none."""
    selector = dig(service, "spec", "selector", default={})
    if not selector:
        return []
    return [
        ObjectRef.of(obj)
        for obj in workloads
        if selector.items() <= dig(obj, "spec", "template", "metadata", "labels", default={}).items()
    ]
