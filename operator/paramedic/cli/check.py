"""`kubectl incident check`: what is wrong with a playbook, before the night it is needed, and what would grant it."""

from dataclasses import replace

import click

from paramedic.cli.completing import complete_playbooks
from paramedic.cli.opening import read_object
from paramedic.cli.where import Where, where_options
from paramedic.cluster.caller import Caller
from paramedic.engine.findings import Finding
from paramedic.engine.grants import rbac_for
from paramedic.engine.readiness import Readiness, read_only
from paramedic.model.objects import Object, condition, dig
from paramedic.model.references import PLAYBOOK
from paramedic.playbooks import readiness_of

_MARKS = {"Error": "✖", "Warning": "!", "Note": "·"}


@click.command("check")
@where_options()
@click.argument("playbook", required=False, shell_complete=complete_playbooks)
@click.option("-f", "--filename", metavar="FILE", help="A playbook as YAML or JSON instead; - for standard input.")
@click.option("--rbac", is_flag=True, help="Print only the RBAC that the playbook needs, ready for kubectl apply -f -.")
def check_command(where: Where, playbook: str | None, filename: str | None, rbac: bool) -> None:
    """Checks PLAYBOOK in the cluster: its text, its account, each permission that it needs, its channels' Secrets. What
    is missing is printed as RBAC that would grant it. A file's text is checked without a cluster. Exit code 1 where it
    has a problem.
    """
    if (playbook is None) == (filename is None):
        raise click.UsageError("name a PLAYBOOK, or give its file with -f FILE")
    if filename is not None:
        obj = read_object(filename)
        if obj.get("kind") != PLAYBOOK.kind:
            raise click.UsageError(f"{filename} holds no Playbook")
        found = read_only(obj, str(dig(obj, "metadata", "namespace", default=where.namespace)))
    else:
        found = where.run(lambda caller: _ask(where, caller, playbook or ""))
    if rbac:
        click.echo(rbac_for(found, everything=True), nl=False)
        return
    _tell(found, where, live=filename is None)


async def _ask(where: Where, caller: Caller, name: str) -> Readiness:
    obj = await where.find(caller, PLAYBOOK, name)
    found = await readiness_of(caller.api, obj, where.namespace, as_operator=False)
    return _with_operators_word(found, obj)


def _with_operators_word(found: Readiness, obj: Object) -> Readiness:
    """What the operator alone can know: whether it may act as the account. It stands in the playbook's condition."""
    ready = condition(obj, "Ready")
    current = ready.get("observedGeneration") == dig(obj, "metadata", "generation")
    if found.status != "True" or not current or ready.get("reason") != "MissingPermission":
        return found
    said = Finding("spec.serviceAccountName", f"the operator says: {ready['message']}", reason="MissingPermission")
    return replace(found, status="False", findings=(*found.findings, said), operator_may_act=False)


def _tell(found: Readiness, where: Where, *, live: bool) -> None:
    name = found.playbook or "unnamed"
    for finding in found.findings:
        click.echo(f"{_MARKS[finding.severity]} {finding}")
    if live and (missing := rbac_for(found)):
        click.echo(f"\n# What is missing, to be applied: kubectl incident check {name} {where.flags} --rbac")
        click.echo(missing, nl=False)
    if found.status == "Unknown":
        raise click.ClickException(f"whether playbook {name} can be used is not known")
    if found.status == "False":
        raise click.ClickException(f"playbook {name} cannot be used")
    click.echo(f"playbook.paramedic.dev/{name} can be used" + (f": {found.message}" if live else ""))
