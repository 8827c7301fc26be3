"""ScaledToZero: no Pod is wanted."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.findings import Finding, Rule
from paramedic.actions.diagnosis.scene import Scene


def find(scene: Scene) -> Iterator[Finding]:
    if scene.workload["kind"] != "DaemonSet" and scene.view.desired == 0:
        text = f"{scene.target} is scaled to zero, so nothing serves; scale it up"
        yield Finding(RULE.kind, scene.target, "spec.replicas", "spec.replicas: 0", text)


RULE = Rule("ScaledToZero", find)
