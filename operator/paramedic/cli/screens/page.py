"""One incident as a screen: whole, or as much of it as a terminal has lines for."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.text import Text

from paramedic.cli.screens.extras import escalation_row, evidence_row, notification_rows, recovery_row, timeline_rows
from paramedic.cli.screens.head import head
from paramedic.cli.screens.layout import stacked
from paramedic.cli.screens.next_up import next_rows
from paramedic.cli.screens.steps import step_rows
from paramedic.cli.screens.view import View


def page(view: View, *, every: bool = False) -> Group:
    """Everything: the answer, the steps, what belongs to them, the next command. ``every``: the timeline too."""
    return stacked(_sections(view, every))


def _sections(view: View, every: bool) -> Iterator[RenderableType]:
    yield from head(view)
    yield Text()
    yield from step_rows(view, fold=False, lines=0 if every else 4)
    yield from recovery_row(view)
    extras = [*escalation_row(view), *evidence_row(view), *notification_rows(view, every=every)]
    if every:
        extras += timeline_rows(view, every=True)
    if extras:
        yield Text()
        yield from extras
    commands = list(next_rows(view))
    if commands:
        yield Text()
        yield from commands


@dataclass(frozen=True)
class _Detail:
    """How much of an incident is shown."""

    fold: bool
    lines: int  # of each message; 0 is all
    extras: bool
    commands: int
    loud: bool = True


#: From generous to frugal. The last ones still show the answer, the step at work and the next command.
_DETAILS = (
    _Detail(False, 0, True, 3), _Detail(False, 2, True, 3), _Detail(True, 4, True, 3), _Detail(True, 2, True, 3),
    _Detail(True, 2, False, 3), _Detail(True, 1, False, 2), _Detail(True, 1, False, 1, loud=False),
)  # fmt: skip


def fitting_page(
    view: View, console: Console, height: int, *, unfold: bool = False, footer: Text | None = None
) -> Group:
    """As much as fits into so many lines. ``unfold``: steps that are over or to come have a row each while they fit."""
    page = stacked([])
    for detail in _DETAILS:
        if detail.fold or unfold or view.ended:
            page = stacked(_fitting_sections(view, detail, footer))
            if _height(page, console) <= height:
                return page
    return page


def _fitting_sections(view: View, detail: _Detail, footer: Text | None) -> Iterator[RenderableType]:
    yield from head(view, lines=detail.lines)
    yield from step_rows(view, fold=detail.fold, loud=detail.loud, lines=detail.lines)
    yield from recovery_row(view)
    if detail.extras:
        yield from escalation_row(view)
        yield from evidence_row(view)
        yield from notification_rows(view, every=False)
    yield from next_rows(view, detail.commands)
    if footer is not None:
        yield footer


def _height(page: Group, console: Console) -> int:
    return len(console.render_lines(page, pad=False))
