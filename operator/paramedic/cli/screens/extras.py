"""What belongs to an incident beside its steps: proof of recovery, evidence, who was told, what happened when."""

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from paramedic.api.v1alpha1.incident_status import Notification
from paramedic.cli.screens.layout import Hanging
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import DONE, FAILED, RUNNING, UNKNOWN, clock, span
from paramedic.engine.telling.levels import open_levels
from paramedic.model.durations import parse_duration
from paramedic.model.text import plural
from paramedic.model.times import format_time

_NOTIFICATION_MARKS = {"Sent": DONE, "Failed": FAILED, "Sending": RUNNING}
_NOTIFICATION_WORDS = {"Sent": "told", "Failed": "not told", "Sending": "telling", "Unknown": "perhaps told"}
_LATEST = 5


def recovery_row(view: View) -> Iterator[RenderableType]:
    recovery, plan = view.status.recovery, view.status.plan
    if recovery is None or plan is None or view.ended:
        return
    stable = span(parse_duration(plan.recovery.stable_for))
    if recovery.healthy_since:
        text = f"every check has held for {span(view.since(recovery.healthy_since))} of {stable}"
    else:
        allowed = span(parse_duration(plan.recovery.timeout))
        text = f"{span(view.since(recovery.started_at))} of {allowed}: {recovery.message}"
    yield Hanging(Text(f"{RUNNING.icon} recovery  ", RUNNING.style), Text(text))


def escalation_row(view: View) -> Iterator[RenderableType]:
    """Who is told next if nobody takes care of it."""
    plan = view.status.plan
    if plan is None or view.ended:
        return
    coming = sorted(open_levels(view.status, plan.policy, view.now), key=lambda item: item[2])
    if coming:
        _, level, due = coming[0]
        unless = "acknowledged" if level.get("unless") == "Acknowledged" else "resolved"
        when = f"{clock(format_time(due))}, in {span(due - view.now)}" if due > view.now else "any moment"
        yield Hanging(Text("Escalates ", "dim"), Text(f"to {level['channel']} at {when}, unless {unless}"))


def evidence_row(view: View) -> Iterator[RenderableType]:
    pieces = view.status.evidence
    if not pieces:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(item.kind for item in pieces).items()))
    yield Hanging(Text("Evidence  ", "dim"), Text(f"{plural(len(pieces), 'piece')} ({kinds})"))


def notification_rows(view: View, *, every: bool) -> Iterator[RenderableType]:
    """The last word to each channel, or every word."""
    told = view.status.notifications
    if not every:
        told = list({item.channel: item for item in told}.values())
    for at, item in enumerate(told):
        yield Hanging(Text("Told      " if at == 0 else "          ", "dim"), _notification(item))


def _notification(item: Notification) -> Text:
    mark = _NOTIFICATION_MARKS.get(item.state, UNKNOWN)
    text = Text.assemble((f"{mark.icon} {item.channel} {_NOTIFICATION_WORDS[item.state]}", mark.style))
    text.append(f" {clock(item.at)} ({item.reason})")
    if item.message and item.state != "Sent":
        text.append(f": {item.message}")
    return text


def timeline_rows(view: View, *, every: bool) -> Iterator[RenderableType]:
    entries = view.status.timeline if every else view.status.timeline[-_LATEST:]
    for at, entry in enumerate(entries):
        who = "" if entry.actor == "paramedic" else f" by {entry.actor}"
        lead = Text("Timeline  " if at == 0 else "          ", "dim") + Text(f"{clock(entry.at)}  ", "dim")
        yield Hanging(lead, Text.assemble((f"{entry.event}{who}", "bold"), f"  {' '.join(entry.message.split())}"), 0)
