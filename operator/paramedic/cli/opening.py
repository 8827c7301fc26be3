"""`kubectl incident open` and `retry`: a new incident, from flags, from a file, or as one that has ended."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.completing import complete_playbooks, complete_targets
from paramedic.cli.output import color_option, format_option, name_argument, print_object, say
from paramedic.cli.targets import Target
from paramedic.cli.where import Where, where_options
from paramedic.cluster.caller import Caller
from paramedic.cluster.transport import ApiError
from paramedic.engine.lifecycle import ENDED
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT

RETRY_OF = "paramedic.dev/retry-of"
#: What people wrote into an incident while it ran; another run begins without it.
_PEOPLES = ("openedBy", "acknowledgedBy", "lead", "impact", "notes", "approvals", "undo", "cancel")
_MOST_RETRIES = 100
_API = {"apiVersion": INCIDENT.api_version, "kind": INCIDENT.kind}


class Assignment(click.ParamType[Any]):
    """KEY=VALUE."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        return key, text


@click.command("open")
@where_options()
@click.argument("name", required=False)
@click.option("--summary", help="One sentence: what is wrong, as users notice it.")
@click.option(
    "--target", type=Target(), shell_complete=complete_targets, help="KIND/NAME, such as deployment/checkout."
)
@click.option("--playbook", shell_complete=complete_playbooks, help="The playbook to follow; else one is chosen.")
@click.option("--severity", type=click.Choice(["Critical", "Warning", "Info"], case_sensitive=False))
@click.option(
    "--param", "parameters", type=Assignment(), multiple=True, help="A playbook's parameter; may be repeated."
)
@click.option("--impact", help="What users notice of it, in exact numbers where they are known.")
@click.option("--dry-run", is_flag=True, help="Mode DryRun: look, plan and explain each step, and change nothing.")
@click.option("-f", "--filename", metavar="FILE", help="The incident as YAML or JSON instead; - for standard input.")
@click.option("-w", "--watch", "follow", is_flag=True, help="Follow it until it has ended, as `watch` does.")
@format_option
@color_option
def open_command(
    where: Where, name: str | None, filename: str | None, follow: bool, output: str | None, no_color: bool, **given: Any
) -> None:
    """Opens an incident called NAME; without NAME it is called after its target."""
    used = [key for key, value in given.items() if value]
    if filename:
        if used or name:
            raise click.UsageError("with -f, the file says everything; leave the other flags and NAME out")
        body = _read(filename)
    else:
        body = _body(name, given)

    async def work(caller: Caller) -> Object:
        namespace = body["metadata"].get("namespace") or where.namespace
        body["spec"].setdefault("openedBy", await caller.whoami())
        return await caller.create(INCIDENT, namespace, body)

    _opened(where, where.run(work), follow, output, no_color)


def _opened(where: Where, stored: Object, follow: bool, output: str | None, no_color: bool) -> None:
    meta = stored["metadata"]
    if output:
        print_object(stored, output)
    else:
        say(meta["name"], "opened")
    if follow:
        from paramedic.cli.watch import watch_incident  # only who follows waits for the display to be imported

        sys.stdout.flush()
        within = Where(where.kubeconfig, where.context, meta["namespace"], where.user)
        watch_incident(within, meta["name"], no_color=no_color)


def _body(name: str | None, given: dict[str, Any]) -> Object:
    if not given["summary"]:
        raise click.UsageError("say what is wrong, as users notice it: --summary 'Checkout answers 502'")
    spec: Object = {"summary": given["summary"]}
    if given["target"]:
        spec["targetRef"] = given["target"]
    if given["playbook"]:
        spec["playbookRef"] = {"kind": "Playbook", "name": given["playbook"]}
    if given["severity"]:
        spec["severity"] = given["severity"]
    if given["parameters"]:
        spec["parameters"] = dict(given["parameters"])
    if given["impact"]:
        spec["impact"] = given["impact"]
    if given["dry_run"]:
        spec["mode"] = "DryRun"
    after = given["target"]["name"] if given["target"] else "incident"
    return {**_API, "metadata": {"name": name} if name else {"generateName": f"{after}-"}, "spec": spec}


def _read(filename: str) -> Object:
    body = read_object(filename)
    if body.get("kind") != INCIDENT.kind or not isinstance(body.get("spec"), dict):
        raise click.UsageError(f"{filename} holds no Incident; open other objects with kubectl apply")
    body.setdefault("metadata", {})
    return body


def read_object(filename: str) -> Object:
    """The one object in a YAML or JSON file. Raises click.UsageError."""
    import yaml

    try:
        text = sys.stdin.read() if filename == "-" else Path(filename).read_text()
        found = [item for item in yaml.safe_load_all(text) if item is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise click.UsageError(f"{filename} cannot be read: {error}") from None
    if len(found) != 1 or not isinstance(found[0], dict):
        raise click.UsageError(f"{filename} holds {len(found)} objects; one is wanted")
    return found[0]


@click.command("retry")
@where_options()
@name_argument
@click.option("-w", "--watch", "follow", is_flag=True, help="Follow it until it has ended, as `watch` does.")
@format_option
@color_option
def retry_command(where: Where, name: str, follow: bool, output: str | None, no_color: bool) -> None:
    """Opens the ended incident NAME again, as a new one: the same spec, without what people wrote into it."""

    async def work(caller: Caller) -> Object:
        old = await where.find(caller, INCIDENT, name)
        phase = Incident.model_validate(old).status.phase
        if phase not in ENDED:
            raise click.ClickException(f"incident {name} has not ended ({phase}); cancel it first, or let it go on")
        return await _create_again(caller, where, old)

    _opened(where, where.run(work), follow, output, no_color)


async def _create_again(caller: Caller, where: Where, old: Object) -> Object:
    spec = {key: value for key, value in old["spec"].items() if key not in _PEOPLES}
    spec["openedBy"] = await caller.whoami()
    meta = old["metadata"]
    for name in retry_names(meta["name"], RETRY_OF in (meta.get("annotations") or {})):
        body = {**_API, "metadata": {"name": name, "annotations": {RETRY_OF: meta["name"]}}, "spec": spec}
        try:
            return await caller.create(INCIDENT, where.namespace, body)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
    raise click.ClickException(f"incident {meta['name']} was tried {_MOST_RETRIES} times; delete old ones")


def retry_names(name: str, is_retry: bool) -> list[str]:
    """`checkout-down-2`, `-3` and so on; of a retry, the numbers after its own."""
    found = re.fullmatch(r"(.+)-([0-9]{1,3})", name) if is_retry else None
    base, number = (found[1], int(found[2])) if found else (name, 1)
    return [f"{base[:240]}-{next_one}" for next_one in range(number + 1, number + _MOST_RETRIES)]
