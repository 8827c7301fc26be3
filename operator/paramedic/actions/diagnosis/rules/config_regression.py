"""ConfigRegression: what runs began to complain just after its configuration was changed, and had not before."""

from collections.abc import Iterator
from datetime import timedelta

from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.kept import Kept
from paramedic.actions.diagnosis.scene import Scene, Spoken
from paramedic.actions.workloads.template_references import uses_of
from paramedic.model.references import CONFIGMAP, SECRET
from paramedic.model.times import parse_time

#: The kubelet renews mounted configuration within some 90 s; then it has to be read, and to do harm.
_CAUSED = timedelta(minutes=3)


def find(scene: Scene) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for said in scene.complaints:
        for name, kept in used(scene, followed=True):
            finding = _began_with(scene, said, name, kept)
            if finding and (finding.object, finding.field) not in told:
                told.add((finding.object, finding.field))
                yield finding


def used(scene: Scene, *, followed: bool = False) -> list[tuple[str, Kept]]:
    """The ConfigMaps and Secrets of the template that were read, as Kind/name. ``followed``: those whose changes reach a
    container that runs.
    """
    uses = [use for use in uses_of(scene.template) if use.resource in (CONFIGMAP, SECRET)]
    names = {(use.resource.kind, use.name) for use in uses if use.how == "volume" or not followed}
    return [(f"{kind}/{name}", scene.kept[kind, name]) for kind, name in sorted(names) if (kind, name) in scene.kept]


def _began_with(scene: Scene, said: Spoken, name: str, kept: Kept) -> Finding | None:
    """Only where the log reaches back to before the change, and was quiet then."""
    key, when, who = kept.newest()
    complaint = said.complaint
    if not when or complaint is None or complaint.before is None:
        return None
    changed = parse_time(when)
    # Managed fields tell whole seconds.
    after = complaint.first - changed
    if changed <= parse_time(said.item.running_since) or not timedelta(seconds=-1) <= after <= _CAUSED:
        return None
    field, line = (f"data[{key}]" if key else "data"), printable(said.text)
    text = (
        f"container {said.item.name} of {scene.target} complains since {max(0, after.total_seconds()):.0f} s after {who}"
        f" wrote {field} of {name} at {when}, and did not before: {quoted(line)}"
    )
    return Finding(RULE.kind, name, field, line, text, said.pods)


RULE = Rule("ConfigRegression", find, frozenset({"logs"}), hidden=True)
