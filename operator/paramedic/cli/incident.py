"""`kubectl incident`: what kubectl itself does not show well."""

import asyncio
import gzip
import sys
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from paramedic import __version__
from paramedic.api.v1alpha1.incident import Incident
from paramedic.cluster.api import Api
from paramedic.cluster.http import HttpChecker
from paramedic.cluster.rest import NoCluster, RestTransport, connect, namespace_of_context
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.engine.review import render
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, SECRET, ObjectRef, Resource


@dataclass(frozen=True)
class Where:
    """Which cluster and namespace, as kubectl's flags say."""

    kubeconfig: str | None
    context: str | None
    namespace: str

    def fetch(self, resource: Resource, name: str) -> Object:
        """One object. Raises click.ClickException with what went wrong."""
        ref = ObjectRef.to(resource, self.namespace, name)
        try:
            found = asyncio.run(self._get(ref))
        except (NoCluster, ApiError, Unavailable) as error:
            raise click.ClickException(str(error)) from None
        if found is None:
            raise click.ClickException(
                f"there is no {ref} in namespace {self.namespace}; list them: kubectl get {resource.plural} -A"
            )
        return found

    async def _get(self, ref: ObjectRef) -> Object | None:
        transport = RestTransport(await connect(self.kubeconfig, self.context))
        try:
            return await Api(transport, HttpChecker()).get(ref)
        finally:
            await transport.close()


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """kubectl's flags for cluster and namespace, handed to the command as `where`."""

    @click.option("--kubeconfig", metavar="FILE", help="Which kubeconfig; else kubectl's.")
    @click.option("--context", metavar="NAME", help="Which context of it; else the current one.")
    @click.option("-n", "--namespace", metavar="NS", help="The incident's namespace; else the context's.")
    def wrapped(kubeconfig: str | None, context: str | None, namespace: str | None, **given: Any) -> None:
        chosen = namespace or namespace_of_context(kubeconfig, context)
        command(where=Where(kubeconfig, context, chosen), **given)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = [*getattr(wrapped, "__click_params__", []), *getattr(command, "__click_params__", [])]  # type: ignore[attr-defined]
    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kubectl-incident")
def main() -> None:
    """Works with paramedic's incidents. As a kubectl plugin: kubectl incident COMMAND."""


@main.command()
@where_options
@click.argument("name")
def report(where: Where, name: str) -> None:
    """Prints the report (Markdown) of incident NAME; for one that has not ended, as it stands now."""
    incident = Incident.model_validate(where.fetch(INCIDENT, name))
    click.echo(incident.status.review or render(incident, incident.status), nl=False)


@main.command()
@where_options
@click.argument("name")
@click.argument("piece", required=False)
def evidence(where: Where, name: str, piece: str | None) -> None:
    """Lists the evidence of incident NAME, or prints one PIECE of it."""
    incident = Incident.model_validate(where.fetch(INCIDENT, name))
    if piece is None:
        for item in incident.status.evidence:
            click.echo(f"{item.name}\t{item.kind}\t{item.bytes} bytes\t{item.ref}\tsha256 {item.sha256}")
        return
    found = next((item for item in incident.status.evidence if item.name == piece), None)
    if found is None:
        raise click.ClickException(
            f"incident {name} has no evidence {piece}; list it: kubectl incident evidence {name} -n {where.namespace}"
        )
    secret = where.fetch(SECRET, found.ref.removeprefix("Secret/"))
    sys.stdout.buffer.write(gzip.decompress(b64decode(secret["data"][f"{piece}.gz"])))


if __name__ == "__main__":
    main(prog_name="kubectl-incident")
