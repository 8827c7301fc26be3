"""CrashLoop: a container ends again and again by itself; its log may say why."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import Container, out_of_memory
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.rules.node_not_ready import on_lost_nodes
from paramedic.actions.diagnosis.rules.probe_failure import failing_probe
from paramedic.actions.diagnosis.scene import Scene

_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ?")
_TELLING = re.compile(
    r"panic|fatal|error|exception|refused|denied|not found|no such|cannot|can't|unable|failed|invalid|missing|in use",
    re.IGNORECASE,
)
_LINE_LIMIT = 300


def find(scene: Scene) -> Iterator[Finding]:
    lost = on_lost_nodes(scene)
    by_container: dict[str, list[Container]] = {}
    for item in scene.troubled:
        explained = item.pod in lost or out_of_memory(item) or failing_probe(scene, item)
        if item.keeps_falling(scene.now) and not explained:
            by_container.setdefault(item.path, []).append(item)
    for path, items in by_container.items():
        item = items[0]
        line = next((found for each in items if (found := _telling(scene, each))), "")
        ended = f"exit code {item.terminated.get('exitCode')}" if item.terminated else item.message
        why = f": {item.terminated['message']}" if item.terminated.get("message") else ""
        proof = line or f"{item.waiting or 'restarting'}: {ended}, {item.restarts} restarts{why}"
        said = f"its log says {quoted(line)}" if line else f"no line of its log was found that says why ({ended})"
        text = f"container {item.name} of {scene.target} ends again and again ({ended}); {said}"
        yield Finding(RULE.kind, scene.target, path, proof, text, len(items))


def _telling(scene: Scene, item: Container) -> str:
    """The log line that tells most: the last that speaks of an error, else the last of all."""
    for content in scene.logs.get((item.pod, item.name), []):
        lines = [_STAMP.sub("", line) for line in content.decode(errors="replace").splitlines()]
        lines = [line for line in lines if line.strip()]
        if lines:
            telling = next((line for line in reversed(lines) if _TELLING.search(line[:4096])), lines[-1])
            return printable(telling, _LINE_LIMIT)
    return ""


RULE = Rule("CrashLoop", find)
