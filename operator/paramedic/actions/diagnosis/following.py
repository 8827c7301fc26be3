"""The last round of reads: what logs complain about. Without a complaint it asks nothing."""

from dataclasses import replace

from paramedic.actions.contract import Context
from paramedic.actions.diagnosis.addresses import unreached
from paramedic.actions.diagnosis.denials import refused_in
from paramedic.actions.diagnosis.kept import read_kept
from paramedic.actions.diagnosis.reading import Reader
from paramedic.actions.diagnosis.scene import Scene, query_of, selector_of, service_called
from paramedic.actions.reads import GetObject, ListObjects, Seen
from paramedic.actions.workloads.template_references import uses_of
from paramedic.model.references import CONFIGMAP, POD, SECRET, ObjectRef
from paramedic.model.workloads import pod_ready

MAX_REFERENCES = 10
MAX_SERVICES = 5
_PODS = 100


def follow(scene: Scene, ctx: Context, seen: Seen) -> Scene:
    """The Pods behind Services that are not reached, and the configuration that the target uses while it complains."""
    said = [*scene.complaints, *scene.last_words]
    places = [place for item in said if (place := unreached(item.text))]
    services = {item["metadata"]["name"]: item for place in places if (item := service_called(scene, place.host))}
    behind = {
        name: ListObjects(POD, ctx.namespace, query_of(service), limit=_PODS)
        for name, service in list(services.items())[:MAX_SERVICES]
        if selector_of(service)
    }
    config = [GetObject(ref) for ref in _configuration(scene, ctx.namespace)]
    seen.prefetch((*behind.values(), *config))
    reader = Reader(seen, scene.unseen)
    pods = {name: reader.items("pods", question) for name, question in behind.items()}
    kept = read_kept(config, reader)
    return replace(
        scene,
        backends={name: (sum(map(pod_ready, found)), len(found)) for name, found in pods.items()},
        kept=scene.kept | kept,
        unseen=reader.unseen,
    )


def _configuration(scene: Scene, namespace: str) -> list[ObjectRef]:
    """ConfigMaps and Secrets of the template, and what a running container was not allowed to change."""
    if not scene.complaints:
        return []
    named = [(item.resource, item.name) for item in uses_of(scene.template) if item.resource in (CONFIGMAP, SECRET)]
    refused = [found.ref for said in scene.complaints if (found := refused_in(said.text))]
    refs = [ObjectRef.to(ref.resource, namespace, ref.name) for ref in refused]
    refs += [ObjectRef.to(resource, namespace, name) for resource, name in named]
    return list(dict.fromkeys(refs))[:MAX_REFERENCES]
