"""A shop to diagnose: one healthy web, its Pods, Service and Node, which each test breaks in one way."""

from datetime import timedelta
from typing import Any

from paramedic.actions.contract import Finished
from paramedic.model.objects import Object
from unit.acting import expect, prepare
from unit.builders import NAMESPACE, NOW, ago, pod, replica_set, template, with_status, workload
from unit.seen import World

PORTS = [{"containerPort": 8080, "name": "http"}]
LABELS = {"app": "web"}


def named(kind: str, name: str, **parts: Any) -> Object:
    meta = {"name": name, "namespace": NAMESPACE, "creationTimestamp": parts.pop("created", ago(hours=5))}
    return {"kind": kind, "metadata": meta, **parts}


def service(name: str = "web", port: Any = 8080, **selector: str) -> Object:
    return named("Service", name, spec={"selector": selector or LABELS, "ports": [{"port": 80, "targetPort": port}]})


def policy(name: str, created: str = "", *, types: tuple[str, ...] = ("Ingress", "Egress"), **rules: Any) -> Object:
    spec = {"podSelector": {"matchLabels": LABELS}, "policyTypes": list(types)} | rules
    return named("NetworkPolicy", name, created=created or ago(hours=1), spec=spec)


def event(about: str, reason: str, message: str, *, minutes: float = 1, place: str = "") -> Object:
    involved = {"name": about} | ({"fieldPath": place} if place else {})
    found = named("Event", f"{about}.{reason}.{minutes}", involvedObject=involved, reason=reason, message=message)
    return found | {"lastTimestamp": ago(minutes=minutes)}


def node(name: str = "n1", status: str = "True", reason: str = "KubeletReady", message: str = "it is") -> Object:
    ready = {"type": "Ready", "status": status, "reason": reason, "message": message}
    return {"kind": "Node", "metadata": {"name": name}, "status": {"conditions": [ready]}}


def web_pod(name: str = "web-1", status: Object | None = None, *, of: str = "h1", **container: Any) -> Object:
    """A Pod on n1: running and ready since an hour, or with this status of its container."""
    found = pod(name, of=of, ready=status is None, nodeName="n1")
    spec = {"name": "web", "image": "web:v2", "ports": PORTS} | container
    found["spec"]["containers"] = [spec]
    found["metadata"]["creationTimestamp"] = ago(hours=1)
    well = {"restartCount": 0, "ready": True, "started": True, "state": {"running": {"startedAt": ago(hours=1)}}}
    found["status"]["containerStatuses"] = [{"name": "web"} | (well if status is None else status)]
    return found


def waits(reason: str, message: str = "", **more: Any) -> Object:
    return {"restartCount": 0, "ready": False, "state": {"waiting": {"reason": reason, "message": message}}} | more


def crashed(exit_code: int = 1, reason: str = "Error", restarts: int = 4) -> Object:
    """In CrashLoopBackOff since a minute."""
    ended = {"exitCode": exit_code, "reason": reason, "finishedAt": ago(minutes=1)}
    return waits("CrashLoopBackOff", "back-off", restartCount=restarts, lastState={"terminated": ended})


def log(*lines: str, every: float = 1.0, ended: float = 0.0) -> bytes:
    """A log with the kubelet's stamps: a line every so many seconds, the last one so many seconds ago."""
    begun = NOW - timedelta(seconds=ended + every * (len(lines) - 1))
    stamps = [(begun + timedelta(seconds=every * index)).isoformat() for index in range(len(lines))]
    return "".join(f"{at} {line}\n" for at, line in zip(stamps, lines, strict=True)).encode()


def unready(*, minutes: float = 5, started: bool = True) -> Object:
    running = {"running": {"startedAt": ago(minutes=minutes)}}
    return {"restartCount": 0, "ready": False, "started": started, "state": running}


def unscheduled(words: str, **spec: Any) -> Object:
    found = pod("web-1", ready=False, **spec)
    found["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}],
    }
    return found


def shop(*objects: Object, available: int = 0, target: Object | None = None, **world: Any) -> World:
    """Web with these Pods and other things around it; ``available`` of its 3 Pods are."""
    if target is None:
        target = workload()
        target["spec"]["template"] = template("web:v2", ports=PORTS)
        target = with_status(target, availableReplicas=available or None, readyReplicas=available or None)
    base = [target, replica_set(1, target["spec"]["template"]), service(), node()]
    return World.of(*base, *objects, **world)


def whole(*objects: Object, **world: Any) -> World:
    """Web as it should be, and these things around it."""
    return shop(*[web_pod(f"web-{number}") for number in range(3)], *objects, available=3, **world)


def diagnosed(world: World) -> Finished:
    """What it says when it must answer at once."""
    return expect(Finished, prepare("diagnose", world, patience="0s"))


def outputs(world: World) -> dict[str, Any]:
    return dict(diagnosed(world).outputs)


def blamed(world: World) -> tuple[str, str, str]:
    """Class, object and field of the first finding."""
    found = outputs(world)
    return found["class"], found["object"], found["field"]


def classes(world: World) -> list[str]:
    """The classes of all findings, in rank."""
    found = outputs(world)
    return [found["class"], *(item["class"] for item in found["others"])]
