"""`kubectl incident completion`, and the answers that kubectl itself asks for when TAB is pressed."""

import sys

import click
from click.shell_completion import ShellComplete, get_completion_class

from paramedic.cli.group import COMPLETE_VARIABLE

SCRIPT = "kubectl-incident"
_NO_FILES = ":4"  # cobra's directive: these are all, do not add file names


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Prints the script that completes `kubectl-incident` in SHELL, such as: source <(kubectl incident completion bash).

    For `kubectl incident` itself nothing is needed but kubectl's own completion: it asks the script
    kubectl_complete-incident, which is installed beside kubectl-incident.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"{shell} is not known here")
    click.echo(found(_group(), {}, SCRIPT, COMPLETE_VARIABLE).source())


def complete_for_kubectl() -> None:
    """What kubectl_complete-incident prints: a candidate a line, with its description, then the directive."""
    *arguments, incomplete = sys.argv[1:] or [""]
    complete = ShellComplete(_group(), {}, SCRIPT, COMPLETE_VARIABLE)
    for item in complete.get_completions(arguments, incomplete):
        click.echo(f"{item.value}\t{' '.join(item.help.split())}" if item.help else item.value)
    click.echo(_NO_FILES)


def _group() -> click.Group:
    from paramedic.cli.incident import main  # the group names this module

    return main
