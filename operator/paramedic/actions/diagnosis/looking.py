"""Reading the scene, in three rounds, each answered side by side.

First the target with its Pods, then what stands around them, last what the first two point at. What may not be read is
named in ``unseen``, so that the rules that need it are left out and the answer says so.
"""

from collections.abc import Iterator
from dataclasses import replace

from paramedic.actions.contract import Context
from paramedic.actions.diagnosis.scene import Scene, complaints, mentioned, selector_of, strangers
from paramedic.actions.reads import Denied, GetObject, ListObjects, ReadLog, Seen
from paramedic.actions.rollouts import new_pods
from paramedic.actions.targets import pods_of, replica_sets_of
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import CONFIGMAP, EVENT, NETWORK_POLICY, NODE, POD, SECRET, SERVICE, ObjectRef
from paramedic.model.workloads import pod_counts, pod_ready

MAX_NODES = 20
MAX_LOGS = 3  # containers
MAX_REFERENCES = 10
MAX_RIVALS = 10
_EVENTS = 1000
_TAIL_LINES = 60
_LOG_BYTES = 16_384

#: What `look` reads as the playbook's account beside the target and its Pods.
CLOSER = frozenset(
    {
        Permission.to("list", EVENT), Permission.to("get", POD, "log"), Permission.to("list", SERVICE),
        Permission.to("list", NETWORK_POLICY), Permission.to("get", CONFIGMAP), Permission.to("get", SECRET),
    }
)  # fmt: skip


def look(workload: Object, ctx: Context, seen: Seen) -> Scene:
    """Reads the scene."""
    pods = sorted(pods_of(workload, seen), key=lambda pod: (pod_ready(pod), pod["metadata"]["name"]))
    newest = {pod["metadata"]["name"] for pod in new_pods(workload, seen)}
    counted = [pod for pod in pods if pod_counts(pod)]
    suspects = [pod for pod in counted if pod["metadata"]["name"] in newest]
    scene = Scene(ctx.now, workload, _owners(workload, seen), pods, suspects or counted, len(suspects))
    return _follow(_around(scene, ctx, seen), ctx, seen)


class _Reader:
    """Reads, and takes down what it may not read."""

    def __init__(self, seen: Seen, unseen: dict[str, str]) -> None:
        self._seen, self.unseen = seen, dict(unseen)

    def items(self, source: str, question: ListObjects) -> list[Object]:
        try:
            found = self._seen.items(question)
        except Denied as denied:
            self.unseen[source] = str(denied)
            return []
        if len(found) >= question.limit > 1:
            self.unseen[source] = f"there are {question.limit} or more in namespace {question.namespace}"
        return found

    def object(self, source: str, question: GetObject) -> Object | None:
        try:
            return self._seen.get(question.ref, own=question.own)
        except Denied as denied:
            self.unseen[source] = str(denied)
            return None

    def log(self, question: ReadLog) -> bytes | None:
        try:
            return self._seen.log(question)
        except Denied as denied:
            self.unseen["logs"] = str(denied)
            return None


def _owners(workload: Object, seen: Seen) -> list[Object]:
    if workload["kind"] != "Deployment":
        return [workload]
    key = "deployment.kubernetes.io/revision"
    sets = sorted(
        replica_sets_of(workload, seen),
        key=lambda item: int(dig(item, "metadata", "annotations", key, default=0)),
        reverse=True,
    )
    return [workload, *sets[:1]]


def _around(scene: Scene, ctx: Context, seen: Seen) -> Scene:
    """What stands around the Pods: events, Services, policies, their Nodes and the logs of troubled containers."""
    named = [name for pod in scene.pods if (name := dig(pod, "spec", "nodeName"))]
    nodes = [GetObject(ObjectRef.to(NODE, "", name), own=True) for name in list(dict.fromkeys(named))[:MAX_NODES]]
    logs = list(_log_questions(scene, ctx))
    events = ListObjects(EVENT, ctx.namespace, limit=_EVENTS)
    services, policies = ListObjects(SERVICE, ctx.namespace), ListObjects(NETWORK_POLICY, ctx.namespace)
    seen.prefetch((events, services, policies, *nodes, *logs))
    reader = _Reader(seen, scene.unseen)
    found_logs: dict[tuple[str, str], list[bytes]] = {}
    for question in logs:
        if content := reader.log(question):
            found_logs.setdefault((question.pod.name, question.container), []).append(content)
    found_nodes = {item.ref.name: node for item in nodes if (node := reader.object("nodes", item)) is not None}
    return replace(
        scene,
        events=reader.items("events", events),
        services=reader.items("services", services),
        policies=reader.items("policies", policies),
        nodes=found_nodes,
        logs=found_logs,
        unseen=reader.unseen,
    )


def _log_questions(scene: Scene, ctx: Context) -> Iterator[ReadLog]:
    """The log of the run that ended comes before that of the run that has just begun."""
    fallen = [item for item in scene.troubled if item.terminated]
    for item in fallen[:MAX_LOGS]:
        pod = ObjectRef.to(POD, ctx.namespace, item.pod)
        for previous in (True, False):
            yield ReadLog(pod, item.name, previous, _TAIL_LINES, _LOG_BYTES)


def _follow(scene: Scene, ctx: Context, seen: Seen) -> Scene:
    """What the scene points at: the configuration that the kubelet misses, and whom a Service selects instead."""
    refs = {ref for text in complaints(scene) if (ref := mentioned(text))}
    wanted = [
        GetObject(ObjectRef.to(ref.resource, ctx.namespace, ref.name)) for ref in sorted(refs, key=str)[:MAX_REFERENCES]
    ]
    rivals = {
        service["metadata"]["name"]: ListObjects(POD, ctx.namespace, _query(service), limit=1)
        for service in strangers(scene)[:MAX_RIVALS]
    }
    seen.prefetch((*wanted, *rivals.values()))
    reader = _Reader(seen, scene.unseen)
    config = {
        (item.ref.kind, item.ref.name): _keys(found)
        for item in wanted
        if (found := reader.object(str(item.ref), item)) is not None
    }
    taken = frozenset(name for name, question in rivals.items() if reader.items("pods", question))
    return replace(scene, config=config, taken=taken, unseen=reader.unseen)


def _query(service: Object) -> str:
    """A Service's selector as the query of a list."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector_of(service).items()))


def _keys(obj: Object) -> frozenset[str]:
    return frozenset(key for part in ("data", "binaryData") for key in obj.get(part) or {})
