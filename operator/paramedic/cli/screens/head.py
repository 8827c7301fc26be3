"""The head of an incident: what, how bad, where it stands, what it is about, who has it."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from paramedic.cli.screens.headline import headline
from paramedic.cli.screens.layout import Beside, Hanging, pair
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import SEVERITY_STYLES, clock, span
from paramedic.model.workloads import Workload


def head(view: View, *, lines: int = 0) -> Iterator[RenderableType]:
    """The answer first, then the facts. ``lines`` bounds the first sentence and the summary."""
    severity = view.status.severity or view.incident.spec.severity or "no severity"
    name = Text(view.name, style="bold")
    yield Beside(name, Text(severity, style=SEVERITY_STYLES.get(severity, "")), *_mode(view))
    yield Hanging(Text(), headline(view), lines)
    yield Hanging(Text("Summary  ", style="dim"), Text(view.incident.spec.summary), lines)
    yield Beside(pair("Target  ", _target(view)), _impact(view))
    yield Beside(pair("Playbook", _playbook(view)), *_people(view))
    yield from _more(view, lines)


def _mode(view: View) -> Iterator[Text]:
    if view.incident.spec.mode == "DryRun":
        yield Text("dry run: nothing is changed", style="magenta")


def _target(view: View) -> Text:
    wanted = view.incident.spec.target_ref
    text = Text(view.status.target or (f"{wanted.kind}/{wanted.name}" if wanted else "none"))
    if view.target is not None:
        now = Workload.of(view.target)
        well = now.available >= now.desired
        text.append(f"  {now.available}/{now.desired} available", style="green" if well else "red")
    return text


def _impact(view: View) -> Text:
    times = view.status.times
    if not times.started_at:
        return Text()
    end = times.mitigated_at or (times.finished_at if view.ended else None)
    length = view.since(times.started_at) - (view.since(end) if end else view.since(None))
    until = f"{clock(times.started_at)} to {clock(end)}" if end else f"since {clock(times.started_at)}"
    return pair("Impact", f"{until} ({span(length)})")


def _playbook(view: View) -> Text:
    seen = view.status.playbook
    if seen is None:
        return Text("none yet")
    version = f"@g{seen.generation}" if seen.generation else ""
    text = Text(f"{seen.name}{version}")
    if view.status.progress:
        word = "steps over" if view.ended else "step"
        text.append(f"  {word} {view.status.progress}")
    return text


def _people(view: View) -> Iterator[Text]:
    taken = view.status.acknowledgement
    if taken:
        yield pair("Acknowledged", f"{taken.by} {clock(taken.at)}")
    elif view.status.phase != "Planned":
        yield pair("Acknowledged", Text("by nobody", style="" if view.ended else "yellow"))
    lead = view.status.lead or view.incident.spec.lead
    if lead:
        yield pair("Lead", lead)


def _more(view: View, lines: int) -> Iterator[RenderableType]:
    impact = view.status.impact or view.incident.spec.impact
    if impact:
        yield Hanging(Text("Users    ", style="dim"), Text(impact), lines)
    if view.status.related:
        yield Hanging(Text("Related  ", style="dim"), Text(", ".join(view.status.related)), lines)
