"""An object before and after, as a unified diff of its YAML; what only the API server writes is left out."""

import difflib
from collections.abc import Iterator

from rich.text import Text

from paramedic.actions.changes import Change
from paramedic.model.differences import shown
from paramedic.model.objects import Object

_CONTEXT = 2
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_MOST = 200  # lines of one diff


def diff_rows(change: Change) -> Iterator[Text]:
    """The lines that differ, with a little around them. Values of Secrets are not shown."""
    old, new = shown(change.before, change.after)
    before, after = _lines(old), _lines(new)
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


def _lines(obj: Object) -> list[str]:
    if not obj:
        return []
    import yaml  # nothing but diffs needs it here

    text: str = yaml.safe_dump(obj, sort_keys=True, allow_unicode=True, width=10_000)
    return text.splitlines()
