"""`paramedic`: the command."""

import asyncio
import sys
from typing import Any

import click
from pydantic import ValidationError

from paramedic import __version__
from paramedic.cluster.rest import NoCluster
from paramedic.logs import set_up
from paramedic.process import CannotStart, OperatorProcess
from paramedic.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="paramedic")
def main() -> None:
    """Kubernetes incident response that follows a written playbook, step by step, exactly once."""


@main.command()
@click.option("--kubeconfig", metavar="FILE", help="Which cluster; else the one this runs in, or the current context.")
@click.option("--namespace", metavar="NS", help="Work in this namespace alone; else in all.")
@click.option("--ops", metavar="ADDR:PORT", help="Where /healthz, /readyz and /metrics are served. [127.0.0.1:8080]")
@click.option("--receiver", metavar="ADDR:PORT", help="Where Alertmanager sends alerts: /v1/alertmanager. [off]")
@click.option("--receiver-token-file", metavar="FILE", help="Bearer tokens, one a line; needed beyond loopback.")
@click.option("--receiver-cert", metavar="FILE", help="Certificate chain for HTTPS (PEM).")
@click.option("--receiver-key", metavar="FILE", help="Its key (PEM).")
@click.option("--receiver-body-limit", metavar="BYTES", help="The largest request it takes. [1048576]")
@click.option(
    "--default-namespace", metavar="NS", help="For alerts without a namespace; else --namespace or the Pod's."
)
@click.option("--lease-namespace", metavar="NS", help="Where the Lease lives; else the Pod's namespace, or default.")
@click.option("--lease-duration", metavar="SECONDS", help="How long leadership lasts without renewal. [15]")
@click.option(
    "--http-allow",
    metavar="URL|CIDR",
    multiple=True,
    help="A URL prefix that steps may send requests to [nowhere], or a network that checks may ask [all but metadata"
    " services]; may be given several times.",
)
@click.option("--workers", metavar="N", help="How many incidents are looked at side by side. [32]")
@click.option("--log-format", metavar="auto|json|text", help="text on a terminal, else json. [auto]")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error. [info]")
def run(**given: Any) -> None:
    """Runs the operator until it is told to stop.

    Each option is also an environment variable, such as PARAMEDIC_NAMESPACE. Exit code: 0 when told to stop, 1 when
    leadership was lost or the cluster is not what it needs, 2 for a wrong option.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value not in (None, ())})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise click.UsageError(f"--{name}: {first['msg'].removeprefix('Value error, ')}") from None
    set_up(settings.log_format, settings.log_level)
    try:
        code = asyncio.run(OperatorProcess(settings).run())
    except (NoCluster, CannotStart, OSError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
