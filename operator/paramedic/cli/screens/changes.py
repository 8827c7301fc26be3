"""What is new between two looks at an incident, as lines: for a watch that is no terminal."""

from collections.abc import Iterator

from paramedic.cli.screens.headline import headline
from paramedic.cli.screens.view import View
from paramedic.cli.screens.words import step_mark, without_command


def news(before: View | None, view: View) -> Iterator[str]:
    """One line for each step that moved, then one for the incident where its sentence is another and says more."""
    told = []
    old = {step.name: step for step in before.status.steps} if before else {}
    for step in view.status.steps:
        seen = old.get(step.name)
        known = (seen.state, seen.attempt, seen.message, seen.undo) if seen else ("Pending", 0, "", None)
        if (step.state, step.attempt, step.message, step.undo) == known:
            continue
        mark = step_mark(step.state)
        undo = f" (undo: {step.undo.state}: {step.undo.message or step.undo.reason})" if step.undo else ""
        told.append(without_command(step.message) or step.action)
        yield f"{mark.icon} {mark.word:7} {step.name}: {told[-1]}{undo}"
    line = headline(view, times=False).plain
    if before is not None and headline(before, times=False).plain == line:
        return
    if view.ended or not any(line.endswith(f'": {text}') for text in told):
        yield line
