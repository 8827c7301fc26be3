"""The Incident: something is wrong, and one playbook answers it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paramedic.api.v1alpha1.base import ObjectMeta, ObjectName, Severity, SpecModel, StepName, UserName
from paramedic.api.v1alpha1.incident_status import IncidentStatus

TARGET_KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Pod": "v1",
    "Node": "v1",
}
#: Kinds that belong to no namespace.
CLUSTER_KINDS = frozenset({"Node"})
#: Stands for a person's name in the commands that are printed; refused as one.
PLACEHOLDER = "YOUR-NAME"
ParameterValue = Annotated[str, StringConstraints(max_length=1024)]
LabelText = Annotated[str, StringConstraints(max_length=1024)]
AnnotationText = Annotated[str, StringConstraints(max_length=2048)]


class TargetRef(SpecModel):
    """The object that is in trouble, in the incident's namespace, or a Node. For a Pod or a ReplicaSet, the steps work
    on the workload that owns it.
    """

    api_version: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="apps/v1 for Deployment, StatefulSet, DaemonSet and ReplicaSet; v1 for Pod and Node."
    )
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Node"] = Field(
        description="Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod or Node."
    )
    name: ObjectName = Field(description="Its name.")


class PlaybookRef(SpecModel):
    """The playbook to follow, in the incident's namespace."""

    kind: Literal["Playbook"] = Field("Playbook", description="Playbook.")
    name: ObjectName = Field(description="Its name.")


class Alert(SpecModel):
    """The alert that opened the incident, as Alertmanager sent it. Its texts are data: they are shown and matched,
    never evaluated.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Its name: the label alertname."
    )
    fingerprint: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Which alert it is, by its labels, as Alertmanager counts."
    )
    starts_at: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="When it began to fire (RFC 3339)."
    )
    labels: dict[str, LabelText] = Field(default_factory=dict, max_length=64, description="Its labels.")
    annotations: dict[str, AnnotationText] = Field(default_factory=dict, max_length=32, description="Its annotations.")
    generator_url: Annotated[str, StringConstraints(max_length=2048)] | None = Field(
        None, alias="generatorURL", description="Where its expression can be seen."
    )


class Note(SpecModel):
    """A word of a person about the incident, kept on its timeline."""

    by: UserName = Field(description="Who writes it.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(description="What they say.")


class UndoRequest(SpecModel):
    """Puts back what a step changed."""

    step: StepName = Field(description="The step whose change is put back.")
    by: UserName = Field(description="Who asks for it.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(description="Why.")


class Approval(SpecModel):
    """A person's answer to a waiting step."""

    step: StepName = Field(description="The step that is answered.")
    decision: Literal["Approve", "Reject", "Done"] = Field(
        description="Approve or Reject a change that waits for approval; Done or Reject a manual step."
    )
    by: UserName = Field(description="Who answers.")
    plan_hash: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None,
        description="status.plan.hash as the person saw it (its start is enough, at least 8 characters). Needed to"
        " Approve: an approval of another plan does not count.",
    )
    note: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="A word about it, kept on the timeline."
    )


class Cancel(SpecModel):
    """Ends the run. What was changed for a time is undone; what is running in the cluster runs on."""

    by: UserName = Field(description="Who cancels.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(description="Why.")


class IncidentSpec(SpecModel):
    """What is wrong, and which playbook answers it. Immutable, except for what people do while it runs:
    acknowledgedBy, lead, impact, notes, approvals, undo and cancel.
    """

    summary: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="One sentence: what is wrong, as users notice it."
    )
    severity: Severity | None = Field(
        None, description="Critical, Warning or Info. Left out, it is the playbook's severity."
    )
    target_ref: TargetRef | None = Field(
        None, description="The object that is in trouble. Left out, the incident waits for people: no step can run."
    )
    playbook_ref: PlaybookRef | None = Field(
        None,
        description="The playbook to follow. Left out, one is chosen by the spec.match of the namespace's playbooks.",
    )
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Values for the playbook's parameters, as strings.",
    )
    mode: Literal["Execute", "DryRun"] = Field(
        "Execute",
        description="Execute follows the playbook. DryRun looks, plans and explains each step, and changes nothing.",
    )
    alert: Alert | None = Field(None, description="The alert that opened it, where one did.")
    opened_by: UserName | None = Field(
        None, description="Who opened it. Filled in by admission (manifests/admission), where it cannot be forged."
    )
    acknowledged_by: UserName | None = Field(None, description="Who has seen the incident and takes care of it.")
    lead: UserName | None = Field(
        None, description="The incident commander: who leads the response now. Handed over by changing it."
    )
    impact: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="What users notice of it, in exact numbers where they are known; corrected as more is known."
    )
    notes: list[Note] = Field(
        default_factory=list,
        max_length=64,
        description="What people observe and decide; entries are added, never changed or taken away.",
    )
    approvals: list[Approval] = Field(
        default_factory=list,
        max_length=64,
        description="People's answers to waiting steps; entries are added, never changed or taken away.",
    )
    undo: list[UndoRequest] = Field(
        default_factory=list,
        max_length=32,
        description="Steps whose change is to be put back, also after the incident has ended; entries are only added.",
    )
    cancel: Cancel | None = Field(None, description="Ends the run. Once set it stays.")


class Incident(SpecModel):
    """Something is wrong. paramedic follows the playbook, step by step, and writes down in the status
    what it does, sees and waits for; `status.review` is the report.
    """

    model_config = SpecModel.model_config | {"extra": "ignore"}

    metadata: ObjectMeta
    spec: IncidentSpec
    status: IncidentStatus = Field(default_factory=IncidentStatus)
