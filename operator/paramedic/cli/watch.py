"""`kubectl incident watch`: an incident until it has ended. What it prints on the way is in `watching`."""

import asyncio
import sys
from datetime import timedelta
from typing import Any

import click

from paramedic.cli.output import color_option, make_console, name_argument
from paramedic.cli.watching import TIMED_OUT, Lines, Live, exit_code, watch
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.cluster.caller import Caller
from paramedic.model.durations import parse_duration


class Duration(click.ParamType[timedelta]):
    """A length of time such as 90s or 10m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("watch")
@where_options()
@name_argument
@click.option("-a", "--all", "every", is_flag=True, help="Keep steps that are done on the screen while there is room.")
@click.option("--timeout", type=Duration(), help="Give up after this time, such as 10m, with exit code 4.")
@color_option
def watch_command(where: Where, name: str, every: bool, timeout: timedelta | None, no_color: bool) -> None:
    """Follows incident NAME until it has ended.

    On a terminal the screen is live; elsewhere each change is one line. Exit codes: 0 Resolved or Planned, 1 Failed (or
    an error), 3 Cancelled, 4 timed out, 130 interrupted.
    """
    watch_incident(where, name, every=every, timeout=timeout, no_color=no_color)


def watch_incident(
    where: Where, name: str, *, every: bool = False, timeout: timedelta | None = None, no_color: bool = False
) -> None:
    """Follows an incident and ends the process with the exit code that tells how it ended."""
    console = make_console(no_color)
    screen: Lines | Live = Live(console, every) if console.is_terminal and not console.is_dumb_terminal else Lines()

    async def work(caller: Caller) -> str:
        following = watch(caller, where.incident(name), where.flags, screen, SystemClock())
        return await asyncio.wait_for(following, timeout.total_seconds() if timeout else None)

    try:
        with screen:
            phase = where.run(work)
    except TimeoutError:
        click.echo(f"Error: incident {name} has not ended in time; it goes on", err=True)
        sys.exit(TIMED_OUT)
    sys.exit(exit_code(phase))
