"""OOMKilled: a container keeps needing more memory than its limit."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import Container, out_of_memory
from paramedic.actions.diagnosis.findings import Finding, Rule
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import dig


def find(scene: Scene) -> Iterator[Finding]:
    by_container: dict[str, list[Container]] = {}
    for item in scene.troubled:
        if out_of_memory(item) and (item.waiting or item.keeps_falling(scene.now)):
            by_container.setdefault(item.path, []).append(item)
    for path, items in by_container.items():
        item = items[0]
        limit = dig(item.spec, "resources", "limits", "memory", default="")
        said = f": {item.terminated['message']}" if item.terminated.get("message") else ""
        proof = f"{out_of_memory(item)}, exit code {item.terminated.get('exitCode')}, {item.restarts} restarts{said}"
        bound = f"its memory limit of {limit}" if limit else "the memory of its Node (it has no limit)"
        text = f"container {item.name} of {scene.target} needs more than {bound}: {proof}"
        yield Finding(RULE.kind, scene.target, f"{path}.resources.limits.memory", proof, text, len(items))


RULE = Rule("OOMKilled", find)
