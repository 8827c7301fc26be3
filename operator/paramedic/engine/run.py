"""One incident in the hands of the engine: what is stored, what is known, and how to write something down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from paramedic.actions.contract import Action, Answer, Context, Parameters
from paramedic.actions.contract import Pending as PendingEffects
from paramedic.actions.effects import Effect
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident import Incident
from paramedic.api.v1alpha1.incident_status import IncidentStatus, Phase, Plan, PlannedStep, StepStatus
from paramedic.engine.lifecycle import Event, next_phase
from paramedic.engine.templates import substitute
from paramedic.model.conditions import Status, set_condition
from paramedic.model.deliveries import Delivery
from paramedic.model.durations import parse_duration
from paramedic.model.names import operation_id
from paramedic.model.references import ObjectRef
from paramedic.model.text import shorten
from paramedic.model.timeline import OPERATOR, add_entry
from paramedic.model.times import format_time, parse_time

MESSAGE_LIMIT = 1000
#: How long a step waits for a person where the playbook does not say.
PERSON_TIMEOUT = timedelta(hours=24)
#: Stands in a text for what a template names and nobody knows.
NOT_KNOWN = "(not known)"
#: What a step waits for that only a person can give.
PERSON = frozenset({"Approve", "Done", "Outcome"})
OVER = frozenset({"Succeeded", "Failed", "Skipped", "Undone"})


@dataclass(frozen=True)
class Happening:
    """Something worth an Event and a metric. ``warning`` as in Event.type."""

    reason: str
    message: str
    warning: bool = False
    step: str = ""
    action: str = ""
    outcome: str = ""
    seconds: float = 0.0
    channel: str = ""  # where it is told in any case


@dataclass(frozen=True)
class Store:
    """Write the status, then decide again."""


@dataclass(frozen=True)
class Perform:
    """Do these effects, whose intent is stored, then decide again with what became of them."""

    step: str
    pending: PendingEffects

    @property
    def effects(self) -> tuple[Effect, ...]:
        return self.pending.effects


@dataclass(frozen=True)
class Sleep:
    """Nothing to do now; look again after this time, or, without one, when something changes."""

    after: timedelta | None


Decision = Store | Perform | Sleep


@dataclass
class Run:
    """The incident as stored, and its status as it will be stored next."""

    incident: Incident
    now: datetime
    status: IncidentStatus = field(init=False)
    happened: list[Happening] = field(default_factory=list)
    #: How long ago this process last stored something: a long step tells its progress now and then, not at each look.
    quiet_for: timedelta = timedelta(0)
    #: What became of messages that this process has sent, and which are on their way, by the ID of their notification.
    delivered: Mapping[str, Delivery] = field(default_factory=dict)
    sending: frozenset[str] = frozenset()
    #: Operations whose intent this process has stored and which it has not begun; and those that it will have once this
    #: status is stored.
    fresh: frozenset[str] = frozenset()
    begins: set[str] = field(default_factory=set)
    #: Whose permissions reads and effects use. From the plan, or, before there is one, from the playbook.
    account: str = ""

    def __post_init__(self) -> None:
        # Written out and read in again, which is several times faster than a deep copy.
        self.status = IncidentStatus.model_validate(self.incident.status.model_dump(by_alias=True))
        if self.status.plan:
            self.account = self.status.plan.service_account_name

    # --- what is known

    @property
    def name(self) -> str:
        return self.incident.metadata.name

    @property
    def namespace(self) -> str:
        return self.incident.metadata.namespace

    @property
    def dry(self) -> bool:
        return self.incident.spec.mode == "DryRun"

    @property
    def plan(self) -> Plan:
        if self.status.plan is None:
            raise ValueError(f"incident {self.namespace}/{self.name} has no plan")
        return self.status.plan

    @property
    def target(self) -> ObjectRef:
        return ObjectRef.load(self.plan.target)

    def planned(self, name: str) -> PlannedStep:
        return next(step for step in self.plan.steps if step.name == name)

    def step(self, name: str) -> StepStatus:
        return next(step for step in self.status.steps if step.name == name)

    def values(self) -> dict[str, Any]:
        """What expressions and templates see, apart from steps."""
        spec = self.incident.spec.model_dump(by_alias=True, exclude_none=True)
        meta = self.incident.metadata
        own = {"name": meta.name, "namespace": meta.namespace, "labels": meta.labels, "annotations": meta.annotations}
        status = {"severity": self.status.severity, "phase": self.phase, "message": self.status.message}
        status |= {"progress": self.status.progress, "target": self.status.target}
        incident = spec | own | status | {"uid": meta.uid, "spec": spec, "metadata": own}
        plan = self.status.plan
        target = {key: value for key, value in plan.target.items() if key != "uid"} if plan else {}
        return {"incident": incident, "parameters": dict(plan.parameters) if plan else {}, "target": target}

    def step_values(self, before: str) -> tuple[dict[str, Any], list[str]]:
        """The values of the steps before this one, as dotted names, and those steps' names."""
        values: dict[str, Any] = {}
        names = []
        for step in self.status.steps:
            if step.name == before:
                break
            names.append(step.name)
            values |= {
                f"steps.{step.name}.state": step.state,
                f"steps.{step.name}.succeeded": step.state == "Succeeded",
                f"steps.{step.name}.failed": step.state == "Failed",
                f"steps.{step.name}.outputs": dict(step.outputs),
            }
        return values, names

    def parameters_of(self, planned: PlannedStep) -> Parameters:
        """The action's parameters, templates over earlier steps filled in. Raises TemplateError, ValidationError."""
        data = dict(planned.parameters)
        late = planned.options.get("late", [])
        if late:
            steps = {
                item.name: {"state": item.state, "outputs": item.outputs}
                for item in self.status.steps
                if item.name != planned.name
            }
            known = self.values() | {"steps": steps}
            prose = ACTIONS[planned.action].prose
            data |= {key: substitute(data[key], known, missing=NOT_KNOWN if key in prose else None) for key in late}
        found: Parameters = ACTIONS[planned.action].parameters.model_validate(data)
        return found

    def action_of(self, planned: PlannedStep) -> Action[Any]:
        return ACTIONS[planned.action]

    def timeout_of(self, planned: PlannedStep) -> timedelta:
        said = planned.options.get("timeout")
        return parse_duration(said) if said else ACTIONS[planned.action].timeout

    def context(self, planned: PlannedStep, *, fruitless_restarts: int = 0, proving: bool = False) -> Context:
        """What the action of a step, or of a recovery check, knows."""
        step = next((item for item in self.status.steps if item.name == planned.name), None)
        began = (step.acted_at or step.started_at) if step else None
        started = parse_time(began) if began else self.now
        deadline = parse_time(step.deadline) if step and step.deadline else started + self.timeout_of(planned)
        return Context(
            incident=self.name,
            incident_uid=self.incident.metadata.uid,
            namespace=self.namespace,
            account=self.account,
            step=planned.name,
            attempt=step.attempt if step else 0,
            operation_id=(step.operation_id or "") if step else "",
            target=self.target,
            pod=ObjectRef.load(self.plan.pod) if self.plan.pod else None,
            now=self.now,
            started_at=started,
            deadline=deadline,
            earlier=self._earlier(step) if step else (),
            answers=self.answers(planned.name),
            fresh=bool(step and step.operation_id in self.fresh),
            people=self.people(),
            failed_checks=tuple(item.name for item in self.status.steps if _is_failed_check(item)),
            fruitless_restarts=fruitless_restarts,
            proving=proving,
            began_at=parse_time(self.status.times.started_at) if self.status.times.started_at else None,
        )

    def _earlier(self, step: StepStatus) -> tuple[str, ...]:
        uid = self.incident.metadata.uid
        return tuple(operation_id(uid, step.name, attempt) for attempt in range(step.attempt - 1, 0, -1))

    def answers(self, step: str) -> tuple[Answer, ...]:
        found = [item for item in self.incident.spec.approvals if item.step == step]
        return tuple(Answer(item.decision, item.by, item.note or "") for item in found)

    def people(self) -> frozenset[str]:
        """Who answers for the incident: who opened it, has taken it, leads, or has answered a step."""
        spec = self.incident.spec
        found = {spec.opened_by, spec.acknowledged_by, spec.lead, *(item.by for item in spec.approvals)}
        return frozenset(name for name in found if name)

    # --- writing down

    def say(self, message: str) -> None:
        self.status.message = shorten(message, MESSAGE_LIMIT)

    def note(self, event: str, message: str, actor: str = OPERATOR) -> None:
        add_entry(self.status.timeline, self.now, actor, event, message)

    def tell(self, happening: Happening) -> None:
        """Writes it on the timeline, and hands it to Events and metrics once it is stored."""
        self.happened.append(happening)
        self.note(happening.reason, happening.message)

    def observe(self, kind: str, status: Status, reason: str, message: str) -> None:
        set_condition(
            self.status.conditions, kind, status, reason, message,
            generation=self.incident.metadata.generation, now=self.now,
        )  # fmt: skip

    def move(self, event: Event) -> None:
        """Changes the phase by the transition table."""
        self.status.phase = next_phase(self.status.phase, event)

    def stamp(self) -> str:
        return format_time(self.now)

    @property
    def phase(self) -> Phase:
        return self.status.phase

    @property
    def changed(self) -> bool:
        return self.status != self.incident.status


def _is_failed_check(step: StepStatus) -> bool:
    return step.state == "Failed" and ACTIONS[step.action].check


def since(moment: str | None, now: datetime) -> timedelta:
    """How long ago a stored moment is; nothing where there is none."""
    return now - parse_time(moment) if moment else timedelta(0)


def dump_status(status: IncidentStatus) -> Mapping[str, Any]:
    """The status as it is stored."""
    return status.model_dump(by_alias=True, exclude_none=True)
