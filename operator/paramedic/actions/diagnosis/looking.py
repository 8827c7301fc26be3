"""Reading the scene, in rounds, each answered side by side.

First the target with its Pods, then what stands around them, then what the two point at and the logs; last, and only
where a log complains, what it complains about (`following.py`). What may not be read is named in ``unseen``, so that the
rules that need it are left out and the answer says so.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from paramedic.actions.contract import Context
from paramedic.actions.diagnosis.containers import Container
from paramedic.actions.diagnosis.creation import refusal
from paramedic.actions.diagnosis.following import follow
from paramedic.actions.diagnosis.kept import read_kept
from paramedic.actions.diagnosis.reading import Reader
from paramedic.actions.diagnosis.scene import Log, Scene, mentioned, objections, query_of, strangers
from paramedic.actions.reads import GetObject, ListObjects, ReadLog, Seen
from paramedic.actions.targets import pods_of, replica_sets_of
from paramedic.actions.workloads.rollouts import new_pods
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import (
    CONFIGMAP,
    EVENT,
    MUTATING_WEBHOOK,
    NETWORK_POLICY,
    NODE,
    POD,
    SECRET,
    SERVICE,
    VALIDATING_WEBHOOK,
    ObjectRef,
)
from paramedic.model.workloads import pod_counts, pod_ready

MAX_NODES = 20
MAX_LOGS = 4  # containers
MAX_REFERENCES = 10
MAX_RIVALS = 10
_EVENTS = 1000
_TAIL_LINES = 300
_LOG_BYTES = 262_144  # of the tail, the API server keeps the beginning: it must be enough for long lines

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
    return follow(_closer(_around(scene, ctx, seen), ctx, seen), ctx, seen)


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
    """What stands around the Pods: events, Services, policies and their Nodes."""
    named = [name for pod in scene.pods if (name := dig(pod, "spec", "nodeName"))]
    nodes = [GetObject(ObjectRef.to(NODE, "", name), own=True) for name in list(dict.fromkeys(named))[:MAX_NODES]]
    events = ListObjects(EVENT, ctx.namespace, limit=_EVENTS)
    services, policies = ListObjects(SERVICE, ctx.namespace), ListObjects(NETWORK_POLICY, ctx.namespace)
    seen.prefetch((events, services, policies, *nodes))
    reader = Reader(seen, scene.unseen)
    found_nodes = {item.ref.name: node for item in nodes if (node := reader.object("nodes", item)) is not None}
    return replace(
        scene,
        events=reader.items("events", events),
        services=reader.items("services", services),
        policies=reader.items("policies", policies),
        nodes=found_nodes,
        unseen=reader.unseen,
    )


def _closer(scene: Scene, ctx: Context, seen: Seen) -> Scene:
    """Logs, the configuration that the kubelet misses, whom a Service selects instead, and webhooks that refuse Pods."""
    logs = list(_log_questions(scene, ctx))
    refs = {ref for text in objections(scene) if (ref := mentioned(text))}
    wanted = [
        GetObject(ObjectRef.to(ref.resource, ctx.namespace, ref.name)) for ref in sorted(refs, key=str)[:MAX_REFERENCES]
    ]
    rivals = {
        service["metadata"]["name"]: ListObjects(POD, ctx.namespace, query_of(service), limit=1)
        for service in strangers(scene)[:MAX_RIVALS]
    }
    webhooks = [ListObjects(kind, "", own=True) for kind in (VALIDATING_WEBHOOK, MUTATING_WEBHOOK)]
    webhooks = webhooks if "failed calling webhook" in refusal(scene) else []
    seen.prefetch((*logs, *wanted, *rivals.values(), *webhooks))
    reader = Reader(seen, scene.unseen)
    kept = read_kept(wanted, reader)
    return replace(
        scene,
        logs=_logs(logs, reader),
        kept=kept,
        taken=frozenset(name for name, question in rivals.items() if reader.items("pods", question)),
        webhooks={
            str(hook.get("name")): f"{item['kind']}/{item['metadata']['name']}"
            for question in webhooks
            for item in reader.items("webhooks", question)
            for hook in item.get("webhooks") or []
        },
        unseen=reader.unseen,
    )


def _log_questions(scene: Scene, ctx: Context) -> Iterator[ReadLog]:
    """Of containers that have fallen first, then of those that run, each container of the template once before one is
    asked in a second Pod. A lost Node is not asked: it would not answer.
    """
    fallen = [item for item in scene.troubled if item.terminated]
    asked: Counter[str] = Counter()
    ranked: list[tuple[bool, int, Container]] = []
    for item in (*fallen, *(item for item in scene.running if item not in fallen)):
        if item.pod not in scene.lost:
            ranked.append((item not in fallen, asked[item.path], item))
            asked[item.path] += 1
    for _, _, item in sorted(ranked, key=lambda entry: entry[:2])[:MAX_LOGS]:
        pod = ObjectRef.to(POD, ctx.namespace, item.pod)
        for previous in (True, False) if item.terminated else (False,):
            yield ReadLog(pod, item.name, previous, _TAIL_LINES, _LOG_BYTES)


def _logs(questions: list[ReadLog], reader: Reader) -> dict[tuple[str, str], Log]:
    found: dict[tuple[str, str], Log] = {}
    for question in questions:
        key, content = (question.pod.name, question.container), reader.log(question)
        if content:
            known = found.get(key, Log())
            found[key] = replace(known, previous=content) if question.previous else replace(known, current=content)
    return found
