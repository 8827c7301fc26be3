"""Incidents as a table, columns as `kubectl get incidents`: open ones first, the newest first among equals."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from paramedic.cli.screens.words import SEVERITY_STYLES, age, phase_mark
from paramedic.engine.lifecycle import ENDED
from paramedic.model.objects import Object, dig
from paramedic.model.times import parse_time

_SEVERITIES = {"Critical": 0, "Warning": 1, "Info": 2}
_WORST_LAST = 3


def is_open(item: Object) -> bool:
    return dig(item, "status", "phase", default="Pending") not in ENDED


def ordered(items: Iterable[Object]) -> list[Object]:
    """Open ones first, the worst among them first; then by age, the newest first."""
    newest = sorted(items, key=lambda item: str(dig(item, "metadata", "creationTimestamp", default="")), reverse=True)
    return sorted(newest, key=lambda item: (not is_open(item), _badness(item) if is_open(item) else 0))


def _badness(item: Object) -> int:
    return _SEVERITIES.get(_severity(item), _WORST_LAST)


def recent(items: Iterable[Object], now: datetime, within: timedelta) -> list[Object]:
    """Those that are open, or ended not longer ago than this."""
    return [item for item in items if is_open(item) or now - _ended_at(item) <= within]


def _ended_at(item: Object) -> datetime:
    return parse_time(dig(item, "status", "times", "finishedAt") or item["metadata"]["creationTimestamp"])


def table(items: Iterable[Object], now: datetime, *, namespaces: bool) -> RenderableType:
    titles = ["NAME", "SEVERITY", "PHASE", "STEP", "PROGRESS", "PLAYBOOK", "TARGET", "AGE"]
    found = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    for title in ["NAMESPACE", *titles] if namespaces else titles:
        found.add_column(title, no_wrap=True, overflow="ignore" if title == "NAME" else "ellipsis")
    for item in items:
        cells = _cells(item, now)
        found.add_row(*([Text(item["metadata"]["namespace"])] if namespaces else []), *cells)
    return found


def _cells(item: Object, now: datetime) -> list[Text]:
    phase, severity = dig(item, "status", "phase", default="Pending"), _severity(item)
    mark = phase_mark(phase)
    made = parse_time(item["metadata"]["creationTimestamp"])
    return [
        Text(item["metadata"]["name"]),
        Text(severity, SEVERITY_STYLES.get(severity, "") if is_open(item) else "dim"),
        Text(f"{mark.icon} {mark.word}", mark.style),
        Text(dig(item, "status", "currentStep", default="")),
        Text(dig(item, "status", "progress", default="")),
        Text(dig(item, "status", "playbook", "name", default="")),
        Text(dig(item, "status", "target", default="")),
        Text(age(now - made)),
    ]


def _severity(item: Object) -> str:
    return str(dig(item, "status", "severity") or dig(item, "spec", "severity", default=""))
