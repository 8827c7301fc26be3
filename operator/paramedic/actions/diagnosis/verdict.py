"""From a scene to the ranked findings, and to the one answer."""

from dataclasses import dataclass

from paramedic.actions.diagnosis.findings import Finding, printable, quoted
from paramedic.actions.diagnosis.rules import RULES
from paramedic.actions.diagnosis.rules.config_regression import used
from paramedic.actions.diagnosis.scene import Scene, moment_of
from paramedic.actions.diagnosis.settling import settling
from paramedic.model.text import listing, plural
from paramedic.model.times import parse_time

MAX_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``first`` is the answer; ``others`` are further findings in rank. ``unseen`` is what was not looked at.
    ``settling`` is why another look may find more; empty where it would not.
    """

    first: Finding
    others: tuple[Finding, ...]
    unseen: str
    settling: str = ""


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
    return Diagnosis(_without_findings(scene, hidden).bounded(), (), unseen, settling(scene))


def _without_findings(scene: Scene, hidden: list[str]) -> Finding:
    """Healthy only where the workload is whole, what its own status would not show was looked for, and its logs do not
    complain.
    """
    numbers = scene.view.describe()
    if not scene.view.whole:
        warning = _newest_warning(scene)
        text = f"{scene.target} is not whole and no rule knows why: {numbers}"
        text += f"; last warned of: {quoted(warning)}" if warning else "; look at its events and logs"
        return Finding("Unknown", scene.target, "status", warning or numbers, text)
    if scene.complaints:
        return _complaining(scene, numbers)
    if hidden:
        text = f"{scene.target}: {numbers}, but nothing rules out {listing(hidden)}"
        return Finding("Unknown", scene.target, "status", numbers, text)
    logs = sum(1 for log in scene.logs.values() if log.current)
    heard = f"the newest lines of {plural(logs, 'log')} repeat no error" if logs else "no log was there to look at"
    text = f"{scene.target}: {numbers}, no rule finds a fault, and {heard}"
    return Finding("Healthy", scene.target, "", numbers, text)


def _complaining(scene: Scene, numbers: str) -> Finding:
    """Pods that are all available and log errors are not healthy: what the errors mean, a person must say."""
    said = scene.complaints[0]
    times = said.complaint.times if said.complaint else 0
    text = (
        f"{scene.target}: {numbers}, but container {said.item.name} repeats an error that no rule knows, {times} times up"
        f" to now: {quoted(said.text)}"
    )
    return Finding(
        "Unknown", scene.target, said.item.path, printable(said.text), text + _changed_since(scene), said.pods
    )


def _changed_since(scene: Scene) -> str:
    """Which configuration was written after the Pods had started: a hint, no proof."""
    started = min((parse_time(item.running_since) for item in scene.running), default=scene.now)
    for name, kept in used(scene):
        _, when, who = kept.newest()
        if when and parse_time(when) > started:
            return f"; {name} was changed by {who} at {when}, after its Pods had started"
    return ""


def _newest_warning(scene: Scene) -> str:
    """The newest Warning about the workload, its newest ReplicaSet or a suspect."""
    names = {item["metadata"]["name"] for item in (*scene.owners, *scene.suspects)}
    told = [
        item for item in scene.events
        if item.get("type") == "Warning" and item.get("involvedObject", {}).get("name") in names
    ]  # fmt: skip
    newest = max(told, key=lambda item: (moment_of(item), str(item.get("message"))), default=None)
    return f"{newest.get('reason')}: {newest.get('message')}" if newest else ""


def _unseen(scene: Scene) -> str:
    return "; ".join(f"{source}: {why}" for source, why in sorted(scene.unseen.items()))
