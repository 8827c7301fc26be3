"""`kubectl incident plan`: what a playbook would do on the cluster as it is now. Nothing is created or changed."""

from dataclasses import replace
from typing import Any

import click

from paramedic.actions.changes import Change
from paramedic.api.v1alpha1.incident import Incident
from paramedic.cli.completing import complete_playbooks, complete_targets
from paramedic.cli.opening import Assignment, read_object
from paramedic.cli.output import color_option, make_console, print_object, print_screen
from paramedic.cli.screens.plan import plan_page
from paramedic.cli.targets import Target
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.model.differences import shown
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, PLAYBOOK, SECRET
from paramedic.preview import Preview, Previewer

_NOBODY = "00000000-0000-0000-0000-000000000000"


@click.command("plan")
@where_options()
@click.option("--playbook", shell_complete=complete_playbooks, help="The playbook, by name.")
@click.option(
    "-f", "--filename", metavar="FILE", help="A playbook that is not in the cluster, as YAML or JSON; - for stdin."
)
@click.option(
    "--target",
    type=Target(),
    required=True,
    shell_complete=complete_targets,
    help="KIND/NAME, such as deployment/checkout.",
)
@click.option("--severity", type=click.Choice(["Critical", "Warning", "Info"], case_sensitive=False))
@click.option(
    "--param", "parameters", type=Assignment(), multiple=True, help="A playbook's parameter; may be repeated."
)
@click.option(
    "--assume",
    "assumed",
    type=Assignment(),
    multiple=True,
    help="STEP=Succeeded or STEP=Failed: take a check's answer as given; may be repeated.",
)
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="Print the plan as json or yaml.")
@color_option
def plan_command(where: Where, output: str | None, no_color: bool, **given: Any) -> None:
    """Shows what a playbook would do on a target now: each step, each object before and after, Pods lost, approvals and
    permissions. Reads are made with your own rights. Exit code 1 where it could not run.
    """
    if bool(given["playbook"]) == bool(given["filename"]):
        raise click.UsageError("name the playbook with --playbook NAME, or give its file with -f FILE")
    assumed = dict(given["assumed"])
    for step, state in assumed.items():
        if state not in ("Succeeded", "Failed"):
            raise click.UsageError(f"--assume {step}={state}: write {step}=Succeeded or {step}=Failed")
    playbook = _read_playbook(given["filename"], where) if given["filename"] else None
    incident = _incident(where, given, playbook)
    preview = where.run(lambda caller: Previewer(caller, SystemClock(), assumed).plan(incident, playbook))
    if output:
        print_object(_dump(preview), output)
    else:
        print_screen(make_console(no_color), plan_page(preview))
    if preview.problem or any(grant.allowed is False for grant in preview.grants):
        raise SystemExit(1)


def _read_playbook(filename: str, where: Where) -> Object:
    found = read_object(filename)
    if found.get("kind") != PLAYBOOK.kind:
        raise click.UsageError(f"{filename} holds no Playbook")
    found.setdefault("metadata", {}).setdefault("name", "unnamed")
    found["metadata"]["namespace"] = where.namespace
    return found


def _incident(where: Where, given: dict[str, Any], playbook: Object | None) -> Incident:
    """An incident that exists here alone."""
    name = playbook["metadata"]["name"] if playbook else given["playbook"]
    spec = {
        "summary": "a plan",
        "targetRef": given["target"],
        "playbookRef": {"kind": PLAYBOOK.kind, "name": name},
        "parameters": dict(given["parameters"]),
        "mode": "DryRun",
        **({"severity": given["severity"]} if given["severity"] else {}),
    }
    meta = {"name": "plan", "namespace": where.namespace, "uid": _NOBODY}
    status = {"playbook": {"name": name}}
    body = {"apiVersion": INCIDENT.api_version, "kind": INCIDENT.kind, "metadata": meta, "spec": spec, "status": status}
    return Incident.model_validate(body)


def _dump(preview: Preview) -> Object:
    """The plan as data: names as in the API, changes with the whole object before and after."""
    return {
        "playbook": preview.playbook,
        "serviceAccountName": preview.account,
        "target": preview.target,
        "planHash": preview.plan_hash,
        "problem": preview.problem,
        "heldBy": preview.holder,
        "recovery": preview.recovery,
        "steps": [
            {
                "name": step.name,
                "action": step.action,
                "verdict": step.verdict,
                "message": step.message,
                "approval": step.ask,
                "changes": [_dump_change(change) for change in step.changes],
            }
            for step in preview.steps
        ],
        "permissions": [
            {
                "permission": str(grant.permission),
                "steps": list(grant.steps),
                "allowed": {True: "Yes", False: "No", None: "Unknown"}[grant.allowed],
            }
            for grant in preview.grants
        ],
    }


def _dump_change(change: Change) -> Object:
    if change.ref.kind == SECRET.kind:  # its values are nobody's to see
        before, after = shown(change.before, change.after)
        change = replace(change, before=before or None, after=after or None)
    return {
        "verb": change.verb, "object": change.ref.dump(), "pods": change.pods,
        "before": change.before, "after": change.after,
    }  # fmt: skip
