"""What is new between two looks at an incident, as lines: for a watch that is no terminal."""

from collections.abc import Iterator

from paramedic.cli.screens.headline import headline
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import step_mark, without_command


def news(before: View | None, view: View) -> Iterator[str]:
    """One line for each step that moved, then one for the incident where its sentence is another."""
    old = {step.name: step for step in before.status.steps} if before else {}
    for step in view.status.steps:
        seen = old.get(step.name)
        known = (seen.state, seen.attempt, seen.message, seen.undo) if seen else ("Pending", 0, "", None)
        if (step.state, step.attempt, step.message, step.undo) == known:
            continue
        mark = step_mark(step.state)
        undo = f" (undo: {step.undo.state}: {step.undo.message or step.undo.reason})" if step.undo else ""
        yield f"{mark.icon} {mark.word:7} {step.name}: {without_command(step.message) or step.action}{undo}"
    line = headline(view, times=False).plain
    if before is None or headline(before, times=False).plain != line:
        yield line
