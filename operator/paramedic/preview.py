"""What a run would do, before it does it: the engine's own code, asked by somebody who only looks.

Reads are answered with the caller's own rights, and every effect becomes an object before and after. Nothing is written.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from paramedic.actions.changes import Change
from paramedic.actions.contract import Failed, Intent, Preparation, Skipped, Waiting
from paramedic.actions.reads import (
    Denied,
    GetObject,
    HttpAnswer,
    HttpGet,
    MayI,
    Missing,
    Read,
    Seen,
    TcpAnswer,
    TcpConnect,
    TryPatch,
)
from paramedic.api.v1alpha1.incident import CLUSTER_KINDS, Incident
from paramedic.api.v1alpha1.incident_status import PlannedStep, StepState, StepStatus
from paramedic.clock import Clock
from paramedic.cluster.caller import Caller
from paramedic.engine import guard
from paramedic.engine.foreseeing import foresee
from paramedic.engine.planning import plan_incident
from paramedic.engine.run import Run
from paramedic.engine.stepping import unwanted
from paramedic.engine.templates import TemplateError
from paramedic.model.conditions import find_condition
from paramedic.model.names import operation_id, service_account_user
from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.references import PLAYBOOK, ObjectRef
from paramedic.model.text import listing

T = TypeVar("T")
Verdict = Literal["Change", "Act", "Pass", "Fail", "Skip", "Wait", "Unknown"]
_ROUNDS = 60


@dataclass(frozen=True)
class StepPreview:
    """What one step would do if it were its turn now."""

    name: str
    action: str
    verdict: Verdict
    message: str
    ask: str = ""  # why a person must approve it first; empty if nobody must
    changes: tuple[Change, ...] = ()
    identity: str = ""  # of the change, as approvals are bound to it


@dataclass(frozen=True)
class Grant:
    """A permission that the playbook's account needs; ``allowed`` is None where the caller may not ask."""

    permission: Permission
    steps: tuple[str, ...]
    allowed: bool | None


@dataclass(frozen=True)
class Preview:
    """What a playbook would do on a target now."""

    playbook: str
    account: str
    target: str
    plan_hash: str
    problem: str = ""  # why there could be no plan; empty if there could
    steps: tuple[StepPreview, ...] = ()
    grants: tuple[Grant, ...] = ()
    holder: str = ""  # another incident that is at work on the target
    recovery: str = ""


@dataclass
class _Look(Seen):
    """Answers, and which HTTP and TCP checks got none: this machine may not reach what the operator reaches."""

    answers: dict[Read, Any] = field(default_factory=dict)
    unreached: list[str] = field(default_factory=list)

    def http(self, question: HttpGet) -> HttpAnswer:
        answer = super().http(question)
        if not answer.status:
            self.unreached.append(answer.error)
        return answer

    def tcp(self, question: TcpConnect) -> TcpAnswer:
        answer = super().tcp(question)
        if not answer.connected:
            self.unreached.append(answer.error)
        return answer


class Previewer:
    """Asks the engine, and answers its questions as the caller."""

    def __init__(self, caller: Caller, clock: Clock, assumed: Mapping[str, str] | None = None) -> None:
        """``assumed`` are states of checks by step, for those whose answer is to be taken as given."""
        self._caller, self._clock = caller, clock
        self._assumed = dict(assumed or {})

    async def plan(self, incident: Incident, playbook: Object | None = None) -> Preview:
        """What the incident's playbook would do now; ``playbook`` stands for one that is not in the cluster.

        Raises ApiError, Unavailable.
        """
        given: dict[Read, Any] = {}
        if playbook is not None and incident.spec.playbook_ref is not None:
            ref = ObjectRef.to(PLAYBOOK, incident.metadata.namespace, incident.spec.playbook_ref.name)
            given[GetObject(ref, own=True)] = playbook

        def question(run: Run, seen: _Look) -> Preview:
            return _plan(run, seen, self._assumed)

        return await self._with_grants(await self._ask(incident, question, given), incident.metadata.namespace)

    async def step(self, incident: Incident, name: str) -> StepPreview:
        """What a step of a frozen plan would do now. Raises ApiError, Unavailable."""
        return await self._ask(incident, lambda run, seen: _look_at(run, run.planned(name), seen), {})

    async def _ask(self, incident: Incident, question: Callable[[Run, _Look], T], answers: dict[Read, Any]) -> T:
        now = self._clock.now()
        for _ in range(_ROUNDS):
            try:
                return question(Run(incident, now), _Look(answers))
            except Missing as missing:
                answers |= await self._answer(missing.reads, incident.metadata.namespace)
        raise RuntimeError(f"incident {incident.metadata.name} asks for more and more reads")

    async def _answer(self, reads: Iterable[Read], namespace: str) -> dict[Read, Any]:
        # Permissions are asked about the playbook's account once the plan stands; till then they are taken as granted.
        asked: dict[Read, Any] = {item: True for item in reads if isinstance(item, MayI)}
        asked |= {item: "" for item in reads if isinstance(item, TryPatch)}
        rest = [item for item in reads if item not in asked]
        return asked | await self._caller.api.answer(rest, namespace, "")

    async def _with_grants(self, preview: Preview, namespace: str) -> Preview:
        user = service_account_user(namespace, preview.account)
        asked = (self._caller.may(user, grant.permission, namespace) for grant in preview.grants)
        allowed = await asyncio.gather(*asked)
        grants = (replace(grant, allowed=may) for grant, may in zip(preview.grants, allowed, strict=True))
        return replace(preview, grants=tuple(grants))


