"""RolloutUnsafe: a rollout has taken every Pod down at once, as its strategy allows, and the new ones do not come up."""

from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import SETTLING_SECONDS
from paramedic.actions.diagnosis.findings import Finding, Rule
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import annotations, condition, dig
from paramedic.model.workloads import most_surge, most_unavailable, strategy_of


def find(scene: Scene) -> Iterator[Finding]:
    view = scene.view
    if view.available or not view.desired or not scene.newest or strategy_of(scene.workload) != "RollingUpdate":
        return
    if most_unavailable(scene.workload) < view.desired or not _rolled_out(scene) or not _lasts(scene):
        return
    part = "strategy" if view.kind == "Deployment" else "updateStrategy"
    field = f"spec.{part}.rollingUpdate.maxUnavailable"
    said = dig(scene.workload, "spec", part, "rollingUpdate", "maxUnavailable", default="the default")
    proof = f"maxUnavailable {said} of {view.desired}, maxSurge {most_surge(scene.workload)}: 0 available"
    if condition(scene.workload, "Available").get("status") == "True":
        proof += ", and yet condition Available is True"
    text = f"the strategy of {scene.target} let a rollout take every Pod down at once, and the new ones are not up: {proof}"
    yield Finding(RULE.kind, scene.target, field, proof, text, scene.newest)


def _rolled_out(scene: Scene) -> bool:
    """Whether there was a revision before: the first Pods of a workload took nobody's place."""
    if scene.workload["kind"] == "Deployment":
        return int(annotations(scene.workload).get("deployment.kubernetes.io/revision", 0)) > 1
    return bool(dig(scene.workload, "metadata", "generation", default=1) > 1)


def _lasts(scene: Scene) -> bool:
    """Whether the new Pods had time to come up."""
    created = [dig(pod, "metadata", "creationTimestamp", default="") for pod in scene.suspects]
    longest = max((scene.seconds_since(moment) for moment in created), default=0.0)
    return scene.view.deadline_exceeded or longest >= SETTLING_SECONDS


RULE = Rule("RolloutUnsafe", find)
