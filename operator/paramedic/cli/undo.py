"""`kubectl incident undo`."""

import click

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.completing import complete_steps
from paramedic.cli.edits import Nothing, append, by_option, edit, step_of
from paramedic.cli.output import make_console, name_argument, print_screen
from paramedic.cli.screens.undo import undo_rows
from paramedic.cli.where import Where, where_options
from paramedic.model.objects import Object


@click.command("undo")
@where_options()
@name_argument
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option("--reason", help="Why, kept on the timeline.")
@click.option("--list", "listing", is_flag=True, help="List what can be taken back, and what was.")
@by_option
def undo_command(where: Where, name: str, step: str | None, reason: str | None, listing: bool, by: str | None) -> None:
    """Takes back what STEP of incident NAME changed, also after the incident has ended."""
    if listing or step is None:
        if not listing:
            raise click.UsageError("name the STEP to take back, or see which there are: --list")
        incident = where.run(lambda caller: where.find_incident(caller, name))
        print_screen(make_console(), undo_rows(name, _changes(incident), where.flags))
        return
    if not reason:
        raise click.UsageError("say why: --reason 'WHY'")
    edit(where, name, by, lambda incident, who: _decide(incident, step, who, reason), f"undo of {step} asked for")


def _decide(incident: Incident, name: str, who: str, reason: str) -> list[Object]:
    step = step_of(incident, name)
    if step.undo and step.undo.state == "Succeeded":
        raise Nothing(f"has taken {name} back already: {step.undo.message}")
    if step.undo and step.undo.state == "Running":
        raise Nothing(f"is taking {name} back already")
    if not ACTIONS[step.action].can_undo:
        raise click.ClickException(
            f"{step.action} cannot be taken back; step {name} changed {step.target or 'nothing'}"
        )
    if step.intent is None:
        raise click.ClickException(f"step {name} has changed nothing, so there is nothing to take back")
    return append("undo", {"step": name, "by": who, "reason": reason})


def _changes(incident: Incident) -> list[tuple[StepStatus, bool]]:
    """The steps that changed something, and whether each can be taken back."""
    begun = [(step, ACTIONS[step.action]) for step in incident.status.steps if step.intent is not None]
    return [(step, action.can_undo) for step, action in begun if action.remedy or action.can_undo]
