"""NodeNotReady: Pods are not ready because the Node that they are on is not."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import Object, condition, dig
from paramedic.model.text import plural
from paramedic.model.workloads import pod_ready


def find(scene: Scene) -> Iterator[Finding]:
    for name, node in sorted(scene.nodes.items()):
        ready = condition(node, "Ready")
        hurt = [pod for pod in scene.pods if _is_on(pod, name) and not pod_ready(pod)]
        if ready.get("status") == "True" or not hurt:
            continue
        status = ready.get("status") or "unknown"
        proof = f"Ready={status} {ready.get('reason') or ''}: {ready.get('message') or 'no condition Ready'}"
        text = f"Node {name} is not ready, and {plural(len(hurt), 'Pod')} of {scene.target} with it: {quoted(proof)}"
        yield Finding(RULE.kind, f"Node/{name}", "status.conditions[Ready]", proof, text, len(hurt))


def _is_on(pod: Object, node: str) -> bool:
    """Whether it should run there; one on its way out counts, since a lost Node keeps it from ending."""
    return dig(pod, "spec", "nodeName") == node and dig(pod, "status", "phase") not in ("Succeeded", "Failed")


RULE = Rule("NodeNotReady", find, frozenset({"nodes"}))
