"""`kubectl incident check`: whether a playbook will work, before the night it is needed."""

import sys
from dataclasses import replace

import click

from paramedic.cli.completing import complete_playbooks
from paramedic.cli.opening import read_object
from paramedic.cli.output import color_option, make_console, print_screen
from paramedic.cli.screens.check import check_page, text_page
from paramedic.cli.where import Where, where_options
from paramedic.cluster.caller import Caller
from paramedic.engine.readiness.findings import Finding
from paramedic.engine.readiness.grants import rbac_for
from paramedic.engine.readiness.validation import examine
from paramedic.engine.readiness.verdict import Readiness
from paramedic.model.objects import Object, condition, dig
from paramedic.model.references import PLAYBOOK
from paramedic.playbooks import readiness_of


@click.command("check")
@where_options()
@click.argument("playbook", required=False, shell_complete=complete_playbooks)
@click.option("-f", "--filename", metavar="FILE", help="A playbook as YAML or JSON instead; - for standard input.")
@click.option("--offline", is_flag=True, help="Look at the text of -f FILE alone: no cluster is needed.")
@click.option("--rbac", is_flag=True, help="Print the RBAC that the playbook needs, and nothing else.")
@color_option
def check_command(
    where: Where, playbook: str | None, filename: str | None, offline: bool, rbac: bool, no_color: bool
) -> None:
    """Checks PLAYBOOK, or one in a file: its text, its ServiceAccount, each permission its steps need, its channels.

    What is missing is named, and the RBAC that would grant it printed. You need the right to impersonate the
    ServiceAccount. Exit code 1 where incidents cannot use the playbook, or it is not known whether they can.
    """
    if (playbook is None) == (filename is None):
        raise click.UsageError("name a PLAYBOOK, or give its file with -f FILE")
    if offline and (filename is None or rbac):
        raise click.UsageError("--offline is for the text of a file: -f FILE, without --rbac")
    given = _read(filename) if filename is not None else None
    if offline and given is not None:
        name, findings = str(dig(given, "metadata", "name", default="unnamed")), examine(given)[1]
        print_screen(make_console(no_color), text_page(name, findings))
        sys.exit(any(item.severity == "Error" for item in findings))

    async def look(caller: Caller) -> Readiness:
        obj = given or await where.find(caller, PLAYBOOK, playbook or "")
        return with_operators_word(await readiness_of(caller.api, obj, where.namespace, as_operator=False), obj)

    found = where.run(look)
    if rbac:
        click.echo(rbac_for(found, everything=True), nl=False)
    else:
        print_screen(make_console(no_color), check_page(found, rbac_for(found)))
    sys.exit(found.status != "True")


def with_operators_word(found: Readiness, obj: Object) -> Readiness:
    """What the operator alone can know: whether it may act as the account, and where it may send requests to. It stands in
    the playbook's condition.
    """
    ready = condition(obj, "Ready")
    current = ready.get("observedGeneration") == dig(obj, "metadata", "generation")
    if found.status != "True" or not current or ready.get("status") != "False":
        return found
    if ready.get("reason") == "EndpointNotAllowed":
        said = Finding("spec.steps", f"the operator says: {ready['message']}", reason="EndpointNotAllowed")
        return replace(found, status="False", reason=said.reason, findings=(*found.findings, said))
    if ready.get("reason") != "MissingPermission":
        return found
    said = Finding("spec.serviceAccountName", f"the operator says: {ready['message']}", reason="MissingPermission")
    return replace(found, status="False", reason=said.reason, findings=(*found.findings, said), operator_may_act=False)


def _read(filename: str) -> Object:
    found = read_object(filename)
    if found.get("kind") != PLAYBOOK.kind:
        raise click.UsageError(f"{filename} holds no Playbook")
    return found
