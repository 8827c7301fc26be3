"""The Playbook: what to do, in which order, as whom, and what proves that it helped."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paramedic.api.v1alpha1.base import ObjectMeta, ObjectName, Severity, SpecModel, StatusModel
from paramedic.api.v1alpha1.steps import RecoveryCheck, RecoveryCheckBase, Step, StepBase
from paramedic.model.conditions import Condition
from paramedic.model.durations import Duration

AlertName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
ChannelName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
MessageText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
UpdateInterval = Annotated[
    str, StringConstraints(pattern=r"^([0-9]{1,3}h)?([0-9]{1,4}m)?$", min_length=2, max_length=8)
]


class Parameter(SpecModel):
    """A value that an incident may give, used as ${parameters.NAME} and parameters.NAME."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z][a-zA-Z0-9]*$")] = Field(
        description="Its name."
    )
    type: Literal["string", "integer", "boolean", "duration"] = Field(
        "string", description="string, integer, boolean or duration (such as 10m)."
    )
    required: bool = Field(False, description="Whether an incident must give it. One that is not needs a default.")
    default: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None,
        description="Its value where the incident gives none, as a string; the empty one if left out. May be a template"
        " over incident and target, such as http://${target.name}.${incident.namespace}:8080/healthz.",
    )
    description: Annotated[str, StringConstraints(max_length=512)] | None = Field(None, description="What it means.")


class RecoveryRule(SpecModel):
    """What proves that the service is well again: every check holds, for a time without a break."""

    checks: list[RecoveryCheck] = Field(
        default_factory=list,
        max_length=8,
        description="What must hold. Left out: every desired Pod of the target is updated and available; a Node is Ready and"
        " under no pressure.",
    )
    stable_for: Duration = Field("30s", description="How long all checks must hold without a break.")
    timeout: Duration = Field(
        "10m", description="How long recovery may take, stableFor included; after that the incident has Failed."
    )


class Match(SpecModel):
    """Which alerts this playbook answers. All that is given must hold."""

    alert_names: list[AlertName] = Field(
        default_factory=list, max_length=32, description="The alert's name is one of these; any if left out."
    )
    severities: list[Severity] = Field(
        default_factory=list, max_length=3, description="The incident's severity is one of these; any if left out."
    )
    expression: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        None,
        description="A CEL expression over incident that must be true, such as incident.alert.labels.team == 'shop'. One"
        " that cannot be decided, as for a label that is missing, does not match.",
    )
    priority: int = Field(
        0, ge=-1000, le=1000, description="Of several playbooks that match, the one with the highest priority answers."
    )


class SecretKey(SpecModel):
    """One value of a Secret of this namespace."""

    name: ObjectName = Field(description="The Secret.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        description="The key in its data."
    )


class Channel(SpecModel):
    """A place where people are told things."""

    name: ChannelName = Field(description="Its name, as steps, escalation and updates use it.")
    secret_ref: SecretKey = Field(
        description="Where its Apprise URL is kept, such as slack://TOKEN_A/TOKEN_B/TOKEN_C/ or mailtos://…. The"
        " playbook's ServiceAccount must be allowed to get this Secret."
    )


class Guards(SpecModel):
    """What keeps a run from making things worse. They hold back incidents that alerts open, never what people open."""

    cooldown: Duration = Field(
        "0s", description="How long after a run of this playbook on a target the next one on it may begin."
    )
    max_concurrent: int = Field(
        10, ge=1, le=1000, description="How many incidents of this playbook may run at once; more of them wait."
    )
    max_runs_per_hour: int | None = Field(
        None, ge=1, le=10_000, description="How many runs of this playbook may begin within an hour; any if left out."
    )


class EscalationLevel(SpecModel):
    """One level: whom to tell when nobody has answered by then."""

    after: Duration = Field(
        description="How long after the incident was detected, or got this severity; 0s tells at once."
    )
    unless: Literal["Acknowledged", "Resolved"] = Field(
        "Resolved",
        description="Acknowledged: not once a person has taken the incident. Resolved: as long as it is open.",
    )
    severity: Severity | None = Field(
        None,
        description="The level counts for incidents of this severity alone, from the moment they got it; for all if left"
        " out.",
    )
    channel: ChannelName = Field(description="Where to tell it: a name in spec.channels.")
    message: MessageText = Field(description="What to say. Templates are substituted.")
    raise_to: Severity | None = Field(
        None, description="Raises the incident's severity, which starts the levels of that severity."
    )


class StatusUpdate(SpecModel):
    """Tells how it goes, again and again while the incident is open."""

    channel: ChannelName = Field(description="Where to tell it: a name in spec.channels.")
    every: UpdateInterval = Field(description="How often, at least 1m, such as 15m; the first one after that time.")
    message: MessageText = Field(
        description="What to say. Templates are substituted, ${incident.phase}, ${incident.message},"
        " ${incident.progress}, ${incident.impact} and ${incident.nextUpdate} too."
    )


class PlaybookSpec(SpecModel):
    """What to do about one kind of incident."""

    description: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="What it is for, and the idea behind its order."
    )
    severity: Severity = Field("Warning", description="The severity of incidents that do not say.")
    match: Match | None = Field(
        None, description="Which alerts it answers; left out, only incidents that name it in spec.playbookRef."
    )
    parameters: list[Parameter] = Field(default_factory=list, max_length=32, description="Values that incidents give.")
    service_account_name: ObjectName = Field(
        description="The ServiceAccount, in this namespace, whose permissions the steps run with."
    )
    channels: list[Channel] = Field(default_factory=list, max_length=16, description="Where people are told things.")
    guards: Guards = Field(default=Guards(), description="What keeps it from making things worse.")
    steps: list[Step] = Field(min_length=1, max_length=32, description="What to do, in this order.")
    recovery: RecoveryRule = Field(default=RecoveryRule(), description="What proves that it helped.")
    escalation: list[EscalationLevel] = Field(
        default_factory=list, max_length=16, description="Whom to tell when nobody answers, level by level."
    )
    updates: list[StatusUpdate] = Field(
        default_factory=list, max_length=8, description="Who is told how it goes while the incident is open."
    )

    @property
    def all_steps(self) -> list[StepBase]:
        return list(self.steps)

    @property
    def all_checks(self) -> list[RecoveryCheckBase]:
        return list(self.recovery.checks)


class PlaybookStatus(StatusModel):
    """What paramedic thinks of the playbook. Written by paramedic alone."""

    observed_generation: int = Field(0, description="The metadata.generation that was last looked at.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=8,
        description="Ready: True when incidents can use it; False with the path of the field and the mend.",
    )


class Playbook(SpecModel):
    """A written response to one kind of incident: steps in order, each with one action, run with the permissions of a
    ServiceAccount of its namespace.
    """

    model_config = SpecModel.model_config | {"extra": "ignore"}

    metadata: ObjectMeta
    spec: PlaybookSpec
    status: PlaybookStatus = Field(default_factory=PlaybookStatus)
