"""What a Pod template names: the ConfigMaps, Secrets, claims and account that it uses, and whether it starts without."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from paramedic.actions.reads import Denied, GetObject, Seen
from paramedic.model.objects import Object, dig
from paramedic.model.references import CLAIM, CONFIGMAP, SECRET, SERVICE_ACCOUNT, ObjectRef, Resource


@dataclass(frozen=True, slots=True)
class Use:
    """One object that a template names. ``how``: a volume follows changes of it, env is read once, at the start of the
    container. ``key`` is the one that is used, empty for all of them; ``container`` is empty for what the whole Pod uses.
    """

    resource: Resource
    name: str
    how: Literal["env", "volume", "account"]
    key: str = ""
    container: str = ""
    optional: bool = False


def missing_references(template: Object, namespace: str, seen: Seen) -> tuple[list[str], list[str]]:
    """The objects that are named and gone, and those that could not be looked at."""
    needed = {(item.resource, item.name) for item in uses_of(template) if not item.optional}
    refs = [ObjectRef.to(resource, namespace, name) for resource, name in sorted(needed, key=str)]
    seen.prefetch(GetObject(ref) for ref in refs)
    missing, unseen = [], []
    for ref in refs:
        try:
            if seen.get(ref) is None:
                missing.append(str(ref))
        except Denied:
            unseen.append(str(ref))
    return missing, unseen


def uses_of(template: Object) -> Iterator[Use]:
    """Everything that the template names, in its order."""
    spec = template.get("spec") or {}
    if account := spec.get("serviceAccountName"):
        yield Use(SERVICE_ACCOUNT, account, "account")
    for volume in spec.get("volumes") or []:
        yield from _of_volume(volume)
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        yield from _of_container(container)


def _of_volume(volume: Object) -> Iterator[Use]:
    if claim := dig(volume, "persistentVolumeClaim", "claimName"):
        yield Use(CLAIM, claim, "volume")
    sources = [volume, *dig(volume, "projected", "sources", default=[])]
    for source in sources:
        config, secret = source.get("configMap") or {}, source.get("secret") or {}
        if config.get("name"):
            yield Use(CONFIGMAP, config["name"], "volume", optional=bool(config.get("optional")))
        if name := secret.get("secretName") or secret.get("name"):
            yield Use(SECRET, name, "volume", optional=bool(secret.get("optional")))


def _of_container(container: Object) -> Iterator[Use]:
    sources = [(dig(item, "valueFrom", default={}), "KeyRef") for item in container.get("env") or []]
    sources += [(item, "Ref") for item in container.get("envFrom") or []]
    for source, suffix in sources:
        for prefix, resource in (("configMap", CONFIGMAP), ("secret", SECRET)):
            named = source.get(prefix + suffix) or {}
            if named.get("name"):
                optional, key = bool(named.get("optional")), named.get("key") or ""
                yield Use(resource, named["name"], "env", key, container.get("name") or "", optional)
