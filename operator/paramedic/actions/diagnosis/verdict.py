"""From a scene to the ranked findings, and to the one answer."""

from dataclasses import dataclass

from paramedic.actions.diagnosis.findings import Finding
from paramedic.actions.diagnosis.rules import RULES
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.text import listing

MAX_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``first`` is the answer; ``others`` are further findings in rank. ``unseen`` is what was not looked at."""

    first: Finding
    others: tuple[Finding, ...]
    unseen: str


def diagnose(scene: Scene) -> Diagnosis:
    """The same scene always gets the same answer: rules in rank, then how many Pods show it, then names."""
    blind = {rule.kind for rule in RULES if rule.needs & scene.unseen.keys()}
    ranked: list[Finding] = []
    for rule in RULES:
        if rule.kind not in blind:
            found = sorted(rule.find(scene), key=lambda item: (-item.pods, item.object, item.field))
            ranked += [item.bounded() for item in found]
    unseen = _unseen(scene)
    if ranked:
        return Diagnosis(ranked[0], tuple(ranked[1 : MAX_OTHERS + 1]), unseen)
    hidden = [rule.kind for rule in RULES if rule.hidden and rule.kind in blind]
    return Diagnosis(_without_findings(scene, hidden).bounded(), (), unseen)


def _without_findings(scene: Scene, hidden: list[str]) -> Finding:
    """Healthy only where the workload is whole, and what its own status would not show was looked for."""
    numbers = scene.view.describe()
    if not scene.view.whole:
        text = f"{scene.target} is not whole and no rule knows why: {numbers}; look at its events and logs"
        return Finding("Unknown", scene.target, "status", numbers, text)
    if hidden:
        text = f"{scene.target}: {numbers}, but nothing rules out {listing(hidden)}"
        return Finding("Unknown", scene.target, "status", numbers, text)
    return Finding("Healthy", scene.target, "", numbers, f"{scene.target}: {numbers}, and no rule finds a fault")


def _unseen(scene: Scene) -> str:
    return "; ".join(f"{source}: {why}" for source, why in sorted(scene.unseen.items()))
