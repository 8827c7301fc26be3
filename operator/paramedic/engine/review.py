"""The report: what happened when, who did what, what was seen and changed. Facts are filled in; judgement is left to the
people who review, and marked as theirs. Blameless: it names what was done, never whose fault it was.
"""

from collections.abc import Iterator

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import FieldChange, IncidentStatus, StepStatus, Times
from paramedic.engine.lifecycle import ENDED
from paramedic.model.durations import format_duration
from paramedic.model.text import plural, shorten
from paramedic.model.timeline import OPERATOR
from paramedic.model.times import parse_time

LIMIT = 16_000
_JUDGED = ("Contributing factors", "Where we were lucky")
_OPEN = "_For the reviewers to fill in._"


def render(incident: Incident, status: IncidentStatus) -> str:
    """The report as Markdown, at most 16,000 characters."""
    sections = (
        _head, _impact, _steps, _changes, _durations, _responders, _evidence, _well, _not_well, _follow_up,
        _judgement, _messages, _timeline,
    )  # fmt: skip
    lines = [line for section in sections for line in [*section(incident, status), ""]]
    return shorten("\n".join(lines).rstrip() + "\n", LIMIT)


def _head(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield f"# Incident {incident.metadata.namespace}/{incident.metadata.name}: {_cell(incident.spec.summary)}"
    yield ""
    if status.phase in ENDED:
        yield f"**{status.phase}**: {_cell(status.message)}"
    else:  # it may hold a command, to be copied as it stands
        yield f"**{status.phase}**:"
        yield ""
        yield "    " + " ".join(status.message.split())
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    playbook = f"{status.playbook.name} (generation {status.playbook.generation})" if status.playbook else "none"
    plan = f"{status.plan.hash[:12]}, as ServiceAccount {status.plan.service_account_name}" if status.plan else "none"
    rows = {
        "Severity": status.severity or "not said",
        "Target": status.target or "not known",
        "Playbook": playbook,
        "Plan": plan,
        "Mode": incident.spec.mode,
        "Chosen because": status.playbook.reason if status.playbook and status.playbook.reason else "not chosen",
        "Alert": _alert(incident, status),
        "Linked to": status.linked_to or "no other incident",
        "Related": ", ".join(status.related) or "none",
    }
    for name, value in rows.items():
        yield f"| {name} | {_cell(value)} |"


def _alert(incident: Incident, status: IncidentStatus) -> str:
    if incident.spec.alert is None:
        return "none"
    return f"{incident.spec.alert.name}, {status.alert.state.lower() if status.alert else 'firing'}"


def _impact(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Impact"
    yield ""
    yield _cell(status.impact) if status.impact else "Nobody has stated it."
    yield ""
    yield _OPEN


def _responders(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Responders"
    yield ""
    yield "| Role | Who |"
    yield "| --- | --- |"
    yield f"| Incident commander | {_cell(status.lead or 'nobody')} |"
    yield f"| Opened by | {_cell(incident.spec.opened_by or 'not known')} |"
    yield f"| Acknowledged by | {_cell(status.acknowledgement.by if status.acknowledgement else 'nobody')} |"
    for item in incident.spec.approvals:
        yield f"| {item.decision} of {item.step} | {_cell(item.by)}{': ' + _cell(item.note) if item.note else ''} |"


def _not_well(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## What did not go well"
    yield ""
    for step in status.steps:
        if step.state == "Failed" and not ACTIONS[step.action].check:
            yield f"- step {step.name} ({step.action}) failed: {_cell(step.message)}"
        if step.attempt > 1:
            yield f"- step {step.name} took {step.attempt} attempts"
    for item in status.notifications:
        if item.state in ("Failed", "Unknown"):
            yield f"- {_cell(item.channel)} was not surely told ({_cell(item.reason)}): {_cell(item.message)}"
    yield f"- {_OPEN}"


def _messages(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Messages"
    yield ""
    if not status.notifications:
        yield "Nobody was told anything by paramedic."
        return
    yield "| At | Channel | About | State |"
    yield "| --- | --- | --- | --- |"
    for item in status.notifications:
        yield f"| {item.at[:19]}Z | {_cell(item.channel)} | {_cell(item.reason)} | {item.state} |"


def _steps(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Steps"
    yield ""
    if not status.steps:
        yield "No step was planned."
        return
    yield "| Step | Action | State | Took | What happened |"
    yield "| --- | --- | --- | --- | --- |"
    for step in status.steps:
        attempts = f" (attempt {step.attempt})" if step.attempt > 1 else ""
        yield f"| {step.name} | {step.action} | {step.state}{attempts} | {_took(step)} | {_cell(step.message)} |"


def _changes(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield from _foreseen(status) if incident.spec.mode == "DryRun" else _changed(status)


def _foreseen(status: IncidentStatus) -> Iterator[str]:
    yield "## What would be changed"
    yield ""
    for step in status.steps:
        for change in step.changes:
            pods = f" ({change.pods})" if change.pods else ""
            yield f"- step {step.name} ({step.action}): {change.verb} {_cell(change.object)}{pods}"
            for field in change.fields:
                yield f"  - {_cell(in_words(field))}"
            if change.fields_left_out:
                yield f"  - and {plural(change.fields_left_out, 'more field')}"
        if step.changes_left_out:
            yield f"- step {step.name} ({step.action}): and {plural(step.changes_left_out, 'more object')}"
    if not any(step.changes for step in status.steps):
        yield "Nothing."


def in_words(field: FieldChange) -> str:
    """One field before and after, such as ``spec.replicas: 2 → 3``."""
    if field.before is None:
        return f"{field.path}: {field.after}"
    return f"{field.path}: {field.before} → {field.after or 'none'}"


def _changed(status: IncidentStatus) -> Iterator[str]:
    yield "## What was changed"
    yield ""
    changed = [step for step in status.steps if step.intent is not None and _leaves_a_change(step)]
    for step in changed:
        back = ""
        kept = ACTIONS[step.action].keeps_way_back
        if step.undo and kept and step.state == "Succeeded":
            back = f" It stays: {_cell(step.undo.message)}."
        elif step.undo:
            back = f" Undone ({step.undo.state}): {_cell(step.undo.message)}."
        elif step.expires_at:
            back = f" {'Can be undone until' if kept else 'Ends by itself at'} {step.expires_at}."
        yield f"- {step.target}, by {step.action} (step {step.name}, operation {step.operation_id}).{back}"
    if not changed:
        yield "Nothing."


def _leaves_a_change(step: StepStatus) -> bool:
    """More than evidence and messages, which have no way back."""
    return ACTIONS[step.action].remedy or ACTIONS[step.action].can_undo


def _durations(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Times"
    yield ""
    spans = (
        ("started_at", "detected_at"), ("detected_at", "acknowledged_at"), ("detected_at", "first_action_at"),
        ("started_at", "mitigated_at"), ("started_at", "resolved_at"),
    )  # fmt: skip
    found = [(begin, end) for begin, end in spans if getattr(status.times, begin) and getattr(status.times, end)]
    for begin, end in found:
        yield f"- from {_name(begin)} to {_name(end)}: {_span(status.times, begin, end)}"
    if not found:
        yield "No two times are known."


def _evidence(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Evidence"
    yield ""
    if not status.evidence:
        yield "None was collected."
        return
    yield "| Piece | Kept in | sha256 of the content | Bytes |"
    yield "| --- | --- | --- | --- |"
    for item in status.evidence:
        yield f"| {_cell(item.name)} | {item.ref} | `{item.sha256[:16]}…` | {item.bytes} |"


def _well(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## What went well"
    yield ""
    facts = [f"step {step.name} ({step.action}) did what it should" for step in status.steps if _helped(step)]
    if status.phase == "Resolved":
        facts.append(f"the service {_cell(status.message)}")
    for fact in facts:
        yield f"- {fact}"
    yield f"- {_OPEN}"


def _helped(step: StepStatus) -> bool:
    return step.state in ("Succeeded", "Undone") and not ACTIONS[step.action].check


#: What a change that stays leaves for people to do.
_LEFT = {
    "rollingRestart": "needed a restart: find out why",
    "scale": "has another size than its manifest says: change the manifest, or scale it back",
    "patch": "differs from its manifest: change the manifest too, or the next deployment takes it back",
}


def _follow_up(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## To follow up"
    yield ""
    for step in status.steps:
        if step.state == "Failed" and not ACTIONS[step.action].check:
            yield f"- [ ] step {step.name} failed: {_cell(step.message)}"
        if step.undo and step.undo.state == "Failed":
            yield f"- [ ] step {step.name} could not be undone: {_cell(step.undo.message)}"
        if step.action == "rollback" and step.state == "Succeeded":
            yield f"- [ ] revision {step.outputs.get('fromRevision')} of {step.target} was taken out of service: find what is wrong with it before it is deployed again"
        if step.action in _LEFT and step.state == "Succeeded" and step.intent is not None:
            yield f"- [ ] {step.target} {_LEFT[step.action]}"
    if status.acknowledgement is None and status.phase != "Planned":
        yield "- [ ] nobody acknowledged the incident"
    yield f"- [ ] {_OPEN}"


def _judgement(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    for title in _JUDGED:
        yield f"## {title}"
        yield ""
        yield _OPEN
        if title != _JUDGED[-1]:
            yield ""


def _timeline(incident: Incident, status: IncidentStatus) -> Iterator[str]:
    yield "## Timeline (UTC)"
    yield ""
    for entry in status.timeline:
        who = "" if entry.actor == OPERATOR else f" by {_cell(entry.actor)}"
        yield f"- {entry.at[:19]}Z **{entry.event}**{who}: {_cell(entry.message)}"


def _took(step: StepStatus) -> str:
    if not (step.started_at and step.finished_at):
        return "-"
    return format_duration(parse_time(step.finished_at) - parse_time(step.started_at))


def _span(times: Times, begin: str, end: str) -> str:
    return format_duration(parse_time(getattr(times, end)) - parse_time(getattr(times, begin)))


def _name(field: str) -> str:
    return {
        "started_at": "start of impact", "detected_at": "detection", "acknowledged_at": "acknowledgement by a person",
        "first_action_at": "first remediation", "mitigated_at": "symptom gone", "resolved_at": "recovery proven",
    }[field]  # fmt: skip


def _cell(text: str) -> str:
    """Text of others, such as log lines, as plain text of one Markdown cell."""
    plain = " ".join(text.split())
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, "\\" + mark)
    return plain
