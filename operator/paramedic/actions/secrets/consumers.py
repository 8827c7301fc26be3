"""Who holds a copy of a Secret's values: the workloads that a restart gives the new ones, and the Pods that none reaches."""

from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.actions.reads import ListObjects, Seen
from paramedic.model.objects import Object, controller_of, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CRON_JOB, POD, REPLICASET, WORKLOADS
from paramedic.model.workloads import Workload, pod_counts

#: How many objects of a kind are looked at. Where there are more, who uses the Secret is not known.
_LIMIT = 2_000
_LISTED = (*WORKLOADS, REPLICASET, POD, CRON_JOB)
#: Who uses some key that is not named: envFrom, or a volume of the whole Secret.
_ALL = ""


@dataclass(frozen=True)
class Consumers:
    """``workloads`` are to be restarted, those that replace the fewest Pods at a time first; ``beyond`` are what no
    restart here reaches. ``unknown`` says why this is not all there is to know.
    """

    workloads: tuple[Object, ...]
    beyond: tuple[str, ...]
    unknown: str = ""


def permissions() -> frozenset[Permission]:
    """What seeing the consumers takes."""
    return frozenset(Permission.to("list", resource) for resource in _LISTED)


def consumers_of(secret: str, keys: tuple[str, ...], namespace: str, seen: Seen) -> Consumers:
    """Who uses one of these keys. A workload without Pods needs no restart: what starts later has the new value."""
    questions = {resource: ListObjects(resource, namespace, limit=_LIMIT) for resource in _LISTED}
    seen.prefetch(questions.values())
    listed = {resource.kind: seen.items(question) for resource, question in questions.items()}
    if crowded := [kind for kind, items in listed.items() if len(items) >= _LIMIT]:
        return Consumers((), (), f"there are more than {_LIMIT} of {crowded[0]} in namespace {namespace}")
    found = [
        item
        for resource in WORKLOADS
        for item in listed[resource.kind]
        if uses(dig(item, "spec", "template", "spec", default={}), secret, keys)
    ]
    running = [item for item in found if Workload.of(item).desired]
    beyond = [
        f"CronJob/{item['metadata']['name']}"
        for item in listed[CRON_JOB.kind]
        if not dig(item, "spec", "suspend")
        and uses(dig(item, "spec", "jobTemplate", "spec", "template", "spec", default={}), secret, keys)
    ]
    reached = {item["metadata"]["uid"] for item in found}
    owners = {item["metadata"]["uid"]: controller_of(item) for item in listed[REPLICASET.kind]}
    for pod in listed[POD.kind]:
        if not pod_counts(pod) or not uses(pod["spec"], secret, keys):
            continue
        owner = controller_of(pod)
        owner = owners.get(dig(owner, "uid")) or owner
        if dig(owner, "uid") not in reached:
            of = f" of {owner['kind']}/{owner['name']}" if owner else ""
            beyond.append(f"Pod/{pod['metadata']['name']}{of}")
    return Consumers(tuple(sorted(running, key=_careful)), tuple(beyond))


def _careful(workload: Object) -> tuple[int, str, str]:
    """The fewest Pods first: where the new value is wrong, the fewest have it."""
    return Workload.of(workload).desired, workload["kind"], workload["metadata"]["name"]


def uses(pod_spec: Object, secret: str, keys: tuple[str, ...]) -> bool:
    """Whether a Pod with this spec gets the value of one of these keys."""
    named = {key for name, key in _references(pod_spec) if name == secret}
    return _ALL in named or bool(named.intersection(keys))


def _references(pod_spec: Object) -> Iterator[tuple[str | None, str]]:
    """The Secrets that it names, and which keys of them."""
    for item in pod_spec.get("imagePullSecrets") or []:
        yield item.get("name"), _ALL
    for volume in pod_spec.get("volumes") or []:
        sources = [volume, *dig(volume, "projected", "sources", default=[])]
        for source in (item.get("secret") or {} for item in sources):
            for part in source.get("items") or [{}]:
                yield source.get("secretName") or source.get("name"), part.get("key", _ALL)
        yield dig(volume, "csi", "nodePublishSecretRef", "name"), _ALL
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod_spec.get(group) or []:
            for source in container.get("envFrom") or []:
                yield dig(source, "secretRef", "name"), _ALL
            for variable in container.get("env") or []:
                reference = dig(variable, "valueFrom", "secretKeyRef", default={})
                yield reference.get("name"), reference.get("key", _ALL)
