"""InitBlocked: an init container goes on and on, so that the containers of the Pod never start."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import SETTLING_SECONDS, Container
from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.log_lines import lines_of, repeated_line
from paramedic.actions.diagnosis.scene import Log, Scene

#: A migration may take its time; what says the same again and again, or outlasts the rollout's deadline, may not.
_LONG_SECONDS = 120


def find(scene: Scene) -> Iterator[Finding]:
    by_container: dict[str, list[Container]] = {}
    for item in scene.running:
        if item.init and item.spec.get("restartPolicy") != "Always" and item.pod not in scene.lost:
            by_container.setdefault(item.path, []).append(item)
    for path, items in by_container.items():
        if not any(_is_stuck(scene, item) for item in items):
            continue
        item = max(items, key=lambda each: each.up_for(scene.now))
        line = next((text for each in items if (text := _newest_line(scene, each))), "")
        state = f"it runs since {item.running_since}"
        said = f"its log says {quoted(line)}" if line else "it logs nothing"
        text = (
            f"init container {item.name} of {scene.target} has not ended for {item.up_for(scene.now):.0f} s, so that no"
            f" other container starts; {said}"
        )
        yield Finding(RULE.kind, scene.target, path, printable(line) or state, text, len(items))


def _is_stuck(scene: Scene, item: Container) -> bool:
    age = item.up_for(scene.now)
    if scene.view.deadline_exceeded or repeated_line(_log(scene, item)):
        return age >= SETTLING_SECONDS / 2
    return age >= _LONG_SECONDS


def _newest_line(scene: Scene, item: Container) -> str:
    texts = [line.text for line in lines_of(_log(scene, item))]
    return texts[-1] if texts else ""


def _log(scene: Scene, item: Container) -> bytes:
    return scene.logs.get((item.pod, item.name), Log()).current


RULE = Rule("InitBlocked", find)
