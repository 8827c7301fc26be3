"""Whom to tell, and when: escalation levels by time, status updates, what waits for a person, how it ended.

Nothing is remembered but what is stored: which levels are over, and when an update went out. The rest is counted from the
incident's own times, so that a restart of the operator forgets no level and tells none twice.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from paramedic.api.v1alpha1.incident_status import Escalation, Policy, UpdateSent
from paramedic.engine.lifecycle import ENDED
from paramedic.engine.run import PERSON, Happening, Run
from paramedic.engine.telling.levels import first_channels, open_levels
from paramedic.engine.telling.messages import answer_command, command, fill
from paramedic.engine.telling.notices import add_notice, next_notice
from paramedic.model.durations import parse_duration
from paramedic.model.times import format_second, format_time, parse_time

_ORDER = ("Info", "Warning", "Critical")


def raise_severity(run: Run, to: str, why: str) -> None:
    """Raises the severity, never lowers it; the levels of the new severity count from now."""
    now = run.status.severity or "Info"
    if _ORDER.index(to) <= _ORDER.index(now):
        return
    run.status.severity = to
    done = run.status.escalation.done if run.status.escalation else []
    run.status.escalation = Escalation(severity=to, since=run.stamp(), done=done)
    run.tell(Happening("SeverityRaised", f"severity raised from {now} to {to}: {why}", warning=True))


def tell_people(run: Run, policy: Policy, account: str) -> timedelta | None:
    """Writes down every message that is due. How long until the next one is; None if none will be."""
    _tell_who_is_waited_for(run, policy, account)
    _escalate(run, policy, account)
    _update(run, policy, account)
    _tell_the_end(run, policy, account)
    moments = [moment - run.now for moment in _coming(run, policy)]
    if (again := next_notice(run)) is not None:
        moments.append(again)
    return max(timedelta(0), min(moments)) if moments else None


# --- escalation


def _escalate(run: Run, policy: Policy, account: str) -> None:
    if not policy.escalation or run.phase in ("Resolved", "Cancelled", "Planned"):
        return
    state = run.status.escalation
    if state is None:
        since = run.status.times.detected_at or run.stamp()
        state = run.status.escalation = Escalation(severity=run.status.severity or "Info", since=since)
    just_failed = run.phase == "Failed" and run.incident.status.phase != "Failed"
    for index, level, due in sorted(open_levels(run.status, policy, run.now), key=lambda item: item[2]):
        if due > run.now and not just_failed:
            continue
        just_failed = False  # a failure calls the next level at once, the others keep their time
        _call(run, policy, account, index, level)


def _call(run: Run, policy: Policy, account: str, index: int, level: dict[str, Any]) -> None:
    if run.status.escalation is None:
        return
    run.status.escalation.done.append(index)
    text = f"level {index + 1}: {level['channel']}"
    run.observe("Escalated", "True", "LevelReached", text)
    run.tell(Happening("Escalated", f"escalated to {text}", warning=True))
    add_notice(run, policy, account, level["channel"], f"Escalation {index + 1}", fill(run, level["message"]))
    if to := level.get("raiseTo"):
        raise_severity(run, to, f"escalation level {index + 1}")


# --- updates


def _update(run: Run, policy: Policy, account: str) -> None:
    if run.phase in ENDED:
        return
    begun = run.status.times.detected_at or run.stamp()
    while len(run.status.updates) < len(policy.updates):
        item = policy.updates[len(run.status.updates)]
        due = parse_time(begun) + parse_duration(item["every"])
        run.status.updates.append(UpdateSent(channel=item["channel"], at=begun, next=format_time(due)))
    for number, (item, state) in enumerate(zip(policy.updates, run.status.updates, strict=False)):
        if run.now < parse_time(state.next):
            continue
        following = run.now + parse_duration(item["every"])
        state.at, state.next = run.stamp(), format_time(following)
        text = fill(run, item["message"], format_second(following))
        add_notice(run, policy, account, item["channel"], f"Update {number + 1}", text)


# --- what just happened


def _tell_who_is_waited_for(run: Run, policy: Policy, account: str) -> None:
    for happening in run.happened:
        if happening.reason != "StepWaiting":
            continue
        step = run.step(happening.step)
        if step.waits_for not in PERSON:
            continue
        text = f"A person is needed: {happening.message}\nAnswer with: {answer_command(run, step)}"
        for channel in dict.fromkeys([*filter(None, [happening.channel]), *first_channels(policy)]):
            add_notice(run, policy, account, channel, f"Waiting {step.name}", text)


def _tell_the_end(run: Run, policy: Policy, account: str) -> None:
    """Whoever was told that it began is told how it ended."""
    if run.phase not in ENDED or run.incident.status.phase in ENDED:
        return
    text = f"{run.phase}: {run.status.message}\nReport: {command(run, 'report')}"
    before = {item.id for item in run.incident.status.notifications}
    told = [item for item in run.status.notifications if item.id in before or not item.reason.startswith("Escalation")]
    for channel in dict.fromkeys(item.channel for item in told):
        add_notice(run, policy, account, channel, "Ended", text)


def _coming(run: Run, policy: Policy) -> Iterator[datetime]:
    if run.phase not in ("Resolved", "Cancelled", "Planned"):
        yield from (due for _, _, due in open_levels(run.status, policy, run.now))
    if run.phase not in ENDED:
        yield from (parse_time(item.next) for item in run.status.updates)
