"""`kubectl incident show`."""

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.output import color_option, format_option, make_console, name_argument, print_object, print_screen
from paramedic.cli.screens.page import fitting_page, page
from paramedic.cli.screens.view import View
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.cluster.caller import Caller
from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, WORKLOADS, ObjectRef


@click.command("show")
@where_options()
@name_argument
@click.option(
    "-a",
    "--all",
    "every",
    is_flag=True,
    help="Everything, however long: the whole messages, every notification, the timeline.",
)
@format_option
@color_option
def show_command(where: Where, name: str, every: bool, output: str | None, no_color: bool) -> None:
    """Shows incident NAME: where it stands and why, each step, and what to do next."""

    async def look(caller: Caller) -> tuple[Object, Object | None]:
        obj = await where.find(caller, INCIDENT, name)
        return obj, None if output else await target_of(caller, obj)

    obj, target = where.run(look)
    if output:
        print_object(obj, output)
        return
    view = View(Incident.model_validate(obj), SystemClock().now(), where.flags, target)
    console = make_console(no_color)
    if console.is_terminal and not every:  # the answer must not scroll off the top; the last line is the shell's
        print_screen(console, fitting_page(view, console, console.size.height - 1, unfold=True))
    else:
        print_screen(console, page(view, every=every))


async def target_of(caller: Caller, obj: Object) -> Object | None:
    """The workload that an incident is about, as it is now; None where it is not known, gone, or not for the caller."""
    known = (obj.get("status") or {}).get("plan") or {}
    if not known.get("target"):
        return None
    ref = ObjectRef.load(known["target"])
    if ref.kind not in {item.kind for item in WORKLOADS}:
        return None
    try:
        return await caller.get(ref)
    except ApiError:
        return None
