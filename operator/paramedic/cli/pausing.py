"""`kubectl incident pause` and `resume`: the whole operator, by an object that no manifest ships."""

import click

from paramedic.cli.edits import by_option
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.cluster.caller import Caller
from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object, dig
from paramedic.model.references import CONFIGMAP, LEASE, ObjectRef
from paramedic.model.times import format_second
from paramedic.pause import PAUSE_NAME

_LEASE, _DEFAULT = "paramedic", "paramedic-system"


def operator_option(command: "click.decorators.FC") -> "click.decorators.FC":
    text = "The operator's namespace; else where its Lease is, else paramedic-system."
    return click.option("--operator-namespace", metavar="NS", help=text)(command)


@click.command("pause")
@where_options()
@operator_option
@click.option("--reason", required=True, help="Why, for those who find it paused.")
@by_option
def pause_command(where: Where, operator_namespace: str | None, reason: str, by: str | None) -> None:
    """Stops the operator from changing anything, for every incident in every namespace, until `resume`."""

    async def work(caller: Caller) -> str:
        namespace = operator_namespace or await find_operator(caller)
        ref = ObjectRef.to(CONFIGMAP, namespace, PAUSE_NAME)
        data = {"by": by or await caller.whoami(), "reason": reason, "at": format_second(SystemClock().now())}
        try:
            await caller.create(CONFIGMAP, namespace, _config_map(data))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            return f"{_name(namespace)} is paused already{_told(await caller.get(ref))}"
        return f"{_name(namespace)} paused"

    click.echo(where.run(work))


@click.command("resume")
@where_options()
@operator_option
def resume_command(where: Where, operator_namespace: str | None) -> None:
    """Lets the operator go on."""

    async def work(caller: Caller) -> str:
        namespace = operator_namespace or await find_operator(caller)
        ref = ObjectRef.to(CONFIGMAP, namespace, PAUSE_NAME)
        found = await caller.get(ref)
        if found is None:
            return f"{_name(namespace)} is not paused"
        await caller.delete(ref)
        return f"{_name(namespace)} resumed; it was paused{_told(found)}"

    click.echo(where.run(work))


async def find_operator(caller: Caller) -> str:
    """The namespace of the operator's Lease; the usual one where none is found, or where the caller may not look."""
    try:
        found = await caller.select(LEASE, field_selector=f"metadata.name={_LEASE}")
    except ApiError:
        return _DEFAULT
    namespaces = sorted(item["metadata"]["namespace"] for item in found)
    if len(namespaces) > 1:
        raise click.ClickException(
            f"there are operators in {', '.join(namespaces)}; name one with --operator-namespace"
        )
    return namespaces[0] if namespaces else _DEFAULT


def _config_map(data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PAUSE_NAME}, "data": data}


def _name(namespace: str) -> str:
    return f"the operator in namespace {namespace}"


def _told(found: Object | None) -> str:
    """By whom, since when, why; as far as whoever paused it wrote it down."""
    data = dig(found, "data", default={})
    by = f" by {data['by']}" if data.get("by") else ""
    since = f" since {data['at']}" if data.get("at") else ""
    return by + since + (f": {data['reason']}" if data.get("reason") else "")