def _plan(run: Run, seen: _Look, assumed: Mapping[str, str]) -> Preview:
    """The plan, and each step as if it were its turn now. What would be changed counts as done for the conditions of
    later steps; the cluster itself is looked at as it is.
    """
    plan_incident(run, seen)
    plan, playbook = run.status.plan, run.status.playbook
    found = Preview(
        playbook=playbook.name if playbook else "", account=run.account, target=run.status.target or "",
        plan_hash=plan.hash if plan else "", grants=_grants(run, seen),
    )  # fmt: skip
    if plan is None:
        refused = find_condition(run.status.conditions, "Planned")
        return replace(found, problem=refused.message if refused else "there is no plan")
    steps = tuple(_explained(run, step, seen, assumed) for step in run.status.steps)
    rule = plan.recovery
    checks = listing([item.name for item in rule.checks] or [_default_proof(plan.target)])
    recovery = f"{checks}; for {rule.stable_for} without a break, within {rule.timeout}"
    return replace(found, steps=steps, recovery=recovery, holder=_holder(run, seen))


def _default_proof(target: Object) -> str:
    if target["kind"] in CLUSTER_KINDS:
        return "the node is Ready and under no pressure"
    return "every Pod of the target is updated and available"


def _explained(run: Run, step: StepStatus, seen: _Look, assumed: Mapping[str, str]) -> StepPreview:
    planned = run.planned(step.name)
    step.operation_id, step.attempt = operation_id(run.incident.metadata.uid, step.name, 1), 1
    if answer := unwanted(run, planned):
        found = _without_change(planned, answer, seen)
    else:
        found = _look_at(run, planned, seen)
    if step.name in assumed:
        found = replace(found, verdict="Pass" if assumed[step.name] == "Succeeded" else "Fail", message="as you assume")
    step.state = _STATES[found.verdict]
    return found


_STATES: dict[Verdict, StepState] = {
    "Change": "Succeeded", "Act": "Succeeded", "Wait": "Succeeded", "Pass": "Succeeded",
    "Fail": "Failed", "Unknown": "Failed", "Skip": "Skipped",
}  # fmt: skip


def _look_at(run: Run, planned: PlannedStep, seen: _Look) -> StepPreview:
    """What the action says, and the objects that it would change."""
    seen.unreached.clear()
    found = foresee(run, planned, seen)
    verdict = found.verdict
    if not isinstance(verdict, Intent):
        return _without_change(planned, verdict, seen)
    kind: Verdict = "Change" if run.action_of(planned).remedy else "Act"
    return StepPreview(planned.name, planned.action, kind, verdict.message, found.ask, found.changes, verdict.identity)


def _without_change(planned: PlannedStep, answer: Preparation, seen: _Look) -> StepPreview:
    kind: Verdict = "Pass"
    if isinstance(answer, Failed):
        kind = "Unknown" if seen.unreached else "Fail"
    elif isinstance(answer, Skipped):
        kind = "Skip"
    elif isinstance(answer, Waiting):
        kind = "Wait"
    return StepPreview(planned.name, planned.action, kind, answer.message)


def _grants(run: Run, seen: Seen) -> tuple[Grant, ...]:
    """The permissions that planning asked for, and which steps need them."""
    needed: dict[Permission, list[str]] = {}
    for planned in run.status.plan.steps if run.status.plan else []:
        try:
            wanted = run.action_of(planned).permissions(run.parameters_of(planned), run.target.kind)
        except (TemplateError, ValidationError):
            continue  # its parameters wait for an earlier step
        for permission in wanted:
            needed.setdefault(permission, []).append(planned.name)
    asked = sorted({question.permission for question in seen.answers if isinstance(question, MayI)})
    return tuple(Grant(item, tuple(needed.get(item, ["recovery"])), None) for item in asked)


def _holder(run: Run, seen: Seen) -> str:
    """Another incident that is at work on the target; empty if there is none, or if the caller may not list them."""
    try:
        plan, run.status.plan = run.status.plan, None  # whatever is at work now comes before one that is not open yet
        return guard.holder_of(run, seen, run.status.target or "")
    except Denied:
        return ""
    finally:
        run.status.plan = plan
