"""The status of an Incident: what paramedic has decided, done and seen. It is also all that paramedic remembers."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from paramedic.api.v1alpha1.base import StatusModel
from paramedic.model.conditions import Condition
from paramedic.model.timeline import TimelineEntry

Phase = Literal["Pending", "Running", "Waiting", "Monitoring", "Resolved", "Failed", "Cancelled", "Planned"]
StepState = Literal["Pending", "Running", "Waiting", "Succeeded", "Failed", "Skipped", "Undone"]
Message = Annotated[str, StringConstraints(max_length=1024)]
Short = Annotated[str, StringConstraints(max_length=253)]


class Times(StatusModel):
    """The moments of the incident (RFC 3339). Every duration in the report names the two that it lies between."""

    started_at: Short | None = Field(None, description="When the impact began, as far as is known.")
    detected_at: Short | None = Field(None, description="When the incident was opened.")
    acknowledged_at: Short | None = Field(None, description="When a person acknowledged it.")
    first_action_at: Short | None = Field(None, description="When the first remediation began.")
    mitigated_at: Short | None = Field(None, description="When the symptom was gone.")
    resolved_at: Short | None = Field(None, description="When recovery had held for as long as the playbook wants.")
    finished_at: Short | None = Field(None, description="When the run ended, however it ended.")


class PlaybookSeen(StatusModel):
    """Which playbook the plan was made from."""

    name: Short
    uid: Short = ""
    generation: int = 0
    reason: Message = Field("", description="Why this playbook and not another.")


class PlannedStep(StatusModel):
    """One step as it was frozen: later edits of the playbook do not reach it."""

    name: Short
    phase: Short
    action: Short
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="What the playbook says, parameters filled in."
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="if, onFailure, timeout, retry, approval, onUnknown and undo, where they are set.",
    )


class PlannedRecovery(StatusModel):
    """What proves recovery, as it was frozen."""

    checks: list[PlannedStep] = Field(default_factory=list, max_length=8)
    stable_for: Short
    timeout: Short


class Policy(StatusModel):
    """Whom to tell, as it was frozen: the playbook's channels, escalation and updates."""

    channels: list[dict[str, Any]] = Field(default_factory=list, max_length=16)
    escalation: list[dict[str, Any]] = Field(default_factory=list, max_length=16)
    updates: list[dict[str, Any]] = Field(default_factory=list, max_length=8)


class Plan(StatusModel):
    """The frozen plan. Approvals bind to its hash."""

    hash: Short = Field(description="sha256 over steps, recovery, policy, account, parameters and target.")
    frozen_at: Short
    service_account_name: Short = Field(description="Whose permissions the steps run with.")
    target: dict[str, Any] = Field(description="The workload the steps act on, with its uid.")
    pod: dict[str, Any] | None = Field(None, description="The Pod that the incident names, where it names one.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Values of the playbook's parameters.")
    steps: list[PlannedStep] = Field(max_length=32)
    recovery: PlannedRecovery
    policy: Policy = Field(default_factory=Policy)


class StepUndo(StatusModel):
    """The way back of one step."""

    state: Literal["Running", "Succeeded", "Failed"]
    reason: Short = Field(description="Why it is undone.")
    started_at: Short
    finished_at: Short | None = None
    attempt: int = Field(1, description="Which attempt this is. What is temporary is tried again until it is gone.")
    not_before: Short | None = Field(None, description="When the next attempt may begin.")
    message: Message = ""


class FieldChange(StatusModel):
    """One field before and after, as JSON; left out where there is none. Long values are cut, secret ones not shown."""

    path: Short
    before: Annotated[str, StringConstraints(max_length=500)] | None = None
    after: Annotated[str, StringConstraints(max_length=500)] | None = None


class StepChange(StatusModel):
    """One object that a step would write."""

    verb: Short = Field(description="create, patch, delete: what the account must be allowed.")
    object: Short = Field(description="Which, such as Deployment/checkout.")
    pods: Short = Field("", description="What it means for Pods; empty where it means nothing.")
    fields: list[FieldChange] = Field(default_factory=list, max_length=60, description="Each field that would differ.")
    fields_left_out: int = Field(0, description="How many more fields would differ than are listed.")


class StepStatus(StatusModel):
    """Where one step stands."""

    name: Short
    action: Short
    phase: Short
    state: StepState = "Pending"
    attempt: int = Field(0, description="Which attempt this is, from 1; 0 before the first.")
    operation_id: Short | None = Field(
        None, alias="operationID", description="The name of this attempt; what it changed carries it."
    )
    target: Short | None = None
    started_at: Short | None = None
    finished_at: Short | None = None
    acted_at: Short | None = Field(None, description="When its change was begun, approvals waited for.")
    deadline: Short | None = None
    not_before: Short | None = Field(None, description="When the next attempt may begin.")
    expires_at: Short | None = Field(None, description="When the change of this step ends by itself.")
    waits_for: Literal["Approve", "Done", "Outcome", "Rollout"] | None = Field(
        None,
        description="What a waiting step waits for: a person to Approve it, to report it Done, or to settle an Outcome that"
        " cannot be known; or a Rollout.",
    )
    answered: int = Field(0, description="How many answers there were when a person was asked to settle an outcome.")
    remind_at: Short | None = Field(None, description="When whoever it waits for is reminded next.")
    proposal: Short | None = Field(
        None, description="A digest of the change that waits for approval: another change needs another approval."
    )
    message: Message = ""
    outputs: dict[str, Any] = Field(default_factory=dict, description="What later steps can use.")
    intent: dict[str, Any] | None = Field(
        None, description="What was to be changed, written down before it was: the value before and the value wanted."
    )
    undo: StepUndo | None = None
    changes: list[StepChange] = Field(
        default_factory=list, max_length=20, description="In a DryRun: what the step would write, in this order."
    )
    changes_left_out: int = Field(0, description="How many more objects it would write than are listed.")


