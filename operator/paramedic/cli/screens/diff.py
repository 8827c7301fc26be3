"""An object before and after, as a unified diff of its YAML; what only the API server writes is left out."""

import copy
import difflib
from collections.abc import Iterator

from rich.text import Text

from paramedic.model.objects import Object
from paramedic.preview import Change

_SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the object, which kubectl keeps
_CONTEXT = 2
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_MOST = 200  # lines of one diff


def diff_rows(change: Change) -> Iterator[Text]:
    """The lines that differ, with a little around them. Values of Secrets are not shown."""
    before, after = _lines(change.before), _lines(change.after)
    ref = change.ref
    name = f"{ref.kind}/{ref.name}"
    found = list(difflib.unified_diff(before, after, f"{name} now", f"{name} after", lineterm="", n=_CONTEXT))
    for line in found[:_MOST]:
        style = "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
        yield Text(line, style)
    if len(found) > _MOST:
        yield Text(f"… {len(found) - _MOST} more lines", "dim")
    if not found:
        yield Text(f"{name} stays as it is", "dim")


def _lines(obj: Object | None) -> list[str]:
    if obj is None:
        return []
    import yaml  # nothing but diffs needs it here

    text: str = yaml.safe_dump(_shown(obj), sort_keys=True, allow_unicode=True, width=10_000)
    return text.splitlines()


def _shown(obj: Object) -> Object:
    shown = copy.deepcopy(obj)
    shown.pop("status", None)
    for key in _SERVERS_OWN:
        shown["metadata"].pop(key, None)
    (shown["metadata"].get("annotations") or {}).pop(_LAST_APPLIED, None)
    if shown.get("kind") == "Secret":
        for key in ("data", "stringData"):
            shown[key] = dict.fromkeys(shown.get(key) or {}, "(not shown)")
    return shown
