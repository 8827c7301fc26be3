"""ProbeFailure: a container runs, and a probe says that it does not; or a probe ends it again and again."""

from collections.abc import Iterator
from typing import Any

from paramedic.actions.diagnosis.containers import RECENT_SECONDS, Container, unready
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene, moment_of
from paramedic.model.objects import Object, dig

_HANDLERS = ("httpGet", "tcpSocket", "grpc")
_WORDS = {"readinessProbe": "Readiness", "livenessProbe": "Liveness", "startupProbe": "Startup"}


def find(scene: Scene) -> Iterator[Finding]:
    failing: dict[tuple[str, str], list[Container]] = {}
    for item in scene.troubled:
        probe = "" if item.pod in scene.lost else failing_probe(scene, item)
        if probe:
            failing.setdefault((item.path, probe), []).append(item)
    for (path, probe), items in failing.items():
        yield _finding(scene, path, probe, items)


def failing_probe(scene: Scene, item: Container) -> str:
    """The probe that keeps this container from being ready, or that ends it; empty where none does."""
    if killed := _killed_by(scene, item):
        return killed
    if item.waiting or not unready(item, scene.now):
        return ""
    if item.spec.get("startupProbe") and not item.started:
        return "startupProbe"
    return "readinessProbe" if item.spec.get("readinessProbe") else ""


def _killed_by(scene: Scene, item: Container) -> str:
    if not item.keeps_falling(scene.now):
        return ""
    for event in scene.events_of(item.pod, "Killing"):
        words = str(event.get("message"))
        if f"Container {item.name} failed " in words and scene.seconds_since(moment_of(event)) <= RECENT_SECONDS:
            return "startupProbe" if "startup probe" in words else "livenessProbe"
    return ""


def _finding(scene: Scene, path: str, probe: str, items: list[Container]) -> Finding:
    item = items[0]
    told = _told(scene, item, probe)
    state = f"container {item.name} runs since {item.running_since} and is not ready"
    proof = told or (state if item.running_since else f"container {item.name} was ended {item.restarts} times")
    mismatch = _mismatch(item, item.spec.get(probe, {}))
    field = f"{path}.{probe}" + (f".{mismatch[0]}.port" if mismatch else "")
    because = f": its port {mismatch[1]} is none of the container's ports ({mismatch[2]})" if mismatch else ""
    text = f"{probe} of container {item.name} of {scene.target} fails{because}; seen: {quoted(proof)}"
    return Finding(RULE.kind, scene.target, field, proof, text, len(items))


def _told(scene: Scene, item: Container, probe: str) -> str:
    """What the kubelet said about this probe last."""
    for event in scene.events_of(item.pod, "Unhealthy"):
        place = dig(event, "involvedObject", "fieldPath", default="")
        words = str(event.get("message"))
        if words.startswith(_WORDS[probe]) and place in ("", f"spec.containers{{{item.name}}}"):
            return words
    return ""


def _mismatch(item: Container, probe: Object) -> tuple[str, Any, str] | None:
    """Handler, port and declared ports, where the probe asks a port that the container does not declare."""
    ports: list[Object] = item.spec.get("ports") or []
    declared = {port.get("containerPort") for port in ports} | {port.get("name") for port in ports}
    for handler in _HANDLERS:
        port = dig(probe, handler, "port")
        if ports and port is not None and port not in declared:
            return handler, port, ", ".join(str(item.get("containerPort")) for item in ports)
    return None


RULE = Rule("ProbeFailure", find)
