"""What a step would do if it were its turn now: the action's own answers, and each object that it would change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from paramedic.actions.changes import Change
from paramedic.actions.contract import Action, Context, Failed, Intent, Parameters, Pending, Preparation
from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.incident_status import FieldChange, PlannedStep, StepChange, StepStatus
from paramedic.engine import guard
from paramedic.engine.imagining import Imagined
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import Run
from paramedic.engine.stepping import wants_approval
from paramedic.engine.templates import TemplateError
from paramedic.model.differences import differences
from paramedic.model.text import shorten

_ROUNDS = 50  # writes after writes of one step, such as one for each Pod of a node
_MOST_CHANGES, _MOST_FIELDS, _LONGEST_VALUE = 20, 60, 500


@dataclass(frozen=True)
class Forecast:
    """``ask`` says why a person must approve it first; empty if nobody must."""

    verdict: Preparation
    ask: str = ""
    changes: tuple[Change, ...] = ()


def foresee(run: Run, planned: PlannedStep, seen: Seen) -> Forecast:
    """What the action says as if nobody had answered yet, and what it would write. Raises Missing."""
    action = run.action_of(planned)
    try:
        params = run.parameters_of(planned)
        restarts = guard.fruitless_restarts(run, seen, action.name)
        context = replace(run.context(planned, fruitless_restarts=restarts), foreseeing=True)
        verdict: Preparation = action.prepare(params, context, seen)
        if not isinstance(verdict, Intent):
            return Forecast(verdict)
        changes = _writes(action, params, replace(context, fresh=True), verdict.record, seen)
    except (TemplateError, Denied) as error:
        return Forecast(Failed(str(error), final=True))
    except ValidationError as error:
        return Forecast(Failed("; ".join(explain(error)), final=True))
    waiting = wants_approval(planned, verdict)
    ask = (verdict.ask or "the playbook wants an approval") if waiting else ""
    return Forecast(verdict, ask, changes)


def _writes(
    action: Action[Any], params: Parameters, context: Context, record: Mapping[str, Any], seen: Seen
) -> tuple[Change, ...]:
    """Each write up to where the step waits for others, such as the controllers that follow a rollout."""
    imagined, changes = Imagined(seen), list[Change]()
    for _ in range(_ROUNDS):
        answer = action.observe(params, context, record, imagined)
        if isinstance(answer, Intent):
            record = answer.record
            continue
        if not isinstance(answer, Pending):
            break
        changes += [imagined.perform(effect) for effect in answer.effects]
        if answer.done or answer.read:
            break
    return tuple(changes)


def write_changes(step: StepStatus, changes: tuple[Change, ...]) -> None:
    """Writes down what the step would change, within what a status may hold."""
    step.changes = [_summary(item) for item in changes[:_MOST_CHANGES]]
    step.changes_left_out = max(0, len(changes) - _MOST_CHANGES)


def _summary(change: Change) -> StepChange:
    found = [] if change.after is None else differences(change.before, change.after)
    fields = [
        FieldChange(path=shorten(item.path, 253), before=_value(item.before), after=_value(item.after))
        for item in found[:_MOST_FIELDS]
    ]
    left_out = max(0, len(found) - _MOST_FIELDS)
    return StepChange(
        verb=change.verb, object=str(change.ref), pods=change.pods, fields=fields, fields_left_out=left_out
    )


def _value(text: str | None) -> str | None:
    return None if text is None else shorten(text, _LONGEST_VALUE)
