"""`kubectl incident`: what kubectl itself does not show well."""

import asyncio
import gzip
import sys
from base64 import b64decode
from typing import Any

import click

from paramedic import __version__
from paramedic.api.v1alpha1.incident import Incident
from paramedic.cluster.api import Api
from paramedic.cluster.http import HttpChecker
from paramedic.cluster.rest import NoCluster, RestTransport, connect
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.review import render
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, SECRET, ObjectRef


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kubectl-incident")
@click.option("--kubeconfig", metavar="FILE", help="Which cluster; else the current context.")
@click.option("-n", "--namespace", default="default", show_default=True, help="The incident's namespace.")
@click.pass_context
def main(context: click.Context, kubeconfig: str | None, namespace: str) -> None:
    """Works with paramedic's incidents. As a kubectl plugin: kubectl incident COMMAND."""
    context.obj = (kubeconfig, namespace)


@main.command()
@click.argument("name")
@click.pass_obj
def report(where: tuple[str | None, str], name: str) -> None:
    """Prints the report (Markdown) of incident NAME; for one that has not ended, as it stands now."""
    incident = Incident.model_validate(_get(where, ObjectRef.to(INCIDENT, where[1], name)))
    click.echo(incident.status.review or render(incident, incident.status), nl=False)


@main.command()
@click.argument("name")
@click.argument("piece", required=False)
@click.pass_obj
def evidence(where: tuple[str | None, str], name: str, piece: str | None) -> None:
    """Lists the evidence of incident NAME, or prints one PIECE of it."""
    incident = Incident.model_validate(_get(where, ObjectRef.to(INCIDENT, where[1], name)))
    if piece is None:
        for item in incident.status.evidence:
            click.echo(f"{item.name}\t{item.kind}\t{item.bytes} bytes\t{item.ref}\tsha256 {item.sha256}")
        return
    found = next((item for item in incident.status.evidence if item.name == piece), None)
    if found is None:
        raise click.ClickException(
            f"incident {name} has no evidence {piece}; list it with: kubectl incident evidence {name}"
        )
    secret = _get(where, ObjectRef.to(SECRET, where[1], found.ref.removeprefix("Secret/")))
    sys.stdout.buffer.write(gzip.decompress(b64decode(secret["data"][f"{piece}.gz"])))


def _get(where: tuple[str | None, str], ref: ObjectRef) -> Object:
    return asyncio.run(_fetch(where[0], ref))


async def _fetch(kubeconfig: str | None, ref: ObjectRef) -> Any:
    try:
        transport = RestTransport(await connect(kubeconfig))
        try:
            found = await Api(transport, HttpChecker()).get(ref)
        finally:
            await transport.close()
    except (NoCluster, ApiError, Unavailable) as error:
        raise click.ClickException(str(error)) from None
    if found is None:
        raise click.ClickException(f"there is no {ref} in namespace {ref.namespace}")
    return found


if __name__ == "__main__":
    main(prog_name="kubectl-incident")
