"""CrashLoop: a container ends again and again by itself; its log may say why."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import Container, out_of_memory
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.rules.port_conflict import port_taken
from paramedic.actions.diagnosis.rules.probe_failure import failing_probe
from paramedic.actions.diagnosis.scene import Scene

_LINE_LIMIT = 300


def find(scene: Scene) -> Iterator[Finding]:
    rivals = [said.item for said in scene.last_words if port_taken(said)]
    by_container: dict[str, list[Container]] = {}
    for item in scene.troubled:
        explained = item.pod in scene.lost or out_of_memory(item) or failing_probe(scene, item) or item in rivals
        if item.keeps_falling(scene.now) and not explained:
            by_container.setdefault(item.path, []).append(item)
    for path, items in by_container.items():
        item = items[0]
        line = next((printable(said.text, _LINE_LIMIT) for said in scene.last_words if said.item in items), "")
        ended = f"exit code {item.terminated.get('exitCode')}" if item.terminated else item.message
        why = f": {item.terminated['message']}" if item.terminated.get("message") else ""
        proof = line or f"{item.waiting or 'restarting'}: {ended}, {item.restarts} restarts{why}"
        said = f"its log says {quoted(line)}" if line else f"no line of its log was found that says why ({ended})"
        text = f"container {item.name} of {scene.target} ends again and again ({ended}); {said}"
        yield Finding(RULE.kind, scene.target, path, proof, text, len(items))


RULE = Rule("CrashLoop", find)
