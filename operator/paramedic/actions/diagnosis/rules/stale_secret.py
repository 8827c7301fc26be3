"""StaleSecret: what runs is refused, with credentials that its Secret no longer holds: env is read once, at the start."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.findings import Finding, Rule, printable, quoted
from paramedic.actions.diagnosis.scene import Scene, Spoken
from paramedic.actions.workloads.template_references import uses_of
from paramedic.model.references import SECRET
from paramedic.model.times import parse_time

_REFUSED = re.compile(
    r"authentication fail|auth(?:entication)? (?:error|denied)|access denied|invalid (?:password|credential|token|api.?key)"
    r"|(?:wrong|bad|incorrect) (?:password|credential)|login failed|unauthorized|WRONGPASS|NOAUTH|\b401\b"
    r"|permission denied for (?:user|role)",
    re.IGNORECASE,
)


def find(scene: Scene) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for said in scene.complaints:
        for finding in _stale(scene, said) if _REFUSED.search(said.text) else ():
            if (finding.object, finding.field) not in told:
                told.add((finding.object, finding.field))
                yield finding


def _stale(scene: Scene, said: Spoken) -> Iterator[Finding]:
    """The Secrets in the container's environment that were written after it had started."""
    item = said.item
    by_name: dict[str, set[str]] = {}
    for use in uses_of(scene.template):
        if use.resource is SECRET and use.how == "env" and use.container == item.name:
            by_name.setdefault(use.name, set()).add(use.key)
    for name, keys in by_name.items():
        kept = scene.kept.get((SECRET.kind, name))
        key, when, who = kept.newest(*(() if "" in keys else keys)) if kept else ("", "", "")
        if not when or parse_time(when) <= parse_time(item.running_since):
            continue
        field, line = (f"data[{key}]" if key else "data"), printable(said.text)
        text = (
            f"{scene.target} still runs with an older {SECRET.kind}/{name}: {who} wrote {field} at {when}, container"
            f" {item.name} started at {item.running_since}, and its log says {quoted(line)}; restart it"
        )
        yield Finding(RULE.kind, f"{SECRET.kind}/{name}", field, line, text, said.pods)


RULE = Rule("StaleSecret", find, frozenset({"logs"}), hidden=True)
