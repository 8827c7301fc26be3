"""ConfigError: a container cannot be created, because a ConfigMap, a Secret or a key of one is missing."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.scene import Scene, mentioned, objections
from paramedic.model.references import ObjectRef

_KEY = re.compile(r"couldn't find key (?P<key>\S+) in ")


def find(scene: Scene) -> Iterator[Finding]:
    told: dict[str, list[str]] = {}
    for words in objections(scene):
        told.setdefault(_essence(words), []).append(words)
    for found in told.values():
        finding = _finding(scene, found[0], len(found))
        if finding:
            yield finding


def _finding(scene: Scene, words: str, pods: int) -> Finding | None:
    ref = mentioned(words)
    if ref is None:
        waits = "references non-existent" in words or any(item.message == words for item in scene.troubled)
        text = f"a container of {scene.target} cannot be created: {quoted(words)}"
        return Finding(RULE.kind, scene.target, "spec.template.spec", words, text, pods) if waits else None
    key = found["key"] if (found := _KEY.search(words)) else ""
    if _is_there_by_now(scene, ref, key):
        return None
    what = f"key {key} of {ref}" if key else str(ref)
    field = f"data[{key}]" if key else "metadata.name"
    text = f"{what} is missing, which {scene.target} needs: {quoted(words)}; create it, or roll back what asks for it"
    return Finding(RULE.kind, str(ref), field, words, text, pods)


def _is_there_by_now(scene: Scene, ref: ObjectRef, key: str) -> bool:
    """The kubelet tries again by itself: once the thing is there, what it said before is history."""
    found = scene.kept.get((ref.kind, ref.name))
    return found is not None and (not key or key in found.keys)


def _essence(words: str) -> str:
    ref, key = mentioned(words), _KEY.search(words)
    return f"{ref} {key['key'] if key else ''}" if ref else words


RULE = Rule("ConfigError", find)
