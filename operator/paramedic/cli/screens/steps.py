"""The steps of an incident as a tree: state, name, time, message, and below a step what it touches and waits for."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import StepStatus
from paramedic.cli.screens.headline import step_timing
from paramedic.cli.screens.layout import Hanging
from paramedic.cli.screens.view import OVER, View
from paramedic.cli.screens.words import (
    DONE,
    FAILED,
    NOT_RUN,
    SKIPPED,
    TO_COME,
    UNDONE,
    Mark,
    clock,
    span,
    step_mark,
    without_command,
)
from paramedic.engine.review import in_words
from paramedic.model.text import listing, plural

_WORD = 7  # columns of the longest word of a state, and one
_FIELDS = 8  # of one object, that a dry run shows before --all


def step_rows(view: View, *, fold: bool, loud: bool = True, lines: int = 0) -> Iterator[RenderableType]:
    """One row a step, with what belongs to it below. ``fold``: steps that are done or to come are one row each, names
    listed; what runs or waits is always shown, and what failed unless not ``loud``. ``lines`` bounds each message.
    """
    steps, current = view.status.steps, view.current
    width = min(24, max((len(step.name) for step in steps), default=0))
    if not fold:
        for step in steps:
            yield from _step(view, step, width, lines, details=step is current)
        return
    over = [step for step in steps if step.state in OVER]
    shown = [step for step in over if loud and _is_loud(step)]
    folded = [step for step in over if step not in shown]
    for mark in (DONE, SKIPPED, UNDONE, FAILED):
        more = "(--all)" if mark is DONE else ""
        yield from _folded(mark, [step for step in folded if step_mark(step.state) is mark], more)
    for step in shown:
        yield from _step(view, step, width, lines, details=False)
    if current is not None:
        yield from _step(view, current, width, lines, details=True)
    rest = [step for step in steps if step.state not in OVER and step is not current]
    yield from _folded(NOT_RUN if view.over else TO_COME, rest, "")


def _is_loud(step: StepStatus) -> bool:
    return step.state not in ("Succeeded", "Skipped") or step.undo is not None


def _folded(mark: Mark, steps: list[StepStatus], more: str) -> Iterator[RenderableType]:
    if steps:
        names = listing([step.name for step in steps], limit=8)
        yield Hanging(Text(f"{mark.icon} {len(steps)} {mark.word}: ", mark.style), Text(f"{names} {more}", "dim"), 2)


def _step(view: View, step: StepStatus, width: int, lines: int, *, details: bool) -> Iterator[RenderableType]:
    mark = NOT_RUN if view.over and step.state == "Pending" else step_mark(step.state)
    lead = Text(f"{mark.icon} {mark.word:{_WORD}}", mark.style) + Text(f" {step.name:{width}}  ")
    yield Hanging(lead, Text("  ").join(_facts(view, step)), lines)
    below = [
        *_undo(step),
        *_changes(step, most=0 if lines == 0 else _FIELDS),
        *(_details(view, step) if details else ()),
    ]
    for at, row in enumerate(below):
        branch = "└ " if at == len(below) - 1 else "├ "
        yield Hanging(Text(f"  {branch}", "dim"), row, lines)


def _facts(view: View, step: StepStatus) -> Iterator[Text]:
    if step.state == "Pending" and not step.message:
        yield Text(step.action, "dim")
        return
    timing = step_timing(view, step)
    if timing:
        yield Text(timing, "dim")
    if step.attempt > 1:
        yield Text(f"attempt {step.attempt}", "yellow")
    yield Text(without_command(step.message) or step.action)


def _undo(step: StepStatus) -> Iterator[Text]:
    undo = step.undo
    if undo is None:
        return
    mark = {"Succeeded": UNDONE, "Failed": FAILED}.get(undo.state)
    if mark is None:
        yield Text.assemble(("◷ taking it back", "magenta"), f": {undo.reason}")
    elif undo.state == "Failed":
        yield Text.assemble((f"{mark.icon} could not be taken back", mark.style), f": {undo.message}")
    else:
        yield Text.assemble((f"{mark.icon} taken back", mark.style), f": {undo.message}")


def _changes(step: StepStatus, most: int) -> Iterator[Text]:
    """What a dry run says that the step would write: each object, and so many of its fields; 0 is all."""
    for change in step.changes:
        pods = f" ({change.pods})" if change.pods else ""
        yield Text.assemble(("writes   ", "dim"), f"{change.verb} {change.object}{pods}")
        shown = change.fields[: most or None]
        yield from (Text(f"           {in_words(field)}") for field in shown)
        if left_out := len(change.fields) - len(shown) + change.fields_left_out:
            yield Text(f"           and {plural(left_out, 'more field')} (--all)", "dim")
    if step.changes_left_out:
        yield Text.assemble(("writes   ", "dim"), f"and {plural(step.changes_left_out, 'more object')}")


def _details(view: View, step: StepStatus) -> Iterator[Text]:
    """What the step at which the incident stands waits for and touches."""
    plan = view.status.plan
    if step.waits_for == "Approve" and step.state == "Waiting" and plan:
        yield Text.assemble(
            ("plan     ", "dim"), plan.hash[:12], (f", as ServiceAccount {plan.service_account_name}", "")
        )
    if step.waits_for == "Done" and step.state == "Waiting":
        yield Text.assemble(("waits    ", "dim"), "for a person; whoever does it reports it done")
    if step.waits_for == "Outcome" and step.state == "Waiting":
        yield Text.assemble(("done     ", "dim"), "if it was received")
        yield Text.assemble(("approve  ", "dim"), "to send it again, with the same Idempotency-Key")
        yield Text.assemble(("reject   ", "dim"), "to give it up")
    if step.target and (step.intent is not None or step.waits_for == "Approve"):
        yield Text.assemble(("touches  ", "dim"), step.target)
    if step.deadline and step.state == "Waiting":
        left = view.left(step.deadline)
        if left is not None:
            yield Text.assemble(("else     ", "dim"), f"it fails in {span(left)}")
    if step.expires_at:
        lead = "undo     " if ACTIONS[step.action].keeps_way_back else "ends     "
        by = "possible until" if ACTIONS[step.action].keeps_way_back else "by itself at"
        yield Text.assemble((lead, "dim"), f"{by} {clock(step.expires_at)}")
    for answer in view.incident.spec.approvals:
        if answer.step == step.name and step.state == "Waiting":
            yield Text.assemble(("answer   ", "dim"), f"{answer.decision} by {answer.by}, which does not settle it")
