"""Where evidence comes from. One function a source: it reads, and returns named pieces of text."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paramedic.actions.contract import Context, Failed
from paramedic.actions.evidence.secret import Pieces, within_a_secret
from paramedic.actions.reads import Denied, ListObjects, ReadLog, Seen
from paramedic.actions.targets import POD_LIMIT, find_target, pods_of
from paramedic.actions.workloads.revisions import revisions_of
from paramedic.model.objects import Object, dig
from paramedic.model.references import EVENT, NETWORK_POLICY, NODE, POD, ObjectRef
from paramedic.model.workloads import pod_ready


@dataclass(frozen=True)
class Scene:
    """What the sources look at. The target is a workload, or a Node, of which the Pods are those of the namespace."""

    ctx: Context
    seen: Seen
    target: Object
    pods: list[Object]  # those that are not ready first
    tail_lines: int
    max_pods: int


Source = Callable[[Scene], Pieces]


def gather(sources: Iterable[Source], ctx: Context, seen: Seen, *, tail_lines: int, max_pods: int) -> Pieces | Failed:
    """All pieces of these sources, each within its limit, all together within a Secret's."""
    target = _node(ctx, seen) if ctx.target.kind == NODE.kind else find_target(ctx, seen)
    if isinstance(target, Failed):
        return target
    found = _pods_on(target, ctx, seen) if ctx.target.kind == NODE.kind else pods_of(target, seen)
    pods = sorted(found, key=lambda pod: (pod_ready(pod), pod["metadata"]["name"]))
    scene = Scene(ctx, seen, target, pods, tail_lines, max_pods)
    pieces: Pieces = {}
    for source in sources:
        pieces |= source(scene)
    return within_a_secret(pieces)


def _node(ctx: Context, seen: Seen) -> Object | Failed:
    """The Node that is the target, read as the operator itself, since no Role can grant it."""
    node = seen.get(ctx.target, own=True)
    if node is None or (ctx.target.uid and node["metadata"]["uid"] != ctx.target.uid):
        return Failed(f"{ctx.target} is gone, or another one has its name; open a new incident", final=True)
    return node


def _pods_on(node: Object, ctx: Context, seen: Seen) -> list[Object]:
    selector = f"spec.nodeName={node['metadata']['name']}"
    return seen.items(ListObjects(POD, ctx.namespace, field_selector=selector, limit=POD_LIMIT))


def describe(scene: Scene) -> Pieces:
    name = "node.json" if scene.ctx.target.kind == NODE.kind else "workload.json"
    pieces = {name: ("Describe", _json(scene.target)), "pods.json": ("Describe", _json(scene.pods))}
    if scene.ctx.target.kind == NODE.kind:
        return pieces
    try:
        revisions = revisions_of(scene.target, scene.seen)
    except Denied as denied:
        return pieces | {"revisions.json": ("Describe", _not_read(denied))}
    listed = [{"revision": item.number, "name": item.name, "template": item.template} for item in revisions[:10]]
    return pieces | {"revisions.json": ("Describe", _json(listed))}


def events(scene: Scene) -> Pieces:
    listed = scene.seen.items(ListObjects(EVENT, scene.ctx.namespace, limit=1000))
    names = {scene.target["metadata"]["name"]} | {pod["metadata"]["name"] for pod in scene.pods}
    owners = {dig(pod, "metadata", "ownerReferences", 0, "name") for pod in scene.pods}
    about = [item for item in listed if dig(item, "involvedObject", "name") in names | owners]
    about.sort(key=lambda item: item.get("lastTimestamp") or item.get("eventTime") or "")
    lines = [
        f"{item.get('lastTimestamp') or item.get('eventTime') or '-'} {item.get('type')} {item.get('reason')}"
        f" {dig(item, 'involvedObject', 'kind')}/{dig(item, 'involvedObject', 'name')}"
        f" x{item.get('count') or 1}: {item.get('message')}"
        for item in about
    ]
    return {"events.txt": ("Events", ("\n".join(lines) + "\n").encode() if lines else b"no events\n")}


def logs(scene: Scene) -> Pieces:
    questions = [
        ReadLog(ObjectRef.of(_typed(pod)), container["name"], previous, scene.tail_lines)
        for pod in scene.pods[: scene.max_pods]
        for container in dig(pod, "spec", "containers", default=[])
        for previous in (False, True)
        if not previous or _restarted(pod, container["name"])
    ]
    scene.seen.prefetch(questions)
    pieces: Pieces = {}
    for question in questions:
        content = scene.seen.log(question)
        suffix = "previous.log" if question.previous else "log"
        name = f"{question.pod.name}.{question.container}.{suffix}"
        pieces[name] = ("Logs", b"no log could be read\n" if content is None else content)
    return pieces


def policies(scene: Scene) -> Pieces:
    try:
        listed = scene.seen.items(ListObjects(NETWORK_POLICY, scene.ctx.namespace))
    except Denied as denied:
        return {"policies.json": ("Policies", _not_read(denied))}
    return {"policies.json": ("Policies", _json(listed))}


SOURCES: dict[str, Source] = {"Describe": describe, "Events": events, "Logs": logs, "Policies": policies}


def _restarted(pod: Object, container: str) -> bool:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return any(item.get("name") == container and item.get("restartCount") for item in statuses)


def _typed(pod: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", **pod}  # items of a list carry no kind of their own


def _json(value: object) -> bytes:
    return json.dumps(_without_managed_fields(value), indent=1, sort_keys=True).encode() + b"\n"


def _without_managed_fields(value: object) -> object:
    if isinstance(value, list):
        return [_without_managed_fields(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_managed_fields(item) for key, item in value.items() if key != "managedFields"}
    return value


def _not_read(denied: Denied) -> bytes:
    return f"not read: {denied}\n".encode()
