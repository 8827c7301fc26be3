"""`kubectl incident cancel`."""

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.edits import Nothing, by_option, edit, must_be_open, put
from paramedic.cli.output import name_argument
from paramedic.cli.where import Where, where_options
from paramedic.model.objects import Object


@click.command("cancel")
@where_options()
@name_argument
@click.option("--reason", required=True, help="Why, kept on the timeline.")
@by_option
def cancel_command(where: Where, name: str, reason: str, by: str | None) -> None:
    """Ends the run of incident NAME: what was changed for a time is taken back, what runs in the cluster runs on."""

    def decide(incident: Incident, who: str) -> list[Object]:
        if incident.spec.cancel is not None:
            raise Nothing(f"is cancelled by {incident.spec.cancel.by} already: {incident.spec.cancel.reason}")
        must_be_open(incident, f"what it changed can be taken back: kubectl incident undo {name} --list {where.flags}")
        return put("cancel", {"by": who, "reason": reason})

    edit(where, name, by, decide, "cancelled")
