"""What an incident changed, and which of it can be taken back."""

from rich.console import Group, RenderableType
from rich.text import Text

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.screens.layout import Command, Hanging
from paramedic.cli.screens.words import DONE, FAILED, RUNNING, SKIPPED, UNDONE, Mark, clock


def undo_rows(name: str, changes: list[tuple[StepStatus, bool]], flags: str) -> Group:
    """One row a change; below, the command that takes the newest one back."""
    if not changes:
        return Group(Text(f"Incident {name} has changed nothing."))
    width = max(len(step.name) for step, _ in changes)
    rows: list[RenderableType] = []
    for step, possible in changes:
        mark, text = _state(step, possible)
        lead = Text(f"{mark.icon} {mark.word}", mark.style) + Text(f"  {step.name:{width}}  ")
        rows.append(Hanging(lead, Text.assemble(step.target or "", "  ", (text, "dim"))))
    newest = next((step.name for step, possible in reversed(changes) if possible and _is_there(step)), "")
    if newest:
        rows.append(Text())
        rows.append(Command(f"kubectl incident undo {name} {newest} --reason 'WHY' {flags}".rstrip(), "Next: "))
    return Group(*rows)


def _is_there(step: StepStatus) -> bool:
    return step.undo is None or step.undo.state == "Failed"


def _state(step: StepStatus, possible: bool) -> tuple[Mark, str]:
    undo, kept = step.undo, ACTIONS[step.action].keeps_way_back
    if undo is not None and undo.state == "Succeeded" and kept and step.state == "Succeeded":
        return Mark(SKIPPED.icon, "no way back   ", SKIPPED.style), undo.message
    if undo is not None and undo.state == "Succeeded":
        return Mark(UNDONE.icon, "taken back    ", UNDONE.style), undo.message
    if undo is not None and undo.state == "Running":
        return Mark(RUNNING.icon, "taking it back", RUNNING.style), undo.reason
    if undo is not None:
        return Mark(FAILED.icon, "still there   ", FAILED.style), undo.message
    if not possible:
        return Mark(SKIPPED.icon, "no way back   ", SKIPPED.style), f"{step.action} cannot be taken back"
    ends = f"; ends by itself at {clock(step.expires_at)}" if step.expires_at and not kept else ""
    return Mark(DONE.icon, "can be undone ", DONE.style), f"{step.message}{ends}"
