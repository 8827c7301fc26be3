"""Evidence before anything that destroys it: the step that the plan gets for it, and the refusal where none was kept."""

from collections.abc import Iterable
from itertools import chain, count
from typing import Any

from paramedic.actions.contract import Failed
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import PlannedStep
from paramedic.api.v1alpha1.steps import Step, StepBase
from paramedic.engine.run import Run

COLLECTING = "collectEvidence"
_NAME = "evidence"


def with_evidence(steps: Iterable[StepBase]) -> list[StepBase]:
    """The steps, and before each that destroys evidence one that collects it, where none before does so for it.

    One that is there already counts where it has no `if`, or the same as the step that destroys: another might be
    skipped although that one runs.
    """
    steps = list(steps)
    taken = {step.name for step in steps}
    found: list[StepBase] = []
    for step in steps:
        if ACTIONS[step.action].destroys_evidence and not any(_serves(item, step) for item in found):
            name = next(name for name in chain([_NAME], (f"{_NAME}{n}" for n in count(2))) if name not in taken)
            taken.add(name)
            found.append(_collecting(name, step))
        found.append(step)
    return found


def _serves(collecting: StepBase, step: StepBase) -> bool:
    return collecting.action == COLLECTING and collecting.if_ in (None, step.if_)


def _collecting(name: str, step: StepBase) -> StepBase:
    """Where it fails, the run goes on to the step that destroys, which then says what is missing and is not begun."""
    fields: dict[str, Any] = {"name": name, "if": step.if_, "onFailure": "Continue", COLLECTING: {}}
    return Step.model_validate({key: value for key, value in fields.items() if value is not None})


def without_evidence(run: Run, planned: PlannedStep) -> Failed | None:
    """Why a step that destroys evidence is not begun: none was kept in this run. None where it may begin."""
    action = ACTIONS[planned.action]
    if not action.destroys_evidence:
        return None
    last = ""
    for step in run.status.steps:
        if step.name == planned.name:
            break
        if step.action == COLLECTING:
            if step.state == "Succeeded":
                return None
            last = f"step {step.name} kept none ({step.state}: {step.message})"
    why = last or f"no step with {COLLECTING} comes before it"
    return Failed(
        f"not begun, because {action.name} destroys what evidence could be collected from, and {why}; mend that, then"
        " open a new incident",
        final=True,
    )
