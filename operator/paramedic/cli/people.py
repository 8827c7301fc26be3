"""`kubectl incident ack`, `lead`, `note`, `impact`: who takes care, and what they see."""

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.edits import Nothing, append, by_option, edit, must_be_open, put
from paramedic.cli.output import name_argument
from paramedic.cli.where import Where, where_options
from paramedic.model.objects import Object


@click.command("ack")
@where_options()
@name_argument
@by_option
def ack_command(where: Where, name: str, by: str | None) -> None:
    """Says that you have seen incident NAME and take care of it."""

    def decide(incident: Incident, who: str) -> list[Object]:
        if incident.spec.acknowledged_by == who:
            raise Nothing(f"is acknowledged by {who} already")
        return put("acknowledgedBy", who)

    edit(where, name, by, decide, "acknowledged")


@click.command("lead")
@where_options()
@name_argument
@click.argument("user")
def lead_command(where: Where, name: str, user: str) -> None:
    """Hands the lead of incident NAME over to USER."""

    def decide(incident: Incident, who: str) -> list[Object]:
        must_be_open(incident)
        if incident.spec.lead == user:
            raise Nothing(f"is led by {user} already")
        return put("lead", user)

    edit(where, name, "", decide, f"led by {user}")


@click.command("note")
@where_options()
@name_argument
@click.argument("text")
@by_option
def note_command(where: Where, name: str, text: str, by: str | None) -> None:
    """Puts TEXT on the timeline of incident NAME."""
    edit(where, name, by, lambda incident, who: append("notes", {"by": who, "text": text}), "noted")


@click.command("impact")
@where_options()
@name_argument
@click.argument("text")
def impact_command(where: Where, name: str, text: str) -> None:
    """Says what users notice of incident NAME, in exact numbers where they are known."""
    edit(where, name, "", lambda incident, who: put("impact", text), "impact set")
