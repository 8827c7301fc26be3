"""`kubectl incident report` and `evidence`: what can be read afterwards."""

import gzip
import sys
from base64 import b64decode

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.output import name_argument
from paramedic.cli.where import Where, where_options
from paramedic.cluster.caller import Caller
from paramedic.engine.review import render
from paramedic.model.objects import Object
from paramedic.model.references import SECRET


@click.command("report")
@where_options()
@name_argument
def report_command(where: Where, name: str) -> None:
    """Prints the report (Markdown) of incident NAME; for one that has not ended, as it stands now."""
    incident = where.run(lambda caller: where.find_incident(caller, name))
    click.echo(incident.status.review or render(incident, incident.status), nl=False)


@click.command("evidence")
@where_options()
@name_argument
@click.argument("piece", required=False)
def evidence_command(where: Where, name: str, piece: str | None) -> None:
    """Lists the evidence of incident NAME, or prints one PIECE of it."""

    async def look(caller: Caller) -> tuple[Incident, Object | None]:
        incident = await where.find_incident(caller, name)
        if piece is None:
            return incident, None
        found = next((item for item in incident.status.evidence if item.name == piece), None)
        if found is None:
            raise click.ClickException(
                f"incident {name} has no evidence {piece}; list it: kubectl incident evidence {name} {where.flags}"
            )
        return incident, await where.find(caller, SECRET, found.ref.removeprefix("Secret/"))

    incident, secret = where.run(look)
    if secret is not None:
        sys.stdout.buffer.write(gzip.decompress(b64decode(secret["data"][f"{piece}.gz"])))
        return
    for item in incident.status.evidence:
        click.echo(f"{item.name}\t{item.kind}\t{item.bytes} bytes\t{item.ref}\tsha256 {item.sha256}")
