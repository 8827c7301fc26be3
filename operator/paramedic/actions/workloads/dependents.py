"""Who depends on a workload: what leads to its Pods, what selects them, and who shares their volumes and configuration."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from paramedic.actions.reads import Denied, ListObjects, Seen
from paramedic.actions.workloads.template_references import uses_of
from paramedic.model.objects import Object, dig, labels, matches_selector
from paramedic.model.permissions import Permission
from paramedic.model.references import (
    CLAIM,
    CONFIGMAP,
    CRON_JOB,
    DAEMONSET,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    HPA,
    INGRESS,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    STATEFULSET,
    Resource,
)
from paramedic.model.text import listing, shorten

MAX_NAMED = 20
MAX_HOSTS = 5
_LINE_LIMIT = 300  # characters of one entry
_SHARED = (CLAIM, CONFIGMAP, SECRET)
_RUNNING = (DEPLOYMENT, STATEFULSET, DAEMONSET, CRON_JOB)
_AROUND = (SERVICE, INGRESS, NETWORK_POLICY, DISRUPTION_BUDGET, HPA, *_RUNNING)

#: What seeing them takes; what is not granted is left out, and said.
PERMISSIONS = frozenset(Permission.to("list", resource) for resource in _AROUND)


@dataclass(frozen=True)
class Dependents:
    """``services`` are names. ``ingresses`` are names with the hosts that lead to those Services. ``others`` say in
    words who selects the Pods, or shares a claim, a ConfigMap or a Secret with them. ``unseen`` says what was not seen.
    """

    services: list[str] = field(default_factory=list)
    ingresses: list[dict[str, Any]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    unseen: str = ""

    def outputs(self) -> dict[str, Any]:
        return {
            "services": self.services[:MAX_NAMED],
            "ingresses": self.ingresses[:MAX_NAMED],
            "dependents": [shorten(item, _LINE_LIMIT) for item in self.others[:MAX_NAMED]],
            "unseen": shorten(self.unseen, 2 * _LINE_LIMIT),
        }

    def describe(self) -> str:
        """Who feels it, for the message; empty where nobody is known."""
        ways = [f"Service {name}" for name in self.services]
        ways += [f"Ingress {', '.join(item['hosts'] or ['*'])}" for item in self.ingresses]
        parts = []
        if ways:
            parts.append(f"serves {listing(ways)}")
        if self.others:
            parts.append(f"dependents: {listing(self.others, 3)}")
        if self.unseen:
            parts.append(f"not seen: {self.unseen}")
        return shorten("; ".join(parts), 2 * _LINE_LIMIT)


def questions(namespace: str) -> list[ListObjects]:
    """What `dependents_of` reads, so that it can be asked together with other reads."""
    return [ListObjects(resource, namespace) for resource in _AROUND]


def dependents_of(workload: Object, seen: Seen) -> Dependents:
    """Looks around the workload, in one round of reads."""
    namespace = workload["metadata"]["namespace"]
    seen.prefetch(questions(namespace))
    found: dict[Resource, list[Object]] = {}
    unseen = []
    for question in questions(namespace):
        try:
            found[question.resource] = sorted(seen.items(question), key=lambda item: str(item["metadata"]["name"]))
        except Denied:
            unseen.append(question.resource.plural)
            continue
        if len(found[question.resource]) >= question.limit:
            unseen.append(f"{question.resource.plural} beyond {question.limit}")
    services = [item["metadata"]["name"] for item in found.get(SERVICE, []) if _serves(item, workload)]
    return Dependents(
        services=services,
        ingresses=list(_ingresses(found.get(INGRESS, []), set(services))),
        others=[*_selecting(workload, found), *_sharing(workload, found)],
        unseen=", ".join(unseen),
    )


def _pod_labels(workload: Object) -> dict[str, str]:
    return labels(dig(workload, "spec", "template", default={}))


def _serves(service: Object, workload: Object) -> bool:
    """Whether its selector selects the workload's Pods. One without a selector selects none."""
    selector: dict[str, str] = dig(service, "spec", "selector", default={})
    return bool(selector) and selector.items() <= _pod_labels(workload).items()


def _ingresses(ingresses: list[Object], services: set[str]) -> Iterator[dict[str, Any]]:
    """Those with a backend among these Services; an empty list of hosts stands for every host."""
    for item in ingresses:
        rules: list[Object] = dig(item, "spec", "rules", default=[])
        by_default = dig(item, "spec", "defaultBackend", "service", "name") in services
        leading = [rule for rule in rules if services & set(_backends(rule))]
        if leading or by_default:
            every = by_default or any(not rule.get("host") for rule in leading)
            hosts = [] if every else sorted({str(rule["host"]) for rule in leading})[:MAX_HOSTS]
            yield {"name": item["metadata"]["name"], "hosts": hosts}


def _backends(rule: Object) -> list[str]:
    paths = dig(rule, "http", "paths", default=[])
    return [name for path in paths if (name := dig(path, "backend", "service", "name"))]


def _selecting(workload: Object, found: dict[Resource, list[Object]]) -> Iterator[str]:
    mine = _pod_labels(workload)
    for resource, path in ((NETWORK_POLICY, "podSelector"), (DISRUPTION_BUDGET, "selector")):
        for item in found.get(resource, []):
            if matches_selector(dig(item, "spec", path), mine):
                yield f"{resource.kind}/{item['metadata']['name']} selects its Pods"
    for item in found.get(HPA, []):
        wanted = dig(item, "spec", "scaleTargetRef", default={})
        if (wanted.get("kind"), wanted.get("name")) == (workload["kind"], workload["metadata"]["name"]):
            yield f"{HPA.kind}/{item['metadata']['name']} scales it"


def _sharing(workload: Object, found: dict[Resource, list[Object]]) -> Iterator[str]:
    mine = _shared_names(dig(workload, "spec", "template", default={}))
    for resource in _RUNNING:
        path = ("jobTemplate", "spec", "template") if resource is CRON_JOB else ("template",)
        for item in found.get(resource, []):
            if (resource.kind, item["metadata"]["name"]) == (workload["kind"], workload["metadata"]["name"]):
                continue
            common = mine & _shared_names(dig(item, "spec", *path, default={}))
            if common:
                names = [f"{kind}/{name}" for kind, name in sorted(common)]
                yield f"{resource.kind}/{item['metadata']['name']} uses {listing(names, 3)} too"


def _shared_names(template: Object) -> set[tuple[str, str]]:
    return {(item.resource.kind, item.name) for item in uses_of(template) if item.resource in _SHARED}
