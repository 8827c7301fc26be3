"""`kubectl incident`: what kubectl itself does not show or do well. Each command is in a module of its own."""

import click

from paramedic.cli.group import Entry, LazyGroup

_HERE = "paramedic.cli"
COMMANDS = {
    "list": Entry(f"{_HERE}.listing", "List incidents, open ones first."),
    "show": Entry(f"{_HERE}.show", "Show one incident: state, reason, steps, and what to do next."),
    "watch": Entry(f"{_HERE}.watch", "Follow an incident until it has ended."),
    "open": Entry(f"{_HERE}.opening", "Open an incident."),
    "retry": Entry(f"{_HERE}.opening", "Open an ended incident again, as a new one."),
    "plan": Entry(f"{_HERE}.plan", "Show what a playbook would do now, and change nothing."),
    "ack": Entry(f"{_HERE}.people", "Say that you have seen an incident and take care of it."),
    "lead": Entry(f"{_HERE}.people", "Hand the lead of an incident over."),
    "note": Entry(f"{_HERE}.people", "Put a note on an incident's timeline."),
    "impact": Entry(f"{_HERE}.people", "Say what users notice of an incident."),
    "approve": Entry(f"{_HERE}.answers", "Approve a change that waits, having seen it."),
    "reject": Entry(f"{_HERE}.answers", "Reject a change or a manual step that waits."),
    "done": Entry(f"{_HERE}.answers", "Report a manual step as done."),
    "cancel": Entry(f"{_HERE}.cancel", "End an incident's run."),
    "undo": Entry(f"{_HERE}.undo", "Take back what a step changed, or list what can be."),
    "report": Entry(f"{_HERE}.report", "Print the report of an incident (Markdown)."),
    "evidence": Entry(f"{_HERE}.report", "List the evidence of an incident, or print a piece of it."),
    "check": Entry(f"{_HERE}.check", "Check a playbook before the night it is needed."),
    "pause": Entry(f"{_HERE}.pausing", "Stop the operator from changing anything, everywhere."),
    "resume": Entry(f"{_HERE}.pausing", "Let the operator go on."),
    "completion": Entry(f"{_HERE}.completion", "Print the completion script of a shell."),
}


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from paramedic import __version__  # looking it up reads the installed package's metadata

        click.echo(f"kubectl-incident, version {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="kubectl's own flags (-n, --context, --kubeconfig, --as) come after the command.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main() -> None:
    """Works with paramedic's incidents."""


if __name__ == "__main__":
    main()
