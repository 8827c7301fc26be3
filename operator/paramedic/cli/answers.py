"""`kubectl incident approve`, `reject`, `done`: people's answers to a step that waits."""

import sys
from typing import Any

import click

from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.completing import complete_steps
from paramedic.cli.edits import Nothing, append, by_option, edit, must_be_open, report, step_of
from paramedic.cli.output import color_option, make_console, name_argument, print_screen
from paramedic.cli.screens.approval import approval_page
from paramedic.cli.where import Where, where_options
from paramedic.clock import SystemClock
from paramedic.cluster.caller import Caller
from paramedic.cluster.transport import ApiError
from paramedic.model.objects import Object
from paramedic.preview import Previewer, StepPreview

_CHANGED = "what you saw is not what would be done any more; look again, then answer"


@click.command("approve")
@where_options()
@name_argument
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@click.option("--note", help="A word about it, kept on the timeline.")
@by_option
@color_option
def approve_command(
    where: Where, name: str, step: str | None, yes: bool, note: str | None, by: str | None, no_color: bool
) -> None:
    """Shows what STEP of incident NAME would change now, asks, and approves exactly that.

    STEP may be left out: it is the one that waits. A request of which nobody knows whether it was received is sent again.
    """

    async def look(caller: Caller) -> tuple[Incident, StepStatus, StepPreview, str]:
        incident = await where.find_incident(caller, name)
        waiting = _waiting(incident, step, "Approve")
        preview = await Previewer(caller, SystemClock()).step(incident, waiting.name)
        return incident, waiting, preview, await caller.whoami() if by is None else by

    async def answer(caller: Caller) -> str:
        try:
            await caller.patch(where.incident(name), _bound(incident, waiting, who, note))
        except ApiError as error:
            if error.status != 422 or "error in our request" not in error.message:
                raise
            raise click.ClickException(f"incident {name}: {_CHANGED}") from None
        return f"{waiting.name} approved" if waiting.waits_for == "Approve" else f"{waiting.name} is sent again"

    try:
        incident, waiting, preview, who = where.run(look)
    except Nothing as nothing:
        click.echo(f"incident.paramedic.dev/{name} {nothing}")
        return
    _must_be_new(incident, waiting, who)
    print_screen(make_console(no_color), approval_page(incident, waiting, preview, who))
    if waiting.proposal and preview.identity and waiting.proposal != preview.identity:
        raise click.ClickException(
            f"the change is not the one that was proposed: {preview.message}; {waiting.target} has changed meanwhile, so"
            f" reject the step, or cancel the incident and open a new one"
        )
    _ask(f"Approve {waiting.name} of incident {name} as {who}?", yes)
    report(where, name, answer)


def _ask(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; look at the change above, then add --yes")
    if not click.confirm(question):
        raise click.ClickException("not approved; nothing was done")


def _bound(incident: Incident, waiting: StepStatus, who: str, note: str | None) -> list[Object]:
    """The answer, together with tests that plan and proposal are still those that were shown."""
    plan_hash = incident.status.plan.hash if incident.status.plan else ""
    entry: Object = {"step": waiting.name, "decision": "Approve", "by": who, "planHash": plan_hash}
    index = incident.status.steps.index(waiting)
    tests: list[Object] = [{"op": "test", "path": "/status/plan/hash", "value": plan_hash}]
    if waiting.proposal:
        tests.append({"op": "test", "path": f"/status/steps/{index}/proposal", "value": waiting.proposal})
    return tests + append("approvals", entry | ({"note": note} if note else {}))


@click.command("reject")
@where_options()
@name_argument
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option("--reason", required=True, help="Why, kept on the timeline.")
@by_option
def reject_command(where: Where, name: str, step: str | None, reason: str, by: str | None) -> None:
    """Rejects STEP of incident NAME, a change or a manual step: the step fails, and nothing of it is done."""
    _answer(where, name, by, step, "Reject", {"note": reason}, "rejected")


@click.command("done")
@where_options()
@name_argument
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option("--note", help="What was done, kept on the timeline.")
@by_option
def done_command(where: Where, name: str, step: str | None, note: str | None, by: str | None) -> None:
    """Reports the manual STEP of incident NAME as done, or that a request of which it was not known was received."""
    _answer(where, name, by, step, "Done", {"note": note} if note else {}, "reported done")


def _answer(
    where: Where, name: str, by: str | None, step: str | None, decision: str, more: dict[str, Any], said: str
) -> None:
    def decide(incident: Incident, who: str) -> list[Object]:
        waiting = _waiting(incident, step, decision)
        _must_be_new(incident, waiting, who)
        return append("approvals", {"step": waiting.name, "decision": decision, "by": who} | more)

    edit(where, name, by, decide, said if step is None else f"{step} {said}")


def _waiting(incident: Incident, name: str | None, decision: str) -> StepStatus:
    """The step that waits for such an answer. Raises Nothing where it was given, ClickException where none is wanted."""
    if name is None:
        waiting = [step for step in incident.status.steps if step.state == "Waiting" and step.waits_for != "Rollout"]
        if not waiting:
            must_be_open(incident, "no step waits for an answer")
            raise click.ClickException(f"no step of incident {incident.metadata.name} waits for an answer now")
        name = waiting[0].name
    step = step_of(incident, name)
    answers = [item for item in incident.spec.approvals if item.step == name]
    since = step.answered if step.waits_for == "Outcome" else 0  # earlier ones were about something else
    if given := next((item for item in answers[since:] if _counts(incident, item, name, decision)), None):
        raise Nothing(f"has the answer {given.decision} of {given.by} for {name} already")
    must_be_open(incident, f"{name} is {step.state}")
    if step.state != "Waiting" or step.waits_for == "Rollout":
        raise click.ClickException(f"step {name} does not wait for an answer: it is {step.state}")
    if decision == "Approve" and step.waits_for == "Done":
        raise click.ClickException(f"step {name} is for a person to do; report it: kubectl incident done")
    if decision == "Done" and step.waits_for == "Approve":
        raise click.ClickException(f"step {name} waits for an approval: kubectl incident approve")
    return step


def _must_be_new(incident: Incident, waiting: StepStatus, who: str) -> None:
    """Raises ClickException for who has answered the step before: an answer stays, and there is one of each person."""
    if any((item.step, item.by) == (waiting.name, who) for item in incident.spec.approvals):
        raise click.ClickException(
            f"{who} has answered step {waiting.name} before, and answers stay as they are: another person must answer now"
        )


def _counts(incident: Incident, item: Any, step: str, decision: str) -> bool:
    plan = incident.status.plan
    if (item.step, item.decision) != (step, decision):
        return False
    return decision != "Approve" or bool(plan and item.plan_hash and plan.hash.startswith(item.plan_hash))
