"""What people write into an incident, as JSON patches; and what there is to say where there is nothing to do."""

from collections.abc import Awaitable, Callable

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.output import named
from paramedic.cli.where import Where
from paramedic.cluster.caller import Caller
from paramedic.engine.lifecycle import ENDED
from paramedic.model.objects import Object

_COMMAND = Callable[..., None]


class Nothing(Exception):
    """There is nothing to do, and that is well: the text says why."""


def by_option(command: _COMMAND) -> _COMMAND:
    text = (
        "Who says so; else your user name, as the API server knows it. Where admission is installed, no other will do."
    )
    return click.option("--by", metavar="USER", help=text)(command)


def put(path: str, value: object) -> list[Object]:
    return [{"op": "add", "path": f"/spec/{path}", "value": value}]


def append(path: str, value: object) -> list[Object]:
    return [{"op": "add", "path": f"/spec/{path}/-", "value": value}]


Edit = Callable[[Incident, str], list[Object]]


def edit(where: Where, name: str, by: str | None, decide: Edit, said: str) -> None:
    """Reads the incident, decides on the patch, writes it, and prints what was done. An empty ``by``: the edit names nobody."""

    async def work(caller: Caller) -> str:
        incident = await where.find_incident(caller, name)
        who = await caller.whoami() if by is None else by
        operations = decide(incident, who)
        await caller.patch(where.incident(name), operations)
        return said

    report(where, name, work)


def report(where: Where, name: str, work: Callable[[Caller], Awaitable[str]]) -> None:
    """Does the work and prints its answer, or why there was nothing to do; both are well."""
    try:
        text = where.run(work)
    except Nothing as nothing:
        text = str(nothing)
    click.echo(f"{named(name)} {text}")


def must_be_open(incident: Incident, instead: str = "") -> None:
    """Raises click.ClickException where the incident has ended."""
    phase = incident.status.phase
    if phase in ENDED:
        more = f"; {instead}" if instead else ""
        raise click.ClickException(f"incident {incident.metadata.name} has ended ({phase}){more}")


def step_of(incident: Incident, name: str) -> StepStatus:
    """A step by name. Raises click.ClickException with the names there are."""
    found = next((step for step in incident.status.steps if step.name == name), None)
    if found is None:
        names = ", ".join(step.name for step in incident.status.steps) or "none, since it has no plan yet"
        raise click.ClickException(f"incident {incident.metadata.name} has no step {name}; its steps are: {names}")
    return found
