"""What a Pod template names and cannot start without."""

from collections.abc import Iterator

from paramedic.actions.reads import Denied, GetObject, Seen
from paramedic.model.objects import Object, dig
from paramedic.model.references import CLAIM, CONFIGMAP, SECRET, SERVICE_ACCOUNT, ObjectRef, Resource


def missing_references(template: Object, namespace: str, seen: Seen) -> tuple[list[str], list[str]]:
    """The objects that are named and gone, and those that could not be looked at."""
    refs = [ObjectRef.to(resource, namespace, name) for resource, name in sorted(set(_named(template)), key=str)]
    seen.prefetch(GetObject(ref) for ref in refs)
    missing, unseen = [], []
    for ref in refs:
        try:
            if seen.get(ref) is None:
                missing.append(str(ref))
        except Denied:
            unseen.append(str(ref))
    return missing, unseen


def _named(template: Object) -> Iterator[tuple[Resource, str]]:
    spec = template.get("spec") or {}
    if account := spec.get("serviceAccountName"):
        yield SERVICE_ACCOUNT, account
    for volume in spec.get("volumes") or []:
        yield from _of_volume(volume)
    for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
        yield from _of_container(container)


def _of_volume(volume: Object) -> Iterator[tuple[Resource, str]]:
    if claim := dig(volume, "persistentVolumeClaim", "claimName"):
        yield CLAIM, claim
    sources = [volume, *dig(volume, "projected", "sources", default=[])]
    for source in sources:
        config, secret = source.get("configMap") or {}, source.get("secret") or {}
        if config.get("name") and not config.get("optional"):
            yield CONFIGMAP, config["name"]
        name = secret.get("secretName") or secret.get("name")
        if name and not secret.get("optional"):
            yield SECRET, name


def _of_container(container: Object) -> Iterator[tuple[Resource, str]]:
    sources = [(dig(item, "valueFrom", default={}), "KeyRef") for item in container.get("env") or []]
    sources += [(item, "Ref") for item in container.get("envFrom") or []]
    for source, suffix in sources:
        for prefix, resource in (("configMap", CONFIGMAP), ("secret", SECRET)):
            named = source.get(prefix + suffix) or {}
            if named.get("name") and not named.get("optional"):
                yield resource, named["name"]
