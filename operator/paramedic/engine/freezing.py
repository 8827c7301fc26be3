"""What a plan keeps: steps, recovery and policy with their values filled in, and a hash over all of it. Nothing that is
edited later reaches it.
"""

from typing import Any

from pydantic import ValidationError

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import Plan, PlannedRecovery, PlannedStep, PlaybookSeen, StepStatus
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.api.v1alpha1.steps import RecoveryCheckBase, StepBase
from paramedic.engine.evidence_first import with_evidence
from paramedic.engine.lifecycle import Event
from paramedic.engine.parameters import resolve
from paramedic.engine.readiness.validation import explain
from paramedic.engine.run import Happening, Run
from paramedic.engine.telling.policies import frozen_policy
from paramedic.engine.templates import TemplateError, paths_in, substitute
from paramedic.model.names import canonical, digest
from paramedic.model.references import ObjectRef
from paramedic.model.text import plural
from paramedic.model.times import format_time

PLAN_LIMIT = 24_000  # bytes: the status stays under 64 KiB whatever happens
STEP_LIMIT = 32


class NoPlan(Exception):
    """There cannot be a plan. ``lasting``: the incident fails; else it stays Pending until what is missing is there."""

    def __init__(self, reason: str, message: str, *, lasting: bool = True) -> None:
        super().__init__(message)
        self.reason, self.lasting = reason, lasting


def freeze_plan(run: Run, playbook: Playbook, target: ObjectRef, pod: ObjectRef | None) -> None:
    """Writes the plan into the status, and begins the run. Raises NoPlan where values do not fit."""
    meta, values = playbook.metadata, _values(run, playbook, target)
    known = run.values() | {"parameters": values, "target": target.dump()}
    try:
        steps = [_frozen_step(step, known) for step in _steps_of(playbook)]
        checks = [_frozen_check(item, known) for item in playbook.spec.all_checks]
    except TemplateError as error:
        raise NoPlan("InvalidParameters", str(error)) from None
    if problems := [problem for item in [*steps, *checks] for problem in _misfits(item)]:
        raise NoPlan("InvalidParameters", "; ".join(problems[:5]))
    rule = playbook.spec.recovery
    recovery = PlannedRecovery(checks=checks, stable_for=rule.stable_for, timeout=rule.timeout)
    plan = Plan(
        hash="", frozen_at=format_time(run.now), service_account_name=run.account, target=target.dump(),
        pod=pod.dump() if pod else None, parameters=values, steps=steps, recovery=recovery,
        policy=frozen_policy(playbook),
    )  # fmt: skip
    content = plan.model_dump(by_alias=True, exclude_none=True, exclude={"hash", "frozen_at"})
    size = len(canonical(content).encode())
    if size > PLAN_LIMIT:
        raise NoPlan("PlanTooLarge", f"the plan takes {size} bytes, more than {PLAN_LIMIT}; split the playbook")
    plan.hash = digest(content)
    run.status.plan = plan
    why = run.status.playbook.reason if run.status.playbook else ""
    run.status.playbook = PlaybookSeen(name=meta.name, uid=meta.uid, generation=meta.generation, reason=why)
    run.status.linked_to = None
    if run.incident.spec.playbook_ref is None:
        run.note("Matched", f"playbook {meta.name} answers: {why}")
    run.status.steps = [StepStatus(name=item.name, action=item.action, phase=item.phase) for item in steps]
    run.observe("Planned", "True", "PlanFrozen", f"plan {plan.hash[:12]} of playbook {meta.name}")
    run.move(Event.EXPLAINED if run.dry else Event.PLANNED)
    text = f"plan {plan.hash[:12]}: {plural(len(steps), 'step')} of playbook {meta.name}, as {run.account}, on {target}"
    run.tell(Happening("Planned", text))


def _steps_of(playbook: Playbook) -> list[StepBase]:
    """The playbook's steps, and those that keep evidence before it is destroyed."""
    steps = with_evidence(playbook.spec.all_steps)
    if len(steps) > STEP_LIMIT:
        raise NoPlan(
            "PlanTooLarge",
            f"with the evidence that is kept before what destroys it, the plan has {len(steps)} steps, more than"
            f" {STEP_LIMIT}; put one step with collectEvidence: {{}} and without an if before them",
        )
    return steps


def _values(run: Run, playbook: Playbook, target: ObjectRef) -> dict[str, Any]:
    """The values of the playbook's parameters."""
    known = run.values() | {"target": target.dump()}
    values, problems = resolve(playbook.spec.parameters, run.incident.spec.parameters, known)
    if problems:
        raise NoPlan("InvalidParameters", "; ".join(problems))
    return values


def _frozen_step(step: StepBase, known: dict[str, Any]) -> PlannedStep:
    options = step.model_dump(by_alias=True, exclude_defaults=True, include=set(_OPTIONS))
    parameters, late = _filled(step, known)
    if late:
        options["late"] = late
    return PlannedStep(
        name=step.name, phase=step.response_phase, action=step.action, parameters=parameters, options=options
    )


def _misfits(item: PlannedStep) -> list[str]:
    """What the values that were filled in make of the parameters; those that wait for earlier steps are left out."""
    if item.options.get("late"):
        return []
    try:
        ACTIONS[item.action].parameters.model_validate(item.parameters)
    except ValidationError as error:
        return [f"step {item.name}: {item.action}.{problem}" for problem in explain(error)]
    return []


_OPTIONS = ("if_", "on_failure", "timeout", "retry", "approval", "on_unknown", "undo")


def _frozen_check(item: RecoveryCheckBase, known: dict[str, Any]) -> PlannedStep:
    parameters, _ = _filled(item, known)
    return PlannedStep(name=item.name, phase="Verify", action=item.action, parameters=parameters)


def _filled(step: StepBase | RecoveryCheckBase, known: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Parameters with their templates filled in, and those that name earlier steps and must wait for them."""
    data = step.parameters.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    prose = ACTIONS[step.action].prose
    late = [
        key for key, value in data.items() if any(key in prose or path.startswith("steps.") for path in paths_in(value))
    ]
    return {key: value if key in late else substitute(value, known) for key, value in data.items()}, late