class Ending(StatusModel):
    """How the run will end once what has to be undone is undone."""

    phase: Literal["Resolved", "Failed", "Cancelled"]
    reason: Short
    message: Message
    undo: list[Short] = Field(
        default_factory=list, max_length=32, description="Steps still to be undone, in this order."
    )


class Recovery(StatusModel):
    """The proof of recovery so far."""

    started_at: Short
    healthy_since: Short | None = None
    alert_resolved: bool = Field(
        False, description="The alert has resolved since; firing again counts as a failed check."
    )
    message: Message = ""


class Acknowledgement(StatusModel):
    """Who has taken the incident."""

    by: Short
    at: Short


class EvidenceItem(StatusModel):
    """One piece of evidence, kept compressed in an immutable Secret."""

    name: Short = Field(description="Its key in the Secret, without .gz.")
    kind: Short
    sha256: Short = Field(description="Of the content before compression.")
    bytes: int = Field(description="Length of the content before compression.")
    ref: Short = Field(description="The Secret.")


class AlertState(StatusModel):
    """What Alertmanager said of the alert last."""

    state: Literal["Firing", "Resolved"]
    starts_at: Short | None = Field(
        None,
        description="When it last began to fire, where that is later than spec.alert.startsAt: it flaps (RFC 3339).",
    )
    ends_at: Short | None = Field(None, description="When it stopped firing (RFC 3339).")


class Escalation(StatusModel):
    """How far the escalation has come. It counts from when the incident got its severity."""

    severity: Short
    since: Short
    done: list[int] = Field(
        default_factory=list, max_length=16, description="Levels that are over, by their index in the policy."
    )


class UpdateSent(StatusModel):
    """When a status update went over a channel last, and when the next one is due."""

    channel: Short
    at: Short
    next: Short


class Notification(StatusModel):
    """One message to one channel. It is written down before it is sent, and sent at most once for each attempt."""

    id: Short = Field(description="The operation ID of this attempt: the receiver's idempotency key.")
    reason: Short = Field(description="What it is about: Escalation, Update, Ended, or the name of a step.")
    channel: Short
    account: Short = Field("", description="Whose permissions read the channel's Secret.")
    secret: Short = Field("", description="The channel's Secret and key, as NAME/KEY.")
    state: Literal["Sending", "Sent", "Failed", "Unknown"] = "Sending"
    attempt: int = 1
    at: Short
    not_before: Short | None = Field(None, description="When the next attempt may begin.")
    title: Short = ""
    text: Annotated[str, StringConstraints(max_length=2048)] = Field(
        "", description="What is said; left out once sent."
    )
    message: Message = Field("", description="What became of it.")


class IncidentStatus(StatusModel):
    """What paramedic has decided, done and seen. Written by paramedic alone."""

    phase: Phase = Field(
        "Pending",
        description="Pending: no plan yet. Running: following the playbook. Waiting: a person must answer. Monitoring:"
        " steps done, recovery must hold. Resolved, Failed, Cancelled, Planned (end of a DryRun): ended.",
    )
    message: Message = Field("", description="One sentence: what it is doing, or why it stopped and what to do.")
    observed_generation: int = Field(0, description="The metadata.generation that was last acted upon.")
    severity: Short | None = Field(None, description="The incident's severity, or else the playbook's.")
    target: Short | None = Field(None, description="What is worked on, such as Deployment/checkout.")
    acknowledged_by: Short | None = Field(None, description="Who acknowledged the incident.")
    lead: Short | None = Field(None, description="Who leads the response.")
    impact: Message | None = Field(None, description="What users notice of it, as last said.")
    notes_seen: int = Field(0, description="How many of spec.notes are on the timeline.")
    alert: AlertState | None = Field(None, description="What became of the alert. Written by the receiver.")
    linked_to: Short | None = Field(
        None, description="The incident that works on the same target: this one runs no step and ends with it."
    )
    related: list[Short] = Field(
        default_factory=list, max_length=20, description="Other incidents on the same target in that time."
    )
    conditions: list[Condition] = Field(default_factory=list, max_length=16)
    times: Times = Field(default_factory=Times)
    playbook: PlaybookSeen | None = None
    plan: Plan | None = None
    steps: list[StepStatus] = Field(default_factory=list, max_length=32)
    current_step: Short | None = Field(None, description="The step it stands at.")
    progress: Short | None = Field(
        None, description="The position of the current step, of all steps; once ended, the steps that are over."
    )
    recovery: Recovery | None = None
    ending: Ending | None = Field(None, description="Set while what was temporary is being undone.")
    acknowledgement: Acknowledgement | None = None
    escalation: Escalation | None = None
    updates: list[UpdateSent] = Field(default_factory=list, max_length=8)
    notifications: list[Notification] = Field(default_factory=list, max_length=40)
    evidence: list[EvidenceItem] = Field(default_factory=list, max_length=64)
    timeline: list[TimelineEntry] = Field(default_factory=list, max_length=100)
    review: Annotated[str, StringConstraints(max_length=16384)] | None = Field(
        None, description="The report (Markdown), written when the run has ended."
    )
