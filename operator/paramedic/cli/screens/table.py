"""Incidents as a table, columns as `kubectl get incidents`: open ones first, the newest first among equals."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderResult
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


_TITLES = ("NAME", "SEVERITY", "PHASE", "STEP", "PROGRESS", "PLAYBOOK", "TARGET", "AGE")
#: What a narrow terminal goes without, in this order; nothing is ever cut short.
_DISPENSABLE = ("PLAYBOOK", "PROGRESS", "TARGET")
_GAP = 3


class IncidentTable:
    """The incidents in columns; where the terminal is too narrow for all, those least needed are left out."""

    def __init__(self, items: Sequence[Object], now: datetime, *, namespaces: bool) -> None:
        titles = ("NAMESPACE", *_TITLES) if namespaces else _TITLES
        rows = [dict(zip(_TITLES, _cells(item, now), strict=True)) for item in items]
        if namespaces:
            for row, item in zip(rows, items, strict=True):
                row["NAMESPACE"] = Text(item["metadata"]["namespace"])
        self._rows = [{title: Text(title) for title in titles}, *rows]
        self._widths = {title: max(row[title].cell_len for row in self._rows) for title in titles}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = dict(self._widths)
        for title in _DISPENSABLE:
            if sum(shown.values()) + _GAP * (len(shown) - 1) > options.max_width:
                del shown[title]
        for row in self._rows:
            cells = [row[title].copy() for title in shown]
            for cell, width in zip(cells[:-1], list(shown.values())[:-1], strict=True):
                cell.pad_right(width + _GAP - cell.cell_len)
            yield Text.assemble(*cells, no_wrap=True, overflow="ignore")


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
