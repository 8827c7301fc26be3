"""`kubectl incident check`: what is wrong with a playbook, before the night it is needed."""

import click

from paramedic.cli.completing import complete_playbooks
from paramedic.cli.opening import read_object
from paramedic.cli.where import Where, where_options
from paramedic.cluster.caller import Caller
from paramedic.engine.validation import read_playbook
from paramedic.model.objects import Object
from paramedic.model.references import PLAYBOOK


@click.command("check")
@where_options()
@click.argument("playbook", required=False, shell_complete=complete_playbooks)
@click.option("-f", "--filename", metavar="FILE", help="A playbook as YAML or JSON instead; - for standard input.")
def check_command(where: Where, playbook: str | None, filename: str | None) -> None:
    """Checks PLAYBOOK, or the one in a file, which needs no cluster. Exit code 1 where it has a problem."""
    if (playbook is None) == (filename is None):
        raise click.UsageError("name a PLAYBOOK, or give its file with -f FILE")
    if filename is not None:
        obj = read_object(filename)
        if obj.get("kind") != PLAYBOOK.kind:
            raise click.UsageError(f"{filename} holds no Playbook")
    else:
        obj = where.run(lambda caller: _fetch(where, caller, playbook or ""))
    problems = problems_of(obj)
    name = obj.get("metadata", {}).get("name", "unnamed")
    for problem in problems:
        click.echo(f"✖ {problem}")
    if problems:
        raise click.ClickException(f"playbook {name} cannot be used")
    click.echo(f"playbook.paramedic.dev/{name} can be used")


async def _fetch(where: Where, caller: Caller, name: str) -> Object:
    return await where.find(caller, PLAYBOOK, name)


def problems_of(obj: Object) -> list[str]:
    """Everything that is wrong with a playbook, as far as it can be known from itself."""
    _, problems = read_playbook(obj)
    return problems
