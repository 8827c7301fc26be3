"""The next command, ready to copy."""

from collections.abc import Iterator

from rich.console import RenderableType

from paramedic.cli.screens.layout import Command
from paramedic.cli.screens.view import View

_LEAD = "Next: "
_OR = "  or: "


def next_commands(view: View) -> list[str]:
    """What a person can do now, the most likely one first."""
    name, step = view.name, view.asked
    found = []
    if step and step.waits_for == "Approve":
        found = [f"approve {name} {step.name}", f"reject {name} {step.name} --reason 'WHY'"]
    elif step and step.waits_for == "Done":
        found = [f"done {name} {step.name}", f"reject {name} {step.name} --reason 'WHY'"]
    elif step and step.waits_for == "Outcome":
        found = [f"done {name} {step.name}", f"approve {name} {step.name}", f"reject {name} {step.name} --reason 'WHY'"]
    elif view.ended:
        found = [f"report {name}"]
        found += [f"retry {name}"] if view.status.phase in ("Failed", "Cancelled") else []
        found += [f"evidence {name}"] if view.status.evidence else []
    elif view.status.phase == "Pending":
        found = [f"cancel {name} --reason 'WHY'"]
    if not view.ended and not view.status.acknowledgement and not view.incident.spec.acknowledged_by:
        found.insert(1 if step else 0, f"ack {name}")
    return [view.command(item) for item in found]


def next_rows(view: View, most: int = 3) -> Iterator[RenderableType]:
    for at, command in enumerate(next_commands(view)[:most]):
        yield Command(command, _LEAD if at == 0 else _OR)
