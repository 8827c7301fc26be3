"""`kubectl incident list`."""

from datetime import timedelta

import click

from paramedic.cli.output import color_option, format_option, make_console, print_listed, print_screen
from paramedic.cli.screens.table import IncidentTable, ordered, recent
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.model.references import INCIDENT

_RECENT = timedelta(hours=24)


@click.command("list")
@where_options(everywhere=True)
@click.option("-a", "--all", "every", is_flag=True, help="Also those that ended more than 24 hours ago.")
@format_option
@color_option
def list_command(where: Where, every: bool, output: str | None, no_color: bool) -> None:
    """Lists incidents, open ones first, and those that ended within 24 hours."""
    items = where.run(lambda caller: caller.select(INCIDENT, where.namespace))
    now = SystemClock().now()
    shown = ordered(items if every else recent(items, now, _RECENT))
    if output:
        print_listed(shown, output)
        return
    if not shown:
        place = f"in {where.namespace} namespace" if where.namespace else "in any namespace"
        older = f"; {len(items)} ended more than 24 hours ago, see --all" if items else ""
        click.echo(f"No incidents {place}{older}.", err=True)
        return
    console = make_console(no_color)
    print_screen(console, IncidentTable(shown, now, namespaces=not where.namespace))
    if console.is_terminal and len(shown) < len(items):
        click.echo(f"{len(items) - len(shown)} that ended more than 24 hours ago are left out; see --all")
